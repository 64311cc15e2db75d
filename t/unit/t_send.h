/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_SEND_H
#define T_SEND_H

/* A sender over a transport that the test plays, with the time in the test's hand, and a law:
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

#define T_SEND_RING   (1024 * 1024)
#define T_SEND_LINGER (500 * ST_NS_PER_MS)
#define T_SEND_FLUSH  (5000 * ST_NS_PER_MS)
#define T_SEND_MAX    600
#define T_SEND_WALL   (INT64_C(1795300000) * ST_NS_PER_SEC)

/* Destinations 0, 1 and T_SEND_STATIC are one endpoint, 2 is another. */
#define T_SEND_DESTS     4
#define T_SEND_STATIC    3
#define T_SEND_ENDPOINTS 2

/* One envelope that the sender submitted. */
typedef struct t_sent_t {
    const st_dest_t *dest;
    st_envelope_t *envelope;
    int spans; /* segments included, also of transactions */
    int transactions;
    uint64_t reported; /* sum of the quantities of its client report */
    void *parcel;
    int answered;
} t_sent_t;

typedef struct t_world_t {
    st_transport_t transport; /* first: the transport is the world */
    void *ring_mem;
    st_ring_t ring;
    st_dest_t dests[T_SEND_DESTS];
    st_dest_table_t table;
    st_counters_t counters[T_SEND_ENDPOINTS];
    st_sender_options_t options;
    st_sender_t *sender;
    st_id_source_t ids;
    apr_pool_t *sender_pool; /* of the sender's thread */
    st_ns_t now;
    st_ns_t next; /* what the last step returned */
    /* The transport. */
    int limit; /* in flight per endpoint */
    int in_flight[T_SEND_ENDPOINTS];
    apr_status_t submit_rv;
    int retry_after_sec; /* what the next answers ask for */
    int drive_status;    /* > 0: drive answers everything with it; 0: nothing ever */
    t_sent_t sent[T_SEND_MAX];
    int sent_count;
    int destroyed;
} t_world_t;

static t_world_t *t_world;

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
    *sent = (t_sent_t){.dest = dest, .parcel = parcel};
    t_sent_read(sent, body, len);
    world->in_flight[dest->endpoint]++;
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
                          .retry_after_sec = world->retry_after_sec,
                          .detail = rv != APR_SUCCESS ? "played" : ""};
    world->transport.answer(&answer, world->transport.baton);
}

static inline void t_fake_give_all(t_world_t *world, apr_status_t rv, int http_status)
{
    int count = world->sent_count;
    for (int i = 0; i < count; i++) {
        if (!world->sent[i].answered) {
            t_fake_give(world, i, rv, http_status);
        }
    }
}

