/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"

static int reports_pending(void)
{
    return st_counters_report_pending(&t_world->counters[0]);
}

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
    ck_assert_ptr_eq(t_world->sent[1].dest, &t_world->dests[2]);
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
    while (st_ring_used(&t_world->ring) <= st_ring_capacity(&t_world->ring) / 2) {
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
    ck_assert_int_eq(reports_pending(), 0);
    t_answer(0, 200);
    t_answer(1, 200);
    ck_assert_int_eq(reports_pending(), 0);
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

START_TEST(a_report_whose_envelope_fails_is_kept_and_sent_again)
{
    static const int statuses[] = {429, 400, 503, 0};
    t_unsampled(0, 7);
    t_push(0, NULL, 2);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_world->sent[0].reported, 7);
    int status = statuses[_i];
    if (status != 0) {
        t_answer(0, status);
    } else {
        t_answer_none(0);
    }
    ck_assert_int_eq(reports_pending(), 1);
    t_step();
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_uint_eq(t_world->sent[1].reported, status == 429 ? 7 : 10);
    t_answer(1, 200);
    ck_assert_int_eq(reports_pending(), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(a_report_alone_that_fails_is_kept_and_waits_a_flush_interval)
{
    t_unsampled(0, 7);
    t_step();
    t_step_after(T_SEND_FLUSH);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(t_world->sent_count, i + 1);
        ck_assert_uint_eq(t_world->sent[i].reported, 7);
        t_answer(i, 429);
        ck_assert_int_eq(reports_pending(), 1);
        t_step();
        t_step_after(T_SEND_FLUSH - 1);
        ck_assert_int_eq(t_world->sent_count, i + 1);
        t_step_after(1);
    }
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATE_LIMITED), 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 0);
}
END_TEST

START_TEST(a_report_that_cannot_be_handed_over_is_kept)
{
    t_unsampled(0, 7);
    t_world->submit_rv = APR_ENOMEM;
    t_push(0, NULL, 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(reports_pending(), 1);
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
    tcase_add_loop_test(tc, a_report_whose_envelope_fails_is_kept_and_sent_again, 0, 4);
    tcase_add_test(tc, a_report_alone_that_fails_is_kept_and_waits_a_flush_interval);
    tcase_add_test(tc, a_report_that_cannot_be_handed_over_is_kept);
    tcase_add_test(tc, with_nothing_to_do_the_next_round_is_a_flush_interval_away);
}

T_MAIN("outlet", add_cases)
