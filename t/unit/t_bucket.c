/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets with records that are headers only: buckets look at nothing else. */
#include "t.h"
#include "st_bucket.h"
#include "st_queue.h"

#include <string.h>

#define MS     ST_NS_PER_MS
#define LINGER (500 * MS)
#define FLUSH  (5000 * MS)

static const st_bucket_limits_t limits = {
    .linger = LINGER, .flush_interval = FLUSH, .spans_max = 10, .bytes_max = 100000};

static st_bucket_set_t *make_set(int lanes)
{
    return st_bucket_set_create(&limits, lanes, 16, 42, t_pool);
}

static st_record_t make_record(int dest, unsigned trace, int spans)
{
    st_record_t record = {
        .head = {.dest = (uint16_t)dest, .span_count = spans},
        .len = 100,
    };
    memcpy(record.head.trace_id.bytes, &trace, sizeof(trace));
    return record;
}

static void add_record(st_bucket_set_t *set, int lane, const st_record_t *record,
                       uint64_t pos, st_ns_t ended, st_ns_t now)
{
    const st_ring_entry_t entry = {.len = record->len, .pos = pos};
    const st_bucket_record_t *copy = st_bucket_add(set, lane, &entry, record, ended, now);
    ck_assert_uint_eq(copy->pos, pos);
    ck_assert_int_eq(copy->bucket->lane, lane);
}

/* Adds a record whose segment ends right now; its position is its number. */
static void add(st_bucket_set_t *set, int lane, int dest, unsigned trace, uint64_t pos,
                st_ns_t now)
{
    st_record_t record = make_record(dest, trace, 1);
    add_record(set, lane, &record, pos, now, now);
}

/* Takes a bucket that must be there and hold `count` records from position `pos` on. */
static void expect_take(st_bucket_set_t *set, int lane, st_ns_t now, int all,
                        uint64_t pos, int count)
{
    st_bucket_t *bucket = st_bucket_take(set, lane, now, all);
    ck_assert_ptr_nonnull(bucket);
    ck_assert_int_eq(bucket->record_count, count);
    ck_assert_uint_eq(bucket->records->pos, pos);
    int linked = 0;
    for (const st_bucket_record_t *r = bucket->records; r != NULL; r = r->next) {
        linked++;
        ck_assert_mem_eq(&r->record.head.trace_id, &bucket->trace_id,
                         sizeof(bucket->trace_id));
        ck_assert_int_eq(r->record.head.dest, bucket->dest);
    }
    ck_assert_int_eq(linked, count);
    st_bucket_free(set, bucket);
}

static void expect_none(st_bucket_set_t *set, int lane, st_ns_t now)
{
    ck_assert_ptr_null(st_bucket_take(set, lane, now, 0));
}

START_TEST(records_of_one_trace_and_destination_share_a_bucket)
{
    st_bucket_set_t *set = make_set(1);
    add(set, 0, 0, 7, 1, 0);
    add(set, 0, 0, 8, 2, 0);
    add(set, 0, 1, 7, 3, 0);
    add(set, 0, 0, 7, 4, 0);
    expect_take(set, 0, 0, 1, 1, 2);
    expect_take(set, 0, 0, 1, 2, 1);
    expect_take(set, 0, 0, 1, 3, 1);
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 1);
}
END_TEST

/* Adds a record of trace 7 that leaves as a transaction. */
static void add_transaction(st_bucket_set_t *set, uint64_t pos, st_ns_t ended,
                            st_ns_t now)
{
    st_record_t record = make_record(0, 7, 1);
    const st_ring_entry_t entry = {
        .len = record.len, .pos = pos, .tag = {.flags = ST_QUEUE_TAG_TRANSACTION}};
    st_bucket_add(set, 0, &entry, &record, ended, now);
}

START_TEST(a_transaction_lingers_and_shares_with_nobody)
{
    st_bucket_set_t *set = make_set(1);
    add(set, 0, 0, 7, 1, 1000 * MS);
    add_transaction(set, 2, 900 * MS, 1000 * MS);
    add_transaction(set, 3, 1100 * MS, 1100 * MS);
    add(set, 0, 0, 7, 4, 1200 * MS);
    expect_none(set, 0, 1000 * MS + LINGER - 1);
    expect_take(set, 0, 1000 * MS + LINGER, 0, 2, 1);
    expect_none(set, 0, 1100 * MS + LINGER - 1);
    expect_take(set, 0, 1100 * MS + LINGER, 0, 3, 1);
    expect_take(set, 0, 1200 * MS + LINGER, 0, 1, 2);
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 1);
}
END_TEST

