/* SPDX-License-Identifier: Apache-2.0 */
/* Overviews of real queues. */
#include "st_overview.h"

#include "t.h"
#include "t_queue_small.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define KEY_A "0123456789abcdef0123456789abcdef"
#define KEY_B "0123fedcba98765432100123456789ab"
#define DSN_A "https://" KEY_A ":secret@sentry.example/42"
#define DSN_B "https://" KEY_B "@sentry.example/42"
#define NOW   (1000 * ST_NS_PER_SEC)
#define WALL  (1795300000 * ST_NS_PER_SEC)
#define WORDS 8

/* Enters a destination. @return its index */
static int enter(const char *dsn_text, const char *environment, const char *release)
{
    st_dsn_t *dsn;
    const char *why;
    int index = -1;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, dsn_text, t_pool), APR_SUCCESS);
    st_dest_t dest = {.dsn = dsn, .environment = environment, .release = release};
    ck_assert_int_eq(st_queue_dest_enter(&t_queue, &dest, &index), APR_SUCCESS);
    return index;
}

/* Makes the queue anew, for more destinations. */
static void queue_of(int endpoints, int dests)
{
    st_queue_layout_t layout = {.endpoints = endpoints,
                                .dests = dests,
                                .open_slots = 4,
                                .ring_bytes = ST_QUEUE_RING_MIN};
    t_queue_teardown();
    ck_assert_int_eq(st_queue_create(&t_queue, &layout), APR_SUCCESS);
}

static st_overview_t look(void)
{
    st_overview_t overview;
    st_overview_read(&overview, &t_queue, NOW, WALL, t_pool);
    return overview;
}

/* Pushes an entry as requests do. @return its position */
static uint64_t push(int dest, uint32_t spans, uint16_t flags, st_ring_claim_t *claim)
{
    st_ring_tag_t tag = {.dest = (uint16_t)dest, .flags = flags, .spans = spans};
    uint64_t pos = 0;
    void *mem =
        st_ring_reserve(&t_queue.ring, WORDS * sizeof(uint64_t), tag, claim, &pos);
    t_assert(mem != NULL);
    memset(mem, 0, WORDS * sizeof(uint64_t));
    st_counters_t *counters = &t_queue.endpoints[0].counters;
    st_counters_created(counters, ST_CATEGORY_SPAN, spans);
    if (flags & ST_QUEUE_TAG_TRANSACTION) {
        st_counters_created(counters, ST_CATEGORY_TRANSACTION, 1);
    }
    st_ring_commit(&t_queue.ring, pos, claim);
    return pos;
}

static uint64_t sum_of(const st_overview_category_t *category)
{
    return category->delivered + st_overview_discarded(category) + category->waiting;
}

START_TEST(process_without_a_queue_does_not_trace)
{
    st_overview_t overview;
    st_overview_read(&overview, NULL, NOW, WALL, t_pool);
    ck_assert_int_eq(overview.is_traced, 0);
    ck_assert_int_eq(overview.endpoint_count, 0);
    ck_assert(overview.wall == WALL);
}
END_TEST

START_TEST(numbers_of_an_endpoint_add_up)
{
    int dest = enter(DSN_A, "production", NULL);
    st_counters_t *counters = &t_queue.endpoints[0].counters;
    uint64_t first = push(dest, 5, 0, NULL);
    uint64_t second = push(dest, 3, 0, NULL);
    push(dest, 4, 0, NULL);
    st_counters_created(counters, ST_CATEGORY_SPAN, 7);
    st_counters_refused(counters, ST_REASON_SAMPLE_RATE, ST_CATEGORY_SPAN, 7);
    st_ledger_settle(&t_queue, first, 0, ST_OUTCOME_DELIVERED,
                     (uint64_t[ST_CATEGORY_COUNT]){5, 0});
    st_ledger_settle(&t_queue, second, 0, ST_REASON_SEND_ERROR,
                     (uint64_t[ST_CATEGORY_COUNT]){3, 0});
    st_overview_t overview = look();
    ck_assert_int_eq(overview.is_traced, 1);
    ck_assert_int_eq(overview.moving, 0);
    ck_assert_int_eq(overview.endpoint_count, 1);
    const st_overview_endpoint_t *endpoint = &overview.endpoints[0];
    const st_overview_category_t *spans = &endpoint->category[ST_CATEGORY_SPAN];
    ck_assert_uint_eq(spans->created, 19);
    ck_assert_uint_eq(spans->delivered, 5);
    ck_assert_uint_eq(spans->waiting, 4);
    ck_assert_uint_eq(spans->discarded[ST_REASON_SAMPLE_RATE], 7);
    ck_assert_uint_eq(spans->discarded[ST_REASON_SEND_ERROR], 3);
    ck_assert_uint_eq(sum_of(spans), spans->created);
    ck_assert_uint_gt(endpoint->waiting_bytes, WORDS * sizeof(uint64_t) - 1);
    ck_assert_uint_le(endpoint->waiting_bytes, overview.ring_used);
    ck_assert_int_eq(st_overview_is_shown(endpoint, ST_CATEGORY_SPAN), 1);
    ck_assert_int_eq(st_overview_is_shown(endpoint, ST_CATEGORY_TRANSACTION), 0);
}
END_TEST

