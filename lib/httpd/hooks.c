/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatchers for content handlers. */
#include "mst_hooks.h"

#include <apr_strings.h>
#include <string.h>
#include "mst_config.h"
#include "mst_ignore.h"
#include "mst_outgoing.h"
#include "mst_request.h"

typedef int handler_fn(request_rec *r);
typedef int quick_handler_fn(request_rec *r, int lookup);

/* What stood in a hook array before. */
typedef struct handler_entry_t {
    handler_fn *fn;
    const char *module;
} handler_entry_t;

typedef struct quick_entry_t {
    quick_handler_fn *fn;
    const char *module;
} quick_entry_t;

static struct {
    handler_entry_t *entries;
    int count;
} handlers;

static struct {
    quick_entry_t *entries;
    int count;
} quick_handlers;

static int handlers_run(request_rec *r)
{
    for (int i = 0; i < handlers.count; i++) {
        int rv = handlers.entries[i].fn(r);
        if (rv != DECLINED) {
            return rv;
        }
    }
    return DECLINED;
}

/* The same without a span for the handler: what it calls comes from the span above. */
static int handlers_run_told(request_rec *r, mst_req_t *req)
{
    mst_outgoing_t out;
    mst_outgoing_begin(req, &out, r, mst_outgoing_is_wanted(r));
    int rv = handlers_run(r);
    mst_outgoing_end(req, &out);
    return rv;
}

static int is_core(const char *source)
{
    return strcmp(source, "core.c") == 0;
}

/* The core's handler answers whatever nobody else wants, so r->handler names a media type or
 * nothing of interest there. */
static const char *handler_name(const request_rec *r, const char *handler,
                                const char *source, apr_pool_t *pool)
{
    if (is_core(source)) {
        return "default-handler";
    }
    if (handler == NULL) {
        return source;
    }
    /* A sub-request's strings may go with its pool, before the segment is packed. */
    return r->main != NULL ? apr_pstrdup(pool, handler) : handler;
}

/* Ends the handler's span: names it, and fails it when the handler failed the request. */
static void handler_done(mst_req_t *req, int span, const char *name, const char *source,
                         int rv, int status)
{
    st_segment_t *seg = req->seg;
    if (span == ST_SPAN_NONE || !seg->sampled) {
        return;
    }
    seg->spans[span].name = name;
    seg->spans[span].module = source;
    if (ap_is_HTTP_ERROR(rv)) {
        st_span_fail(seg, span, st_status_message(rv));
    } else if (rv == AP_FILTER_ERROR) {
        st_span_fail(seg, span, "internal_error");
    } else if (ap_is_HTTP_ERROR(status)) {
        st_span_fail(seg, span, st_status_message(status));
    }
}

/* Runs the handlers with a span around the one that answers. Those that decline at once share
 * one clock reading and leave no trace; one that declines after it made children keeps its
 * span. */
static int handlers_run_traced(request_rec *r, mst_req_t *req)
{
    st_segment_t *seg = req->seg;
    const char *handler = r->handler;
    int status_before = r->status;
    int is_wanted = mst_outgoing_is_wanted(r);
    mst_outgoing_t out;
    st_frame_t frame;
    int span = ST_SPAN_NONE;
    int rv = DECLINED;
    int entered = 0;
    for (int i = 0; i < handlers.count && rv == DECLINED; i++) {
        const handler_entry_t *entry = &handlers.entries[i];
        if (!entered) {
            st_ns_t now = mst_req_now(req);
            span = st_segment_span_add(seg, ST_OP_HANDLER, handler, NULL, now);
            st_frame_enter(seg, &frame, span, now);
            mst_ignore_child(req, span, handler);
            mst_outgoing_begin(req, &out, r, is_wanted);
            entered = 1;
        }
        if (is_core(entry->module)) {
            mst_ignore_child(req, span, "default-handler");
        }
        int before = seg->span_count + seg->overflow;
        rv = entry->fn(r);
        if (rv != DECLINED || seg->span_count + seg->overflow != before) {
            mst_outgoing_end(req, &out);
            st_frame_leave(seg, &frame, mst_req_now(req));
            entered = 0;
            int status = r->status != status_before ? r->status : HTTP_OK;
            handler_done(req, span, handler_name(r, handler, entry->module, seg->pool),
                         entry->module, rv, status);
        }
    }
    if (entered) {
        mst_outgoing_end(req, &out);
        st_frame_leave(seg, &frame, mst_req_now(req));
        st_segment_span_drop(seg, span);
    }
    return rv;
}

/* What a sub-request, an ErrorDocument or another internal redirect is called. The path is
 * an attribute: it is no name. */
static const char *scope_name(const request_rec *r, apr_pool_t *pool)
{
    if (r->main != NULL) {
        return apr_pstrcat(pool, "subrequest ", r->method, NULL);
    }
    if (ap_is_HTTP_ERROR(r->prev->status)) {
        return apr_psprintf(pool, "ErrorDocument %d", r->prev->status);
    }
    return apr_pstrcat(pool, "internal redirect ", r->method, NULL);
}

