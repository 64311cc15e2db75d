/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"

/* Sends one envelope with `spans` spans of destination 0. */
static void send_one(int spans)
{
    t_push(0, NULL, spans - 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_int_eq(t_world->sent[0].spans, spans);
}

START_TEST(a_2xx_answer_delivers_and_frees_the_records)
{
    static const int statuses[] = {200, 202, 299};
    send_one(4);
    t_answer(0, statuses[_i]);
    ck_assert_uint_eq(t_delivered(0), 4);
    t_expect_all_over();
}
END_TEST

START_TEST(until_the_answer_the_records_stay)
{
    send_one(4);
    t_step_after(60 * ST_NS_PER_SEC);
    ck_assert_uint_gt(st_ring_used(&t_world->ring), 0);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_expect_law(0, 4);
}
END_TEST

START_TEST(a_refusal_is_a_send_error)
{
    static const int statuses[] = {301, 302, 400, 401, 403, 404,
                                   413, 415, 500, 502, 503, 100};
    send_one(4);
    t_answer(0, statuses[_i]);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 4);
    ck_assert_int_eq(st_counters_report_pending(&t_world->counters[0]), 1);
    t_expect_all_over();
}
END_TEST

START_TEST(a_429_is_counted_here_and_not_reported)
{
    send_one(4);
    t_answer(0, 429);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATE_LIMITED), 4);
    ck_assert_int_eq(st_counters_report_pending(&t_world->counters[0]), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(a_429_limits_for_the_time_it_asks_for)
{
    static const struct {
        int asked;
        int sec;
    } rows[] = {{0, 60}, {7, 7}, {100000, 24 * 3600}};
    send_one(4);
    ck_assert_int_eq(st_sender_is_limited(t_world->sender, t_world->now), 0);
    t_world->retry_after_sec = rows[_i].asked;
    t_answer(0, 429);
    st_ns_t until = t_world->now + rows[_i].sec * ST_NS_PER_SEC;
    ck_assert_int_eq(st_sender_is_limited(t_world->sender, until - 1), 1);
    ck_assert_int_eq(st_sender_is_limited(t_world->sender, until), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(other_answers_do_not_limit)
{
    send_one(4);
    t_answer(0, 503);
    ck_assert_int_eq(st_sender_is_limited(t_world->sender, t_world->now), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(no_answer_is_a_network_error)
{
    send_one(4);
    t_answer_none(0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_NETWORK_ERROR), 4);
    t_expect_all_over();
}
END_TEST

START_TEST(an_envelope_that_gets_too_large_is_an_internal_error)
{
    st_sender_destroy(t_world->sender);
    t_world_sender(1000);
    t_push(0, NULL, 9);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 10);
    t_expect_all_over();
}
END_TEST

START_TEST(an_envelope_that_cannot_be_handed_over_is_an_internal_error)
{
    t_world->submit_rv = APR_ENOMEM;
    t_push(0, NULL, 9);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 10);
    t_expect_all_over();
}
END_TEST

START_TEST(several_records_of_a_trace_are_answered_together)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    for (int i = 0; i < 30; i++) {
        t_push(0, &trace_id, i);
    }
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_int_eq(t_world->sent[0].spans, 30 * 31 / 2);
    t_answer(0, 503);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 30 * 31 / 2);
    t_expect_all_over();
}
END_TEST

START_TEST(more_than_1000_spans_of_a_trace_go_out_in_several_envelopes)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(t_push(0, &trace_id, 399), 1);
    }
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(t_world->sent[i].spans, 800);
        t_answer(i, 200);
    }
    ck_assert_uint_eq(t_delivered(0), 2400);
    t_expect_all_over();
}
END_TEST

START_TEST(answers_in_any_order_free_everything)
{
    for (int i = 0; i < 8; i++) {
        t_push(0, NULL, i);
    }
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 8);
    static const int order[] = {7, 0, 3, 1, 6, 2, 5, 4};
    uint64_t waiting = 36;
    for (int i = 0; i < 8; i++) {
        t_answer(order[i], i % 2 ? 200 : 400);
        waiting -= (uint64_t)t_world->sent[order[i]].spans;
        t_expect_law(0, waiting);
    }
    t_expect_all_over();
}
END_TEST

START_TEST(each_endpoint_has_its_own_counters)
{
    t_push(0, NULL, 0);
    t_push(1, NULL, 1);
    t_push(2, NULL, 2);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 3);
    t_answer(0, 200);
    t_answer(1, 200);
    t_answer_none(2);
    ck_assert_uint_eq(t_delivered(0), 3);
    ck_assert_uint_eq(t_delivered(1), 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_NETWORK_ERROR), 0);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_NETWORK_ERROR), 3);
    t_expect_all_over();
}
END_TEST

/* What an endpoint counted as transactions. */
static uint64_t transactions_discarded(int endpoint, st_reason_t reason)
{
    return t_world->counters[endpoint].discarded[reason][ST_CATEGORY_TRANSACTION];
}

