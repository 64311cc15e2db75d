/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_SEND_H
#define T_SEND_H

/* A sender on a queue of its own over a transport that the test plays, with the time in the
 * test's hand, and a law:
 *
 *   created = delivered + discarded + waiting
 */

#include "../../lib/send/sender_int.h"
#include "st_envelope.h"

#include <apr_strings.h>
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#if !defined(T_SEND_RING)
#define T_SEND_RING (512 * 1024)
#endif
#define T_SEND_LINGER (500 * ST_NS_PER_MS)
#define T_SEND_FLUSH  (5000 * ST_NS_PER_MS)
#define T_SEND_MAX    600
#define T_SEND_WALL   (INT64_C(1795300000) * ST_NS_PER_SEC)

/* Destinations 0, 1 and T_SEND_STATIC are one endpoint, 2 is another; the queue has room for
 * more. */
#define T_SEND_DESTS     4
#define T_SEND_STATIC    3
#define T_SEND_ENDPOINTS 2

static const st_queue_layout_t t_send_layout = {
    .endpoints = 4, .dests = 6, .open_slots = 8, .ring_bytes = T_SEND_RING};

/* One envelope that the sender submitted. */
typedef struct t_sent_t {
    const st_dest_t *dest;
    st_envelope_t *envelope;
    int spans; /* segments included, also of transactions */
    int transactions;
    uint64_t reported; /* sum of the quantities of its client report */
    void *parcel;
    int answered;
    st_ns_t at; /* real */
} t_sent_t;

typedef struct t_world_t {
    st_transport_t transport; /* first: the transport is the world */
    st_queue_t queue;
    st_sender_options_t options;
    st_sender_t *sender;
    st_id_source_t ids;
    apr_pool_t *sender_pool; /* of the sender's thread */
    st_ns_t now;
    st_ns_t next; /* what the last step returned */
    /* The transport. */
    int limit; /* in flight per endpoint */
    int in_flight[4];
    apr_status_t submit_rv;
    const char *limits; /* headers of the next answers */
    const char *retry_after;
    int drive_status;    /* > 0: drive answers everything with it; 0: nothing ever */
    st_ns_t drive_after; /* but not before it is that old */
    int is_busy;         /* 1: as one envelope goes out the next record comes in */
    t_sent_t sent[T_SEND_MAX];
    int sent_count;
    int destroyed;
} t_world_t;

static t_world_t *t_world;

static inline int t_push(int dest, const st_trace_id_t *trace_id, int children);

static inline int t_fake_room(const st_transport_t *transport, const st_dest_t *dest)
{
    const t_world_t *world = (const t_world_t *)transport;
    return world->limit - world->in_flight[dest->endpoint];
}

static inline void t_sent_read(t_sent_t *sent, const char *body, size_t len)
{
    const char *why = "";
    apr_pool_t *pool = t_world->sender_pool;
    char *copy = apr_pmemdup(pool, body, len);
    ck_assert_msg(st_envelope_parse(&sent->envelope, &why, copy, len, pool) ==
                      APR_SUCCESS,
                  "%s", why);
    ck_assert_msg(st_envelope_validate(sent->envelope, &why, pool) == APR_SUCCESS, "%s",
                  why);
    for (int i = 0; i < sent->envelope->item_count; i++) {
        const st_envelope_item_t *item = &sent->envelope->items[i];
        if (strcmp(item->type, "span") == 0) {
            sent->spans += (int)json_array_size(json_object_get(item->json, "items"));
            continue;
        }
        if (strcmp(item->type, "transaction") == 0) {
            sent->spans += 1 + (int)json_array_size(json_object_get(item->json, "spans"));
            sent->transactions++;
            continue;
        }
        json_t *events = json_object_get(item->json, "discarded_events");
        size_t at;
        json_t *event;
        json_array_foreach(events, at, event)
        {
            sent->reported +=
                (uint64_t)json_integer_value(json_object_get(event, "quantity"));
        }
    }
}

static inline apr_status_t t_fake_submit(st_transport_t *transport, const st_dest_t *dest,
                                         const char *body, size_t len, void *parcel)
{
    t_world_t *world = (t_world_t *)transport;
    if (world->submit_rv != APR_SUCCESS) {
        return world->submit_rv;
    }
    ck_assert_int_lt(world->sent_count, T_SEND_MAX);
    ck_assert_int_gt(t_fake_room(transport, dest), 0);
    t_sent_t *sent = &world->sent[world->sent_count++];
    *sent = (t_sent_t){.dest = dest, .parcel = parcel, .at = st_clock_mono()};
    t_sent_read(sent, body, len);
    world->in_flight[dest->endpoint]++;
    if (world->is_busy) {
        t_push(0, NULL, 0);
    }
    return APR_SUCCESS;
}