static int handlers_run_scoped(request_rec *r, mst_req_t *req)
{
    st_segment_t *seg = req->seg;
    st_frame_t frame;
    st_ns_t now = mst_req_now(req);
    const char *name = seg->sampled ? scope_name(r, seg->pool) : NULL;
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, name, NULL, now);
    mst_ignore_child(req, span, name);
    st_frame_enter(seg, &frame, span, now);
    /* One that has no room still tells its filters from those of others. */
    mst_req_scope_set(r, span != ST_SPAN_NONE ? span : seg->span_max + seg->overflow);
    if (seg->sampled && r->uri != NULL) {
        st_span_attr_str(seg, span, ST_ATTR_URL_PATH, apr_pstrdup(seg->pool, r->uri));
    }
    int rv = req->spans & MST_SPANS_HANDLER ? handlers_run_traced(r, req)
                                            : handlers_run_told(r, req);
    if (ap_is_HTTP_ERROR(rv)) {
        st_span_fail(seg, span, st_status_message(rv));
    }
    st_frame_leave(seg, &frame, mst_req_now(req));
    return rv;
}

static int handler_dispatch(request_rec *r)
{
    mst_req_t *req = mst_req_decide(r);
    if (req == NULL || !mst_conf_enabled(r)) {
        return handlers_run(r);
    }
    mst_req_thread_note(req);
    if (r != req->top && req->spans & MST_SPANS_SUBREQUESTS) {
        return handlers_run_scoped(r, req);
    }
    return req->spans & MST_SPANS_HANDLER ? handlers_run_traced(r, req)
                                          : handlers_run_told(r, req);
}

static int quick_handlers_run(request_rec *r, int lookup)
{
    for (int i = 0; i < quick_handlers.count; i++) {
        int rv = quick_handlers.entries[i].fn(r, lookup);
        if (rv != DECLINED) {
            return rv;
        }
    }
    return DECLINED;
}

/* A quick handler (a cache) that answers is the handler; one that declines leaves no trace. It
 * runs before directories are known, so what the server says counts. */
static int quick_handler_dispatch(request_rec *r, int lookup)
{
    mst_req_t *req = lookup ? NULL : mst_req_of(r);
    if (req == NULL || !(req->spans & MST_SPANS_HANDLER)) {
        return quick_handlers_run(r, lookup);
    }
    st_segment_t *seg = req->seg;
    st_frame_t frame;
    st_ns_t now = mst_req_now(req);
    int span = st_segment_span_add(seg, ST_OP_HANDLER, "quick-handler", NULL, now);
    mst_ignore_child(req, span, "quick-handler");
    st_frame_enter(seg, &frame, span, now);
    int rv = DECLINED;
    const char *source = NULL;
    for (int i = 0; i < quick_handlers.count && rv == DECLINED; i++) {
        source = quick_handlers.entries[i].module;
        rv = quick_handlers.entries[i].fn(r, lookup);
    }
    st_frame_leave(seg, &frame, mst_req_now(req));
    if (rv == DECLINED && st_segment_span_drop(seg, span)) {
        return rv;
    }
    mst_req_thread_note(req);
    handler_done(req, span, "quick-handler", source, rv, HTTP_OK);
    return rv;
}

/* Stand in for the entries that the dispatchers run. */
static int handler_decline(request_rec *r)
{
    return DECLINED;
}

static int quick_handler_decline(request_rec *r, int lookup)
{
    return DECLINED;
}

static void handlers_wrap(apr_pool_t *pconf)
{
    apr_array_header_t *hooks = ap_hook_get_handler();
    if (hooks == NULL || hooks->nelts == 0) {
        return;
    }
    ap_LINK_handler_t *links = (ap_LINK_handler_t *)hooks->elts;
    if (links[0].pFunc == handler_dispatch) {
        return;
    }
    handlers.count = hooks->nelts;
    handlers.entries = apr_palloc(pconf, sizeof(handler_entry_t) * (size_t)hooks->nelts);
    for (int i = 0; i < hooks->nelts; i++) {
        const char *name = links[i].szName != NULL ? links[i].szName : "unknown";
        handlers.entries[i] = (handler_entry_t){links[i].pFunc, name};
        links[i].pFunc = i == 0 ? handler_dispatch : handler_decline;
    }
}

static void quick_handlers_wrap(apr_pool_t *pconf)
{
    apr_array_header_t *hooks = ap_hook_get_quick_handler();
    if (hooks == NULL || hooks->nelts == 0) {
        return;
    }
    ap_LINK_quick_handler_t *links = (ap_LINK_quick_handler_t *)hooks->elts;
    if (links[0].pFunc == quick_handler_dispatch) {
        return;
    }
    quick_handlers.count = hooks->nelts;
    quick_handlers.entries =
        apr_palloc(pconf, sizeof(quick_entry_t) * (size_t)hooks->nelts);
    for (int i = 0; i < hooks->nelts; i++) {
        const char *name = links[i].szName != NULL ? links[i].szName : "unknown";
        quick_handlers.entries[i] = (quick_entry_t){links[i].pFunc, name};
        links[i].pFunc = i == 0 ? quick_handler_dispatch : quick_handler_decline;
    }
}

void mst_hooks_wrap(apr_pool_t *pconf)
{
    handlers_wrap(pconf);
    quick_handlers_wrap(pconf);
}
