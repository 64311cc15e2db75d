/* SPDX-License-Identifier: Apache-2.0 */
/* Tailing: what grew, what was replaced, what was truncated, and when to stop. */
#include "stc_follow.h"

#include "stc_view.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_NS   (200 * ST_NS_PER_MS)
#define SETTLE_NS (300 * ST_NS_PER_MS)

typedef struct follow_t {
    stc_viewer_t *viewer;
    int fd;           /* -1: not open */
    struct stat id;   /* of the open file */
    off_t offset;     /* bytes read of it */
    st_ns_t fed;      /* when bytes came last */
    int is_leaving;   /* another file stands at the path: seen once */
    int is_settled;   /* the end of what is there was looked at as an end */
    int said_errno;   /* why it is not open, as told last */
    sigset_t signals; /* as they were before, for the time of waiting */
} follow_t;

static volatile sig_atomic_t stop_wanted;

static void on_signal(int signal)
{
    stop_wanted = 1;
}

/* The signals are let in during ppoll only, so that none gets lost between looking at
 * stop_wanted and waiting. */
static void signals_prepare(follow_t *follow)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    stop_wanted = 0;
    sigprocmask(SIG_BLOCK, &blocked, &follow->signals);
    sigdelset(&follow->signals, SIGINT);
    sigdelset(&follow->signals, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Waits a tick, or not at all; sees signals and the end of the output's reader. */
static void wait_or_stop(follow_t *follow, int is_idle)
{
    struct pollfd out = {.fd = follow->viewer->out_fd};
    struct timespec tick = {.tv_nsec = is_idle ? TICK_NS : 0};
    int n = ppoll(&out, 1, &tick, &follow->signals);
    if (n > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        follow->viewer->is_closed = 1;
    }
}

static void not_open(follow_t *follow, int error)
{
    if (follow->said_errno != error) {
        char text[128];
        stc_viewer_say(follow->viewer, "waiting for %s: %s", follow->viewer->path,
                       st_error_text(error, text, sizeof(text)));
    }
    follow->said_errno = error;
}

static void file_open(follow_t *follow)
{
    int fd = open(follow->viewer->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        not_open(follow, errno);
        return;
    }
    int failed = fstat(fd, &follow->id);
    if (failed || !S_ISREG(follow->id.st_mode)) {
        not_open(follow, failed ? errno : EINVAL);
        close(fd);
        return;
    }
    follow->fd = fd;
    follow->offset = 0;
    follow->is_settled = 0;
    follow->is_leaving = 0;
    follow->said_errno = 0;
    stc_reader_reset(follow->viewer->reader);
}

/* What waits of the file is all there will be. */
static void file_finish(follow_t *follow)
{
    stc_reader_drain(follow->viewer->reader, STC_READER_END);
    stc_reader_reset(follow->viewer->reader);
    follow->offset = 0;
    follow->is_settled = 0;
}

static void file_close(follow_t *follow)
{
    file_finish(follow);
    close(follow->fd);
    follow->fd = -1;
}

static int is_truncated(const follow_t *follow)
{
    struct stat now;
    int failed = fstat(follow->fd, &now);
    return !failed && now.st_size < follow->offset;
}

/* 1 when another file stands at the path. */
static int is_replaced(const follow_t *follow)
{
    struct stat now;
    int failed = stat(follow->viewer->path, &now);
    return !failed &&
           (now.st_ino != follow->id.st_ino || now.st_dev != follow->id.st_dev);
}

/* Nothing came: something may have happened to the file. Until another file has taken its place
 * it stays open, and for a tick more, because writers may still have it. */
static void file_check(follow_t *follow)
{
    if (is_truncated(follow)) {
        stc_viewer_say(follow->viewer, "%s was truncated, starting over",
                       follow->viewer->path);
        file_finish(follow);
        lseek(follow->fd, 0, SEEK_SET);
        return;
    }
    int was_leaving = follow->is_leaving;
    follow->is_leaving = is_replaced(follow);
    if (was_leaving && follow->is_leaving) {
        file_close(follow);
        file_open(follow);
    }
}

static void file_settle(follow_t *follow, st_ns_t now)
{
    if (!follow->is_settled && now - follow->fed >= SETTLE_NS) {
        stc_reader_drain(follow->viewer->reader, STC_READER_QUIET);
        follow->is_settled = 1;
    }
}

/* @return 1 when something was read, so that more may be there. */
static int file_read(follow_t *follow, st_ns_t now)
{
    size_t len;
    apr_status_t rv = stc_viewer_read(follow->viewer, follow->fd, &len);
    if (rv != APR_SUCCESS) {
        file_close(follow);
        not_open(follow, rv);
        return 0;
    }
    if (len == 0) {
        file_settle(follow, now);
        file_check(follow);
        return 0;
    }
    follow->offset += (off_t)len;
    follow->fed = now;
    follow->is_settled = 0;
    return 1;
}

int stc_follow_run(stc_viewer_t *viewer)
{
    follow_t follow = {.viewer = viewer, .fd = -1};
    signals_prepare(&follow);
    while (!stop_wanted && !viewer->is_closed) {
        viewer->now = st_clock_mono();
        if (follow.fd < 0) {
            file_open(&follow);
        }
        int is_busy = follow.fd >= 0 && file_read(&follow, viewer->now);
        stc_model_show_ready(viewer->model, viewer->now);
        stc_viewer_show_tallies(viewer);
        wait_or_stop(&follow, !is_busy);
    }
    stc_reader_drain(viewer->reader, STC_READER_QUIET);
    stc_model_show_all(viewer->model);
    stc_viewer_show_tallies(viewer);
    if (follow.fd >= 0) {
        close(follow.fd);
    }
    return viewer->is_failed ? STC_EXIT_FAILED : STC_EXIT_OK;
}
