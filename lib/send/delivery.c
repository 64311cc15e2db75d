/* SPDX-License-Identifier: Apache-2.0 */
/* One envelope from bucket to answer. */
#include "sender_int.h"

#include <apr_strings.h>

#define LIMIT_DEFAULT_SEC 60
#define LIMIT_MAX_SEC     (24 * 3600)
#define BODY_KEEP_MAX     (256 * 1024) /* a larger buffer is not kept for the next envelope */

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

static int span_count(const st_delivery_t *delivery)
{
    return delivery->bucket != NULL ? delivery->bucket->span_count : 0;
}

static int is_transaction(const st_sender_t *sender, const st_bucket_t *bucket)
{
    return sender->options.dests->dests[bucket->dest].lifecycle == ST_LIFECYCLE_STATIC;
}

/* A transaction that is lost counts as itself, and all its spans as spans
 * (https://develop.sentry.dev/sdk/telemetry/client-reports/). */
static void count_discarded(const st_sender_t *sender, const st_outlet_t *outlet,
                            const st_bucket_t *bucket, st_reason_t reason)
{
    st_counters_discarded(outlet->counters, reason, ST_CATEGORY_SPAN,
                          (uint64_t)bucket->span_count);
    if (is_transaction(sender, bucket)) {
        st_counters_discarded(outlet->counters, reason, ST_CATEGORY_TRANSACTION,
                              (uint64_t)bucket->record_count);
    }
}

static void count_delivered(const st_sender_t *sender, const st_delivery_t *delivery)
{
    st_counters_t *counters = delivery->outlet->counters;
    const st_bucket_t *bucket = delivery->bucket;
    st_counters_delivered(counters, ST_CATEGORY_SPAN,
                          (uint64_t)(bucket->span_count - delivery->left_out));
    if (is_transaction(sender, bucket)) {
        st_counters_delivered(counters, ST_CATEGORY_TRANSACTION,
                              (uint64_t)bucket->record_count);
    }
    if (delivery->left_out > 0) {
        st_counters_discarded(counters, ST_REASON_BUFFER_OVERFLOW, ST_CATEGORY_SPAN,
                              (uint64_t)delivery->left_out);
    }
}

/* Gives the records of a bucket back to the ring. */
static void bucket_release(st_sender_t *sender, st_bucket_t *bucket)
{
    for (st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        st_ring_release(sender->options.ring, r->pos);
    }
    st_bucket_free(sender->buckets, bucket);
}

void st_delivery_discard(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                         st_reason_t reason)
{
    count_discarded(sender, outlet, bucket, reason);
    if (reason == ST_REASON_QUEUE_OVERFLOW) {
        outlet->left += (uint64_t)bucket->span_count;
    }
    bucket_release(sender, bucket);
}

/* Ends a delivery that failed: counts its spans, keeps its report for another time. */
static void delivery_fail(st_sender_t *sender, st_delivery_t *delivery,
                          st_reason_t reason)
{
    if (delivery->has_report) {
        st_counters_report_restore(delivery->outlet->counters, &delivery->report);
    }
    if (delivery->bucket != NULL) {
        st_delivery_discard(sender, delivery->outlet, delivery->bucket, reason);
    }
    delivery_put(sender, delivery);
}

static apr_status_t encode(st_sender_t *sender, st_delivery_t *delivery)
{
    const st_bucket_t *bucket = delivery->bucket;
    const st_report_t *report = delivery->has_report ? &delivery->report : NULL;
    delivery->left_out = 0;
    st_buf_clear(&delivery->body);
    if (bucket == NULL) {
        size_t dest = (size_t)(delivery->outlet->dest - sender->options.dests->dests);
        return st_encoder_report(sender->encoders[dest], &delivery->body, report,
                                 sender->wall);
    }
    if (is_transaction(sender, bucket)) {
        return st_encoder_transaction(sender->encoders[bucket->dest], &delivery->body,
                                      &bucket->records->record, report, sender->wall,
                                      &delivery->left_out);
    }
    int count = 0;
    for (const st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        sender->batch[count++] = &r->record;
    }
    return st_encoder_spans(sender->encoders[bucket->dest], &delivery->body,
                            sender->batch, count, report, sender->wall);
}

