/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's thread over a transport that the test plays. Time is real here. */
#include "t.h"
#include "t_send.h"

#include <pthread.h>

#define DEADLINE (20 * ST_NS_PER_SEC) /* for things that take milliseconds */

static void *run(void *baton)
{
    st_sender_thr_run(baton);
    return NULL;
}

/* Runs the sender from start to end in this thread, with stop asked for already. */
static void run_to_the_end(void)
{
    st_sender_stop(t_world->sender);
    st_sender_thr_run(t_world->sender);
}

START_TEST(options_that_make_no_sense_are_refused)
{
    st_sender_t *sender;
    st_dest_table_t table = t_world->table;
    st_sender_options_t options = t_world->options;
    options.dests = &table;
    table.count = 0;
    ck_assert_int_eq(st_sender_create(&sender, &options, t_pool), APR_EINVAL);
    table = t_world->table;
    table.endpoint_count = 1; /* destination 2 has endpoint 1 */
    ck_assert_int_eq(st_sender_create(&sender, &options, t_pool), APR_EINVAL);
    table.endpoint_count = 3; /* nobody has endpoint 2 */
    ck_assert_int_eq(st_sender_create(&sender, &options, t_pool), APR_EINVAL);
}
END_TEST

START_TEST(a_sender_is_made_and_destroyed_without_running)
{
    st_sender_t *sender;
    ck_assert_int_eq(st_sender_create(&sender, &t_world->options, t_pool), APR_SUCCESS);
    st_sender_wake(sender);
    st_sender_destroy(sender);
}
END_TEST

START_TEST(stopping_flushes_the_ring_without_waiting_for_the_linger)
{
    t_world->drive_status = 200;
    for (int i = 0; i < 100; i++) {
        t_push(i % T_SEND_DESTS, NULL, i % 5);
    }
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 100);
    t_expect_all_over();
    ck_assert_uint_eq(t_delivered(0) + t_delivered(1), 100 + 200);
}
END_TEST

START_TEST(stopping_reports_what_was_refused_until_the_end)
{
    t_world->drive_status = 400;
    t_push(0, NULL, 3);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[0].reported, 0);
    ck_assert_int_eq(t_world->sent[1].spans, 0);
    ck_assert_uint_eq(t_world->sent[1].reported, 4);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 4);
    t_expect_all_over();
}
END_TEST

START_TEST(the_last_report_goes_out_although_one_went_just_before)
{
    t_world->drive_status = 200;
    t_unsampled(0, 1);
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_world->sent[0].reported, 1);
    t_unsampled(0, 2);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 2);
    ck_assert_int_eq(st_counters_report_pending(&t_world->counters[0]), 0);
}
END_TEST

START_TEST(with_nothing_to_say_stopping_sends_nothing)
{
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 0);
}
END_TEST

/* The fake transport never answers: some is in flight, the rest waits in buckets. */
START_TEST(a_black_hole_costs_the_shutdown_timeout_and_everything_is_counted)
{
    st_ns_t start = st_clock_mono();
    for (int i = 0; i < 50; i++) {
        t_push(0, NULL, 1);
    }
    t_push(2, NULL, 0);
    run_to_the_end();
    st_ns_t took = st_clock_mono() - start;
    ck_assert_int_ge(took, t_world->options.shutdown_timeout);
    ck_assert_int_lt(took, DEADLINE);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 100);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_QUEUE_OVERFLOW), 1);
    t_expect_all_over();
}
END_TEST

START_TEST(a_report_in_flight_at_the_end_is_put_back)
{
    t_unsampled(0, 3);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_uint_eq(t_world->sent[0].reported, 3);
    ck_assert_int_eq(st_counters_report_pending(&t_world->counters[0]), 1);
}
END_TEST

START_TEST(giving_up_counts_what_is_still_in_the_ring)
{
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    t_push(0, NULL, 4);
    t_step();
    t_push(2, NULL, 6);
    st_sender_thr_give_up(t_world->sender);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_QUEUE_OVERFLOW), 8);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_QUEUE_OVERFLOW), 7);
    t_expect_all_over();
}
END_TEST

/* Waits until the thread has delivered `spans` spans of endpoint 0. */
static void wait_delivered(uint64_t spans)
{
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    while (atomic_load(&t_world->counters[0].delivered[ST_CATEGORY_SPAN]) < spans) {
        ck_assert_int_lt(st_clock_mono(), deadline);
        poll(NULL, 0, 1);
    }
}

START_TEST(a_sleeping_sender_wakes_for_a_record_and_stops_when_told)
{
    t_world->drive_status = 200;
    t_world->options.linger = 5 * ST_NS_PER_MS;
    t_world->options.flush_interval = 100 * DEADLINE; /* it wakes by itself never */
    st_sender_destroy(t_world->sender);
    t_world_sender(ST_SENDER_BODY_MAX);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, t_world->sender), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        t_push(0, NULL, 0);
        st_sender_wake(t_world->sender);
        wait_delivered(i);
    }
    st_sender_stop(t_world->sender);
    st_sender_stop(t_world->sender);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    t_expect_all_over();
}
END_TEST

/* The thread may be done before whoever stops it has written the wake-up. */
START_TEST(a_sender_that_closed_can_still_be_stopped)
{
    st_sender_destroy(t_world->sender);
    t_world_sender(ST_SENDER_BODY_MAX);
    st_sender_t *sender = t_world->sender;
    t_world_sender(ST_SENDER_BODY_MAX); /* for the fixture's end */
    st_sender_thr_give_up(sender);
    st_sender_thr_close(sender);
    st_sender_stop(sender);
    uint64_t written = 0;
    ck_assert_int_eq(read(sender->wakeup.fd, &written, sizeof(written)), sizeof(written));
    ck_assert_uint_eq(written, 1);
    st_sender_destroy(sender);
    t_world->destroyed = 0;
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, options_that_make_no_sense_are_refused);
    tcase_add_test(tc, a_sender_is_made_and_destroyed_without_running);
    tcase_add_test(tc, stopping_flushes_the_ring_without_waiting_for_the_linger);
    tcase_add_test(tc, stopping_reports_what_was_refused_until_the_end);
    tcase_add_test(tc, the_last_report_goes_out_although_one_went_just_before);
    tcase_add_test(tc, with_nothing_to_say_stopping_sends_nothing);
    tcase_add_test(tc, a_black_hole_costs_the_shutdown_timeout_and_everything_is_counted);
    tcase_add_test(tc, a_report_in_flight_at_the_end_is_put_back);
    tcase_add_test(tc, giving_up_counts_what_is_still_in_the_ring);
    tcase_add_test(tc, a_sleeping_sender_wakes_for_a_record_and_stops_when_told);
    tcase_add_test(tc, a_sender_that_closed_can_still_be_stopped);
}

T_MAIN("sender", add_cases)