START_TEST(transactions_count_in_both_categories)
{
    int dest = enter(DSN_A, "production", NULL);
    push(dest, 5, ST_QUEUE_TAG_TRANSACTION, NULL);
    st_overview_t overview = look();
    const st_overview_endpoint_t *endpoint = &overview.endpoints[0];
    ck_assert_uint_eq(endpoint->category[ST_CATEGORY_SPAN].waiting, 5);
    ck_assert_uint_eq(endpoint->category[ST_CATEGORY_TRANSACTION].waiting, 1);
    ck_assert_uint_eq(endpoint->category[ST_CATEGORY_TRANSACTION].created, 1);
    ck_assert_int_eq(st_overview_is_shown(endpoint, ST_CATEGORY_TRANSACTION), 1);
}
END_TEST

START_TEST(users_of_an_endpoint_are_named_once)
{
    queue_of(2, 8);
    enter(DSN_A, "production", "1.0");
    enter(DSN_A, "staging", NULL);
    enter(DSN_B, "production", "1.0");
    enter(DSN_A, "staging", "");
    enter(DSN_A, "production", "2.0");
    st_overview_t overview = look();
    ck_assert_int_eq(overview.endpoint_count, 2);
    const st_overview_endpoint_t *endpoint = &overview.endpoints[0];
    ck_assert_int_eq(endpoint->dest_count, 3);
    ck_assert_str_eq(endpoint->dests[0].environment, "production");
    ck_assert_str_eq(endpoint->dests[0].release, "1.0");
    ck_assert_str_eq(endpoint->dests[1].environment, "staging");
    ck_assert_ptr_null(endpoint->dests[1].release);
    ck_assert_str_eq(endpoint->dests[2].release, "2.0");
    ck_assert_int_eq(overview.endpoints[1].dest_count, 1);
}
END_TEST

START_TEST(names_are_masked_and_differ)
{
    enter(DSN_A, "production", NULL);
    enter(DSN_B, "production", NULL);
    st_overview_t overview = look();
    ck_assert_int_eq(overview.endpoint_count, 2);
    ck_assert_str_eq(overview.endpoints[0].dsn, "https://0123...@sentry.example/42");
    ck_assert_str_eq(overview.endpoints[1].dsn, "https://0123...@sentry.example/42 (2)");
}
END_TEST

START_TEST(texts_are_valid_utf_8)
{
    enter("file:/tmp/a\xff", "x\xc3", NULL);
    enter("file:/tmp/a?", "y\xc3\xa9", NULL);
    st_overview_t overview = look();
    ck_assert_str_eq(overview.endpoints[0].dsn, "file:/tmp/a?");
    ck_assert_str_eq(overview.endpoints[0].dests[0].environment, "x?");
    ck_assert_str_eq(overview.endpoints[1].dsn, "file:/tmp/a? (2)");
    ck_assert_str_eq(overview.endpoints[1].dests[0].environment, "y\xc3\xa9");
}
END_TEST

START_TEST(state_of_an_endpoint_is_seen_from_now)
{
    enter(DSN_A, "production", NULL);
    st_endpoint_t *endpoint = &t_queue.endpoints[0];
    endpoint->limited_until[ST_LIMIT_SPAN] = NOW + 5;
    endpoint->limited_until[ST_LIMIT_REPORT] = NOW - 5;
    endpoint->circuit = ST_CIRCUIT_OPEN;
    endpoint->failures = 3;
    endpoint->retry_at = NOW + 7;
    endpoint->requests = 11;
    endpoint->answers = 9;
    endpoint->repeated = 2;
    endpoint->bytes = 1234;
    endpoint->in_flight = 1;
    st_endpoint_latency_add(endpoint, 3 * ST_NS_PER_MS);
    st_endpoint_latency_add(endpoint, 40 * ST_NS_PER_SEC);
    st_endpoint_error_set(endpoint, "no answer", WALL - 9);
    st_overview_t overview = look();
    const st_overview_endpoint_t *seen = &overview.endpoints[0];
    ck_assert_int_eq(seen->limited[ST_LIMIT_SPAN], 5);
    ck_assert_int_eq(seen->limited[ST_LIMIT_TRANSACTION], 0);
    ck_assert_int_eq(seen->limited[ST_LIMIT_REPORT], 0);
    ck_assert_int_eq(seen->circuit, ST_CIRCUIT_OPEN);
    ck_assert_int_eq(seen->failures, 3);
    ck_assert_int_eq(seen->retry_in, 7);
    ck_assert_uint_eq(seen->requests, 11);
    ck_assert_uint_eq(seen->answers, 9);
    ck_assert_uint_eq(seen->repeated, 2);
    ck_assert_uint_eq(seen->bytes, 1234);
    ck_assert_int_eq(seen->in_flight, 1);
    ck_assert_uint_eq(seen->latency_count, 2);
    ck_assert_uint_eq(seen->latency[1], 1);
    ck_assert_uint_eq(seen->latency[ST_ENDPOINT_LATENCY_BUCKETS - 1], 1);
    ck_assert_int_eq(seen->latency_sum, 40003 * ST_NS_PER_MS);
    ck_assert_int_eq(seen->latency_max, 40 * ST_NS_PER_SEC);
    ck_assert_str_eq(seen->error, "no answer");
    ck_assert_int_eq(seen->error_wall, WALL - 9);
}
END_TEST

