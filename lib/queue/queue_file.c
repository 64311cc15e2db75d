/* SPDX-License-Identifier: Apache-2.0 */
/* The queue in a file.
 *
 * The parent may be root, and the folder and the file belong to the user of the children, who
 * may have put anything there: names are looked up below an opened folder without following
 * links, and what was opened is looked at, not its name.
 *
 * Closing any descriptor of a file takes away all locks that the process has on it: the file
 * is opened once, and stays open as long as it is the queue. */
#include "queue_int.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME       "sentry-trace.queue"
#define NAME_ASIDE NAME ".aside"
#define NAME_NEW   NAME ".new"

#define MODE_FILE 0600
#define MODE_DIR  0700
#define MODE_BITS 07777

#define LOCK_SERVER 1 /* the byte that says that a server uses the file; 0 is the lease */

#define FOLDER_TRIES    100
#define FOLDER_PAUSE_NS (10 * 1000 * 1000)

/* One call of st_queue_open_file. */
typedef struct opening_t {
    st_queue_t *queue;
    const st_queue_layout_t *layout; /* asked for */
    const char *dir;
    uid_t uid;
    gid_t gid;
    int dir_fd;
    const char **pwhy;
    apr_pool_t *pool;
} opening_t;

static apr_status_t fail(const opening_t *opening, apr_status_t rv, const char *why)
{
    *opening->pwhy = why;
    return rv;
}

static int is_root(void)
{
    return geteuid() == 0;
}

/* Only what we have just made, and nobody has exchanged since, changes hands. */
static apr_status_t folder_give(const opening_t *opening, const struct stat *st)
{
    if (!is_root() || st->st_uid != 0 || (st->st_mode & MODE_BITS) != MODE_DIR) {
        return APR_SUCCESS;
    }
    int failed = fchown(opening->dir_fd, opening->uid, opening->gid);
    return failed
               ? fail(opening, errno, "its folder cannot be given to the server's user")
               : APR_SUCCESS;
}

static apr_status_t folder_check(const opening_t *opening, const struct stat *st)
{
    if (st->st_uid != 0 && st->st_uid != opening->uid) {
        return fail(
            opening, APR_EACCES,
            apr_psprintf(opening->pool,
                         "its folder belongs to user %lu, not to root or user %lu",
                         (unsigned long)st->st_uid, (unsigned long)opening->uid));
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        return fail(opening, APR_EACCES, "others than its owner can write to its folder");
    }
    return APR_SUCCESS;
}

static apr_status_t folder_open(opening_t *opening)
{
    int failed = mkdir(opening->dir, MODE_DIR);
    int is_new = !failed;
    if (failed && errno != EEXIST) {
        return fail(opening, errno, "its folder cannot be made");
    }
    opening->dir_fd = open(opening->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opening->dir_fd == -1) {
        return fail(opening, errno, "its folder cannot be opened, or is none");
    }
    struct stat st;
    failed = fstat(opening->dir_fd, &st);
    if (failed) {
        return fail(opening, errno, "its folder cannot be looked at");
    }
    apr_status_t rv = is_new ? folder_give(opening, &st) : APR_SUCCESS;
    return rv == APR_SUCCESS ? folder_check(opening, &st) : rv;
}

/* One server at a time looks and makes; closing the folder gives the lock back. Waits with a
 * bound, because anybody who can open the folder can lock it. */
static apr_status_t folder_lock(const opening_t *opening)
{
    const struct timespec pause = {.tv_nsec = FOLDER_PAUSE_NS};
    for (int i = 0; i < FOLDER_TRIES; i++) {
        int failed = flock(opening->dir_fd, LOCK_EX | LOCK_NB);
        if (!failed) {
            return APR_SUCCESS;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return fail(opening, errno, "its folder cannot be locked");
        }
        nanosleep(&pause, NULL);
    }
    return fail(opening, APR_EBUSY, "another server keeps its folder locked");
}

static apr_status_t server_lock(const opening_t *opening, int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_SERVER, .l_len = 1};
    int failed = fcntl(fd, F_SETLK, &lock);
    if (!failed) {
        return APR_SUCCESS;
    }
    if (errno == EACCES || errno == EAGAIN) {
        return fail(opening, APR_EBUSY, "another server uses it");
    }
    return fail(opening, errno, "it cannot be locked");
}