static inline void t_fake_give(t_world_t *world, int i, apr_status_t rv, int http_status)
{
    t_sent_t *sent = &world->sent[i];
    ck_assert_int_lt(i, world->sent_count);
    ck_assert_int_eq(sent->answered, 0);
    sent->answered = 1;
    world->in_flight[sent->dest->endpoint]--;
    st_answer_t answer = {.parcel = sent->parcel,
                          .rv = rv,
                          .http_status = http_status,
                          .at = world->now,
                          .limits = world->limits,
                          .retry_after = world->retry_after,
                          .detail = rv != APR_SUCCESS ? "played" : ""};
    world->transport.answer(&answer, world->transport.baton);
}

static inline void t_fake_give_all(t_world_t *world, apr_status_t rv, int http_status)
{
    int count = world->sent_count;
    st_ns_t until = st_clock_mono() - (rv == APR_SUCCESS ? world->drive_after : 0);
    for (int i = 0; i < count; i++) {
        if (!world->sent[i].answered && world->sent[i].at <= until) {
            t_fake_give(world, i, rv, http_status);
        }
    }
}

static inline apr_status_t t_fake_drive(st_transport_t *transport, int wake_fd,
                                        st_ns_t timeout, int *pwoken)
{
    t_world_t *world = (t_world_t *)transport;
    struct pollfd pfd = {.fd = wake_fd, .events = POLLIN};
    int is_idle = world->drive_status == 0;
    int ms = is_idle ? (int)(timeout / ST_NS_PER_MS) + 1 : world->drive_after > 0;
    *pwoken = poll(&pfd, 1, ms) > 0;
    if (world->drive_status > 0) {
        t_fake_give_all(world, APR_SUCCESS, world->drive_status);
    }
    return APR_SUCCESS;
}

static inline void t_fake_abort(st_transport_t *transport)
{
    t_fake_give_all((t_world_t *)transport, APR_EINTR, 0);
}

static inline void t_fake_destroy(st_transport_t *transport)
{
    ((t_world_t *)transport)->destroyed = 1;
}

static const st_transport_ops_t t_fake_ops = {
    .room = t_fake_room,
    .submit = t_fake_submit,
    .drive = t_fake_drive,
    .abort = t_fake_abort,
    .destroy = t_fake_destroy,
};

/* Enters a destination into the queue. @return its index */
static inline int t_world_dest_of(const char *dsn_text, const char *environment,
                                  st_lifecycle_t lifecycle)
{
    st_dsn_t *dsn;
    const char *why = "";
    int index = -1;
    ck_assert_msg(st_dsn_parse(&dsn, &why, dsn_text, t_pool) == APR_SUCCESS, "%s", why);
    st_dest_t dest = {.dsn = dsn, .environment = environment, .lifecycle = lifecycle};
    ck_assert_int_eq(st_queue_dest_enter(&t_world->queue, &dest, &index), APR_SUCCESS);
    return index;
}

static inline int t_world_dest(const char *dsn_text, const char *environment)
{
    return t_world_dest_of(dsn_text, environment, ST_LIFECYCLE_STREAM);
}

#define T_SEND_DSN_ONE "http://0123456789abcdef0123456789abcdef@one.example/1"
#define T_SEND_DSN_TWO "http://fedcba9876543210fedcba9876543210@two.example/2"

/* Makes a sender, with envelopes of at most body_max bytes, and lets it begin. */
static inline void t_world_sender(size_t body_max)
{
    ck_assert_int_eq(st_sender_create_over(&t_world->sender, &t_world->options,
                                           &t_world->transport, body_max,
                                           t_world->sender_pool),
                     APR_SUCCESS);
    st_sender_thr_begin(t_world->sender);
}

/* The sender goes as if its process was killed: nothing in flight is ever answered. */
static inline void t_world_sender_kill(void)
{
    for (int i = 0; i < t_world->sent_count; i++) {
        if (!t_world->sent[i].answered) {
            st_delivery_t *delivery = t_world->sent[i].parcel;
            st_buf_free(&delivery->body);
            t_world->sent[i].answered = 1;
        }
    }
    memset(t_world->in_flight, 0, sizeof(t_world->in_flight));
    st_sender_thr_close(t_world->sender);
    t_world->destroyed = 0;
}

