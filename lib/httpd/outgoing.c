/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and variables of what a request causes. */
#include "mst_outgoing.h"

#include <string.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "st_baggage.h"
#include "st_dsc.h"
#include "st_parent.h"

enum { SENTRY_TRACE, BAGGAGE, TRACEPARENT, TRACESTATE };

static const char *const header_names[MST_OUTGOING_HEADERS] = {
    [SENTRY_TRACE] = "sentry-trace",
    [BAGGAGE] = "baggage",
    [TRACEPARENT] = "traceparent",
    [TRACESTATE] = "tracestate",
};

/* The same two for whoever reads no headers. */
static const char *const env_names[2] = {"SENTRY_TRACE", "SENTRY_BAGGAGE"};

/* Where the trace id stands in a traceparent header: "00-<trace id>-...". */
#define TRACEPARENT_ID_AT 3

/* Without a handler of its own a request has its media type in r->handler, and goes to the
 * core; but a few types are names of handlers (application/x-httpd-php). */
static int is_media_type(const char *handler)
{
    static const char magic[] = "application/x-httpd-";
    return strchr(handler, '/') != NULL &&
           strncmp(handler, magic, sizeof(magic) - 1) != 0;
}

int mst_outgoing_is_wanted(const request_rec *r)
{
    const char *handler = r->handler;
    if (handler == NULL || handler[0] == '\0' || r->proxyreq != PROXYREQ_NONE ||
        strncmp(handler, "proxy:", 6) == 0) {
        return 0;
    }
    return !is_media_type(handler) && strcmp(handler, "default-handler") != 0;
}

const char *mst_outgoing_dsc(mst_req_t *req)
{
    st_segment_t *seg = req->seg;
    if (seg->dsc == NULL) {
        seg->dsc = st_dsc_make(&mst_dests()->dests[req->dest], seg, seg->pool);
    }
    return seg->dsc;
}

const char *mst_outgoing_sentry_trace(const mst_req_t *req, apr_pool_t *result_pool)
{
    const st_segment_t *seg = req->seg;
    char *text = apr_palloc(result_pool, ST_PARENT_BYTES);
    st_parent_write(text, &seg->trace_id, st_segment_calling_id(seg), seg->sampled);
    return text;
}

/* Members of others go on as they came; "" is no header. */
static const char *baggage_make(mst_req_t *req, const char *incoming, apr_pool_t *pool)
{
    const char *dsc = mst_outgoing_dsc(req);
    const char *baggage = dsc;
    if (incoming != NULL) {
        st_baggage_t parts;
        st_baggage_parse(&parts, incoming, pool);
        baggage = st_baggage_join(parts.foreign, dsc, pool);
    }
    return baggage[0] != '\0' ? baggage : NULL;
}

/* Others' state belongs to the trace that the client's traceparent names; in another trace it
 * would mislead (https://www.w3.org/TR/trace-context/#mutating-the-tracestate-field). */
static void w3c_make(mst_outgoing_t *out, const mst_req_t *req, apr_pool_t *pool)
{
    const st_segment_t *seg = req->seg;
    const char *theirs = out->before[TRACEPARENT];
    char *text = apr_palloc(pool, ST_PARENT_W3C_BYTES);
    st_parent_write_w3c(text, &seg->trace_id, st_segment_calling_id(seg), seg->sampled);
    out->ours[TRACEPARENT] = text;
    if (theirs == NULL ||
        strncmp(theirs, text, TRACEPARENT_ID_AT + ST_TRACE_ID_HEX) != 0) {
        out->ours[TRACESTATE] = NULL;
    }
}

static void table_put(apr_table_t *table, const char *name, const char *value)
{
    if (value != NULL) {
        apr_table_setn(table, name, value);
    } else {
        apr_table_unset(table, name);
    }
}

/* Puts what differs from `others`. */
static void headers_put(apr_table_t *headers, const char *const *values,
                        const char *const *others)
{
    for (int i = 0; i < MST_OUTGOING_HEADERS; i++) {
        if (values[i] != others[i]) {
            table_put(headers, header_names[i], values[i]);
        }
    }
}

static void stretch_set(mst_req_t *req, mst_outgoing_t *out)
{
    request_rec *r = out->r;
    for (int i = 0; i < MST_OUTGOING_HEADERS; i++) {
        out->before[i] = apr_table_getm(r->pool, r->headers_in, header_names[i]);
        out->ours[i] = out->before[i];
    }
    out->ours[SENTRY_TRACE] = mst_outgoing_sentry_trace(req, r->pool);
    out->ours[BAGGAGE] = baggage_make(req, out->before[BAGGAGE], r->pool);
    if (mst_conf_traceparent(r->server)) {
        w3c_make(out, req, r->pool);
    }
    headers_put(r->headers_in, out->ours, out->before);
    for (int i = 0; i < 2; i++) {
        out->env_before[i] = apr_table_get(r->subprocess_env, env_names[i]);
        table_put(r->subprocess_env, env_names[i], out->ours[i]);
    }
}

void mst_outgoing_begin(mst_req_t *req, mst_outgoing_t *out, request_rec *r,
                        int is_wanted)
{
    out->up = req->outgoing;
    out->r = r;
    out->attempts = 0;
    out->is_set = is_wanted && mst_conf_context(r) & MST_CONTEXT_INJECT;
    req->outgoing = out;
    if (out->is_set) {
        stretch_set(req, out);
    }
}

void mst_outgoing_end(mst_req_t *req, mst_outgoing_t *out)
{
    req->outgoing = out->up;
    if (!out->is_set) {
        return;
    }
    headers_put(out->r->headers_in, out->before, out->ours);
    for (int i = 0; i < 2; i++) {
        table_put(out->r->subprocess_env, env_names[i], out->env_before[i]);
    }
}

void mst_outgoing_repeat(const mst_outgoing_t *out, apr_table_t *headers)
{
    if (out->is_set) {
        headers_put(headers, out->ours, out->before);
    }
}