START_TEST(a_bucket_is_due_a_linger_after_its_newest_segment)
{
    st_bucket_set_t *set = make_set(1);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), ST_BUCKET_NEVER);
    add(set, 0, 0, 1, 1, 1000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 1000 * MS + LINGER);
    add(set, 0, 0, 1, 2, 1400 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 1400 * MS + LINGER);
    expect_none(set, 0, 1400 * MS + LINGER - 1);
    expect_take(set, 0, 1400 * MS + LINGER, 0, 1, 2);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), ST_BUCKET_NEVER);
}
END_TEST

START_TEST(the_linger_counts_from_the_end_of_the_segment_not_from_its_arrival)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 1);
    add_record(set, 0, &record, 1, 700 * MS, 1000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 700 * MS + LINGER);
}
END_TEST

START_TEST(an_end_in_the_future_counts_as_now)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 1);
    add_record(set, 0, &record, 1, 99000 * MS, 1000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 1000 * MS + LINGER);
}
END_TEST

START_TEST(a_bucket_that_never_rests_is_due_a_flush_interval_after_its_first_record)
{
    st_bucket_set_t *set = make_set(1);
    add(set, 0, 0, 1, 1, 0);
    add(set, 0, 0, 1, 2, 3000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 3000 * MS + LINGER);
    add(set, 0, 0, 1, 3, 4950 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), FLUSH);
    expect_none(set, 0, FLUSH - 1);
    expect_take(set, 0, FLUSH, 0, 1, 3);
}
END_TEST

START_TEST(due_buckets_come_out_in_the_order_of_their_newest_segments)
{
    st_bucket_set_t *set = make_set(1);
    add(set, 0, 0, 1, 1, 0);
    add(set, 0, 0, 2, 2, 10 * MS);
    add(set, 0, 0, 1, 3, 20 * MS);
    expect_none(set, 0, 9 * MS + LINGER);
    expect_take(set, 0, 10 * MS + LINGER, 0, 2, 1);
    expect_none(set, 0, 19 * MS + LINGER);
    expect_take(set, 0, 20 * MS + LINGER, 0, 1, 2);
}
END_TEST

START_TEST(ends_out_of_order_keep_the_buckets_sorted)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t first = make_record(0, 1, 1);
    st_record_t second = make_record(0, 2, 1);
    add_record(set, 0, &first, 1, 90 * MS, 100 * MS);
    add_record(set, 0, &second, 2, 80 * MS, 100 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 90 * MS + LINGER);
    expect_take(set, 0, 90 * MS + LINGER, 0, 1, 1);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 90 * MS + LINGER);
    expect_take(set, 0, 90 * MS + LINGER, 0, 2, 1);
}
END_TEST

START_TEST(everything_is_due_when_all_is_asked_for_oldest_first)
{
    st_bucket_set_t *set = make_set(1);
    for (unsigned trace = 0; trace < 200; trace++) {
        add(set, 0, 0, trace, trace, trace);
    }
    for (unsigned trace = 0; trace < 200; trace++) {
        expect_take(set, 0, 200, 1, trace, 1);
    }
    ck_assert_ptr_null(st_bucket_take(set, 0, 200, 1));
}
END_TEST

START_TEST(too_many_spans_close_the_bucket_and_open_the_next)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 4);
    for (uint64_t pos = 0; pos < 5; pos++) {
        add_record(set, 0, &record, pos, 0, 0);
    }
    ck_assert_int_le(st_bucket_due(set, 0, 0), 0);
    expect_take(set, 0, 0, 0, 0, 2);
    expect_take(set, 0, 0, 0, 2, 2);
    expect_none(set, 0, 0);
    expect_take(set, 0, LINGER, 0, 4, 1);
}
END_TEST

START_TEST(a_bucket_may_hold_exactly_the_most_spans)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 5);
    add_record(set, 0, &record, 1, 0, 0);
    add_record(set, 0, &record, 2, 0, 0);
    expect_none(set, 0, 0);
    expect_take(set, 0, LINGER, 0, 1, 2);
}
END_TEST

