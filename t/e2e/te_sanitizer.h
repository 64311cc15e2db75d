/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SANITIZER_H
#define TE_SANITIZER_H

/* A module that was built with a sanitizer: httpd was not, so the runtime is preloaded into
 * the server, and only there, where TE_PRELOAD in the environment names it:
 *
 *   TE_PRELOAD=`realpath \`gcc -print-file-name=libasan.so\`` make check-e2e */

#include <apr_pools.h>

#define TE_SANITIZER_ENV 4 /* most variables */

/* Writes the variables that a server with its root at `root` needs.
 * @param more what else is to be preloaded, or NULL
 * @return how many; 0 without TE_PRELOAD. */
int te_sanitizer_env(const char *env[TE_SANITIZER_ENV], const char *more,
                     const char *root, apr_pool_t *pool);

/* Ends the test when a sanitizer has reported something. ThreadSanitizer has much to say about
 * httpd itself; of that counts what names the module. */
void te_sanitizer_check(const char *root, apr_pool_t *pool);

#endif /* TE_SANITIZER_H */
