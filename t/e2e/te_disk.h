/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_DISK_H
#define TE_DISK_H

/* A small disk, in memory, below the server root of a test. It is mounted in a mount namespace
 * of the test's own, so it is seen by nobody else and goes with the test, whichever way that
 * ends. A user that is not root gets a user namespace, too, where the system lets him.
 *
 *   te_disk_enter();
 *   te_env_t *env = te_env_make(...);
 *   te_disk_t *disk = te_disk_make(env->httpd->root, "disk", 256, te_pool);
 *   te_disk_fill(disk, 0);
 *   ...
 *   te_disk_remove(disk);
 *   te_finish(env); */

#include <apr_pools.h>

/* 1 when this system allows all that: a condition for adding a case. Otherwise says on the way
 * that `what` is left out. */
int te_disk_is_possible(const char *what);

/* Enters the namespace. The first thing of a test, while it has one thread. */
void te_disk_enter(void);

typedef struct te_disk_t {
    const char *path;
    const char *filler;
} te_disk_t;

/* Mounts an empty disk of `kb` KB at root/name; it belongs to the user of httpd's children. */
te_disk_t *te_disk_make(const char *root, const char *name, int kb, apr_pool_t *pool);

/* Leaves `kb` KB free of what the others have left, by a file that takes up the rest. */
void te_disk_fill(te_disk_t *disk, int kb);

/* Unmounts it, before te_finish removes the root. */
void te_disk_remove(te_disk_t *disk);

#endif /* TE_DISK_H */