START_TEST(too_many_bytes_close_the_bucket_and_open_the_next)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 1);
    record.len = 60000;
    add_record(set, 0, &record, 1, 0, 0);
    add_record(set, 0, &record, 2, 0, 0);
    expect_take(set, 0, 0, 0, 1, 1);
    expect_none(set, 0, 0);
    expect_take(set, 0, LINGER, 0, 2, 1);
}
END_TEST

START_TEST(a_record_above_the_limits_has_a_bucket_of_its_own)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 11);
    record.len = 200000;
    add_record(set, 0, &record, 1, 0, 0);
    add_record(set, 0, &record, 2, 0, 0);
    expect_take(set, 0, 0, 0, 1, 1);
    expect_take(set, 0, LINGER, 0, 2, 1);
}
END_TEST

START_TEST(a_taken_bucket_gets_no_more_records)
{
    st_bucket_set_t *set = make_set(1);
    add(set, 0, 0, 1, 1, 0);
    st_bucket_t *bucket = st_bucket_take(set, 0, LINGER, 0);
    ck_assert_ptr_nonnull(bucket);
    add(set, 0, 0, 1, 2, LINGER);
    ck_assert_int_eq(bucket->record_count, 1);
    ck_assert_ptr_null(bucket->records->next);
    st_bucket_free(set, bucket);
    expect_take(set, 0, 2 * LINGER, 0, 2, 1);
}
END_TEST

START_TEST(lanes_are_independent)
{
    st_bucket_set_t *set = make_set(3);
    add(set, 0, 0, 1, 1, 0);
    add(set, 2, 5, 1, 2, 100 * MS);
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 0);
    ck_assert_int_eq(st_bucket_is_empty(set, 1), 1);
    ck_assert_int_eq(st_bucket_due(set, 1, 0), ST_BUCKET_NEVER);
    ck_assert_int_eq(st_bucket_due(set, 2, 0), 100 * MS + LINGER);
    ck_assert_ptr_null(st_bucket_take(set, 1, LINGER, 1));
    expect_take(set, 2, 100 * MS + LINGER, 0, 2, 1);
    expect_take(set, 0, LINGER, 0, 1, 1);
}
END_TEST

START_TEST(records_with_other_flags_have_another_bucket)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t record = make_record(0, 1, 1);
    st_ring_entry_t entry = {.len = record.len, .pos = 1, .tag = {.flags = 1}};
    st_bucket_add(set, 0, &entry, &record, 0, 0);
    add(set, 0, 0, 1, 2, 0);
    st_bucket_t *bucket = st_bucket_take(set, 0, 0, 1);
    ck_assert_int_eq(bucket->flags, 1);
    ck_assert_int_eq(bucket->record_count, 1);
    st_bucket_free(set, bucket);
    expect_take(set, 0, 0, 1, 2, 1);
}
END_TEST

/* Adds a bucket, takes it, and puts it back as failed, due at `not_before`. */
static void add_failed(st_bucket_set_t *set, unsigned trace, st_ns_t not_before,
                       st_ns_t now)
{
    add(set, 0, 0, trace, trace, now);
    st_bucket_t *bucket = st_bucket_take(set, 0, now, 1);
    ck_assert_ptr_nonnull(bucket);
    bucket->not_before = not_before;
    st_bucket_put_failed(set, bucket);
}

static void expect_failed(st_bucket_set_t *set, st_ns_t now, uint64_t pos)
{
    st_bucket_t *bucket = st_bucket_take_failed(set, 0, now);
    ck_assert_ptr_nonnull(bucket);
    ck_assert_uint_eq(bucket->records->pos, pos);
    ck_assert_int_eq(bucket->place, ST_BUCKET_TAKEN);
    st_bucket_free(set, bucket);
}

START_TEST(failed_buckets_come_when_they_are_due)
{
    st_bucket_set_t *set = make_set(1);
    add_failed(set, 1, 300, 10);
    add_failed(set, 2, 100, 20);
    add_failed(set, 3, 200, 30);
    add_failed(set, 4, 100, 40);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), 100);
    ck_assert_ptr_null(st_bucket_take_failed(set, 0, 99));
    expect_failed(set, 100, 2);
    expect_failed(set, 100, 4);
    ck_assert_ptr_null(st_bucket_take_failed(set, 0, 199));
    expect_failed(set, 200, 3);
    expect_failed(set, 1000, 1);
    ck_assert_ptr_null(st_bucket_take_failed(set, 0, 1000));
}
END_TEST

