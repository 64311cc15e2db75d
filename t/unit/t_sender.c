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
    run(t_world->sender);
}

START_TEST(a_queue_without_destinations_needs_no_sender)
{
    st_queue_t queue;
    st_sender_t *sender;
    st_sender_options_t options = t_world->options;
    ck_assert_int_eq(st_queue_create(&queue, &t_send_layout), APR_SUCCESS);
    options.queue = &queue;
    ck_assert_int_eq(st_sender_create(&sender, &options, t_pool), APR_EINVAL);
    st_queue_close(&queue);
}
END_TEST

START_TEST(a_sender_is_made_and_closed_without_running)
{
    st_sender_t *sender;
    ck_assert_int_eq(st_sender_create(&sender, &t_world->options, t_pool), APR_SUCCESS);
    st_sender_thr_close(sender);
    st_sender_stop(sender);
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
    t_answer(0, 200);
    t_unsampled(0, 2);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 2);
    ck_assert_int_eq(t_reports_pending(0), 0);
}
END_TEST

START_TEST(with_nothing_to_say_stopping_sends_nothing)
{
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 0);
}
END_TEST

/* The fake transport never answers: some is in flight, the rest waits in buckets. */
START_TEST(a_black_hole_costs_the_shutdown_timeout_and_everything_stays)
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
    t_expect_law(0, 100);
    t_expect_law(1, 1);
    ck_assert_int_eq(t_endpoint(0)->in_flight, 0);
    ck_assert_int_eq(t_endpoint(0)->circuit, ST_CIRCUIT_OPEN);
}
END_TEST

START_TEST(a_successor_sends_what_stayed)
{
    t_push(0, NULL, 2);
    t_push(2, NULL, 4);
    run_to_the_end();
    t_expect_law(0, 3);
    t_expect_law(1, 5);
    t_world_sender_kill();
    t_world_sender(ST_SENDER_BODY_MAX);
    t_world->drive_status = 200;
    t_endpoint(0)->failed_at -= 2 * ST_NS_PER_SEC; /* it did not fail only now */
    t_endpoint(1)->failed_at -= 2 * ST_NS_PER_SEC;
    run_to_the_end();
    ck_assert_uint_eq(t_delivered(0), 3);
    ck_assert_uint_eq(t_delivered(1), 5);
    t_expect_all_over();
}
END_TEST

/* Opens the circuit of endpoint 0 as if it had failed so long ago. */
static void fail_before(st_ns_t ago, st_ns_t retry_in)
{
    st_ns_t now = st_clock_mono();
    st_endpoint_t *endpoint = t_endpoint(0);
    endpoint->circuit = ST_CIRCUIT_OPEN;
    endpoint->failures = 10; /* the next time it waits at least 30 s */
    endpoint->failed_at = now - ago;
    endpoint->retry_at = now + retry_in;
}

START_TEST(stopping_asks_an_endpoint_that_was_down_once_more)
{
    fail_before(5 * ST_NS_PER_SEC, 1000 * ST_NS_PER_SEC);
    t_world->drive_status = 200;
    for (int i = 0; i < 20; i++) {
        t_push(0, NULL, 0);
    }
    run_to_the_end();
    ck_assert_uint_eq(t_delivered(0), 20);
    t_expect_all_over();
}
END_TEST

START_TEST(stopping_does_not_wait_for_an_endpoint_that_is_still_down)
{
    fail_before(5 * ST_NS_PER_SEC, 1000 * ST_NS_PER_SEC);
    t_world->options.shutdown_timeout = 25 * ST_NS_PER_SEC;
    t_world_sender(ST_SENDER_BODY_MAX);
    t_world->drive_status = 503;
    for (int i = 0; i < 20; i++) {
        t_push(0, NULL, 0);
    }
    st_ns_t start = st_clock_mono();
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_int_lt(st_clock_mono() - start, DEADLINE);
    t_expect_law(0, 20);
}
END_TEST

