/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SHIM_H
#define TE_SHIM_H

/* What fault_shim.c, preloaded into a private httpd, changes about its world while it runs: a
 * wall clock that jumps, a resolver that knows nothing or never answers.
 *
 *   te_shim_t *shim = te_shim_make();
 *   te_setup_t setup = {.env = shim->env, ...};
 *   ...
 *   atomic_store(&shim->words->clock_offset, -3600 * ST_NS_PER_SEC); */

#include <stdatomic.h>

#include "st_clock.h"

/* The file's path in the server's environment. */
#define TE_SHIM_VARIABLE "TE_SHIM"

/* Names that the shim answers for end so; nobody ever has one (RFC 6761, 6.4). */
#define TE_SHIM_DOMAIN ".invalid"

typedef enum {
    TE_RESOLVER_UNKNOWN = 0, /* there is no such host */
    TE_RESOLVER_HANGS        /* no answer, until this changes */
} te_resolver_t;

/* The file, mapped by the test and by all processes of the server. */
typedef struct te_shim_words_t {
    _Atomic st_ns_t clock_offset; /* added to the wall clock */
    _Atomic int resolver;         /* te_resolver_t */
    _Atomic int lookups;          /* begun, of names that the shim answers for */
} te_shim_words_t;

typedef struct te_shim_t {
    te_shim_words_t *words;
    const char *path;
    const char *env[3]; /* for te_setup_t */
} te_shim_t;

/* Makes the file, all zero: the real time. The shim is in te_pool. */
te_shim_t *te_shim_make(void);

/* Removes the file, when no server will be started with it any more. */
void te_shim_remove(te_shim_t *shim);

#endif /* TE_SHIM_H */