START_TEST(failed_buckets_can_be_hurried)
{
    st_bucket_set_t *set = make_set(1);
    add_failed(set, 1, 300, 10);
    add_failed(set, 2, 100, 20);
    st_bucket_hurry(set, 0);
    expect_failed(set, 0, 2);
    expect_failed(set, 0, 1);
}
END_TEST

START_TEST(failed_buckets_are_not_fresh)
{
    st_bucket_set_t *set = make_set(1);
    add_failed(set, 1, 0, 1000);
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 0);
    ck_assert_ptr_null(st_bucket_take(set, 0, 1000, 1));
    add(set, 0, 0, 1, 2, 1000); /* the same trace: a bucket of its own */
    expect_failed(set, 1000, 1);
    expect_take(set, 0, 1000, 1, 2, 1);
    ck_assert_int_eq(st_bucket_due(set, 0, 0), ST_BUCKET_NEVER);
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 1);
}
END_TEST

START_TEST(when_all_are_due_the_oldest_was_due_when_it_was_opened)
{
    st_bucket_set_t *set = make_set(1);
    ck_assert_int_eq(st_bucket_due(set, 0, 1), ST_BUCKET_NEVER);
    add(set, 0, 0, 1, 1, 1000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 1), 1000 * MS);
    add_failed(set, 2, 500 * MS, 2000 * MS);
    ck_assert_int_eq(st_bucket_due(set, 0, 1), 500 * MS);
}
END_TEST

static void expect_oldest(st_bucket_set_t *set, uint64_t pos)
{
    st_bucket_t *bucket = st_bucket_take_oldest(set, 0);
    ck_assert_ptr_nonnull(bucket);
    ck_assert_uint_eq(bucket->records->pos, pos);
    st_bucket_free(set, bucket);
}

START_TEST(the_oldest_bucket_is_found_wherever_it_is)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t full = make_record(0, 2, 10);
    add_failed(set, 7, 1, 5);
    add_failed(set, 8, 9, 1);
    add(set, 0, 0, 1, 1, 20);
    add_record(set, 0, &full, 2, 30, 30);
    add_record(set, 0, &full, 3, 40, 40); /* closes the one before */
    expect_oldest(set, 8);
    expect_oldest(set, 7);
    expect_oldest(set, 1);
    expect_oldest(set, 2);
    expect_oldest(set, 3);
    ck_assert_ptr_null(st_bucket_take_oldest(set, 0));
}
END_TEST

START_TEST(any_bucket_can_be_withdrawn)
{
    st_bucket_set_t *set = make_set(1);
    st_record_t full = make_record(0, 2, 10);
    st_bucket_record_t *copies[3];
    for (int i = 0; i < 3; i++) {
        st_record_t record = i < 2 ? full : make_record(0, 9, 1);
        const st_ring_entry_t entry = {.len = 100, .pos = (uint64_t)i};
        copies[i] = st_bucket_add(set, 0, &entry, &record, 0, 0);
    }
    ck_assert_int_eq(copies[0]->bucket->place, ST_BUCKET_FULL);
    ck_assert_int_eq(copies[1]->bucket->place, ST_BUCKET_OPEN);
    for (int i = 0; i < 3; i++) {
        st_bucket_withdraw(set, copies[i]->bucket);
        ck_assert_int_eq(copies[i]->bucket->place, ST_BUCKET_TAKEN);
        st_bucket_put_failed(set, copies[i]->bucket);
        st_bucket_withdraw(set, copies[i]->bucket);
        st_bucket_free(set, copies[i]->bucket);
    }
    ck_assert_int_eq(st_bucket_is_empty(set, 0), 1);
}
END_TEST

