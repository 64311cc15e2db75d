/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"
#include "st_circuit.h"

START_TEST(a_full_transport_leaves_buckets_waiting_and_answers_let_them_go)
{
    t_world->limit = 2;
    for (int i = 0; i < 5; i++) {
        t_push(0, NULL, 0);
    }
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    t_expect_law(0, 5);
    t_answer(1, 200);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 3);
    t_answer(0, 200);
    t_answer(2, 200);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 5);
    t_answer(3, 200);
    t_answer(4, 200);
    t_expect_all_over();
}
END_TEST

START_TEST(an_endpoint_that_takes_nothing_does_not_delay_the_other)
{
    t_world->limit = 1;
    for (int i = 0; i < 3; i++) {
        t_push(0, NULL, 0);
        t_push(2, NULL, 0);
    }
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_eq(t_sent_dest(1), 2);
    t_answer(1, 200);
    t_step();
    t_answer(2, 200);
    t_step();
    t_answer(3, 200);
    ck_assert_int_eq(t_world->sent_count, 4);
    ck_assert_uint_eq(t_delivered(1), 3);
    t_expect_law(0, 3);
}
END_TEST

START_TEST(a_ring_more_than_half_full_ends_the_linger)
{
    t_world->limit = 100;
    t_push(0, NULL, 300);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 0);
    int pushed = 1;
    while (st_ring_used(&t_world->queue.ring) <=
           st_ring_capacity(&t_world->queue.ring) / 2) {
        ck_assert_int_eq(t_push(0, NULL, 300), 1);
        pushed++;
    }
    t_step();
    ck_assert_int_eq(t_world->sent_count, pushed);
}
END_TEST

START_TEST(discards_ride_on_the_next_envelope_of_their_endpoint)
{
    t_unsampled(0, 7);
    t_push(2, NULL, 0);
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
    ck_assert_uint_eq(t_world->sent[1].reported, 0);
    t_answer(0, 200);
    t_answer(1, 200);
    ck_assert_int_eq(t_reports_pending(0), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(without_an_envelope_a_report_goes_alone_after_the_flush_interval)
{
    t_unsampled(0, 7);
    t_step();
    ck_assert_int_eq(t_world->next, t_world->now + T_SEND_FLUSH);
    t_step_after(T_SEND_FLUSH - 1);
    ck_assert_int_eq(t_world->sent_count, 0);
    t_step_after(1);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_int_eq(t_world->sent[0].spans, 0);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
    t_answer(0, 200);
    t_step_after(2 * T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_expect_all_over();
}
END_TEST

START_TEST(discards_are_noticed_although_nobody_wakes_the_sender)
{
    t_step();
    ck_assert_int_le(t_world->next, t_world->now + T_SEND_FLUSH);
    t_unsampled(0, 7);
    t_step_after(T_SEND_FLUSH);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
}
END_TEST

START_TEST(at_most_one_report_goes_out_in_a_flush_interval)
{
    for (int i = 0; i < 10; i++) {
        t_unsampled(0, 1);
        t_push(0, NULL, 0);
        t_step_after(T_SEND_LINGER);
        t_answer(i, 200);
    }
    ck_assert_int_eq(t_world->sent_count, 10);
    ck_assert_uint_eq(t_world->sent[0].reported, 1);
    for (int i = 1; i < 10; i++) {
        ck_assert_uint_eq(t_world->sent[i].reported, 0);
    }
    t_unsampled(0, 1);
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_world->sent[10].reported, 10);
}
END_TEST

START_TEST(a_report_is_off_the_books_when_it_has_arrived)
{
    t_unsampled(0, 7);
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
    ck_assert_int_eq(t_reports_pending(0), 1);
    t_answer(0, 200);
    ck_assert_int_eq(t_reports_pending(0), 0);
}
END_TEST

START_TEST(a_report_whose_envelope_is_refused_is_sent_again)
{
    t_unsampled(0, 7);
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
    t_answer(0, 400);
    ck_assert_int_eq(t_reports_pending(0), 1);
    t_step();
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 10);
    t_answer(1, 200);
    ck_assert_int_eq(t_reports_pending(0), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(a_report_whose_envelope_got_no_answer_goes_with_the_next_one)
{
    t_unsampled(0, 7);
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    t_answer_none(0);
    t_unsampled(0, 1);
    t_world->now += T_SEND_FLUSH;
    t_step_at_retry(0);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_eq(t_world->sent[1].spans, 3);
    ck_assert_uint_eq(t_world->sent[1].reported, 8);
    t_answer(1, 200);
    ck_assert_int_eq(t_reports_pending(0), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(one_report_is_under_way_at_a_time)
{
    t_unsampled(0, 7);
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    t_unsampled(0, 2);
    t_push(0, NULL, 0);
    t_step_after(2 * T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 0);
    t_answer(0, 200);
    t_step_after(T_SEND_FLUSH);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 3);
    ck_assert_uint_eq(t_world->sent[2].reported, 2);
}
END_TEST

START_TEST(a_report_alone_that_is_refused_is_kept_and_waits_a_flush_interval)
{
    t_unsampled(0, 7);
    t_step();
    t_step_after(T_SEND_FLUSH);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(t_world->sent_count, i + 1);
        ck_assert_uint_eq(t_world->sent[i].reported, 7);
        t_answer(i, 400);
        ck_assert_int_eq(t_reports_pending(0), 1);
        t_step();
        t_step_after(T_SEND_FLUSH - 1);
        ck_assert_int_eq(t_world->sent_count, i + 1);
        t_step_after(1);
    }
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 0);
}
END_TEST

START_TEST(only_a_limit_on_everything_holds_reports_back)
{
    static const char *const limits[] = {"60:span", "60:"};
    t_push(0, NULL, 3);
    t_step_after(T_SEND_LINGER);
    t_world->limits = limits[_i];
    t_answer(0, 429);
    t_unsampled(0, 7);
    t_step();
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, _i == 0 ? 2 : 1);
    t_world->limits = NULL;
    t_step_after(60 * ST_NS_PER_SEC);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 7);
}
END_TEST