static inline apr_status_t t_fake_drive(st_transport_t *transport, int wake_fd,
                                        st_ns_t timeout, int *pwoken)
{
    t_world_t *world = (t_world_t *)transport;
    struct pollfd pfd = {.fd = wake_fd, .events = POLLIN};
    int ms = world->drive_status > 0 ? 0 : (int)(timeout / ST_NS_PER_MS) + 1;
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

static inline const st_dsn_t *t_world_dsn(const char *text)
{
    st_dsn_t *dsn;
    const char *why = "";
    ck_assert_msg(st_dsn_parse(&dsn, &why, text, t_pool) == APR_SUCCESS, "%s", why);
    return dsn;
}

/* Makes the sender anew, with envelopes of at most body_max bytes. */
static inline void t_world_sender(size_t body_max)
{
    ck_assert_int_eq(st_sender_create_over(&t_world->sender, &t_world->options,
                                           &t_world->transport, body_max,
                                           t_world->sender_pool),
                     APR_SUCCESS);
}

/* Fixture: makes t_world. */
static inline void t_world_setup(void)
{
    t_world = calloc(1, sizeof(*t_world));
    t_world->transport.ops = &t_fake_ops;
    t_world->limit = 8;
    t_world->now = 1000 * ST_NS_PER_SEC;
    t_world->ring_mem = aligned_alloc(64, T_SEND_RING);
    ck_assert_int_eq(st_ring_format(t_world->ring_mem, T_SEND_RING, 77), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&t_world->ring, t_world->ring_mem, T_SEND_RING),
                     APR_SUCCESS);
    const st_dsn_t *one = t_world_dsn("http://"
                                      "0123456789abcdef0123456789abcdef"
                                      "@one.example/1");
    const st_dsn_t *two = t_world_dsn("http://"
                                      "fedcba9876543210fedcba9876543210"
                                      "@two.example/2");
    t_world->dests[0] =
        (st_dest_t){.dsn = one, .endpoint = 0, .environment = "production"};
    t_world->dests[1] = (st_dest_t){.dsn = one, .endpoint = 0, .environment = "staging"};
    t_world->dests[2] =
        (st_dest_t){.dsn = two, .endpoint = 1, .environment = "production"};
    t_world->dests[T_SEND_STATIC] = (st_dest_t){.dsn = one,
                                                .endpoint = 0,
                                                .environment = "production",
                                                .lifecycle = ST_LIFECYCLE_STATIC};
    t_world->table = (st_dest_table_t){.dests = t_world->dests,
                                       .count = T_SEND_DESTS,
                                       .endpoint_count = T_SEND_ENDPOINTS};
    t_world->options = (st_sender_options_t){.ring = &t_world->ring,
                                             .dests = &t_world->table,
                                             .counters = t_world->counters,
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

static inline st_ns_t t_world_wall(void)
{
    return T_SEND_WALL + t_world->now;
}

/* Packs a closed segment into the ring. @return 0: full */
static inline int t_push_segment(int dest, const st_segment_t *seg)
{
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->ring, size, &pos);
    if (mem == NULL) {
        return 0;
    }
    st_record_pack(seg, (uint16_t)dest, mem, size);
    st_ring_commit(&t_world->ring, pos);
    const st_dest_t *to = &t_world->dests[dest < T_SEND_DESTS ? dest : 0];
    st_counters_t *counters = &t_world->counters[to->endpoint];
    st_counters_created(counters, ST_CATEGORY_SPAN, (uint64_t)seg->span_count + 1);
    if (to->lifecycle == ST_LIFECYCLE_STATIC) {
        st_counters_created(counters, ST_CATEGORY_TRANSACTION, 1);
    }
    return 1;
}

/* A segment with `children` that ends right now, packed into the ring. @return 0: full */
static inline int t_push(int dest, const st_trace_id_t *trace_id, int children)
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
    return t_push_segment(dest, seg);
}

/* Spans that requests discarded before they became records. */
static inline void t_unsampled(int endpoint, uint64_t quantity)
{
    st_counters_created(&t_world->counters[endpoint], ST_CATEGORY_SPAN, quantity);
    st_counters_discarded(&t_world->counters[endpoint], ST_REASON_SAMPLE_RATE,
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

static inline uint64_t t_delivered(int endpoint)
{
    return t_world->counters[endpoint].delivered[ST_CATEGORY_SPAN];
}

static inline uint64_t t_discarded(int endpoint, st_reason_t reason)
{
    return t_world->counters[endpoint].discarded[reason][ST_CATEGORY_SPAN];
}

/* Asserts the law of one endpoint and category. */
static inline void t_expect_law_of(int endpoint, st_category_t category, uint64_t waiting)
{
    const st_counters_t *counters = &t_world->counters[endpoint];
    uint64_t sum = counters->delivered[category] + waiting;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += counters->discarded[reason][category];
    }
    ck_assert_uint_eq(counters->created[category], sum);
}

/* Asserts the law of one endpoint's spans. */
static inline void t_expect_law(int endpoint, uint64_t waiting)
{
    t_expect_law_of(endpoint, ST_CATEGORY_SPAN, waiting);
}

/* Asserts that nothing waits anywhere, and the ring is free. */
static inline void t_expect_all_over(void)
{
    for (int endpoint = 0; endpoint < T_SEND_ENDPOINTS; endpoint++) {
        t_expect_law(endpoint, 0);
        t_expect_law_of(endpoint, ST_CATEGORY_TRANSACTION, 0);
    }
    ck_assert_uint_eq(st_ring_used(&t_world->ring), 0);
    ck_assert_int_eq(t_world->sender->in_flight, 0);
}

/* Fixture: ends t_world, and asserts that whatever the test left waiting gets counted. */
static inline void t_world_teardown(void)
{
    st_sender_thr_give_up(t_world->sender);
    t_expect_all_over();
    st_sender_destroy(t_world->sender);
    ck_assert_int_eq(t_world->destroyed, 1);
    apr_pool_destroy(t_world->sender_pool);
    free(t_world->ring_mem);
    free(t_world);
}

#endif /* T_SEND_H */