static apr_status_t submit(st_sender_t *sender, st_delivery_t *delivery)
{
    st_transport_t *transport = sender->transport;
    const st_dest_t *dest = delivery->bucket != NULL
                                ? &sender->options.dests->dests[delivery->bucket->dest]
                                : delivery->outlet->dest;
    return transport->ops->submit(transport, dest, delivery->body.data,
                                  delivery->body.len, delivery);
}

void st_delivery_send(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                      int with_report)
{
    st_delivery_t *delivery = delivery_take(sender);
    delivery->outlet = outlet;
    delivery->bucket = bucket;
    delivery->has_report =
        with_report && st_counters_report_take(outlet->counters, &delivery->report);
    if (bucket == NULL && !delivery->has_report) {
        delivery_put(sender, delivery);
        return;
    }
    apr_status_t rv = encode(sender, delivery);
    if (rv == APR_SUCCESS) {
        rv = submit(sender, delivery);
    }
    if (rv != APR_SUCCESS) {
        char why[128];
        st_error_text(rv, why, sizeof(why));
        st_notice_lost(&outlet->notice, ST_NOTICE_ENCODING, rv, why,
                       (uint64_t)span_count(delivery), sender->now);
        delivery_fail(sender, delivery, ST_REASON_INTERNAL_SDK_ERROR);
        return;
    }
    outlet->in_flight++;
    sender->in_flight++;
}

/* What an answer that is no success means
 * (https://develop.sentry.dev/sdk/expected-features/rate-limiting/: only 429 has been counted
 * by the server). */
static st_reason_t reason_of(const st_sender_t *sender, const st_answer_t *answer)
{
    if (sender->giving_up) {
        return ST_REASON_QUEUE_OVERFLOW;
    }
    if (answer->rv != APR_SUCCESS) {
        return ST_REASON_NETWORK_ERROR;
    }
    return answer->http_status == 429 ? ST_REASON_RATE_LIMITED : ST_REASON_SEND_ERROR;
}

/* Remembers how long the server wants to be left alone
 * (https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/: 60 s when it does not
 * say; a day is the most that is believed). */
static void limit_note(st_sender_t *sender, const st_answer_t *answer)
{
    int sec = answer->retry_after_sec > 0 ? answer->retry_after_sec : LIMIT_DEFAULT_SEC;
    st_ns_t until =
        sender->now + (sec < LIMIT_MAX_SEC ? sec : LIMIT_MAX_SEC) * ST_NS_PER_SEC;
    if (until > atomic_load_explicit(&sender->limited_until, memory_order_relaxed)) {
        atomic_store_explicit(&sender->limited_until, until, memory_order_relaxed);
    }
}

static void say_why(st_sender_t *sender, st_delivery_t *delivery,
                    const st_answer_t *answer, st_reason_t reason)
{
    st_notice_t *notice = &delivery->outlet->notice;
    uint64_t spans = (uint64_t)span_count(delivery);
    if (reason == ST_REASON_QUEUE_OVERFLOW) {
        return; /* said once, for everything that is left */
    }
    if (reason == ST_REASON_NETWORK_ERROR) {
        st_notice_lost(notice, ST_NOTICE_NETWORK, answer->rv, answer->detail, spans,
                       sender->now);
        return;
    }
    char text[32];
    apr_snprintf(text, sizeof(text), "HTTP status %d", answer->http_status);
    st_notice_lost(
        notice, reason == ST_REASON_RATE_LIMITED ? ST_NOTICE_LIMITED : ST_NOTICE_REFUSED,
        answer->rv, text, spans, sender->now);
}

void st_delivery_answer(const st_answer_t *answer, void *baton)
{
    st_sender_t *sender = baton;
    st_delivery_t *delivery = answer->parcel;
    delivery->outlet->in_flight--;
    sender->in_flight--;
    if (answer->rv != APR_SUCCESS || answer->http_status < 200 ||
        answer->http_status > 299) {
        st_reason_t reason = reason_of(sender, answer);
        if (reason == ST_REASON_RATE_LIMITED) {
            limit_note(sender, answer);
        }
        say_why(sender, delivery, answer, reason);
        delivery_fail(sender, delivery, reason);
        return;
    }
    if (delivery->bucket != NULL) {
        count_delivered(sender, delivery);
        bucket_release(sender, delivery->bucket);
    }
    delivery_put(sender, delivery);
}