START_TEST(closed_circuit_waits_for_nothing)
{
    enter(DSN_A, "production", NULL);
    t_queue.endpoints[0].retry_at = NOW + 7;
    st_overview_t overview = look();
    ck_assert_int_eq(overview.endpoints[0].circuit, ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(overview.endpoints[0].retry_in, 0);
    ck_assert_ptr_null(overview.endpoints[0].error);
}
END_TEST

START_TEST(server_is_described)
{
    enter(DSN_A, "production", NULL);
    st_queue_generation_next(&t_queue);
    st_ledger_shm_t *ledger = st_queue_ledger(&t_queue);
    ledger->holes = 2;
    ledger->hole_bytes = 96;
    st_open_slot_t *slot = st_open_take(&t_queue.open, st_process_self(), 0);
    ck_assert_ptr_nonnull(slot);
    st_overview_t before = look();
    ck_assert_int_eq(before.sender, 0);
    ck_assert_int_eq(st_lease_take(&t_queue, st_process_self(), NOW - 30), APR_SUCCESS);
    st_overview_t overview = look();
    ck_assert_uint_eq(overview.generation, st_queue_generation(&t_queue));
    ck_assert_int_eq(overview.is_file, 0);
    ck_assert_uint_eq(overview.bytes, t_queue.size);
    ck_assert_uint_eq(overview.ring_capacity, st_ring_capacity(&t_queue.ring));
    ck_assert_uint_eq(overview.ring_used, 0);
    ck_assert_uint_eq(overview.holes, 2);
    ck_assert_uint_eq(overview.hole_bytes, 96);
    ck_assert_int_eq(overview.open_used, 1);
    ck_assert_int_eq(overview.open_slots, 4);
    ck_assert_int_eq(overview.sender, getpid());
    ck_assert_int_eq(overview.sender_age, 30);
    ck_assert_uint_eq(overview.sender_changes, before.sender_changes + 1);
}
END_TEST

START_TEST(queue_in_a_file_is_told_from_one_in_memory)
{
    char dir[] = "/tmp/t_overview.XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    st_queue_t file;
    int was_aside = 0;
    const char *why = NULL;
    apr_status_t rv = st_queue_open_file(&file, &t_queue.layout, dir, getuid(), getgid(),
                                         &was_aside, &why, t_pool);
    ck_assert_msg(rv == APR_SUCCESS, "%s", why);
    st_overview_t overview;
    st_overview_read(&overview, &file, NOW, WALL, t_pool);
    st_queue_close(&file);
    ck_assert_int_eq(
        apr_file_remove(apr_pstrcat(t_pool, dir, "/sentry-trace.queue", NULL), t_pool),
        APR_SUCCESS);
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert_int_eq(overview.is_file, 1);
}
END_TEST

START_TEST(push_under_way_means_moving)
{
    int dest = enter(DSN_A, "production", NULL);
    st_open_slot_t *slot = st_open_take(&t_queue.open, st_process_self(), 0);
    uint64_t pos;
    st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = 2};
    void *mem = st_ring_reserve(&t_queue.ring, 64, tag, &slot->claim, &pos);
    ck_assert_ptr_nonnull(mem);
    st_counters_created(&t_queue.endpoints[0].counters, ST_CATEGORY_SPAN, 2);
    ck_assert_int_eq(look().moving, 1);
    memset(mem, 0, 64);
    st_ring_commit(&t_queue.ring, pos, &slot->claim);
    st_overview_t overview = look();
    ck_assert_int_eq(overview.moving, 0);
    ck_assert_uint_eq(overview.endpoints[0].category[ST_CATEGORY_SPAN].waiting, 2);
}
END_TEST