/* All bytes on the disk: a hole in a mapped file kills who writes there when the disk is
 * full. */
static apr_status_t blocks_make(const opening_t *opening, int fd, size_t size)
{
    int err;
    do {
        err = posix_fallocate(fd, 0, (off_t)size);
    } while (err == EINTR);
    if (err == ENOSPC || err == EDQUOT) {
        return fail(opening, ENOSPC, "the disk is too full for it");
    }
    return err != 0 ? fail(opening, err, "it cannot be given its size") : APR_SUCCESS;
}

static apr_status_t new_prepare(const opening_t *opening, int fd)
{
    /* Exactly this mode, whatever the umask. */
    int failed = fchmod(fd, MODE_FILE);
    if (!failed && is_root()) {
        failed = fchown(fd, opening->uid, opening->gid);
    }
    if (failed) {
        return fail(opening, errno, "it cannot be given to the server's user");
    }
    apr_status_t rv = server_lock(opening, fd);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = blocks_make(opening, fd, st_queue_size(opening->layout));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = st_queue_map(opening->queue, fd, opening->layout);
    return rv == APR_SUCCESS ? rv : fail(opening, rv, "there is no memory for it");
}

static apr_status_t new_finish(const opening_t *opening)
{
    apr_status_t rv = st_queue_format(opening->queue);
    if (rv == APR_SUCCESS) {
        rv = st_queue_attach(opening->queue);
    }
    if (rv != APR_SUCCESS) {
        return fail(opening, rv, "its ring cannot be made");
    }
    st_queue_boot_set(opening->queue);
    int failed = renameat(opening->dir_fd, NAME_NEW, opening->dir_fd, NAME);
    return failed ? fail(opening, errno, "it cannot be put in its place") : APR_SUCCESS;
}

/* Whole before it has its name. */
static apr_status_t file_make(const opening_t *opening)
{
    /* What a server that was killed here has left. */
    int failed = unlinkat(opening->dir_fd, NAME_NEW, 0);
    (void)failed; /* what cannot be removed is in the way of the next call */
    int fd = openat(opening->dir_fd, NAME_NEW,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_FILE);
    if (fd == -1) {
        return fail(opening, errno, NAME_NEW " cannot be made in its folder");
    }
    apr_status_t rv = new_prepare(opening, fd);
    if (rv != APR_SUCCESS) {
        close(fd);
    } else {
        rv = new_finish(opening);
        if (rv != APR_SUCCESS) {
            st_queue_close(opening->queue);
        }
    }
    if (rv != APR_SUCCESS) {
        failed = unlinkat(opening->dir_fd, NAME_NEW, 0);
        (void)failed; /* the cause is told, not this */
    }
    return rv;
}

/* What another kind of file than ours answers to being opened, without it being an error. */
static int is_foreign(int err)
{
    return err == ELOOP || err == ENXIO || err == EISDIR || err == EACCES ||
           err == EPERM || err == ENODEV || err == ETXTBSY;
}

/* @return ST_E_MALFORMED when it is to be set aside; APR_ENOENT */
static apr_status_t existing_fd(const opening_t *opening, int *pfd)
{
    /* O_NONBLOCK: for a pipe that nobody reads. */
    int fd = openat(opening->dir_fd, NAME,
                    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd == -1) {
        int err = errno;
        if (err == ENOENT) {
            return APR_ENOENT;
        }
        return is_foreign(err) ? ST_E_MALFORMED
                               : fail(opening, err, "it cannot be opened");
    }
    *pfd = fd;
    return APR_SUCCESS;
}

/* Whether the file is ours, of which layout, and has all its bytes. */
static apr_status_t existing_check(const opening_t *opening, int fd,
                                   st_queue_layout_t *layout)
{
    struct stat st;
    int failed = fstat(fd, &st);
    if (failed) {
        return fail(opening, errno, "it cannot be looked at");
    }
    if (!S_ISREG(st.st_mode)) {
        return ST_E_MALFORMED;
    }
    apr_status_t rv = server_lock(opening, fd);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_queue_fixed_t fixed;
    if (st.st_nlink != 1 || st.st_uid != opening->uid ||
        (st.st_mode & MODE_BITS) != MODE_FILE ||
        pread(fd, &fixed, sizeof(fixed), 0) != (ssize_t)sizeof(fixed)) {
        return ST_E_MALFORMED;
    }
    rv = st_queue_layout_read(layout, &fixed);
    if (rv != APR_SUCCESS || (uint64_t)st.st_size != st_queue_size(layout)) {
        return ST_E_MALFORMED;
    }
    return blocks_make(opening, fd, (size_t)st.st_size);
}