static uint64_t transactions_delivered(int endpoint)
{
    return t_world->counters[endpoint].delivered[ST_CATEGORY_TRANSACTION];
}

START_TEST(a_transaction_is_delivered_in_both_categories)
{
    t_push(T_SEND_STATIC, NULL, 3);
    t_step_after(T_SEND_LINGER);
    t_answer(0, 200);
    ck_assert_uint_eq(t_delivered(0), 4);
    ck_assert_uint_eq(transactions_delivered(0), 1);
    t_expect_all_over();
}
END_TEST

START_TEST(a_lost_transaction_counts_as_itself_and_all_its_spans)
{
    static const struct {
        apr_status_t rv;
        int status;
        st_reason_t reason;
    } answers[] = {{APR_SUCCESS, 503, ST_REASON_SEND_ERROR},
                   {APR_SUCCESS, 429, ST_REASON_RATE_LIMITED},
                   {ST_E_NETWORK, 0, ST_REASON_NETWORK_ERROR}};
    t_push(T_SEND_STATIC, NULL, 3);
    t_step_after(T_SEND_LINGER);
    t_fake_give(t_world, 0, answers[_i].rv, answers[_i].status);
    ck_assert_uint_eq(t_discarded(0, answers[_i].reason), 4);
    ck_assert_uint_eq(transactions_discarded(0, answers[_i].reason), 1);
    ck_assert_uint_eq(transactions_delivered(0), 0);
    t_expect_all_over();
}
END_TEST

START_TEST(a_transaction_that_cannot_be_sent_is_an_internal_error)
{
    t_world->submit_rv = APR_ENOMEM;
    t_push(T_SEND_STATIC, NULL, 3);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 4);
    ck_assert_uint_eq(transactions_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 1);
    t_expect_all_over();
}
END_TEST

/* A record whose children take more than a transaction may. */
static void push_too_many_texts(void)
{
    char text[900];
    st_segment_t *seg = st_segment_open(t_pool, st_id_source_rng(&t_world->ids),
                                        t_world_wall(), t_world->now, 999);
    memset(text, '\x01', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 230; i++) {
        st_segment_span_add(seg, ST_OP_HANDLER, text, NULL, t_world->now);
    }
    st_segment_close(seg, t_world->now);
    ck_assert_int_eq(t_push_segment(T_SEND_STATIC, seg), 1);
}

START_TEST(children_without_room_are_a_buffer_overflow_once_the_rest_is_delivered)
{
    push_too_many_texts();
    t_step_after(T_SEND_LINGER);
    int sent = t_world->sent[0].spans;
    ck_assert_int_gt(sent, 100);
    ck_assert_int_lt(sent, 230);
    if (_i == 1) {
        t_answer(0, 503);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 231);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_BUFFER_OVERFLOW), 0);
    } else {
        t_answer(0, 200);
        ck_assert_uint_eq(t_delivered(0), (uint64_t)sent);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_BUFFER_OVERFLOW),
                          (uint64_t)(231 - sent));
    }
    t_expect_all_over();
    t_push(T_SEND_STATIC, NULL, 2);
    t_step_after(T_SEND_LINGER);
    t_answer(1, 200);
    t_expect_all_over();
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_add_loop_test(tc, a_2xx_answer_delivers_and_frees_the_records, 0, 3);
    tcase_add_test(tc, until_the_answer_the_records_stay);
    tcase_add_loop_test(tc, a_refusal_is_a_send_error, 0, 12);
    tcase_add_test(tc, a_429_is_counted_here_and_not_reported);
    tcase_add_loop_test(tc, a_429_limits_for_the_time_it_asks_for, 0, 3);
    tcase_add_test(tc, other_answers_do_not_limit);
    tcase_add_test(tc, no_answer_is_a_network_error);
    tcase_add_test(tc, an_envelope_that_gets_too_large_is_an_internal_error);
    tcase_add_test(tc, an_envelope_that_cannot_be_handed_over_is_an_internal_error);
    tcase_add_test(tc, several_records_of_a_trace_are_answered_together);
    tcase_add_test(tc, more_than_1000_spans_of_a_trace_go_out_in_several_envelopes);
    tcase_add_test(tc, answers_in_any_order_free_everything);
    tcase_add_test(tc, each_endpoint_has_its_own_counters);
    tcase_add_test(tc, a_transaction_is_delivered_in_both_categories);
    tcase_add_loop_test(tc, a_lost_transaction_counts_as_itself_and_all_its_spans, 0, 3);
    tcase_add_test(tc, a_transaction_that_cannot_be_sent_is_an_internal_error);
    tcase_add_loop_test(
        tc, children_without_room_are_a_buffer_overflow_once_the_rest_is_delivered, 0, 2);
}

T_MAIN("delivery", add_cases)