/* Makes endpoint 0 limit spans for a minute. */
static void limit_spans(void)
{
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    t_world->limits = "60:span";
    t_answer(t_world->sent_count - 1, 200);
    t_world->limits = NULL;
}

START_TEST(what_is_limited_is_not_sent_but_counted_as_such)
{
    limit_spans();
    t_push(0, NULL, 4);
    t_push(2, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_eq(t_sent_dest(1), 2);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATELIMIT_BACKOFF), 5);
    t_expect_law(0, 0);
    t_push(0, NULL, 0);
    t_step_after(60 * ST_NS_PER_SEC);
    ck_assert_int_eq(t_world->sent_count, 3);
}
END_TEST

START_TEST(a_limit_counts_although_there_is_no_room_to_send)
{
    t_world->limit = 1;
    limit_spans();
    t_world->limit = 0;
    t_push(0, NULL, 4);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATELIMIT_BACKOFF), 5);
    t_expect_all_over();
}
END_TEST

START_TEST(what_failed_before_the_limit_is_discarded_with_it)
{
    t_push(0, NULL, 4);
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    t_answer_none(0);
    t_world->limits = "60:span";
    t_answer(1, 200);
    t_step_after(ST_NS_PER_SEC);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATELIMIT_BACKOFF), 5);
    t_expect_all_over();
}
END_TEST

START_TEST(while_the_circuit_is_open_nothing_goes_out_then_one_probe_then_all)
{
    for (int i = 0; i < 4; i++) {
        t_push(0, NULL, 0);
    }
    t_step_after(T_SEND_LINGER);
    for (int i = 0; i < 4; i++) {
        t_answer_none(i);
    }
    st_ns_t retry_at = t_endpoint(0)->retry_at;
    ck_assert_int_ge(retry_at, t_world->now + ST_CIRCUIT_DELAY_MIN);
    t_push(0, NULL, 0);
    t_push(2, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 5); /* the other endpoint's */
    t_answer(4, 200);
    t_step();
    ck_assert_int_eq(t_world->next, retry_at);
    t_world->now = retry_at - 1;
    t_step();
    ck_assert_int_eq(t_world->sent_count, 5);
    t_step_at_retry(0);
    ck_assert_int_eq(t_world->sent_count, 6);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 6);
    t_answer(5, 200);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 10);
}
END_TEST

