/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint: what goes out when.
 *
 * Nothing goes out while the circuit is open, but one probe at a time. What must not go out
 * because of a limit is discarded when it would be sent.
 *
 * A client report rides on the next envelope of spans, or goes alone when there has been none
 * for a flush interval. After one went out, by whichever way and with whatever success, the
 * next waits a flush interval, so that an endpoint that refuses is not asked in a loop. The
 * shutdown sends one more when everything else is answered. At most one is under way, since
 * it comes off the books only when it has arrived. */
#include "sender_int.h"

#include "st_circuit.h"

static int circuit_of(const st_endpoint_t *endpoint)
{
    /* Relaxed, here and below: only the sender writes it. */
    return atomic_load_explicit(&endpoint->circuit, memory_order_relaxed);
}

void st_outlet_init(st_outlet_t *outlet, int lane, const st_dest_t *dest,
                    st_endpoint_t *endpoint)
{
    *outlet = (st_outlet_t){.dest = dest, .lane = lane, .endpoint = endpoint};
    st_notice_init(&outlet->notice, dest != NULL ? dest->dsn->masked : "nobody",
                   circuit_of(endpoint) != ST_CIRCUIT_CLOSED);
}

void st_outlet_flush_begin(st_sender_t *sender, st_outlet_t *outlet, st_ns_t now)
{
    st_bucket_hurry(sender->buckets, outlet->lane);
    st_endpoint_t *endpoint = outlet->endpoint;
    st_ns_t failed_at = atomic_load_explicit(&endpoint->failed_at, memory_order_relaxed);
    if (circuit_of(endpoint) == ST_CIRCUIT_OPEN &&
        now - failed_at >= ST_CIRCUIT_DELAY_MIN) {
        atomic_store_explicit(&endpoint->retry_at, now, memory_order_relaxed);
    }
}

/* 1 when the transport, or the memory for bodies, has no room: only an answer helps. */
static int is_jammed(const st_sender_t *sender, const st_outlet_t *outlet)
{
    const st_transport_t *transport = sender->transport;
    int is_heavy = sender->bytes_in_flight > ST_SENDER_FLIGHT_MAX - ST_BUCKET_BYTES_MAX &&
                   outlet->in_flight > 0;
    return is_heavy || transport->ops->room(transport, outlet->dest) <= 0;
}

/* How many envelopes may go out now: 0, 1 for a probe, or -1 for more. */
static int places(const st_sender_t *sender, const st_outlet_t *outlet)
{
    int jammed = is_jammed(sender, outlet);
    return jammed || sender->closing ? 0
                                     : st_circuit_allows(outlet->endpoint, sender->now);
}

static int is_limited(const st_sender_t *sender, const st_outlet_t *outlet,
                      st_limit_t limit)
{
    return st_endpoint_is_limited(outlet->endpoint, limit, sender->now);
}

static st_limit_t limit_of(const st_bucket_t *bucket)
{
    return (bucket->flags & ST_QUEUE_TAG_TRANSACTION) != 0 ? ST_LIMIT_TRANSACTION
                                                           : ST_LIMIT_SPAN;
}

static int report_is_pending(const st_sender_t *sender, const st_outlet_t *outlet)
{
    int limited = is_limited(sender, outlet, ST_LIMIT_REPORT);
    if (limited || outlet->report_is_out) {
        return 0;
    }
    return st_counters_report_read(&outlet->endpoint->counters, NULL);
}

static void report_went_out(const st_sender_t *sender, st_outlet_t *outlet)
{
    outlet->report_from = sender->now + sender->options.flush_interval;
    outlet->report_alone = 0;
}

static void send_spans(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket)
{
    int with_report =
        sender->now >= outlet->report_from && report_is_pending(sender, outlet);
    st_delivery_send(sender, outlet, bucket, with_report);
    if (with_report) {
        report_went_out(sender, outlet);
    }
}

/* Starts the clock of a pending report. */
static void report_notice(const st_sender_t *sender, st_outlet_t *outlet)
{
    int pending = outlet->report_alone == 0 && report_is_pending(sender, outlet);
    if (pending) {
        outlet->report_alone = sender->now + sender->options.flush_interval;
    }
}

