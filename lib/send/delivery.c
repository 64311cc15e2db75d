/* SPDX-License-Identifier: Apache-2.0 */
/* One envelope from bucket to answer, and what the answer means. */
#include "sender_int.h"

#include <apr_strings.h>

#include "st_circuit.h"
#include "st_rate_limits.h"

#define BODY_KEEP_MAX (256 * 1024) /* a larger buffer is not kept for the next envelope */

/* How long a bucket waits after a first failure, whatever the endpoint does; each further strike
 * doubles it. Of two servers behind one name one may be ill for a while. */
#define STRIKE_DELAY ST_NS_PER_SEC

static st_delivery_t *delivery_take(st_sender_t *sender)
{
    st_delivery_t *delivery = sender->unused;
    if (delivery != NULL) {
        sender->unused = delivery->next;
        return delivery;
    }
    delivery = apr_pcalloc(sender->pool, sizeof(*delivery));
    st_buf_init(&delivery->body, sender->body_max);
    return delivery;
}

static void delivery_put(st_sender_t *sender, st_delivery_t *delivery)
{
    if (delivery->body.cap > BODY_KEEP_MAX) {
        st_buf_free(&delivery->body);
    }
    delivery->next = sender->unused;
    sender->unused = delivery;
}

static uint64_t span_count(const st_bucket_t *bucket)
{
    return bucket != NULL ? (uint64_t)bucket->span_count : 0;
}

static int is_transaction(const st_bucket_t *bucket)
{
    return (bucket->flags & ST_QUEUE_TAG_TRANSACTION) != 0;
}

/* Counts and releases all records of a bucket that is lost. A transaction counts as itself, and
 * all its spans as spans (https://develop.sentry.dev/sdk/telemetry/client-reports/). */
static void settle(st_sender_t *sender, st_bucket_t *bucket, st_reason_t reason)
{
    for (st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        uint64_t quantity[ST_CATEGORY_COUNT] = {0};
        st_queue_tag_count(r->tag, quantity);
        st_ledger_settle(sender->queue, r->pos, bucket->lane, (int)reason, quantity);
        st_backlog_remove(&sender->backlog, r);
    }
    st_bucket_free(sender->buckets, bucket);
}

/* Counts and releases all records of a bucket that has arrived.
 * @param left_out spans of its only record that had no room */
static void settle_delivered(st_sender_t *sender, st_bucket_t *bucket, int left_out)
{
    for (st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        uint64_t quantity[ST_CATEGORY_COUNT] = {0};
        st_queue_tag_count(r->tag, quantity);
        st_ledger_deliver(sender->queue, r->pos, bucket->lane, quantity,
                          (uint64_t)left_out);
        st_backlog_remove(&sender->backlog, r);
    }
    st_bucket_free(sender->buckets, bucket);
}

void st_delivery_discard(st_sender_t *sender, st_bucket_t *bucket, st_reason_t reason)
{
    st_notice_t *notice = &sender->outlets[bucket->lane].notice;
    int is_overflow = reason == ST_REASON_QUEUE_OVERFLOW;
    st_notice_lost(notice, is_overflow ? ST_NOTICE_OVERFLOW : ST_NOTICE_LIMITED, 0,
                   is_overflow ? "more comes in than goes out" : "not sent",
                   span_count(bucket), sender->now);
    settle(sender, bucket, reason);
}

static const st_dest_t *dest_of(const st_sender_t *sender, const st_delivery_t *delivery)
{
    return delivery->bucket != NULL ? &sender->dests.dests[delivery->bucket->dest]
                                    : delivery->outlet->dest;
}

static apr_status_t encode(st_sender_t *sender, st_delivery_t *delivery)
{
    const st_bucket_t *bucket = delivery->bucket;
    const st_report_t *report = delivery->has_report ? &delivery->report : NULL;
    size_t dest = (size_t)(dest_of(sender, delivery) - sender->dests.dests);
    delivery->left_out = 0;
    st_buf_clear(&delivery->body);
    if (bucket == NULL) {
        return st_encoder_report(sender->encoders[dest], &delivery->body, report,
                                 sender->wall);
    }
    if (is_transaction(bucket)) {
        return st_encoder_transaction(sender->encoders[dest], &delivery->body,
                                      &bucket->records->record, report, sender->wall,
                                      &delivery->left_out);
    }
    int count = 0;
    for (const st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        sender->batch[count++] = &r->record;
    }
    return st_encoder_spans(sender->encoders[dest], &delivery->body, sender->batch, count,
                            report, sender->wall);
}

