/* SPDX-License-Identifier: Apache-2.0 */
/* Appending to a file that others append to as well. */

#include "st_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES    100
#define LOCK_PAUSE_NS (10 * 1000 * 1000)

/* O_NONBLOCK: a FIFO without a reader is refused instead of waited for. */
static apr_status_t open_regular(int *pfd, const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  mode);
    if (fd < 0) {
        return errno == ENXIO ? APR_EINVAL : errno;
    }
    struct stat st;
    int failed = fstat(fd, &st);
    apr_status_t rv = APR_SUCCESS;
    if (failed) {
        rv = errno;
    } else if (!S_ISREG(st.st_mode)) {
        rv = APR_EINVAL;
    }
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    *pfd = fd;
    return APR_SUCCESS;
}

/* Waits with a bound, because anybody who can open the file can hold its lock. */
static apr_status_t lock_for_writing(int fd)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        int failed = flock(fd, LOCK_EX | LOCK_NB);
        if (!failed) {
            return APR_SUCCESS;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return errno;
        }
        nanosleep(&pause, NULL);
    }
    return APR_TIMEUP;
}

static apr_status_t write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (n == 0) {
            return APR_ENOSPC;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return APR_SUCCESS;
}

/* All or nothing. Needs the lock: nobody else moves the end of the file meanwhile. */
static apr_status_t append_locked(int fd, const void *bytes, size_t len)
{
    struct stat st;
    int failed = fstat(fd, &st);
    if (failed) {
        return errno;
    }
    apr_status_t rv = write_all(fd, bytes, len);
    if (rv != APR_SUCCESS) {
        failed = ftruncate(fd, st.st_size);
        /* Should even that fail, the cause still says more than the consequence. */
        (void)failed;
    }
    return rv;
}

apr_status_t st_file_append(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = -1;
    apr_status_t rv = open_regular(&fd, path, mode);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = lock_for_writing(fd);
    if (rv == APR_SUCCESS) {
        rv = append_locked(fd, bytes, len);
    }
    /* Closing gives the lock back; a late error (NFS, quota) shows here. */
    int failed = close(fd);
    if (rv == APR_SUCCESS && failed && errno != EINTR) {
        rv = errno;
    }
    return rv;
}