START_TEST(with_nothing_else_to_send_the_report_is_the_probe)
{
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    t_unsampled(0, 7);
    t_world->limits = "60:span";
    t_answer(0, 503);
    t_step_after(ST_NS_PER_SEC);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATELIMIT_BACKOFF), 1);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, 8);
    t_answer(1, 200);
    ck_assert_int_eq(t_endpoint(0)->circuit, ST_CIRCUIT_CLOSED);
}
END_TEST

START_TEST(too_many_bytes_in_flight_wait_but_not_for_one_of_each_endpoint)
{
    t_push(0, NULL, 0);
    t_push(0, NULL, 0);
    t_push(2, NULL, 0);
    t_world->sender->bytes_in_flight = ST_SENDER_FLIGHT_MAX;
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_ne(t_sent_dest(0), t_sent_dest(1));
    t_world->sender->bytes_in_flight -= ST_SENDER_FLIGHT_MAX;
    t_step();
    ck_assert_int_eq(t_world->sent_count, 3);
}
END_TEST

START_TEST(a_report_that_cannot_be_handed_over_is_kept)
{
    t_unsampled(0, 7);
    t_world->submit_rv = APR_ENOMEM;
    t_push(0, NULL, 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_reports_pending(0), 1);
    t_world->submit_rv = APR_SUCCESS;
    t_step();
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_uint_eq(t_world->sent[0].reported, 7 + 2);
}
END_TEST

START_TEST(with_nothing_to_do_the_next_round_is_a_flush_interval_away)
{
    t_step();
    ck_assert_int_eq(t_world->next, t_world->now + T_SEND_FLUSH);
    t_push(0, NULL, 0);
    t_step();
    ck_assert_int_eq(t_world->next, t_world->now + T_SEND_LINGER);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->next, t_world->now + T_SEND_FLUSH);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_add_test(tc, a_full_transport_leaves_buckets_waiting_and_answers_let_them_go);
    tcase_add_test(tc, an_endpoint_that_takes_nothing_does_not_delay_the_other);
    tcase_add_test(tc, a_ring_more_than_half_full_ends_the_linger);
    tcase_add_test(tc, discards_ride_on_the_next_envelope_of_their_endpoint);
    tcase_add_test(tc, without_an_envelope_a_report_goes_alone_after_the_flush_interval);
    tcase_add_test(tc, discards_are_noticed_although_nobody_wakes_the_sender);
    tcase_add_test(tc, at_most_one_report_goes_out_in_a_flush_interval);
    tcase_add_test(tc, a_report_is_off_the_books_when_it_has_arrived);
    tcase_add_test(tc, a_report_whose_envelope_is_refused_is_sent_again);
    tcase_add_test(tc, a_report_whose_envelope_got_no_answer_goes_with_the_next_one);
    tcase_add_test(tc, one_report_is_under_way_at_a_time);
    tcase_add_test(tc, a_report_alone_that_is_refused_is_kept_and_waits_a_flush_interval);
    tcase_add_loop_test(tc, only_a_limit_on_everything_holds_reports_back, 0, 2);
    tcase_add_test(tc, what_is_limited_is_not_sent_but_counted_as_such);
    tcase_add_test(tc, a_limit_counts_although_there_is_no_room_to_send);
    tcase_add_test(tc, what_failed_before_the_limit_is_discarded_with_it);
    tcase_add_test(tc,
                   while_the_circuit_is_open_nothing_goes_out_then_one_probe_then_all);
    tcase_add_test(tc, with_nothing_else_to_send_the_report_is_the_probe);
    tcase_add_test(tc, too_many_bytes_in_flight_wait_but_not_for_one_of_each_endpoint);
    tcase_add_test(tc, a_report_that_cannot_be_handed_over_is_kept);
    tcase_add_test(tc, with_nothing_to_do_the_next_round_is_a_flush_interval_away);
}

T_MAIN("outlet", add_cases)
