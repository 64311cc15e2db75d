/* SPDX-License-Identifier: Apache-2.0 */
/* The test's side of fault_shim.c. */

#include "te_shim.h"
#include "te_dir.h"
#include "te_main.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

te_shim_t *te_shim_make(void)
{
    te_shim_t *shim = apr_pcalloc(te_pool, sizeof(*shim));
    char *path = apr_pstrcat(te_pool, te_dir_base(), "/shim.XXXXXX", NULL);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, 0666), 0);
    ck_assert_int_eq(ftruncate(fd, sizeof(*shim->words)), 0);
    shim->words =
        mmap(NULL, sizeof(*shim->words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(shim->words, MAP_FAILED);
    close(fd);
    shim->path = path;
    shim->env[0] = apr_pstrcat(te_pool, TE_SHIM_VARIABLE "=", path, NULL);
    shim->env[1] = "LD_PRELOAD=" TE_FAULT_SHIM_SO;
    return shim;
}

void te_shim_remove(te_shim_t *shim)
{
    ck_assert_int_eq(unlink(shim->path), 0);
    munmap(shim->words, sizeof(*shim->words));
}
