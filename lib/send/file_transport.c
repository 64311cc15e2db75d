/* SPDX-License-Identifier: Apache-2.0 */
/* Transport to local files: written at submit, answered at the next drive. */
#include "st_transport.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "st_buf.h"
#include "st_file.h"

#define FILE_MODE 0600

typedef struct file_transport_t {
    st_transport_t base;
    int waiting; /* 1: `answer` has not been given yet */
    st_answer_t answer;
    char detail[128];
    st_buf_t line; /* a body that had to be ended with a newline */
} file_transport_t;

static file_transport_t *file_of(const st_transport_t *transport)
{
    return (file_transport_t *)transport;
}

/* One at a time: an append may wait a second for the file's lock, and the sender looks at the
 * clock between two submits only. */
static int file_room(const st_transport_t *transport, const st_dest_t *dest)
{
    return !file_of(transport)->waiting;
}

/* Envelopes follow each other in the file, so each has to end its last line. */
static apr_status_t append_line(file_transport_t *file, const char *path,
                                const char *body, size_t len)
{
    if (len > 0 && body[len - 1] == '\n') {
        return st_file_append(path, body, len, FILE_MODE);
    }
    st_buf_clear(&file->line);
    st_buf_add(&file->line, body, len);
    st_buf_add_char(&file->line, '\n');
    apr_status_t rv = st_buf_status(&file->line);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return st_file_append(path, file->line.data, file->line.len, FILE_MODE);
}

static apr_status_t file_submit(st_transport_t *transport, const st_dest_t *dest,
                                const char *body, size_t len, void *parcel)
{
    file_transport_t *file = file_of(transport);
    apr_status_t rv = append_line(file, dest->dsn->url, body, len);
    file->detail[0] = '\0';
    if (rv != APR_SUCCESS) {
        st_error_text(rv, file->detail, sizeof(file->detail));
    }
    file->answer = (st_answer_t){
        .parcel = parcel,
        .rv = rv,
        .http_status = rv == APR_SUCCESS ? 200 : 0,
        .at = st_clock_mono(),
        .detail = file->detail,
    };
    file->waiting = 1;
    return APR_SUCCESS;
}

static int poll_ms(st_ns_t timeout)
{
    if (timeout < 0) {
        return -1;
    }
    st_ns_t ms = (timeout + ST_NS_PER_MS - 1) / ST_NS_PER_MS;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void file_answer(file_transport_t *file)
{
    file->waiting = 0;
    file->base.answer(&file->answer, file->base.baton);
}

static apr_status_t file_drive(st_transport_t *transport, int wake_fd, st_ns_t timeout,
                               int *pwoken)
{
    file_transport_t *file = file_of(transport);
    *pwoken = 0;
    if (file->waiting) {
        file_answer(file);
        return APR_SUCCESS;
    }
    struct pollfd pfd = {.fd = wake_fd, .events = POLLIN};
    int n = poll(&pfd, 1, poll_ms(timeout));
    if (n < 0 && errno != EINTR) {
        return errno;
    }
    *pwoken = n > 0;
    return APR_SUCCESS;
}

/* What is submitted is written: there is nothing left to break off. */
static void file_abort(st_transport_t *transport)
{
    file_transport_t *file = file_of(transport);
    if (file->waiting) {
        file_answer(file);
    }
}

static void file_destroy(st_transport_t *transport)
{
    st_buf_free(&file_of(transport)->line);
}

st_transport_t *st_file_transport_create(apr_pool_t *pool)
{
    static const st_transport_ops_t ops = {
        .room = file_room,
        .submit = file_submit,
        .drive = file_drive,
        .abort = file_abort,
        .destroy = file_destroy,
    };
    file_transport_t *file = apr_pcalloc(pool, sizeof(*file));
    file->base.ops = &ops;
    st_buf_init(&file->line, SIZE_MAX);
    return &file->base;
}