static int is_layout_equal(const st_queue_layout_t *a, const st_queue_layout_t *b)
{
    return a->endpoints == b->endpoints && a->dests == b->dests &&
           a->open_slots == b->open_slots && a->ring_bytes == b->ring_bytes;
}

/* @return APR_SUCCESS; APR_ENOENT when a new file may take its place; ST_E_MALFORMED */
static apr_status_t existing_attach(const opening_t *opening)
{
    st_queue_t *queue = opening->queue;
    apr_status_t rv = st_queue_attach(queue);
    if (rv == APR_SUCCESS) {
        rv = st_queue_old_check(queue, opening->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!is_layout_equal(&queue->layout, opening->layout) &&
        st_queue_old_is_empty(queue)) {
        return APR_ENOENT;
    }
    st_queue_old_revive(queue);
    return APR_SUCCESS;
}

static apr_status_t existing_open(const opening_t *opening)
{
    int fd = -1;
    apr_status_t rv = existing_fd(opening, &fd);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_queue_layout_t layout;
    rv = existing_check(opening, fd, &layout);
    if (rv == APR_SUCCESS) {
        rv = st_queue_map(opening->queue, fd, &layout);
        if (rv != APR_SUCCESS) {
            rv = fail(opening, rv, "there is no memory for it");
        }
    }
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    rv = existing_attach(opening);
    if (rv != APR_SUCCESS) {
        st_queue_close(opening->queue);
    }
    return rv;
}

/* Makes room for a rename, which replaces only what is of its own kind. */
static void aside_clear(const opening_t *opening)
{
    int failed = unlinkat(opening->dir_fd, NAME_ASIDE, 0);
    if (failed) {
        failed = unlinkat(opening->dir_fd, NAME_ASIDE, AT_REMOVEDIR);
        (void)failed; /* the rename will tell */
    }
}

static apr_status_t set_aside(const opening_t *opening)
{
    aside_clear(opening);
    int failed = renameat(opening->dir_fd, NAME, opening->dir_fd, NAME_ASIDE);
    return failed ? fail(opening, errno, "what stands there cannot be set aside")
                  : APR_SUCCESS;
}

static apr_status_t file_open(const opening_t *opening, int *pwas_aside)
{
    apr_status_t rv = folder_lock(opening);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = existing_open(opening);
    if (rv == ST_E_MALFORMED) {
        rv = set_aside(opening);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        *pwas_aside = 1;
        rv = APR_ENOENT;
    }
    return rv == APR_ENOENT ? file_make(opening) : rv;
}

/* With a slash at its end a link would be followed. */
static const char *without_slash(const char *dir, apr_pool_t *pool)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') {
        len--;
    }
    return apr_pstrmemdup(pool, dir, len);
}

apr_status_t st_queue_open_file(st_queue_t *queue, const st_queue_layout_t *layout,
                                const char *dir, uid_t uid, gid_t gid, int *pwas_aside,
                                const char **pwhy, apr_pool_t *pool)
{
    opening_t opening = {.queue = queue,
                         .layout = layout,
                         .uid = is_root() ? uid : geteuid(),
                         .gid = gid,
                         .dir_fd = -1,
                         .pwhy = pwhy,
                         .pool = pool};
    *pwas_aside = 0;
    *pwhy = "its sizes are out of range";
    if (st_queue_size(layout) == 0) {
        return APR_EINVAL;
    }
    opening.dir = without_slash(dir, pool);
    apr_status_t rv = folder_open(&opening);
    if (rv == APR_SUCCESS) {
        rv = file_open(&opening, pwas_aside);
    }
    if (opening.dir_fd != -1) {
        close(opening.dir_fd);
    }
    return rv;
}
