/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when a wrapped output filter is called. The slots are in filter_slots.c. */
#include "mst_filters.h"

#include "mst_config.h"
#include "mst_filter_slots.h"
#include "mst_ignore.h"
#include "mst_request.h"

/* The span of this filter in this request; a new one at its first call. */
static int filter_span(mst_req_t *req, const ap_filter_t *f, int slot, st_ns_t now)
{
    st_segment_t *seg = req->seg;
    /* Filters of a finished sub-request leave their address to those of the next one, and with
     * mod_filter one ap_filter_t calls two functions, the harness and a borrowed one. */
    int scope = (mst_req_scope(req, f->r) + 1) * MST_SLOTS + slot;
    int span = st_segment_span_find(seg, f, scope);
    if (span != ST_SPAN_NONE) {
        return span;
    }
    if (st_segment_is_full(seg)) {
        st_segment_span_refuse(seg, f, scope);
        return ST_SPAN_NONE;
    }
    const char *name = seg->sampled ? mst_slot_filter_name(slot, f, seg->pool) : NULL;
    span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, name, mst_slot_module(slot), now);
    seg->spans[span].owner = f;
    seg->spans[span].owner_scope = scope;
    mst_ignore_child(req, span, name);
    return span;
}

/* One span for this call alone. What the filter calls in turn belongs to the filter's span, in
 * which all its calls come together, so this one has no children.
 * @return ST_SPAN_NONE when it is not wanted, or has no room, which is counted. */
static int call_span(mst_req_t *req, int filter, st_ns_t now)
{
    st_segment_t *seg = req->seg;
    if (!(req->spans & MST_SPANS_CALLS)) {
        return ST_SPAN_NONE;
    }
    const char *name = filter != ST_SPAN_NONE ? seg->spans[filter].name : NULL;
    const char *source = filter != ST_SPAN_NONE ? seg->spans[filter].module : NULL;
    int call = st_segment_span_add(seg, ST_OP_FUNCTION, name, source, now);
    mst_ignore_child(req, call, name);
    return call;
}

static void filter_failed(mst_req_t *req, int span, apr_status_t rv, const conn_rec *c)
{
    st_span_fail(req->seg, span, c->aborted ? "cancelled" : "internal_error");
}

static int is_wanted(const mst_req_t *req, const ap_filter_t *f)
{
    if (req == NULL || !(req->spans & MST_SPANS_OUTPUT)) {
        return 0;
    }
    return f->r == NULL || f->r == req->top || mst_conf_enabled(f->r);
}

apr_status_t mst_filter_call(int slot, ap_filter_t *f, apr_bucket_brigade *bb)
{
    ap_out_filter_func original = mst_slot_original(slot);
    mst_req_t *req = f->r != NULL ? mst_req_of(f->r) : mst_req_of_conn(f->c);
    if (!is_wanted(req, f)) {
        return original(f, bb);
    }
    /* The end of a response destroys the request, and its state, inside the call of a
     * connection filter; request filters never see that. */
    int of_request = f->r != NULL;
    conn_rec *c = f->c;
    st_frame_t frame;
    st_ns_t now = mst_req_now(req);
    int span = filter_span(req, f, slot, now);
    st_frame_enter(req->seg, &frame, span, now);
    int call = call_span(req, span, now);
    apr_status_t rv = original(f, bb);
    if (!of_request && mst_req_of_conn(c) != req) {
        return rv;
    }
    st_ns_t end = mst_req_now(req);
    st_frame_leave(req->seg, &frame, end);
    if (call != ST_SPAN_NONE) {
        req->seg->spans[call].end = end;
    }
    if (rv != APR_SUCCESS) {
        filter_failed(req, span, rv, c);
        filter_failed(req, call, rv, c);
    }
    return rv;
}
