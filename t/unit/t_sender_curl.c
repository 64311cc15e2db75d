/* SPDX-License-Identifier: Apache-2.0 */
/* Everything together, with threads: requests that record, the queue, the sender, curl, and a
 * server that counts what it gets. */
#include "t.h"
#include "t_http.h"
#include "st_record.h"
#include "st_segment.h"
#include "st_sender.h"

#include <apr_strings.h>

#define RING_BYTES (4 * 1024 * 1024)
#define PRODUCERS  3
#define RECORDS    400 /* of each producer */
#define SPAN       ST_CATEGORY_SPAN

static st_queue_t queue;
static st_counters_t *counters;
static st_sender_t *sender;
static apr_pool_t *sender_pool;
static st_id_source_t ids;
static pthread_t producers[PRODUCERS];
static pthread_t thread;
/* In envelopes that the server got; its thread's until it is stopped. */
static uint64_t spans_seen;

static void on_request(const t_http_request_t *request, void *baton)
{
    char *count = memmem(request->body, request->len, "\"item_count\":", 13);
    if (count != NULL) {
        spans_seen += strtoul(count + 13, NULL, 10);
    }
}

static void enter_dest(unsigned port)
{
    const char *why = NULL;
    st_dsn_t *dsn;
    int index = -1;
    const char *text = apr_psprintf(
        t_pool, "http://0123456789abcdef0123456789abcdef@127.0.0.1:%u/1", port);
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    st_dest_t dest = {.dsn = dsn, .environment = "production", .timeout = 20000000};
    st_queue_generation_next(&queue);
    ck_assert_int_eq(st_queue_dest_enter(&queue, &dest, &index), APR_SUCCESS);
    ck_assert_int_eq(index, 0);
}

static void setup(void)
{
    const st_queue_layout_t layout = {
        .endpoints = 1, .dests = 2, .open_slots = 4, .ring_bytes = RING_BYTES};
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    ck_assert_int_eq(st_queue_create(&queue, &layout), APR_SUCCESS);
    counters = &queue.endpoints[0].counters;
    st_id_source_seed(&ids);
}

static void teardown(void)
{
    st_queue_close(&queue);
}

/* What a request does at its end: one segment with two children into the ring, or a discard
 * when it is full. */
static void record_one(apr_pool_t *pool)
{
    st_ns_t now = st_clock_mono();
    st_segment_t *seg =
        st_segment_open(pool, st_id_source_rng(&ids), st_clock_wall(), now, 1000);
    st_segment_span_add(seg, ST_OP_HANDLER, "default-handler", "core.c", now);
    st_segment_span_add(seg, ST_OP_MIDDLEWARE, "DEFLATE", "mod_deflate.c", now);
    st_segment_close(seg, st_clock_mono());
    uint64_t spans = (uint64_t)st_segment_span_total(seg);
    size_t size = st_record_size(seg);
    const st_ring_tag_t tag = {.spans = (uint32_t)spans};
    uint64_t pos;
    void *mem = st_ring_reserve(&queue.ring, size, tag, NULL, &pos);
    st_counters_created(counters, SPAN, spans);
    if (mem == NULL) {
        st_counters_refused(counters, ST_REASON_QUEUE_OVERFLOW, SPAN, spans);
    } else {
        st_record_pack(seg, 0, mem, size);
        st_ring_commit(&queue.ring, pos, NULL);
    }
    st_wakeup_notify(&queue);
}

static apr_pool_t *pool_make(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    apr_allocator_create(&allocator);
    apr_pool_create_unmanaged_ex(&pool, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

/* Producers have a pool with an allocator of their own, as threads of httpd do. */
static void *produce(void *baton)
{
    apr_pool_t *pool = pool_make();
    for (int i = 0; i < RECORDS; i++) {
        record_one(pool);
        apr_pool_clear(pool);
        if (i % 50 == 0) {
            poll(NULL, 0, 2);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void producers_start(void)
{
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, NULL), 0);
    }
}

static void producers_join(void)
{
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_join(producers[i], NULL), 0);
    }
}

static void *run(void *baton)
{
    st_sender_thr_run(sender);
    st_sender_thr_close(sender);
    return NULL;
}