/* Fixture: makes t_world. */
static inline void t_world_setup(void)
{
    t_world = calloc(1, sizeof(*t_world));
    t_world->transport.ops = &t_fake_ops;
    t_world->limit = 8;
    t_world->now = 1000 * ST_NS_PER_SEC;
    ck_assert_int_eq(st_queue_create(&t_world->queue, &t_send_layout), APR_SUCCESS);
    st_queue_generation_next(&t_world->queue);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "production"), 0);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "staging"), 1);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_TWO, "production"), 2);
    ck_assert_int_eq(t_world_dest_of(T_SEND_DSN_ONE, "production", ST_LIFECYCLE_STATIC),
                     T_SEND_STATIC);
    t_world->options = (st_sender_options_t){.queue = &t_world->queue,
                                             .flush_interval = T_SEND_FLUSH,
                                             .linger = T_SEND_LINGER,
                                             .shutdown_timeout = 300 * ST_NS_PER_MS,
                                             .user_agent = "sentry.httpd/0.1.0"};
    st_id_source_seed(&t_world->ids);
    apr_allocator_t *allocator;
    ck_assert_int_eq(apr_allocator_create(&allocator), APR_SUCCESS);
    ck_assert_int_eq(apr_pool_create_unmanaged_ex(&t_world->sender_pool, NULL, allocator),
                     APR_SUCCESS);
    apr_allocator_owner_set(allocator, t_world->sender_pool);
    t_world_sender(ST_SENDER_BODY_MAX);
}

static inline st_endpoint_t *t_endpoint(int endpoint)
{
    return &t_world->queue.endpoints[endpoint];
}

static inline int t_endpoint_of(int dest)
{
    return dest == 2 ? 1 : 0;
}

static inline st_ns_t t_world_wall(void)
{
    return T_SEND_WALL + t_world->now;
}

/* A closed segment with `children` that ends right now. */
static inline st_segment_t *t_segment(const st_trace_id_t *trace_id, int children)
{
    st_ns_t length = 10 * ST_NS_PER_MS;
    st_segment_t *seg =
        st_segment_open(t_pool, st_id_source_rng(&t_world->ids), t_world_wall() - length,
                        t_world->now - length, 1000);
    if (trace_id != NULL) {
        seg->trace_id = *trace_id;
    }
    for (int i = 0; i < children; i++) {
        st_frame_t frame;
        int span = st_segment_span_add(seg, ST_OP_HANDLER, "default-handler", "core.c",
                                       t_world->now - length);
        st_frame_enter(seg, &frame, span, t_world->now - length);
        st_frame_leave(seg, &frame, t_world->now);
    }
    st_segment_close(seg, t_world->now);
    return seg;
}

static inline void t_created(int endpoint, uint64_t quantity)
{
    st_counters_created(&t_endpoint(endpoint)->counters, ST_CATEGORY_SPAN, quantity);
}

/* Packs a closed segment into the ring, as a producer does. @return 0: full */
static inline int t_push_segment(int dest, const st_segment_t *seg)
{
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    const st_ring_tag_t tag = {.dest = (uint16_t)dest,
                               .flags =
                                   dest == T_SEND_STATIC ? ST_QUEUE_TAG_TRANSACTION : 0,
                               .spans = (uint32_t)seg->span_count + 1};
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, size, tag, NULL, &pos);
    if (mem == NULL) {
        return 0;
    }
    st_record_pack(seg, (uint16_t)dest, mem, size);
    st_queue_tag_count(tag, quantity);
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        st_counters_created(&t_endpoint(t_endpoint_of(dest))->counters, (st_category_t)i,
                            quantity[i]);
    }
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    return 1;
}

/* A segment with `children` that ends right now, packed into the ring. @return 0: full */
static inline int t_push(int dest, const st_trace_id_t *trace_id, int children)
{
    return t_push_segment(dest, t_segment(trace_id, children));
}

/* Spans that requests discarded before they became records. */
static inline void t_unsampled(int endpoint, uint64_t quantity)
{
    t_created(endpoint, quantity);
    st_counters_refused(&t_endpoint(endpoint)->counters, ST_REASON_SAMPLE_RATE,
                        ST_CATEGORY_SPAN, quantity);
}

static inline void t_step(void)
{
    t_world->next = st_sender_thr_step(t_world->sender, t_world->now, t_world_wall());
}

