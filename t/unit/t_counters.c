/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_counters.h"

#include <pthread.h>

#define SPAN ST_CATEGORY_SPAN

static void discard(st_counters_t *counters, st_reason_t reason, uint64_t quantity)
{
    st_counters_discarded(counters, reason, SPAN, quantity);
}

START_TEST(each_event_is_counted_in_its_own_place)
{
    st_counters_t counters = {0};
    st_counters_created(&counters, SPAN, 12);
    st_counters_delivered(&counters, SPAN, 5);
    discard(&counters, ST_REASON_SEND_ERROR, 4);
    discard(&counters, ST_REASON_NETWORK_ERROR, 2);
    discard(&counters, ST_REASON_NETWORK_ERROR, 1);
    ck_assert_uint_eq(counters.created[SPAN], 12);
    ck_assert_uint_eq(counters.delivered[SPAN], 5);
    ck_assert_uint_eq(counters.discarded[ST_REASON_SEND_ERROR][SPAN], 4);
    ck_assert_uint_eq(counters.discarded[ST_REASON_NETWORK_ERROR][SPAN], 3);
    ck_assert_uint_eq(counters.discarded[ST_REASON_QUEUE_OVERFLOW][SPAN], 0);
}
END_TEST

START_TEST(a_report_takes_each_discard_once)
{
    st_counters_t counters = {0};
    st_report_t report;
    ck_assert_int_eq(st_counters_report_pending(&counters), 0);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 0);
    discard(&counters, ST_REASON_SAMPLE_RATE, 7);
    discard(&counters, ST_REASON_QUEUE_OVERFLOW, 3);
    ck_assert_int_eq(st_counters_report_pending(&counters), 1);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SAMPLE_RATE][SPAN], 7);
    ck_assert_uint_eq(report.quantity[ST_REASON_QUEUE_OVERFLOW][SPAN], 3);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][SPAN], 0);
    ck_assert_int_eq(st_counters_report_pending(&counters), 0);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 0);
    discard(&counters, ST_REASON_SAMPLE_RATE, 1);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SAMPLE_RATE][SPAN], 1);
    ck_assert_uint_eq(counters.discarded[ST_REASON_SAMPLE_RATE][SPAN], 8);
}
END_TEST

START_TEST(a_restored_report_is_taken_again_together_with_newer_discards)
{
    st_counters_t counters = {0};
    st_report_t report;
    discard(&counters, ST_REASON_SEND_ERROR, 5);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    discard(&counters, ST_REASON_SEND_ERROR, 2);
    st_counters_report_restore(&counters, &report);
    ck_assert_int_eq(st_counters_report_pending(&counters), 1);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][SPAN], 7);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 0);
}
END_TEST

START_TEST(rate_limited_spans_are_counted_but_never_reported)
{
    st_counters_t counters = {0};
    st_report_t report;
    discard(&counters, ST_REASON_RATE_LIMITED, 9);
    ck_assert_int_eq(st_counters_report_pending(&counters), 0);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 0);
    ck_assert_uint_eq(counters.discarded[ST_REASON_RATE_LIMITED][SPAN], 9);
    ck_assert_uint_eq(counters.reported[ST_REASON_RATE_LIMITED][SPAN], 0);
}
END_TEST

START_TEST(categories_are_counted_and_reported_apart)
{
    st_counters_t counters = {0};
    st_report_t report;
    st_counters_discarded(&counters, ST_REASON_SEND_ERROR, ST_CATEGORY_TRANSACTION, 1);
    discard(&counters, ST_REASON_SEND_ERROR, 4);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][ST_CATEGORY_TRANSACTION], 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][SPAN], 4);
    st_counters_report_restore(&counters, &report);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 1);
    ck_assert_uint_eq(report.quantity[ST_REASON_SEND_ERROR][ST_CATEGORY_TRANSACTION], 1);
    ck_assert_int_eq(st_counters_report_take(&counters, &report), 0);
}
END_TEST

#define THREADS 4
#define ROUNDS  20000

static void *count_in_thread(void *baton)
{
    for (int i = 0; i < ROUNDS; i++) {
        discard(baton, ST_REASON_SAMPLE_RATE, 1);
    }
    return NULL;
}

START_TEST(reports_taken_while_threads_count_lose_and_repeat_nothing)
{
    st_counters_t counters = {0};
    pthread_t threads[THREADS];
    uint64_t sum = 0;
    st_report_t report;
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_in_thread, &counters),
                         0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        st_counters_report_take(&counters, &report);
        if (i % 3 == 0) {
            st_counters_report_restore(&counters, &report);
        } else {
            sum += report.quantity[ST_REASON_SAMPLE_RATE][SPAN];
        }
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    st_counters_report_take(&counters, &report);
    sum += report.quantity[ST_REASON_SAMPLE_RATE][SPAN];
    ck_assert_uint_eq(sum, (uint64_t)THREADS * ROUNDS);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_test(tc, each_event_is_counted_in_its_own_place);
    tcase_add_test(tc, a_report_takes_each_discard_once);
    tcase_add_test(tc, a_restored_report_is_taken_again_together_with_newer_discards);
    tcase_add_test(tc, rate_limited_spans_are_counted_but_never_reported);
    tcase_add_test(tc, categories_are_counted_and_reported_apart);
    tcase_add_test(tc, reports_taken_while_threads_count_lose_and_repeat_nothing);
}

T_MAIN("counters", add_cases)