START_TEST(stopping_does_not_ask_an_endpoint_that_failed_only_now)
{
    fail_before(1, 1000 * ST_NS_PER_SEC);
    t_world->drive_status = 200;
    t_push(0, NULL, 0);
    t_push(2, NULL, 0);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 1);
    t_expect_law(0, 1);
    t_expect_law(1, 0);
}
END_TEST

/* Other children go on. What is broken off would be sent again by the successor. */
START_TEST(stopping_under_load_ends_with_answers)
{
    t_world->drive_status = 200;
    t_world->drive_after = 20 * ST_NS_PER_MS;
    t_world->is_busy = 1;
    for (int i = 0; i < 20; i++) {
        t_push(0, NULL, 0);
    }
    st_ns_t start = st_clock_mono();
    run_to_the_end();
    ck_assert_int_lt(st_clock_mono() - start, DEADLINE);
    ck_assert_uint_gt(t_delivered(0), 20);
    ck_assert_uint_eq(t_delivered(0), (uint64_t)t_world->sent_count);
    ck_assert_int_eq(t_endpoint(0)->circuit, ST_CIRCUIT_CLOSED);
    t_expect_law(0, t_waiting(0));
    ck_assert_uint_gt(t_waiting(0), 0);
}
END_TEST

START_TEST(a_report_in_flight_at_the_end_is_still_pending)
{
    t_unsampled(0, 3);
    run_to_the_end();
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_uint_eq(t_world->sent[0].reported, 3);
    ck_assert_int_eq(t_reports_pending(0), 1);
}
END_TEST

static void lease_take(void)
{
    ck_assert_int_eq(st_lease_take(&t_world->queue, st_process_self(), st_clock_mono()),
                     APR_SUCCESS);
}

START_TEST(a_new_generation_ends_the_turn_with_the_answers_that_are_under_way)
{
    t_world->now = st_clock_mono();
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_push(0, NULL, 4);
    st_queue_generation_next(&t_world->queue);
    t_world->drive_status = 200;
    st_sender_t *sender = t_world->sender;
    st_sender_thr_run(sender);
    ck_assert_uint_eq(t_delivered(0), 1);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_expect_law(0, 5);
}
END_TEST

START_TEST(a_hand_over_does_not_wait_for_ever)
{
    t_world->now = st_clock_mono();
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    st_queue_generation_next(&t_world->queue);
    st_ns_t start = st_clock_mono();
    st_sender_thr_run(t_world->sender);
    st_ns_t took = st_clock_mono() - start;
    ck_assert_int_ge(took, ST_SENDER_HAND_OVER);
    ck_assert_int_lt(took, DEADLINE);
    t_expect_law(0, 1);
}
END_TEST

START_TEST(a_hand_over_that_is_told_to_stop_ends_within_the_shutdown_timeout)
{
    t_world->now = st_clock_mono();
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    st_queue_generation_next(&t_world->queue);
    st_ns_t start = st_clock_mono();
    run_to_the_end();
    st_ns_t took = st_clock_mono() - start;
    ck_assert_int_ge(took, t_world->options.shutdown_timeout);
    ck_assert_int_lt(took, ST_SENDER_HAND_OVER);
    t_expect_law(0, 1);
}
END_TEST

/* Waits until the thread has delivered `spans` spans of endpoint 0. */
static void wait_delivered(uint64_t spans)
{
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    while (t_delivered(0) < spans) {
        ck_assert_int_lt(st_clock_mono(), deadline);
        poll(NULL, 0, 1);
    }
}

static void thread_start(pthread_t *thread)
{
    t_world_sender(ST_SENDER_BODY_MAX);
    ck_assert_int_eq(pthread_create(thread, NULL, run, t_world->sender), 0);
}

