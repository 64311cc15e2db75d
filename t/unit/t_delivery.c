/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"

#define T_SEND_RING (1024 * 1024) /* for a record that is too large for a transaction */
#include "t_send.h"
#include "st_log.h"

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
    ck_assert_uint_gt(st_ring_used(&t_world->queue.ring), 0);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_expect_law(0, 4);
}
END_TEST

START_TEST(a_refusal_is_a_send_error)
{
    static const int statuses[] = {301, 302, 400, 401, 403, 404, 413, 415, 500, 100};
    send_one(4);
    t_answer(0, statuses[_i]);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 4);
    ck_assert_int_eq(t_reports_pending(0), 1);
    t_expect_all_over();
}
END_TEST

START_TEST(a_429_is_counted_here_and_not_reported)
{
    send_one(4);
    t_answer(0, 429);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_RATE_LIMITED), 4);
    ck_assert_int_eq(t_reports_pending(0), 0);
    t_expect_all_over();
}
END_TEST

static int is_limited(st_limit_t limit, st_ns_t now)
{
    return st_endpoint_is_limited(t_endpoint(0), limit, now);
}

START_TEST(limits_of_any_answer_are_noted_and_hold_from_when_it_came)
{
    static const int statuses[] = {200, 400, 429, 503};
    send_one(4);
    t_world->limits = "7:span:key";
    t_world->now += 3 * ST_NS_PER_SEC;
    t_answer(0, statuses[_i]);
    st_ns_t until = t_world->now + 7 * ST_NS_PER_SEC;
    ck_assert_int_eq(is_limited(ST_LIMIT_SPAN, until - 1), 1);
    ck_assert_int_eq(is_limited(ST_LIMIT_SPAN, until), 0);
    ck_assert_int_eq(is_limited(ST_LIMIT_REPORT, t_world->now), 0);
}
END_TEST

START_TEST(retry_after_holds_everything)
{
    static const int statuses[] = {200, 400, 429};
    send_one(4);
    t_world->retry_after = "9";
    t_answer(0, statuses[_i]);
    st_ns_t until = t_world->now + 9 * ST_NS_PER_SEC;
    ck_assert_int_eq(is_limited(ST_LIMIT_SPAN, until - 1), 1);
    ck_assert_int_eq(is_limited(ST_LIMIT_REPORT, until - 1), 1);
    ck_assert_int_eq(is_limited(ST_LIMIT_SPAN, until), 0);
}
END_TEST

START_TEST(retry_after_of_an_outage_throws_nothing_away)
{
    send_one(4);
    t_world->retry_after = "9";
    t_answer(0, 503);
    ck_assert_int_eq(is_limited(ST_LIMIT_SPAN, t_world->now), 0);
    t_step_at_retry(0);
    ck_assert_int_eq(t_world->sent_count, 2);
    t_expect_law(0, 4);
}
END_TEST

/* 0: no answer at all. */
static const int outages[] = {502, 503, 504, 0};

static void break_down(int i, int status)
{
    if (status != 0) {
        t_answer(i, status);
    } else {
        t_answer_none(i);
    }
}

START_TEST(without_an_answer_the_spans_stay_and_are_sent_again)
{
    send_one(4);
    break_down(0, outages[_i]);
    t_expect_law(0, 4);
    ck_assert_int_eq(t_reports_pending(0), 0);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 1);
    t_step_at_retry(0);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_eq(t_world->sent[1].spans, 4);
    t_answer(1, 200);
    ck_assert_uint_eq(t_delivered(0), 4);
    t_expect_all_over();
}
END_TEST

START_TEST(what_is_broken_off_stays)
{
    send_one(4);
    st_sender_thr_end(t_world->sender);
    t_expect_law(0, 4);
    ck_assert_int_eq(t_endpoint(0)->in_flight, 0);
}
END_TEST

