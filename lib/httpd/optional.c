/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that other modules may call. What they are given is copied and not trusted. */
#include "mst_optional.h"

#include <apr_strings.h>
#include <mod_sentry_trace.h>
#include <string.h>
#include "mst_config.h"
#include "mst_ignore.h"
#include "mst_request.h"
#include "st_attr_set.h"

/* Bytes of a text that is kept; longer ones are cut. */
#define NAME_BYTES  200
#define VALUE_BYTES 4096

struct sentry_trace_span_t {
    mst_req_t *req;
    st_frame_t frame;
    int span; /* ST_SPAN_NONE over the limit */
    int is_finished;
};

/* The request's state, when what r does is traced. */
static mst_req_t *req_of(const request_rec *r)
{
    mst_req_t *req = r != NULL ? mst_req_of(r) : NULL;
    return req != NULL && mst_conf_enabled(r) ? req : NULL;
}

static const char *copy(const char *text, size_t max, apr_pool_t *pool)
{
    size_t len = strlen(text);
    return apr_pstrmemdup(pool, text, len <= max ? len : st_utf8_cut(text, len, max));
}

static const char *sentry_trace_trace_id(const request_rec *r)
{
    const mst_req_t *req = req_of(r);
    return req != NULL ? req->trace_id_text : NULL;
}

static const char *sentry_trace_span_id(const request_rec *r)
{
    const mst_req_t *req = req_of(r);
    if (req == NULL) {
        return NULL;
    }
    char *text = apr_pcalloc(r->pool, ST_SPAN_ID_HEX + 1);
    st_span_id_hex(text, st_segment_calling_id(req->seg));
    return text;
}

static int sentry_trace_is_sampled(const request_rec *r)
{
    const mst_req_t *req = req_of(r);
    return req != NULL && req->decided ? req->seg->sampled : -1;
}

/* The number of an operation, 0 when it is not for others. */
static int op_of(const char *text)
{
    static const st_op_t ops[] = {ST_OP_FUNCTION, ST_OP_MIDDLEWARE, ST_OP_HTTP_CLIENT};
    for (size_t i = 0; text != NULL && i < sizeof(ops) / sizeof(*ops); i++) {
        if (strcmp(text, st_op_text(ops[i])) == 0) {
            return (int)ops[i];
        }
    }
    return 0;
}

static sentry_trace_span_t *sentry_trace_span_start(request_rec *r, const char *op,
                                                    const char *name)
{
    mst_req_t *req = req_of(r);
    int number = op_of(op);
    if (req == NULL || number == 0 || name == NULL || name[0] == '\0') {
        return NULL;
    }
    st_segment_t *seg = req->seg;
    sentry_trace_span_t *span = apr_pcalloc(seg->pool, sizeof(*span));
    const char *kept = copy(name, NAME_BYTES, seg->pool);
    st_ns_t now = mst_req_now(req);
    span->req = req;
    span->span = st_segment_span_add(seg, (st_op_t)number, kept, NULL, now);
    mst_ignore_child(req, span->span, kept);
    st_frame_enter(seg, &span->frame, span->span, now);
    return span;
}

/* 1 while it may be changed. Indexes are worth nothing when the segment is closed. */
static int is_open(const sentry_trace_span_t *span)
{
    return span != NULL && !span->is_finished && span->req->seg->end == 0;
}

static void sentry_trace_span_finish(sentry_trace_span_t *span, const char *failure)
{
    if (!is_open(span)) {
        return;
    }
    st_segment_t *seg = span->req->seg;
    st_ns_t now = mst_req_now(span->req);
    st_frame_leave(seg, &span->frame, now);
    span->is_finished = 1;
    if (span->span == ST_SPAN_NONE) {
        return;
    }
    seg->spans[span->span].end = now;
    if (failure != NULL) {
        st_span_fail(seg, span->span, copy(failure, NAME_BYTES, seg->pool));
    }
}

static int begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The key when others may set it here, else ST_ATTR_NONE. */
static st_attr_key_t key_of(const mst_req_t *req, const char *text, st_attr_type_t type)
{
    static const char *const personal[] = {"client.", "user.", "network.peer."};
    st_attr_key_t key = text != NULL ? st_attr_find(text) : ST_ATTR_NONE;
    if (key == ST_ATTR_NONE || st_attr_key_type(key) != type ||
        key == ST_ATTR_MIDDLEWARE_NAME || begins_with(text, "sentry.")) {
        return ST_ATTR_NONE;
    }
    for (size_t i = 0; i < sizeof(personal) / sizeof(*personal); i++) {
        if (begins_with(text, personal[i]) &&
            !st_collect_keeps(mst_conf_collect(req->top, MST_COLLECT_USER),
                              st_str(text))) {
            return ST_ATTR_NONE;
        }
    }
    return key;
}

static int string_set(mst_req_t *req, int span, const char *name, const char *value)
{
    st_attr_key_t key = key_of(req, name, ST_TYPE_STRING);
    if (key == ST_ATTR_NONE || value == NULL || !req->seg->sampled) {
        return 0;
    }
    return st_attr_set_str(req->seg, span, key, copy(value, VALUE_BYTES, req->seg->pool));
}

static int integer_set(mst_req_t *req, int span, const char *name, apr_int64_t value)
{
    st_attr_key_t key = key_of(req, name, ST_TYPE_INTEGER);
    return key != ST_ATTR_NONE ? st_attr_set_int(req->seg, span, key, value) : 0;
}

static int sentry_trace_span_string(sentry_trace_span_t *span, const char *key,
                                    const char *value)
{
    return is_open(span) ? string_set(span->req, span->span, key, value) : 0;
}

static int sentry_trace_span_integer(sentry_trace_span_t *span, const char *key,
                                     apr_int64_t value)
{
    return is_open(span) ? integer_set(span->req, span->span, key, value) : 0;
}

static int sentry_trace_request_string(const request_rec *r, const char *key,
                                       const char *value)
{
    mst_req_t *req = req_of(r);
    return req != NULL ? string_set(req, ST_SPAN_SEGMENT, key, value) : 0;
}

static int sentry_trace_request_integer(const request_rec *r, const char *key,
                                        apr_int64_t value)
{
    mst_req_t *req = req_of(r);
    return req != NULL ? integer_set(req, ST_SPAN_SEGMENT, key, value) : 0;
}

void mst_optional_register(void)
{
    APR_REGISTER_OPTIONAL_FN(sentry_trace_trace_id);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_span_id);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_is_sampled);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_span_start);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_span_finish);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_span_string);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_span_integer);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_request_string);
    APR_REGISTER_OPTIONAL_FN(sentry_trace_request_integer);
}
