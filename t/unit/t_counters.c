/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_counters.h"

#include <pthread.h>

#define SPAN        ST_CATEGORY_SPAN
#define TRANSACTION ST_CATEGORY_TRANSACTION

static void refuse(st_counters_t *counters, st_reason_t reason, uint64_t quantity)
{
    st_counters_refused(counters, reason, SPAN, quantity);
}

START_TEST(each_event_is_counted_in_its_own_place)
{
    st_counters_t counters = {0};
    st_counters_created(&counters, SPAN, 12);
    st_counters_created(&counters, TRANSACTION, 2);
    refuse(&counters, ST_REASON_SEND_ERROR, 4);
    refuse(&counters, ST_REASON_IGNORED, 2);
    refuse(&counters, ST_REASON_IGNORED, 1);
    st_counters_refused(&counters, ST_REASON_IGNORED, TRANSACTION, 6);
    counters.delivered[SPAN] = 5;
    counters.delivered[TRANSACTION] = 1;
    ck_assert_uint_eq(st_counters_get_created(&counters, SPAN), 12);
    ck_assert_uint_eq(st_counters_get_created(&counters, TRANSACTION), 2);
    ck_assert_uint_eq(st_counters_get_delivered(&counters, SPAN), 5);
    ck_assert_uint_eq(st_counters_get_delivered(&counters, TRANSACTION), 1);
    ck_assert_uint_eq(counters.refused[ST_REASON_SEND_ERROR][SPAN], 4);
    ck_assert_uint_eq(counters.refused[ST_REASON_IGNORED][SPAN], 3);
    ck_assert_uint_eq(counters.refused[ST_REASON_IGNORED][TRANSACTION], 6);
    ck_assert_uint_eq(counters.refused[ST_REASON_QUEUE_OVERFLOW][SPAN], 0);
}
END_TEST

START_TEST(discarded_is_what_was_refused_and_what_was_settled_so)
{
    st_counters_t counters = {0};
    refuse(&counters, ST_REASON_QUEUE_OVERFLOW, 3);
    counters.settled[ST_REASON_QUEUE_OVERFLOW][SPAN] = 40;
    counters.settled[ST_REASON_QUEUE_OVERFLOW][TRANSACTION] = 500;
    ck_assert_uint_eq(
        st_counters_get_discarded(&counters, ST_REASON_QUEUE_OVERFLOW, SPAN), 43);
    ck_assert_uint_eq(
        st_counters_get_discarded(&counters, ST_REASON_QUEUE_OVERFLOW, TRANSACTION), 500);
    ck_assert_uint_eq(st_counters_get_discarded(&counters, ST_REASON_SEND_ERROR, SPAN),
                      0);
}
END_TEST

START_TEST(a_report_names_each_discard_until_it_has_arrived)
{
    st_counters_t counters = {0};
    st_report_t report;
    ck_assert_int_eq(st_counters_report_read(&counters, NULL), 0);
    ck_assert_int_eq(st_counters_report_read(&counters, &report), 0);
    ck_assert_int_eq(st_report_is_empty(&report), 1);
    refuse(&counters, ST_REASON_SAMPLE_RATE, 7);
    counters.settled[ST_REASON_SAMPLE_RATE][SPAN] = 20;
    counters.settled[ST_REASON_NETWORK_ERROR][TRANSACTION] = 3;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(st_counters_report_read(&counters, NULL), 1);
        ck_assert_int_eq(st_counters_report_read(&counters, &report), 1);
        ck_assert_uint_eq(report.quantity[ST_REASON_SAMPLE_RATE][SPAN], 27);
        ck_assert_uint_eq(report.quantity[ST_REASON_NETWORK_ERROR][TRANSACTION], 3);
        ck_assert_uint_eq(report.quantity[ST_REASON_NETWORK_ERROR][SPAN], 0);
    }
    st_counters_report_done(&counters, &report);
    ck_assert_int_eq(st_counters_report_read(&counters, NULL), 0);
    refuse(&counters, ST_REASON_SAMPLE_RATE, 1);
    ck_assert_int_eq(st_counters_report_read(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SAMPLE_RATE][SPAN], 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_NETWORK_ERROR][TRANSACTION], 0);
    ck_assert_uint_eq(st_counters_get_discarded(&counters, ST_REASON_SAMPLE_RATE, SPAN),
                      28);
}
END_TEST

START_TEST(what_is_discarded_while_a_report_is_under_way_is_for_the_next_one)
{
    st_counters_t counters = {0};
    st_report_t report;
    refuse(&counters, ST_REASON_SEND_ERROR, 5);
    ck_assert_int_eq(st_counters_report_read(&counters, &report), 1);
    refuse(&counters, ST_REASON_SEND_ERROR, 2);
    st_counters_report_done(&counters, &report);
    ck_assert_int_eq(st_counters_report_read(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][SPAN], 2);
}
END_TEST

START_TEST(rate_limited_spans_are_counted_but_never_reported)
{
    st_counters_t counters = {0};
    st_report_t report;
    refuse(&counters, ST_REASON_RATE_LIMITED, 9);
    ck_assert_int_eq(st_counters_report_read(&counters, &report), 0);
    ck_assert_uint_eq(report.quantity[ST_REASON_RATE_LIMITED][SPAN], 0);
    st_counters_report_done(&counters, &report);
    ck_assert_uint_eq(st_counters_get_discarded(&counters, ST_REASON_RATE_LIMITED, SPAN),
                      9);
}
END_TEST

#define THREADS 4
#define ROUNDS  20000

static void *count_in_thread(void *baton)
{
    for (int i = 0; i < ROUNDS; i++) {
        st_counters_created(baton, SPAN, 1);
        refuse(baton, ST_REASON_SAMPLE_RATE, 1);
    }
    return NULL;
}

/* Reads a report, of which every third arrives. @return what arrived */
static uint64_t report_once(st_counters_t *counters, int round)
{
    st_report_t report;
    st_counters_report_read(counters, &report);
    if (round % 3 != 0) {
        return 0;
    }
    st_counters_report_done(counters, &report);
    return report.quantity[ST_REASON_SAMPLE_RATE][SPAN];
}

START_TEST(reports_made_while_threads_count_lose_and_repeat_nothing)
{
    st_counters_t counters = {0};
    pthread_t threads[THREADS];
    uint64_t sum = 0;
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_in_thread, &counters),
                         0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        sum += report_once(&counters, i);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    sum += report_once(&counters, 0);
    ck_assert_uint_eq(sum, (uint64_t)THREADS * ROUNDS);
    ck_assert_uint_eq(st_counters_get_created(&counters, SPAN), sum);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_test(tc, each_event_is_counted_in_its_own_place);
    tcase_add_test(tc, discarded_is_what_was_refused_and_what_was_settled_so);
    tcase_add_test(tc, a_report_names_each_discard_until_it_has_arrived);
    tcase_add_test(tc, what_is_discarded_while_a_report_is_under_way_is_for_the_next_one);
    tcase_add_test(tc, rate_limited_spans_are_counted_but_never_reported);
    tcase_add_test(tc, reports_made_while_threads_count_lose_and_repeat_nothing);
}

T_MAIN("counters", add_cases)