static apr_status_t submit(st_sender_t *sender, st_delivery_t *delivery)
{
    st_transport_t *transport = sender->transport;
    return transport->ops->submit(transport, dest_of(sender, delivery),
                                  delivery->body.data, delivery->body.len, delivery);
}

/* Relaxed, here and below: for display, and only the sender writes them. */
static void add(_Atomic uint64_t *counter, uint64_t quantity)
{
    atomic_fetch_add_explicit(counter, quantity, memory_order_relaxed);
}

static void flight_change(st_sender_t *sender, const st_delivery_t *delivery, int by)
{
    st_outlet_t *outlet = delivery->outlet;
    outlet->in_flight += by;
    sender->in_flight += by;
    sender->bytes_in_flight = by > 0 ? sender->bytes_in_flight + delivery->body.len
                                     : sender->bytes_in_flight - delivery->body.len;
    outlet->report_is_out = delivery->has_report ? by > 0 : outlet->report_is_out;
    atomic_store_explicit(&outlet->endpoint->in_flight, outlet->in_flight,
                          memory_order_relaxed);
}

static void note_sent(st_sender_t *sender, st_delivery_t *delivery)
{
    st_endpoint_t *endpoint = delivery->outlet->endpoint;
    int was_sent = delivery->bucket != NULL && delivery->bucket->attempts > 0;
    delivery->sent = sender->now;
    flight_change(sender, delivery, 1);
    add(&endpoint->requests, 1);
    add(&endpoint->repeated, was_sent ? 1 : 0);
    add(&endpoint->bytes, delivery->body.len);
    st_circuit_sent(endpoint);
}

/* An envelope that could not be made, or not be handed over, never will be. */
static void fail_before(st_sender_t *sender, st_delivery_t *delivery, apr_status_t rv)
{
    char why[128];
    st_error_text(rv, why, sizeof(why));
    st_notice_lost(&delivery->outlet->notice, ST_NOTICE_ENCODING, rv, why,
                   span_count(delivery->bucket), sender->now);
    if (delivery->bucket != NULL) {
        settle(sender, delivery->bucket, ST_REASON_INTERNAL_SDK_ERROR);
    }
    delivery_put(sender, delivery);
}

void st_delivery_send(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                      int with_report)
{
    st_delivery_t *delivery = delivery_take(sender);
    delivery->outlet = outlet;
    delivery->bucket = bucket;
    delivery->has_report =
        with_report &&
        st_counters_report_read(&outlet->endpoint->counters, &delivery->report);
    if (bucket == NULL && !delivery->has_report) {
        delivery_put(sender, delivery);
        return;
    }
    apr_status_t rv = encode(sender, delivery);
    if (rv == APR_SUCCESS) {
        rv = submit(sender, delivery);
    }
    if (rv != APR_SUCCESS) {
        fail_before(sender, delivery, rv);
        return;
    }
    note_sent(sender, delivery);
}

/* The server, or who stands before it, says that it cannot now. */
static int is_outage(int http_status)
{
    return http_status == 502 || http_status == 503 || http_status == 504;
}

/* "HTTP status 400", or why there was no answer. */
static const char *answer_text(const st_answer_t *answer, char *buf, size_t size)
{
    if (answer->rv != APR_SUCCESS) {
        return answer->detail;
    }
    apr_snprintf(buf, size, "HTTP status %d", answer->http_status);
    return buf;
}

static uint64_t waiting_of(const st_endpoint_t *endpoint)
{
    const st_counters_t *counters = &endpoint->counters;
    uint64_t out = st_counters_get_delivered(counters, ST_CATEGORY_SPAN);
    for (int i = 0; i < ST_REASON_COUNT; i++) {
        out += st_counters_get_discarded(counters, (st_reason_t)i, ST_CATEGORY_SPAN);
    }
    uint64_t created = st_counters_get_created(counters, ST_CATEGORY_SPAN);
    return created > out ? created - out : 0;
}

static void say_down(st_sender_t *sender, st_outlet_t *outlet, const st_answer_t *answer,
                     const char *text)
{
    const st_notice_outage_t outage = {
        .rv = answer->rv,
        .text = text,
        .retry_in = st_circuit_due(outlet->endpoint) - sender->now,
        .waiting = waiting_of(outlet->endpoint),
    };
    st_notice_down(&outlet->notice, &outage, sender->now);
}

/* Counts a failure against the bucket, if it can be the bucket's fault: the endpoint has
 * answered others since it failed last. */
