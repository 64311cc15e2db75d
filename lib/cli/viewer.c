/* SPDX-License-Identifier: Apache-2.0 */
/* Ties reading, collecting and drawing together. */
#include "stc_viewer.h"

#include "stc_term.h"
#include "stc_waterfall.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* The largest drawing: a full trace on the widest terminal fits. */
#define OUT_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define SAY_BYTES     2048

void stc_viewer_say(const stc_viewer_t *viewer, const char *fmt, ...)
{
    char text[SAY_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    st_buf_t line;
    st_buf_init(&line, 16 * SAY_BYTES);
    st_buf_add_lit(&line, "sentry-trace: ");
    stc_term_add(&line, st_str(text), SAY_BYTES, viewer->style.utf8);
    st_buf_add_char(&line, '\n');
    fwrite(line.data, 1, line.len, stderr);
    st_buf_free(&line);
}

static apr_status_t write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return APR_SUCCESS;
}

void stc_viewer_flush(stc_viewer_t *viewer)
{
    apr_status_t rv = st_buf_status(&viewer->out);
    if (rv == APR_SUCCESS && !viewer->is_closed) {
        rv = write_all(viewer->out_fd, viewer->out.data, viewer->out.len);
    }
    st_buf_clear(&viewer->out);
    if (rv == APR_SUCCESS) {
        return;
    }
    viewer->is_closed = 1;
    if (rv != EPIPE) {
        char text[128];
        viewer->is_failed = 1;
        stc_viewer_say(viewer, "cannot write: %s", st_error_text(rv, text, sizeof(text)));
    }
}

static void on_show(stc_trace_t *trace, void *baton)
{
    stc_viewer_t *viewer = baton;
    if (!viewer->is_closed) {
        stc_waterfall_add(&viewer->out, trace, &viewer->style);
        stc_viewer_flush(viewer);
    }
}

static void on_discarded(st_str_t reason, st_str_t category, uint64_t quantity,
                         void *baton)
{
    stc_viewer_t *viewer = baton;
    stc_tally_add(viewer->discarded, reason, category, quantity);
}

static void on_skipped(st_str_t type, void *baton)
{
    stc_viewer_t *viewer = baton;
    stc_tally_add(viewer->skipped, type, st_str("item"), 1);
}

static void on_item_damaged(const st_envelope_item_t *item, const char *why, void *baton)
{
    stc_viewer_t *viewer = baton;
    stc_place_t place = stc_place_after(viewer->envelope_place, viewer->envelope,
                                        (size_t)(item->payload - viewer->envelope));
    viewer->is_damaged = 1;
    stc_viewer_say(viewer, "%s:%" APR_OFF_T_FMT " (byte %" APR_OFF_T_FMT "): %s",
                   viewer->path, place.line, place.offset, why);
}

static void on_envelope(const st_envelope_t *envelope, const char *bytes,
                        stc_place_t place, void *baton)
{
    stc_viewer_t *viewer = baton;
    viewer->envelope = bytes;
    viewer->envelope_place = place;
    stc_model_add(viewer->model, envelope, viewer->now);
}

static void on_damaged(stc_place_t place, stc_place_t resumed, const char *why,
                       void *baton)
{
    stc_viewer_t *viewer = baton;
    char until[64] = "nothing readable follows";
    if (resumed.line > 0) {
        snprintf(until, sizeof(until), "going on at line %" APR_OFF_T_FMT, resumed.line);
    }
    viewer->is_damaged = 1;
    stc_viewer_say(viewer, "%s:%" APR_OFF_T_FMT " (byte %" APR_OFF_T_FMT "): %s; %s",
                   viewer->path, place.line, place.offset, why, until);
}

static apr_status_t out_free(void *viewer)
{
    st_buf_free(&((stc_viewer_t *)viewer)->out);
    return APR_SUCCESS;
}

stc_viewer_t *stc_viewer_create(const char *path, int out_fd, const stc_style_t *style,
                                int open_max, apr_pool_t *pool)
{
    stc_viewer_t *viewer = apr_pcalloc(pool, sizeof(*viewer));
    viewer->path = path;
    viewer->style = *style;
    viewer->out_fd = out_fd;
    st_buf_init(&viewer->out, OUT_BYTES_MAX);
    apr_pool_cleanup_register(pool, viewer, out_free, apr_pool_cleanup_null);
    viewer->reader = stc_reader_create(&(stc_reader_events_t){.envelope = on_envelope,
                                                              .damaged = on_damaged,
                                                              .baton = viewer},
                                       pool);
    viewer->model = stc_model_create(&(stc_model_events_t){.show = on_show,
                                                           .discarded = on_discarded,
                                                           .skipped = on_skipped,
                                                           .damaged = on_item_damaged,
                                                           .baton = viewer},
                                     open_max, pool);
    viewer->discarded = stc_tally_create("discarded", pool);
    viewer->skipped = stc_tally_create("not shown", pool);
    return viewer;
}

apr_status_t stc_viewer_read(stc_viewer_t *viewer, int fd, size_t *plen)
{
    size_t size;
    char *room = stc_reader_room(viewer->reader, &size);
    if (room == NULL) {
        return APR_ENOMEM;
    }
    ssize_t n = read(fd, room, size);
    if (n < 0) {
        *plen = 0;
        return errno;
    }
    *plen = (size_t)n;
    stc_reader_fed(viewer->reader, *plen);
    if (n > 0) {
        stc_reader_drain(viewer->reader, STC_READER_MORE);
    }
    return APR_SUCCESS;
}

void stc_viewer_show_tallies(stc_viewer_t *viewer)
{
    stc_tally_show(viewer->discarded, &viewer->out, &viewer->style);
    stc_tally_show(viewer->skipped, &viewer->out, &viewer->style);
    stc_viewer_flush(viewer);
}