START_TEST(push_of_a_dead_process_does_not_move)
{
    enter(DSN_A, "production", NULL);
    st_open_slot_t *slot =
        st_open_take(&t_queue.open, (st_owner_t)INT32_MAX << 32 | 1, 0);
    ck_assert_ptr_nonnull(slot);
    slot->claim.from = 0;
    slot->claim.to = 64;
    ck_assert_int_eq(look().moving, 0);
}
END_TEST

START_TEST(settlement_under_way_means_moving)
{
    enter(DSN_A, "production", NULL);
    st_ledger_shm_t *ledger = st_queue_ledger(&t_queue);
    ledger->armed = 1;
    ck_assert_int_eq(look().moving, 1);
    ledger->armed = 0;
    ledger->claim.to = 64;
    ck_assert_int_eq(look().moving, 1);
    ledger->claim.to = 0;
    ck_assert_int_eq(look().moving, 0);
}
END_TEST

/* What the threads of the last test share. */
typedef struct traffic_t {
    atomic_int stop;
    atomic_int producers; /* still running */
    int dest;
} traffic_t;

static void *produce(void *baton)
{
    traffic_t *traffic = baton;
    st_open_slot_t *slot = st_open_take(&t_queue.open, st_process_self(), 0);
    while (!traffic->stop) {
        if (st_ring_used(&t_queue.ring) < 2000) {
            push(traffic->dest, 3, 0, &slot->claim);
        }
    }
    st_open_free(slot);
    traffic->producers--;
    return NULL;
}

static void *consume(void *baton)
{
    traffic_t *traffic = baton;
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    st_ring_cursor_init(&t_queue.ring, &cursor);
    uint64_t held = UINT64_MAX; /* one is settled after those behind it */
    apr_status_t rv = APR_SUCCESS;
    while (rv == APR_SUCCESS || traffic->producers > 0) {
        rv = st_ring_next(&t_queue.ring, &cursor, &entry);
        if (rv != APR_SUCCESS) {
            continue;
        }
        if (held == UINT64_MAX) {
            held = entry.pos;
            continue;
        }
        uint64_t quantity[ST_CATEGORY_COUNT] = {3, 0};
        st_ledger_settle(&t_queue, entry.pos, 0, ST_OUTCOME_DELIVERED, quantity);
        st_ledger_settle(&t_queue, held, 0, ST_REASON_SEND_ERROR, quantity);
        held = UINT64_MAX;
    }
    return NULL;
}

START_TEST(law_holds_while_others_push_and_settle)
{
    pthread_t threads[3];
    traffic_t traffic = {.producers = 2, .dest = enter(DSN_A, "production", NULL)};
    ck_assert_int_eq(pthread_create(&threads[0], NULL, produce, &traffic), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, produce, &traffic), 0);
    ck_assert_int_eq(pthread_create(&threads[2], NULL, consume, &traffic), 0);
    uint64_t delivered = 0;
    for (int i = 0; i < 3000 || delivered < 3000; i++) {
        st_overview_t overview = look();
        const st_overview_category_t *spans = overview.endpoints[0].category;
        t_assert(overview.moving || spans->created == sum_of(spans));
        delivered = spans->delivered;
        apr_pool_clear(t_pool);
    }
    traffic.stop = 1;
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    st_overview_t overview = look();
    const st_overview_category_t *spans = overview.endpoints[0].category;
    ck_assert_int_eq(overview.moving, 0);
    ck_assert_uint_ge(spans->delivered, delivered);
    ck_assert_uint_eq(spans->created, sum_of(spans));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, t_queue_setup, t_queue_teardown);
    tcase_add_test(tcase, process_without_a_queue_does_not_trace);
    tcase_add_test(tcase, numbers_of_an_endpoint_add_up);
    tcase_add_test(tcase, transactions_count_in_both_categories);
    tcase_add_test(tcase, users_of_an_endpoint_are_named_once);
    tcase_add_test(tcase, names_are_masked_and_differ);
    tcase_add_test(tcase, texts_are_valid_utf_8);
    tcase_add_test(tcase, state_of_an_endpoint_is_seen_from_now);
    tcase_add_test(tcase, closed_circuit_waits_for_nothing);
    tcase_add_test(tcase, server_is_described);
    tcase_add_test(tcase, queue_in_a_file_is_told_from_one_in_memory);
    tcase_add_test(tcase, push_under_way_means_moving);
    tcase_add_test(tcase, push_of_a_dead_process_does_not_move);
    tcase_add_test(tcase, settlement_under_way_means_moving);
    tcase_add_test(tcase, law_holds_while_others_push_and_settle);
}

T_MAIN("overview", add_cases)