/* Lets time pass, then does one round. */
static inline void t_step_after(st_ns_t time)
{
    t_world->now += time;
    t_step();
}

static inline void t_answer(int i, int http_status)
{
    t_fake_give(t_world, i, APR_SUCCESS, http_status);
}

static inline void t_answer_none(int i)
{
    t_fake_give(t_world, i, ST_E_NETWORK, 0);
}

/* Index of the destination that envelope i went to. */
static inline int t_sent_dest(int i)
{
    return (int)(t_world->sent[i].dest - t_world->sender->dests.dests);
}

/* 1 when client reports are pending for the endpoint. */
static inline int t_reports_pending(int endpoint)
{
    return st_counters_report_read(&t_endpoint(endpoint)->counters, NULL);
}

/* Goes on to the moment when an endpoint that did not answer is asked again. */
static inline void t_step_at_retry(int endpoint)
{
    st_ns_t retry_at = t_endpoint(endpoint)->retry_at;
    t_step_after(retry_at > t_world->now ? retry_at - t_world->now : 0);
}

static inline uint64_t t_delivered(int endpoint)
{
    return st_counters_get_delivered(&t_endpoint(endpoint)->counters, ST_CATEGORY_SPAN);
}

static inline uint64_t t_discarded(int endpoint, st_reason_t reason)
{
    return st_counters_get_discarded(&t_endpoint(endpoint)->counters, reason,
                                     ST_CATEGORY_SPAN);
}

/* What is in the ring, counted from outside. */
static inline uint64_t t_waiting_of(int endpoint, st_category_t category)
{
    st_queue_waiting_t waiting[4];
    ck_assert_int_eq(st_queue_waiting(&t_world->queue, waiting), APR_SUCCESS);
    return waiting[endpoint].quantity[category];
}

static inline uint64_t t_waiting(int endpoint)
{
    return t_waiting_of(endpoint, ST_CATEGORY_SPAN);
}

/* Asserts the law of one endpoint and category. */
static inline void t_expect_law_of(int endpoint, st_category_t category, uint64_t waiting)
{
    const st_counters_t *counters = &t_endpoint(endpoint)->counters;
    uint64_t sum = st_counters_get_delivered(counters, category) + waiting;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += st_counters_get_discarded(counters, (st_reason_t)reason, category);
    }
    ck_assert_uint_eq(t_waiting_of(endpoint, category), waiting);
    ck_assert_uint_eq(st_counters_get_created(counters, category), sum);
}

/* Asserts the law of one endpoint's spans. */
static inline void t_expect_law(int endpoint, uint64_t waiting)
{
    t_expect_law_of(endpoint, ST_CATEGORY_SPAN, waiting);
}

/* Asserts the law of one endpoint, whatever waits. */
static inline void t_expect_law_now(int endpoint)
{
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        st_category_t category = (st_category_t)i;
        t_expect_law_of(endpoint, category, t_waiting_of(endpoint, category));
    }
}

/* Asserts that nothing waits anywhere, and the ring is free. */
static inline void t_expect_all_over(void)
{
    for (int endpoint = 0; endpoint < T_SEND_ENDPOINTS; endpoint++) {
        t_expect_law(endpoint, 0);
        t_expect_law_of(endpoint, ST_CATEGORY_TRANSACTION, 0);
        ck_assert_int_eq(t_endpoint(endpoint)->in_flight, 0);
    }
    ck_assert_uint_eq(st_ring_used(&t_world->queue.ring), 0);
    ck_assert_int_eq(t_world->sender->in_flight, 0);
    ck_assert_uint_eq(t_world->sender->bytes_in_flight, 0);
    ck_assert_uint_eq(t_world->sender->backlog.bytes, 0);
}

/* Fixture: ends t_world, and asserts that whatever the test left waiting is still there. */
static inline void t_world_teardown(void)
{
    st_sender_thr_end(t_world->sender);
    for (int endpoint = 0; endpoint < T_SEND_ENDPOINTS; endpoint++) {
        t_expect_law_now(endpoint);
    }
    ck_assert_int_eq(t_world->sender->in_flight, 0);
    ck_assert_int_eq(t_world->destroyed, 0);
    st_sender_thr_close(t_world->sender);
    ck_assert_int_eq(t_world->destroyed, 1);
    apr_pool_destroy(t_world->sender_pool);
    st_queue_close(&t_world->queue);
    free(t_world);
}

#endif /* T_SEND_H */