START_TEST(bytes_in_the_ring_count_until_a_bucket_is_freed)
{
    st_bucket_set_t *set = make_set(2);
    size_t each = st_bucket_entry_bytes(100);
    ck_assert_uint_eq(each, 32 + 112);
    add(set, 0, 0, 1, 1, 0);
    add(set, 0, 0, 1, 2, 0);
    add(set, 0, 0, 2, 3, 0);
    add(set, 1, 1, 2, 3, 0);
    ck_assert_uint_eq(st_bucket_ring_bytes(set, 0), 3 * each);
    ck_assert_uint_eq(st_bucket_ring_bytes(set, 1), each);
    st_bucket_t *bucket = st_bucket_take(set, 0, 0, 1);
    ck_assert_uint_eq(bucket->ring_bytes, 2 * each);
    ck_assert_uint_eq(st_bucket_ring_bytes(set, 0), 3 * each);
    st_bucket_put_failed(set, bucket);
    bucket = st_bucket_take_failed(set, 0, 0);
    st_bucket_free(set, bucket);
    ck_assert_uint_eq(st_bucket_ring_bytes(set, 0), each);
}
END_TEST

enum { BURST = 1000 };

static void take_burst(st_bucket_set_t *set, st_bucket_t *taken[BURST])
{
    for (unsigned i = 0; i < BURST; i++) {
        add(set, 0, 0, i, i, 0);
    }
    for (int i = 0; i < BURST; i++) {
        taken[i] = st_bucket_take(set, 0, 0, 1);
        ck_assert_ptr_nonnull(taken[i]);
    }
}

static int contains(st_bucket_t *const buckets[BURST], const st_bucket_t *bucket)
{
    for (int i = 0; i < BURST; i++) {
        if (buckets[i] == bucket) {
            return 1;
        }
    }
    return 0;
}

START_TEST(a_second_burst_lives_in_the_memory_of_the_first)
{
    static st_bucket_t *first[BURST];
    static st_bucket_t *second[BURST];
    st_bucket_set_t *set = make_set(1);
    take_burst(set, first);
    for (int i = 0; i < BURST; i++) {
        st_bucket_free(set, first[i]);
    }
    take_burst(set, second);
    int reused = 0;
    for (int i = 0; i < BURST; i++) {
        reused += contains(first, second[i]);
    }
    /* All but those that the last chunk of the first burst had left over. */
    ck_assert_int_ge(reused, BURST - 64);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_test(tc, records_of_one_trace_and_destination_share_a_bucket);
    tcase_add_test(tc, a_transaction_lingers_and_shares_with_nobody);
    tcase_add_test(tc, a_bucket_is_due_a_linger_after_its_newest_segment);
    tcase_add_test(tc,
                   the_linger_counts_from_the_end_of_the_segment_not_from_its_arrival);
    tcase_add_test(tc, an_end_in_the_future_counts_as_now);
    tcase_add_test(
        tc, a_bucket_that_never_rests_is_due_a_flush_interval_after_its_first_record);
    tcase_add_test(tc, due_buckets_come_out_in_the_order_of_their_newest_segments);
    tcase_add_test(tc, ends_out_of_order_keep_the_buckets_sorted);
    tcase_add_test(tc, everything_is_due_when_all_is_asked_for_oldest_first);
    tcase_add_test(tc, too_many_spans_close_the_bucket_and_open_the_next);
    tcase_add_test(tc, a_bucket_may_hold_exactly_the_most_spans);
    tcase_add_test(tc, too_many_bytes_close_the_bucket_and_open_the_next);
    tcase_add_test(tc, a_record_above_the_limits_has_a_bucket_of_its_own);
    tcase_add_test(tc, a_taken_bucket_gets_no_more_records);
    tcase_add_test(tc, lanes_are_independent);
    tcase_add_test(tc, records_with_other_flags_have_another_bucket);
    tcase_add_test(tc, failed_buckets_come_when_they_are_due);
    tcase_add_test(tc, failed_buckets_can_be_hurried);
    tcase_add_test(tc, failed_buckets_are_not_fresh);
    tcase_add_test(tc, when_all_are_due_the_oldest_was_due_when_it_was_opened);
    tcase_add_test(tc, the_oldest_bucket_is_found_wherever_it_is);
    tcase_add_test(tc, any_bucket_can_be_withdrawn);
    tcase_add_test(tc, bytes_in_the_ring_count_until_a_bucket_is_freed);
    tcase_add_test(tc, a_second_burst_lives_in_the_memory_of_the_first);
}

T_MAIN("bucket", add_cases)
