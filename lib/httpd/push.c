/* SPDX-License-Identifier: Apache-2.0 */
/* Open slots and records of requests. */
#include "mst_push.h"

#include "mst_child.h"
#include "mst_dests.h"
#include "mst_request.h"
#include "mst_turn.h"
#include "st_record.h"

static void slot_ids(st_open_slot_t *slot, const st_segment_t *seg)
{
    slot->trace_id = seg->trace_id;
    slot->span_id = seg->span_id;
    slot->parent = seg->parent_span_id;
}

st_open_slot_t *mst_push_slot_take(const mst_req_t *req, const mst_child_t *child)
{
    const request_rec *r = req->top;
    /* Connections that are served at the same time have different ids, mostly. */
    unsigned hint = (unsigned)r->connection->id;
    st_open_slot_t *slot = st_open_take(&child->queue.open, child->self, hint);
    if (slot == NULL) {
        return NULL;
    }
    const char *host = r->hostname != NULL ? r->hostname : r->server->server_hostname;
    slot->dest = (uint16_t)req->dest;
    slot_ids(slot, req->seg);
    slot->start = req->seg->wall_start;
    st_open_text(slot->method, sizeof(slot->method), r->method);
    st_open_text(slot->path, sizeof(slot->path), r->parsed_uri.path);
    st_open_text(slot->host, sizeof(slot->host), host);
    st_open_publish(slot);
    return slot;
}

void mst_push_slot_update(mst_req_t *req)
{
    if (req->slot != NULL) {
        slot_ids(req->slot, req->seg);
    }
}

void mst_push_slot_free(mst_req_t *req)
{
    const mst_child_t *child = mst_child();
    if (req->slot != NULL && !mst_child_is_stopping(child)) {
        st_open_free(req->slot);
    }
    req->slot = NULL;
}

static const st_dest_t *dest_of(const mst_req_t *req)
{
    return &mst_dests()->dests[req->dest];
}

/* 1 for a segment that leaves as a transaction, and counts as one, too. */
static uint64_t transactions_of(const mst_req_t *req)
{
    return dest_of(req)->lifecycle == ST_LIFECYCLE_STATIC;
}

/* Its slot goes before it is counted: a child that dies in between has not counted twice. */
static void refuse(mst_req_t *req, st_counters_t *counters, st_reason_t reason,
                   uint64_t spans)
{
    uint64_t transactions = transactions_of(req);
    if (req->slot != NULL) {
        st_open_free(req->slot);
        req->slot = NULL;
    }
    st_counters_created(counters, ST_CATEGORY_SPAN, spans);
    st_counters_refused(counters, reason, ST_CATEGORY_SPAN, spans);
    st_counters_created(counters, ST_CATEGORY_TRANSACTION, transactions);
    st_counters_refused(counters, reason, ST_CATEGORY_TRANSACTION, transactions);
}

/* Children that do not get into the record. */
static void refuse_children(const st_segment_t *seg, st_counters_t *counters)
{
    uint64_t ignored = (uint64_t)seg->ignored;
    uint64_t overflow = (uint64_t)seg->overflow;
    st_counters_created(counters, ST_CATEGORY_SPAN, ignored + overflow);
    st_counters_refused(counters, ST_REASON_IGNORED, ST_CATEGORY_SPAN, ignored);
    st_counters_refused(counters, ST_REASON_BUFFER_OVERFLOW, ST_CATEGORY_SPAN, overflow);
}

/* Writes the record. Whenever the child is killed, slot and ring together tell whether there is
 * one. @return 0 when the ring is full. */
static int record_write(const mst_req_t *req, mst_child_t *child, st_counters_t *counters)
{
    const st_segment_t *seg = req->seg;
    size_t size = st_record_size(seg);
    uint64_t transactions = transactions_of(req);
    st_ring_tag_t tag = {.dest = (uint16_t)req->dest,
                         .flags = transactions > 0 ? ST_QUEUE_TAG_TRANSACTION : 0,
                         .spans = (uint32_t)seg->span_count + 1};
    uint64_t pos;
    void *mem = st_ring_reserve(&child->queue.ring, size, tag, &req->slot->claim, &pos);
    if (mem == NULL) {
        return 0;
    }
    st_open_push(req->slot);
    st_record_pack(seg, tag.dest, mem, size);
    /* Right before the commit: what dies earlier was never created. */
    st_counters_created(counters, ST_CATEGORY_SPAN, tag.spans);
    st_counters_created(counters, ST_CATEGORY_TRANSACTION, transactions);
    st_ring_commit(&child->queue.ring, pos, &req->slot->claim);
    return 1;
}

static void push_sampled(mst_req_t *req, mst_child_t *child, st_endpoint_t *endpoint)
{
    st_counters_t *counters = &endpoint->counters;
    const st_segment_t *seg = req->seg;
    uint64_t spans = (uint64_t)seg->span_count + 1;
    refuse_children(seg, counters);
    if (st_endpoint_is_limited(endpoint, mst_dest_limit(dest_of(req)), seg->end)) {
        refuse(req, counters, ST_REASON_RATELIMIT_BACKOFF, spans);
        return;
    }
    if (req->slot == NULL) {
        req->slot = mst_push_slot_take(req, child);
    }
    if (req->slot == NULL || !record_write(req, child, counters)) {
        refuse(req, counters, ST_REASON_QUEUE_OVERFLOW, spans);
    } else {
        st_open_free(req->slot);
        req->slot = NULL;
    }
    st_wakeup_notify(&child->queue);
}

/* Spans that a segment which is not recorded stands for. Where it would have been one transaction,
 * its children are as if they had never been, as in Sentry's SDKs
 * (https://develop.sentry.dev/sdk/telemetry/client-reports/). */
static uint64_t unsampled_spans(const mst_req_t *req)
{
    int is_whole = req->reason == ST_REASON_IGNORED ||
                   dest_of(req)->lifecycle == ST_LIFECYCLE_STREAM;
    return is_whole ? (uint64_t)st_segment_span_total(req->seg) : 1;
}

void mst_push(mst_req_t *req, mst_child_t *child)
{
    const st_segment_t *seg = req->seg;
    st_endpoint_t *endpoint = &child->queue.endpoints[dest_of(req)->endpoint];
    if (!seg->sampled) {
        refuse(req, &endpoint->counters, req->reason, unsampled_spans(req));
    } else if (req->slot == NULL || !mst_child_has_told(child)) {
        push_sampled(req, child, endpoint);
    }
    mst_turn_offer(child, seg->sampled ? seg->end : st_clock_mono());
}