START_TEST(what_an_endpoint_does_is_noted)
{
    char text[ST_ENDPOINT_ERROR_MAX];
    st_endpoint_t *endpoint = t_endpoint(0);
    send_one(4);
    ck_assert_int_eq(endpoint->in_flight, 1);
    ck_assert_uint_eq(endpoint->requests, 1);
    ck_assert_uint_gt(endpoint->bytes, 0);
    t_world->now += 40 * ST_NS_PER_MS;
    t_answer_none(0);
    ck_assert_int_eq(endpoint->in_flight, 0);
    ck_assert_uint_eq(endpoint->answers, 0);
    ck_assert_int_eq(st_endpoint_error_get(endpoint, text), t_world_wall());
    ck_assert_str_eq(text, "played");
    t_step_at_retry(0);
    ck_assert_uint_eq(endpoint->requests, 2);
    ck_assert_uint_eq(endpoint->repeated, 1);
    t_world->now += 40 * ST_NS_PER_MS;
    t_answer(1, 403);
    ck_assert_uint_eq(endpoint->answers, 1);
    ck_assert_int_eq(endpoint->latency_sum, 40 * ST_NS_PER_MS);
    ck_assert_int_eq(st_endpoint_error_get(endpoint, text), t_world_wall());
    ck_assert_str_eq(text, "HTTP status 403");
}
END_TEST

/* The endpoint answers everything but the first trace. */
START_TEST(a_bucket_that_alone_fails_is_given_up)
{
    send_one(3);
    t_answer(0, 503);
    st_ns_t failed_at = t_world->now;
    for (int strike = 2; strike <= ST_SENDER_STRIKES_MAX; strike++) {
        t_push(0, NULL, 0);
        t_endpoint(0)->retry_at = t_world->now;
        t_step_after(T_SEND_LINGER);
        int probe = t_world->sent_count - 1;
        ck_assert_int_eq(t_world->sent[probe].spans, 1); /* not the one that failed */
        t_answer(probe, 200);
        st_ns_t delay = ST_NS_PER_SEC << (strike - 2); /* it waits by itself, too */
        t_step_after(delay - 1 - (t_world->now - failed_at));
        ck_assert_int_eq(t_world->sent_count, probe + 1);
        t_step_after(1);
        int again = t_world->sent_count - 1;
        ck_assert_int_eq(t_world->sent[again].spans, 3);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_NETWORK_ERROR), 0);
        t_answer(again, 503);
        failed_at = t_world->now;
    }
    ck_assert_uint_eq(t_discarded(0, ST_REASON_NETWORK_ERROR), 3);
    ck_assert_uint_eq(t_delivered(0), ST_SENDER_STRIKES_MAX - 1);
    t_expect_all_over();
}
END_TEST

START_TEST(in_an_outage_nothing_is_given_up)
{
    send_one(3);
    t_push(0, NULL, 0);
    t_answer_none(0);
    for (int i = 1; i < 30; i++) {
        t_step_at_retry(0);
        ck_assert_int_eq(t_world->sent_count, i + 1);
        t_answer_none(i);
    }
    t_expect_law(0, 4);
    t_step_at_retry(0);
    t_answer(30, 200);
    t_step_after(T_SEND_LINGER);
    t_answer(31, 200);
    ck_assert_uint_eq(t_delivered(0), 4);
    t_expect_all_over();
}
END_TEST

static char last_line[512];
static int line_count;

static void on_line(void *baton, st_log_level_t level, apr_status_t rv,
                    const char *message)
{
    snprintf(last_line, sizeof(last_line), "%s", message);
    line_count++;
}

START_TEST(an_outage_makes_two_lines)
{
    st_log_writer_set(on_line, NULL, ST_LOG_DEBUG);
    for (int i = 0; i < 8; i++) {
        t_push(0, NULL, 0);
    }
    t_step_after(T_SEND_LINGER);
    for (int i = 0; i < 8; i++) {
        t_answer_none(i);
    }
    t_step_at_retry(0);
    t_answer_none(8);
    ck_assert_int_eq(line_count, 1);
    ck_assert_ptr_nonnull(strstr(last_line, "ST0101: no answer from http://0123"));
    ck_assert_ptr_nonnull(strstr(last_line, " s, 8 spans wait"));
    t_step_at_retry(0);
    t_answer(9, 200);
    ck_assert_int_eq(line_count, 2);
    ck_assert_ptr_nonnull(strstr(last_line, "ST0110: http://0123"));
    st_log_writer_set(NULL, NULL, ST_LOG_DEBUG);
}
END_TEST

