/* SPDX-License-Identifier: Apache-2.0 */
/* Everything together, with threads: requests that record, the ring, the sender, curl, and a
 * server that counts what it gets. */
#include "t.h"
#include "t_http.h"
#include "st_sender.h"
#include "st_record.h"
#include "st_segment.h"

#include <apr_strings.h>

#define RING_BYTES (256 * 1024)
#define PRODUCERS  3
#define RECORDS    400 /* of each producer */
#define SPAN       ST_CATEGORY_SPAN

static void *ring_mem;
static st_ring_t ring;
static st_counters_t counters;
static st_sender_t *sender;
static st_id_source_t ids;
static st_dest_t dest;
static st_dest_table_t table;
static uint64_t
    spans_seen; /* in envelopes that the server got; its thread's until stopped */

static void on_request(const t_http_request_t *request, void *baton)
{
    char *count = memmem(request->body, request->len, "\"item_count\":", 13);
    if (count != NULL) {
        spans_seen += strtoul(count + 13, NULL, 10);
    }
}

static void make_sender(unsigned port, st_ns_t shutdown_timeout)
{
    const char *why = NULL;
    st_dsn_t *dsn;
    const char *text = apr_psprintf(
        t_pool, "http://0123456789abcdef0123456789abcdef@127.0.0.1:%u/1", port);
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    dest = (st_dest_t){.dsn = dsn, .environment = "production", .timeout = 20000000};
    table = (st_dest_table_t){.dests = &dest, .count = 1, .endpoint_count = 1};
    st_sender_options_t options = {.ring = &ring,
                                   .dests = &table,
                                   .counters = &counters,
                                   .flush_interval = 50 * ST_NS_PER_MS,
                                   .linger = 5 * ST_NS_PER_MS,
                                   .shutdown_timeout = shutdown_timeout,
                                   .user_agent = "sentry.httpd/0.1.0"};
    ck_assert_int_eq(st_sender_create(&sender, &options, t_pool), APR_SUCCESS);
}

static void setup(void)
{
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    ring_mem = aligned_alloc(64, RING_BYTES);
    ck_assert_int_eq(st_ring_format(ring_mem, RING_BYTES, 4711), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, ring_mem, RING_BYTES), APR_SUCCESS);
    st_id_source_seed(&ids);
}

static void teardown(void)
{
    free(ring_mem);
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
    st_counters_created(&counters, SPAN, spans);
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&ring, size, &pos);
    if (mem == NULL) {
        st_counters_discarded(&counters, ST_REASON_QUEUE_OVERFLOW, SPAN, spans);
        return;
    }
    st_record_pack(seg, 0, mem, size);
    st_ring_commit(&ring, pos);
    st_sender_wake(sender);
}

/* Producers have a pool with an allocator of their own, as threads of httpd do. */
static void *produce(void *baton)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    apr_allocator_create(&allocator);
    apr_pool_create_unmanaged_ex(&pool, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
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

static void *run(void *baton)
{
    st_sender_thr_run(sender);
    return NULL;
}

/* Lets the producers run against the sender, then stops it. */
static void produce_and_stop(void)
{
    pthread_t producers[PRODUCERS];
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, NULL), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_join(producers[i], NULL), 0);
    }
    st_sender_stop(sender);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    st_sender_destroy(sender);
}

static uint64_t discarded(st_reason_t reason)
{
    return counters.discarded[reason][SPAN];
}

static void expect_law(void)
{
    uint64_t sum = counters.delivered[SPAN];
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += discarded((st_reason_t)reason);
    }
    ck_assert_uint_eq(counters.created[SPAN], (uint64_t)PRODUCERS * RECORDS * 3);
    ck_assert_uint_eq(sum, counters.created[SPAN]);
    ck_assert_uint_eq(st_ring_used(&ring), 0);
}

START_TEST(what_threads_record_arrives_or_is_counted)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    make_sender(http->port, 20 * ST_NS_PER_SEC);
    produce_and_stop();
    t_http_stop(http);
    expect_law();
    ck_assert_uint_gt(counters.delivered[SPAN], 0);
    ck_assert_uint_eq(spans_seen, counters.delivered[SPAN]);
    ck_assert_uint_eq(spans_seen + discarded(ST_REASON_QUEUE_OVERFLOW),
                      counters.created[SPAN]);
}
END_TEST

START_TEST(a_server_that_misbehaves_in_every_way_breaks_no_law)
{
    static int script[PRODUCERS * RECORDS];
    static const int ways[] = {200, 503, 200, T_HTTP_CLOSE, 429, 200, T_HTTP_CUT_HEAD,
                               400};
    for (int i = 0; i < PRODUCERS * RECORDS; i++) {
        script[i] = i < 800 ? ways[i % 8] : 200;
    }
    t_http_t *http = t_http_start(script, PRODUCERS * RECORDS, on_request, NULL);
    make_sender(http->port, 20 * ST_NS_PER_SEC);
    produce_and_stop();
    t_http_stop(http);
    expect_law();
    ck_assert_uint_gt(counters.delivered[SPAN], 0);
    ck_assert_uint_gt(discarded(ST_REASON_SEND_ERROR), 0);
    ck_assert_uint_gt(discarded(ST_REASON_RATE_LIMITED), 0);
    ck_assert_uint_gt(discarded(ST_REASON_NETWORK_ERROR), 0);
}
END_TEST

START_TEST(a_black_hole_ends_with_the_shutdown_timeout)
{
    static const int script[] = {T_HTTP_SILENT};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    make_sender(http->port, 100 * ST_NS_PER_MS);
    st_ns_t start = st_clock_mono();
    produce_and_stop();
    /* The requests themselves would have taken 20 s. */
    ck_assert_int_lt(st_clock_mono() - start, 15 * ST_NS_PER_SEC);
    t_http_stop(http);
    expect_law();
    ck_assert_uint_eq(discarded(ST_REASON_QUEUE_OVERFLOW), counters.created[SPAN]);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_threads_record_arrives_or_is_counted);
    tcase_add_test(tc, a_server_that_misbehaves_in_every_way_breaks_no_law);
    tcase_add_test(tc, a_black_hole_ends_with_the_shutdown_timeout);
}

T_MAIN("sender_curl", add_cases)