static void strike(const st_outlet_t *outlet, st_bucket_t *bucket)
{
    if (bucket->attempts == 0 || outlet->answers > bucket->answers_seen) {
        bucket->strikes++;
    }
    bucket->attempts++;
    bucket->answers_seen = outlet->answers;
}

/* The bucket goes back, to be made into an envelope again, unless it has failed too often. */
static void bucket_failed(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                          const char *text)
{
    strike(outlet, bucket);
    if (bucket->strikes < ST_SENDER_STRIKES_MAX) {
        bucket->not_before = sender->now + (STRIKE_DELAY << (bucket->strikes - 1));
        st_bucket_put_failed(sender->buckets, bucket);
        return;
    }
    st_notice_lost(&outlet->notice, ST_NOTICE_GIVEN_UP, 0, text, span_count(bucket),
                   sender->now);
    settle(sender, bucket, ST_REASON_NETWORK_ERROR);
}

static void no_answer(st_sender_t *sender, st_delivery_t *delivery,
                      const st_answer_t *answer)
{
    char buf[32];
    st_outlet_t *outlet = delivery->outlet;
    const char *text = answer_text(answer, buf, sizeof(buf));
    st_circuit_failed(outlet->endpoint, delivery->sent, sender->now, &sender->rng);
    if (answer->rv != APR_EINTR) { /* that is our own doing */
        st_endpoint_error_set(outlet->endpoint, text, sender->wall);
        say_down(sender, outlet, answer, text);
    }
    if (delivery->bucket != NULL) {
        bucket_failed(sender, outlet, delivery->bucket, text);
    }
}

/* An answer that is no success settles the spans all the same. Of 429 the server has counted
 * them already (https://develop.sentry.dev/sdk/telemetry/client-reports/). */
static void refused(st_sender_t *sender, st_delivery_t *delivery,
                    const st_answer_t *answer)
{
    char buf[32];
    int is_limit = answer->http_status == 429;
    const char *text = answer_text(answer, buf, sizeof(buf));
    st_outlet_t *outlet = delivery->outlet;
    st_endpoint_error_set(outlet->endpoint, text, sender->wall);
    st_notice_lost(&outlet->notice, is_limit ? ST_NOTICE_LIMITED : ST_NOTICE_REFUSED, 0,
                   text, span_count(delivery->bucket), sender->now);
    if (delivery->bucket != NULL) {
        settle(sender, delivery->bucket,
               is_limit ? ST_REASON_RATE_LIMITED : ST_REASON_SEND_ERROR);
    }
}

static void accepted(st_sender_t *sender, st_delivery_t *delivery)
{
    if (delivery->has_report) {
        st_counters_report_done(&delivery->outlet->endpoint->counters, &delivery->report);
    }
    if (delivery->bucket != NULL) {
        settle_delivered(sender, delivery->bucket, delivery->left_out);
    }
}

/* A Retry-After that comes with an outage speaks of the outage: what waits for it is not to
 * be thrown away as limited. */
static void note_answer(st_sender_t *sender, const st_delivery_t *delivery,
                        const st_answer_t *answer)
{
    st_endpoint_t *endpoint = delivery->outlet->endpoint;
    const st_rate_limits_t limits = {
        .http_status = answer->http_status,
        .limits = answer->limits,
        .retry_after = is_outage(answer->http_status) ? NULL : answer->retry_after,
    };
    add(&endpoint->answers, 1);
    st_endpoint_latency_add(endpoint, sender->now - delivery->sent);
    st_rate_limits_note(endpoint, &limits, sender->now, sender->wall);
}

/* The answer came later than this round began. */
static void time_advance(st_sender_t *sender, st_ns_t at)
{
    if (at > sender->now) {
        sender->wall += at - sender->now;
        sender->now = at;
    }
}

void st_delivery_answer(const st_answer_t *answer, void *baton)
{
    st_sender_t *sender = baton;
    st_delivery_t *delivery = answer->parcel;
    st_outlet_t *outlet = delivery->outlet;
    time_advance(sender, answer->at);
    flight_change(sender, delivery, -1);
    if (answer->rv == APR_SUCCESS) {
        note_answer(sender, delivery, answer);
    }
    if (answer->rv != APR_SUCCESS || is_outage(answer->http_status)) {
        no_answer(sender, delivery, answer);
        delivery_put(sender, delivery);
        return;
    }
    outlet->answers++;
    st_circuit_answered(outlet->endpoint);
    st_notice_up(&outlet->notice);
    if (answer->http_status >= 200 && answer->http_status <= 299) {
        accepted(sender, delivery);
    } else {
        refused(sender, delivery, answer);
    }
    delivery_put(sender, delivery);
}