START_TEST(an_envelope_that_gets_too_large_is_an_internal_error)
{
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
    t_answer(0, 400);
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
    t_answer(2, 400);
    ck_assert_uint_eq(t_delivered(0), 3);
    ck_assert_uint_eq(t_delivered(1), 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 0);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_SEND_ERROR), 3);
    t_expect_all_over();
}
END_TEST

/* What an endpoint counted as transactions. */
static uint64_t transactions_discarded(int endpoint, st_reason_t reason)
{
    return st_counters_get_discarded(&t_endpoint(endpoint)->counters, reason,
                                     ST_CATEGORY_TRANSACTION);
}

static uint64_t transactions_delivered(int endpoint)
{
    return st_counters_get_delivered(&t_endpoint(endpoint)->counters,
                                     ST_CATEGORY_TRANSACTION);
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
        int status;
        st_reason_t reason;
    } answers[] = {{500, ST_REASON_SEND_ERROR}, {429, ST_REASON_RATE_LIMITED}};
    t_push(T_SEND_STATIC, NULL, 3);
    t_step_after(T_SEND_LINGER);
    t_answer(0, answers[_i].status);
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
        t_answer(0, 500);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_SEND_ERROR), 231);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_BUFFER_OVERFLOW), 0);
    } else {
        if (_i == 2) {
            t_answer(0, 503);
            t_step_at_retry(0);
        }
        t_answer(_i == 2 ? 1 : 0, 200);
        ck_assert_uint_eq(t_delivered(0), (uint64_t)sent);
        ck_assert_uint_eq(t_discarded(0, ST_REASON_BUFFER_OVERFLOW),
                          (uint64_t)(231 - sent));
    }
    t_expect_all_over();
    t_push(T_SEND_STATIC, NULL, 2);
    t_step_after(T_SEND_LINGER);
    t_answer(t_world->sent_count - 1, 200);
    t_expect_all_over();
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_add_loop_test(tc, a_2xx_answer_delivers_and_frees_the_records, 0, 3);
    tcase_add_test(tc, until_the_answer_the_records_stay);
    tcase_add_loop_test(tc, a_refusal_is_a_send_error, 0, 10);
    tcase_add_test(tc, a_429_is_counted_here_and_not_reported);
    tcase_add_loop_test(tc, limits_of_any_answer_are_noted_and_hold_from_when_it_came, 0,
                        4);
    tcase_add_loop_test(tc, retry_after_holds_everything, 0, 3);
    tcase_add_test(tc, retry_after_of_an_outage_throws_nothing_away);
    tcase_add_loop_test(tc, without_an_answer_the_spans_stay_and_are_sent_again, 0, 4);
    tcase_add_test(tc, what_is_broken_off_stays);
    tcase_add_test(tc, what_an_endpoint_does_is_noted);
    tcase_add_test(tc, a_bucket_that_alone_fails_is_given_up);
    tcase_add_test(tc, in_an_outage_nothing_is_given_up);
    tcase_add_test(tc, an_outage_makes_two_lines);
    tcase_add_test(tc, an_envelope_that_gets_too_large_is_an_internal_error);
    tcase_add_test(tc, an_envelope_that_cannot_be_handed_over_is_an_internal_error);
    tcase_add_test(tc, several_records_of_a_trace_are_answered_together);
    tcase_add_test(tc, more_than_1000_spans_of_a_trace_go_out_in_several_envelopes);
    tcase_add_test(tc, answers_in_any_order_free_everything);
    tcase_add_test(tc, each_endpoint_has_its_own_counters);
    tcase_add_test(tc, a_transaction_is_delivered_in_both_categories);
    tcase_add_loop_test(tc, a_lost_transaction_counts_as_itself_and_all_its_spans, 0, 2);
    tcase_add_test(tc, a_transaction_that_cannot_be_sent_is_an_internal_error);
    tcase_add_loop_test(
        tc, children_without_room_are_a_buffer_overflow_once_the_rest_is_delivered, 0, 3);
}

T_MAIN("delivery", add_cases)
