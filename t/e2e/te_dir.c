/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of one test, and files in it. */

#include "te_dir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

static char base_path[PATH_MAX];

const struct passwd *te_child_user(void)
{
    static const char *const names[] = {"www-data", "apache", "http", "daemon", "nobody"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct passwd *user = getpwnam(names[i]);
        if (user != NULL) {
            return user;
        }
    }
    ck_abort_msg("there is no user for httpd's children");
    return NULL;
}

static void make_directory(const char *path)
{
    int rc = mkdir(path, 0755);
    ck_assert_msg(rc == 0 || errno == EEXIST, "mkdir %s: %s", path, strerror(errno));
    ck_assert_int_eq(chmod(path, 0755), 0); /* whatever the umask */
}

const char *te_dir_base(void)
{
    return base_path;
}

void te_dir_base_make(void)
{
    snprintf(base_path, sizeof(base_path), "%s/run.%d", TE_BUILD_DIR, (int)getpid());
    if (mkdir(base_path, 0755) != 0 || chmod(base_path, 0755) != 0) {
        perror(base_path);
        exit(99);
    }
}

void te_dir_base_remove(void)
{
    rmdir(base_path); /* fails while failed tests left something: that stays */
}

const char *te_dir_make(const char *name, apr_pool_t *pool)
{
    char *path = apr_psprintf(pool, "%s/%.24s.XXXXXX", base_path, name);
    ck_assert_msg(mkdtemp(path) != NULL, "mkdtemp %s: %s", path, strerror(errno));
    ck_assert_int_eq(chmod(path, 0755), 0);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *where)
{
    remove(path);
    return 0;
}

void te_dir_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void te_dir_sub(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    make_directory(path);
}

void te_dir_spool(const char *root, const char *name)
{
    te_dir_sub(root, name);
    if (geteuid() != 0) {
        return;
    }
    const struct passwd *user = te_child_user();
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    ck_assert_int_eq(chown(path, user->pw_uid, user->pw_gid), 0);
}

void te_write_bytes(const char *root, const char *name, const void *bytes, size_t len)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "wbe");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= 3600;
    times[1] = times[0];
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    int script = len > 2 && memcmp(bytes, "#!", 2) == 0;
    ck_assert_int_eq(chmod(path, script ? 0755 : 0644), 0);
}

void te_write(const char *root, const char *name, const char *text)
{
    te_write_bytes(root, name, text, strlen(text));
}

char *te_read(const char *path, size_t *plen, apr_pool_t *pool)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return NULL;
    }
    struct stat info;
    ck_assert_int_eq(fstat(fileno(file), &info), 0);
    char *bytes = apr_palloc(pool, (size_t)info.st_size + 1);
    size_t len = fread(bytes, 1, (size_t)info.st_size, file);
    fclose(file);
    bytes[len] = '\0';
    if (plen != NULL) {
        *plen = len;
    }
    return bytes;
}

const char *te_path(const char *root, const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, root, "/", name, NULL);
}
