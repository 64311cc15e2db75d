/* SPDX-License-Identifier: Apache-2.0 */
/* A small disk for one test. */

#include "te_disk.h"
#include "te_dir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written == (ssize_t)strlen(text);
}

/* Ids inside are those outside. */
static int map_ids(uid_t uid, gid_t gid)
{
    char users[64];
    char groups[64];
    snprintf(users, sizeof(users), "%d %d 1", (int)uid, (int)uid);
    snprintf(groups, sizeof(groups), "%d %d 1", (int)gid, (int)gid);
    return write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) &&
           write_text("/proc/self/gid_map", groups);
}

/* @return 0 when the system does not let us. */
static int enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
        (uid != 0 && !map_ids(uid, gid))) {
        return 0;
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int mount_at(const char *path, int kb)
{
    char options[64];
    snprintf(options, sizeof(options), "size=%dk,mode=755", kb);
    return mount("te_disk", path, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

int te_disk_is_possible(const char *what)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(enter() && mount_at(te_dir_base(), 64) ? 0 : 1);
    }
    int status = -1;
    int possible = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    if (!possible) {
        printf("# SKIP %s: this system lets us mount nothing\n", what);
        fflush(stdout);
    }
    return possible;
}

void te_disk_enter(void)
{
    ck_assert_msg(enter(), "mount namespace: %s", strerror(errno));
}

te_disk_t *te_disk_make(const char *root, const char *name, int kb, apr_pool_t *pool)
{
    te_disk_t *disk = apr_pcalloc(pool, sizeof(*disk));
    disk->path = te_path(root, name, pool);
    disk->filler = te_path(disk->path, "filler", pool);
    te_dir_sub(root, name);
    ck_assert_msg(mount_at(disk->path, kb), "mount %s: %s", disk->path, strerror(errno));
    te_dir_spool(root, name);
    return disk;
}

void te_disk_fill(te_disk_t *disk, int kb)
{
    struct statvfs info;
    int fd = open(disk->filler, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_msg(fd >= 0, "%s: %s", disk->filler, strerror(errno));
    ck_assert_int_eq(statvfs(disk->path, &info), 0);
    off_t free_bytes = (off_t)info.f_bavail * (off_t)info.f_frsize - (off_t)kb * 1024;
    if (free_bytes > 0) {
        ck_assert_int_eq(posix_fallocate(fd, 0, free_bytes), 0);
    }
    close(fd);
}

void te_disk_remove(te_disk_t *disk)
{
    ck_assert_msg(umount2(disk->path, MNT_DETACH) == 0, "umount %s: %s", disk->path,
                  strerror(errno));
}
