/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_DIR_H
#define TE_DIR_H

/* The directory of one test, and files in it.
 *
 *   BUILD/t/e2e/run.<pid>/       one per test program
 *     <test>.XXXXXX/             one per private server; removed when its test passed
 *
 * Everything is readable by the unprivileged user that httpd's children run as. */

#include <pwd.h>

#include <apr_pools.h>

/* The user that httpd's children run as when httpd is started by root: the first there is of
 * those that distributions use. Static memory of getpwnam. */
const struct passwd *te_child_user(void);

/* Makes the program's directory. Call once, in main(). */
void te_dir_base_make(void);

/* Its path. */
const char *te_dir_base(void);

/* Removes the program's directory if it is empty. */
void te_dir_base_remove(void);

/* Makes an empty directory for the test called `name`. @return its path, in pool. */
const char *te_dir_make(const char *name, apr_pool_t *pool);

/* Removes `path` with everything in it. */
void te_dir_remove(const char *path);

/* Makes the directory root/name and hands it to the user of httpd's children. */
void te_dir_spool(const char *root, const char *name);

/* Makes the directory root/name. */
void te_dir_sub(const char *root, const char *name);

/* Writes `text` to root/name, with mode 0644, or 0755 when it starts with "#!". The file
 * seems an hour old: httpd treats what changed this very second differently. */
void te_write(const char *root, const char *name, const char *text);

/* The same for bytes. */
void te_write_bytes(const char *root, const char *name, const void *bytes, size_t len);

/* Reads a whole file, zero-terminated, into pool.
 * @param plen its length, or NULL
 * @return NULL when it cannot be opened. */
char *te_read(const char *path, size_t *plen, apr_pool_t *pool);

/* root "/" name, in pool. */
const char *te_path(const char *root, const char *name, apr_pool_t *pool);

#endif /* TE_DIR_H */