static void sender_start(st_ns_t shutdown_timeout)
{
    st_sender_options_t options = {.queue = &queue,
                                   .flush_interval = 50 * ST_NS_PER_MS,
                                   .linger = 5 * ST_NS_PER_MS,
                                   .shutdown_timeout = shutdown_timeout,
                                   .user_agent = "sentry.httpd/0.1.0"};
    sender_pool = pool_make();
    ck_assert_int_eq(st_sender_create(&sender, &options, sender_pool), APR_SUCCESS);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void sender_join(void)
{
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    apr_pool_destroy(sender_pool);
}

/* Lets the producers run against the sender, then stops it. */
static void produce_and_stop(st_ns_t shutdown_timeout)
{
    sender_start(shutdown_timeout);
    producers_start();
    producers_join();
    st_sender_stop(sender);
    sender_join();
}

static uint64_t discarded(st_reason_t reason)
{
    return st_counters_get_discarded(counters, reason, SPAN);
}

static uint64_t delivered(void)
{
    return st_counters_get_delivered(counters, SPAN);
}

static void expect_law(uint64_t waiting)
{
    st_queue_waiting_t seen;
    uint64_t sum = delivered() + waiting;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += discarded((st_reason_t)reason);
    }
    ck_assert_int_eq(st_queue_waiting(&queue, &seen), APR_SUCCESS);
    ck_assert_uint_eq(seen.quantity[SPAN], waiting);
    ck_assert_uint_eq(counters->created[SPAN], (uint64_t)PRODUCERS * RECORDS * 3);
    ck_assert_uint_eq(sum, counters->created[SPAN]);
}

START_TEST(what_threads_record_arrives)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    enter_dest(http->port);
    produce_and_stop(20 * ST_NS_PER_SEC);
    t_http_stop(http);
    expect_law(0);
    ck_assert_uint_eq(delivered(), counters->created[SPAN]);
    ck_assert_uint_eq(spans_seen, delivered());
    ck_assert_uint_eq(st_ring_used(&queue.ring), 0);
}
END_TEST

START_TEST(outages_cost_nothing_and_refusals_are_counted)
{
    static int script[PRODUCERS * RECORDS];
    for (int i = 0; i < PRODUCERS * RECORDS; i++) {
        script[i] = i % 10 == 7 ? 400 : 200;
    }
    script[5] = 503;
    script[60] = T_HTTP_CLOSE;
    script[120] = T_HTTP_CUT_HEAD;
    t_http_t *http = t_http_start(script, PRODUCERS * RECORDS, on_request, NULL);
    enter_dest(http->port);
    produce_and_stop(60 * ST_NS_PER_SEC);
    t_http_stop(http);
    expect_law(0);
    ck_assert_uint_gt(discarded(ST_REASON_SEND_ERROR), 0);
    ck_assert_uint_eq(delivered() + discarded(ST_REASON_SEND_ERROR),
                      counters->created[SPAN]);
    ck_assert_uint_gt(queue.endpoints[0].repeated, 0);
}
END_TEST

START_TEST(a_black_hole_ends_with_the_shutdown_timeout)
{
    static const int script[] = {T_HTTP_SILENT};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    enter_dest(http->port);
    st_ns_t start = st_clock_mono();
    produce_and_stop(100 * ST_NS_PER_MS);
    /* The requests themselves would have taken 20 s. */
    ck_assert_int_lt(st_clock_mono() - start, 15 * ST_NS_PER_SEC);
    t_http_stop(http);
    expect_law(counters->created[SPAN]);
    ck_assert_int_eq(queue.endpoints[0].in_flight, 0);
}
END_TEST

START_TEST(generations_hand_over_without_a_loss_or_a_repetition)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    enter_dest(http->port);
    sender_start(20 * ST_NS_PER_SEC);
    producers_start();
    for (int i = 0; i < 5; i++) {
        enter_dest(http->port);
        sender_join();
        sender_start(20 * ST_NS_PER_SEC);
    }
    producers_join();
    st_sender_stop(sender);
    sender_join();
    t_http_stop(http);
    expect_law(0);
    ck_assert_uint_eq(delivered(), counters->created[SPAN]);
    ck_assert_uint_eq(spans_seen, delivered());
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_threads_record_arrives);
    tcase_add_test(tc, outages_cost_nothing_and_refusals_are_counted);
    tcase_add_test(tc, a_black_hole_ends_with_the_shutdown_timeout);
    tcase_add_test(tc, generations_hand_over_without_a_loss_or_a_repetition);
}

T_MAIN("sender_curl", add_cases)
