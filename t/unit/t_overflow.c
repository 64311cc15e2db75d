/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"

#define CHILDREN 40 /* of each segment here */
#define SPANS    (CHILDREN + 1)

static size_t used(void)
{
    return st_ring_used(&t_world->queue.ring);
}

static size_t quarter(void)
{
    return st_ring_capacity(&t_world->queue.ring) / 4;
}

/* Pushes traces for a destination until more than `bytes` are used. @return how many */
static int fill(int dest, size_t bytes)
{
    int count = 0;
    while (used() <= bytes) {
        ck_assert_int_eq(t_push(dest, NULL, CHILDREN), 1);
        count++;
    }
    return count;
}

/* The endpoint of `dest` does not answer. */
static void break_down(int dest)
{
    t_push(dest, NULL, 0);
    t_step_after(T_SEND_LINGER);
    t_answer_none(t_world->sent_count - 1);
    t_endpoint(t_endpoint_of(dest))->retry_at = INT64_MAX;
}

/* Answers everything that is out. */
static void answer_all(void)
{
    t_fake_give_all(t_world, APR_SUCCESS, 200);
}

START_TEST(up_to_three_quarters_everything_waits)
{
    break_down(0);
    int count = fill(0, quarter() * 3 - 8192);
    for (int i = 0; i < 100; i++) {
        t_step_after(T_SEND_FLUSH);
    }
    ck_assert_uint_eq(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 0);
    t_expect_law(0, (uint64_t)count * SPANS + 1);
}
END_TEST

START_TEST(beyond_that_the_oldest_traces_go)
{
    break_down(0);
    int count = fill(0, quarter() * 3 + quarter() / 2);
    t_step();
    uint64_t lost = t_discarded(0, ST_REASON_QUEUE_OVERFLOW);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_le(used(), quarter() * 3);
    ck_assert_uint_gt(used(), quarter() * 3 - 16384); /* not more than needed */
    t_expect_law(0, (uint64_t)count * SPANS + 1 - lost);
    const st_bucket_record_t *oldest = t_world->sender->backlog.taken.first;
    ck_assert_uint_eq(oldest->pos, t_world->sender->cursor.pos - used());
}
END_TEST

START_TEST(a_trace_goes_as_a_whole)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    break_down(0);
    t_world->now += ST_NS_PER_SEC;
    t_push(0, &trace_id, CHILDREN);
    int count = fill(0, quarter() * 3 - 16384);
    t_push(0, &trace_id, CHILDREN);
    t_step();
    ck_assert_uint_eq(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 0);
    t_push(0, NULL, 0);
    count += fill(0, quarter() * 3);
    t_step();
    t_step();
    /* The one span of break_down, and the trace with both its segments. */
    uint64_t lost = t_discarded(0, ST_REASON_QUEUE_OVERFLOW);
    ck_assert_uint_eq(lost, 1 + 2 * SPANS);
    t_expect_law(0, (uint64_t)count * SPANS + 1);
}
END_TEST

START_TEST(a_healthy_endpoint_loses_nothing_to_a_dead_one)
{
    uint64_t healthy = 0;
    break_down(0);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(t_push(0, NULL, CHILDREN), 1);
            ck_assert_int_eq(t_push(2, NULL, CHILDREN), 1);
            healthy += SPANS;
        }
        t_step_after(T_SEND_LINGER);
        answer_all();
        t_world->sent_count = 0; /* room for the next ones */
    }
    t_step_after(T_SEND_FLUSH);
    answer_all();
    ck_assert_uint_eq(t_delivered(1), healthy);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_QUEUE_OVERFLOW), 0);
    ck_assert_uint_gt(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 0);
    /* What is kept for the dead one is a good part of the ring. */
    ck_assert_uint_gt(st_bucket_ring_bytes(t_world->sender->buckets, 0), quarter());
}
END_TEST

START_TEST(an_old_record_moves_along_and_is_sent_in_the_end)
{
    uint64_t healthy = 0;
    t_push(0, NULL, CHILDREN);
    break_down(0);
    for (int i = 1; i < t_world->sent_count; i++) {
        ck_assert_int_eq(t_world->sent[i].answered, 1);
    }
    if (!t_world->sent[0].answered) {
        t_answer_none(0);
    }
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(t_push(2, NULL, CHILDREN), 1);
            healthy += SPANS;
        }
        t_step_after(T_SEND_LINGER);
        answer_all();
        t_world->sent_count = 0;
    }
    ck_assert_uint_eq(t_delivered(1), healthy);
    t_expect_law(0, SPANS + 1);
    t_endpoint(0)->retry_at = t_world->now;
    t_step();
    answer_all();
    t_step();
    answer_all();
    ck_assert_uint_eq(t_delivered(0), SPANS + 1);
    t_expect_all_over();
}
END_TEST

START_TEST(what_is_in_flight_moves_too_and_is_settled_where_it_stands)
{
    t_push(0, NULL, CHILDREN);
    t_step_after(T_SEND_LINGER);
    const st_bucket_record_t *slow = t_world->sender->backlog.taken.first;
    uint64_t before = slow->pos;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(t_push(2, NULL, CHILDREN), 1);
        }
        t_step_after(T_SEND_LINGER);
        for (int i = 1; i < t_world->sent_count; i++) {
            t_answer(i, 200);
        }
        t_world->sent_count = 1;
    }
    ck_assert_uint_gt(slow->pos, before);
    t_expect_law(0, SPANS);
    t_answer(0, 200);
    ck_assert_uint_eq(t_delivered(0), SPANS);
    t_expect_all_over();
}
END_TEST

START_TEST(in_a_ring_that_producers_have_filled_what_holds_the_tail_goes)
{
    t_push(0, NULL, CHILDREN);
    break_down(0);
    if (!t_world->sent[0].answered) {
        t_answer_none(0);
    }
    fill(2, quarter() * 2);
    t_world->limit = 1000;
    t_step();
    answer_all();
    int room = 1;
    while (room) {
        room = t_push(2, NULL, 0);
    }
    t_world->limit = 0;
    t_step();
    ck_assert_uint_gt(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 0);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_QUEUE_OVERFLOW), 0);
    ck_assert_uint_le(used(), quarter() * 3);
}
END_TEST

START_TEST(when_all_is_in_flight_nothing_goes)
{
    t_world->limit = 1000;
    int count = fill(0, quarter() * 3 + quarter() / 2);
    t_step();
    t_step();
    ck_assert_int_eq(t_world->sent_count, count);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 0);
    answer_all();
    t_expect_all_over();
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, up_to_three_quarters_everything_waits);
    tcase_add_test(tc, beyond_that_the_oldest_traces_go);
    tcase_add_test(tc, a_trace_goes_as_a_whole);
    tcase_add_test(tc, a_healthy_endpoint_loses_nothing_to_a_dead_one);
    tcase_add_test(tc, an_old_record_moves_along_and_is_sent_in_the_end);
    tcase_add_test(tc, what_is_in_flight_moves_too_and_is_settled_where_it_stands);
    tcase_add_test(tc, in_a_ring_that_producers_have_filled_what_holds_the_tail_goes);
    tcase_add_test(tc, when_all_is_in_flight_nothing_goes);
}

T_MAIN("overflow", add_cases)