/* The report of a flush comes last, and once. */
static st_ns_t report_due(const st_sender_t *sender, const st_outlet_t *outlet)
{
    int pending = report_is_pending(sender, outlet);
    if (!pending) {
        return ST_BUCKET_NEVER;
    }
    if (sender->flushing) {
        int is_last = outlet->in_flight == 0 && !outlet->report_final &&
                      st_bucket_is_empty(sender->buckets, outlet->lane);
        return is_last ? sender->now : ST_BUCKET_NEVER;
    }
    return outlet->report_alone > 0 ? outlet->report_alone : ST_BUCKET_NEVER;
}

static void report_send(st_sender_t *sender, st_outlet_t *outlet)
{
    outlet->report_final = sender->flushing;
    st_delivery_send(sender, outlet, NULL, 1);
    report_went_out(sender, outlet);
}

/* The next bucket. What has failed goes first, but a probe is better made with one that never
 * did, lest a bucket that the endpoint cannot digest hide that it answers all others. */
static st_bucket_t *bucket_next(st_sender_t *sender, const st_outlet_t *outlet, int all,
                                int is_probe)
{
    st_bucket_set_t *set = sender->buckets;
    st_bucket_t *bucket = NULL;
    if (!is_probe) {
        bucket = st_bucket_take_failed(set, outlet->lane, sender->now);
    }
    if (bucket == NULL) {
        bucket = st_bucket_take(set, outlet->lane, sender->now, all);
    }
    if (bucket == NULL && is_probe) {
        bucket = st_bucket_take_failed(set, outlet->lane, sender->now);
    }
    return bucket;
}

/* Deals with the next bucket. @return 0 when there is none, or it has to wait. */
static int bucket_handle(st_sender_t *sender, st_outlet_t *outlet, int all)
{
    int room = places(sender, outlet);
    int limited = is_limited(sender, outlet, ST_LIMIT_SPAN) ||
                  is_limited(sender, outlet, ST_LIMIT_TRANSACTION);
    if (room == 0 && !limited) {
        return 0;
    }
    st_bucket_t *bucket = bucket_next(sender, outlet, all, room == 1);
    if (bucket == NULL) {
        return 0;
    }
    limited = is_limited(sender, outlet, limit_of(bucket));
    if (limited) {
        st_delivery_discard(sender, bucket, ST_REASON_RATELIMIT_BACKOFF);
        return 1;
    }
    if (room == 0) {
        st_bucket_put_failed(sender->buckets, bucket);
        return 0;
    }
    send_spans(sender, outlet, bucket);
    return 1;
}

void st_outlet_send(st_sender_t *sender, st_outlet_t *outlet, int all)
{
    int more = 1;
    while (more) {
        more = bucket_handle(sender, outlet, all);
    }
    report_notice(sender, outlet);
    int room = places(sender, outlet);
    if (room != 0 && report_due(sender, outlet) <= sender->now) {
        report_send(sender, outlet);
    }
}

static st_ns_t earlier(st_ns_t a, st_ns_t b)
{
    return a < b ? a : b;
}

static st_ns_t later(st_ns_t a, st_ns_t b)
{
    return a > b ? a : b;
}

/* The instant from which on something may go out. Where only an answer helps, that wakes by
 * itself; but as long as buckets wait the ring is read in the rhythm of the linger, so that
 * requests need not wake the sender. */
static st_ns_t open_from(const st_sender_t *sender, const st_outlet_t *outlet)
{
    int jammed = is_jammed(sender, outlet);
    if (jammed || circuit_of(outlet->endpoint) == ST_CIRCUIT_PROBING) {
        return sender->now + sender->options.linger;
    }
    return st_circuit_due(outlet->endpoint);
}

st_ns_t st_outlet_due(const st_sender_t *sender, const st_outlet_t *outlet)
{
    st_ns_t due = earlier(st_bucket_due(sender->buckets, outlet->lane, sender->flushing),
                          report_due(sender, outlet));
    return due == ST_BUCKET_NEVER ? due : later(due, open_from(sender, outlet));
}

int st_outlet_is_idle(const st_sender_t *sender, const st_outlet_t *outlet)
{
    return outlet->in_flight == 0 && st_outlet_due(sender, outlet) >= sender->deadline;
}