START_TEST(a_sleeping_sender_wakes_for_a_record_and_stops_when_told)
{
    pthread_t thread;
    t_world->drive_status = 200;
    t_world->options.linger = 5 * ST_NS_PER_MS;
    t_world->options.flush_interval =
        100 * DEADLINE; /* it wakes by itself to beat only */
    thread_start(&thread);
    for (uint64_t i = 1; i <= 20; i++) {
        t_push(0, NULL, 0);
        st_wakeup_notify(&t_world->queue);
        wait_delivered(i);
    }
    st_sender_stop(t_world->sender);
    st_sender_stop(t_world->sender);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(a_sender_with_nothing_to_do_beats_the_lease)
{
    pthread_t thread;
    lease_take();
    thread_start(&thread);
    const st_lease_shm_t *lease = st_queue_lease(&t_world->queue);
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    for (int i = 0; i < 3; i++) {
        st_ns_t beat = lease->beat;
        while (lease->beat == beat) {
            ck_assert_int_lt(st_clock_mono(), deadline);
            poll(NULL, 0, 10);
        }
    }
    st_sender_stop(t_world->sender);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    st_lease_give_back(&t_world->queue, st_clock_mono());
}
END_TEST

START_TEST(a_sleeping_sender_notices_a_new_generation)
{
    pthread_t thread;
    thread_start(&thread);
    const st_wakeup_shm_t *wakeup = st_queue_wakeup(&t_world->queue);
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    while (!wakeup->sleeping) {
        ck_assert_int_lt(st_clock_mono(), deadline);
        poll(NULL, 0, 1);
    }
    st_queue_generation_next(&t_world->queue);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(t_world->sent_count, 0);
}
END_TEST

START_TEST(a_sender_that_closed_can_still_be_stopped)
{
    st_sender_t *sender = t_world->sender;
    t_world_sender(ST_SENDER_BODY_MAX); /* for the fixture's end */
    st_sender_thr_end(sender);
    st_sender_thr_close(sender);
    st_sender_stop(sender);
    st_sender_stop(sender);
    uint64_t written = 0;
    ck_assert_int_eq(read(t_world->queue.wake_fd, &written, sizeof(written)),
                     sizeof(written));
    ck_assert_uint_eq(written, 1);
    t_world->destroyed = 0;
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_queue_without_destinations_needs_no_sender);
    tcase_add_test(tc, a_sender_is_made_and_closed_without_running);
    tcase_add_test(tc, stopping_flushes_the_ring_without_waiting_for_the_linger);
    tcase_add_test(tc, stopping_reports_what_was_refused_until_the_end);
    tcase_add_test(tc, the_last_report_goes_out_although_one_went_just_before);
    tcase_add_test(tc, with_nothing_to_say_stopping_sends_nothing);
    tcase_add_test(tc, a_black_hole_costs_the_shutdown_timeout_and_everything_stays);
    tcase_add_test(tc, a_successor_sends_what_stayed);
    tcase_add_test(tc, stopping_asks_an_endpoint_that_was_down_once_more);
    tcase_add_test(tc, stopping_does_not_wait_for_an_endpoint_that_is_still_down);
    tcase_add_test(tc, stopping_does_not_ask_an_endpoint_that_failed_only_now);
    tcase_add_test(tc, stopping_under_load_ends_with_answers);
    tcase_add_test(tc, a_report_in_flight_at_the_end_is_still_pending);
    tcase_add_test(tc,
                   a_new_generation_ends_the_turn_with_the_answers_that_are_under_way);
    tcase_add_test(tc, a_hand_over_does_not_wait_for_ever);
    tcase_add_test(tc, a_hand_over_that_is_told_to_stop_ends_within_the_shutdown_timeout);
    tcase_add_test(tc, a_sleeping_sender_wakes_for_a_record_and_stops_when_told);
    tcase_add_test(tc, a_sender_with_nothing_to_do_beats_the_lease);
    tcase_add_test(tc, a_sleeping_sender_notices_a_new_generation);
    tcase_add_test(tc, a_sender_that_closed_can_still_be_stopped);
}

T_MAIN("sender", add_cases)
