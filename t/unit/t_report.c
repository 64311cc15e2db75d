/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_report.h"

START_TEST(reasons_have_their_wire_text)
{
    ck_assert_str_eq(st_reason_text(ST_REASON_SAMPLE_RATE), "sample_rate");
    ck_assert_str_eq(st_reason_text(ST_REASON_QUEUE_OVERFLOW), "queue_overflow");
    ck_assert_str_eq(st_reason_text(ST_REASON_BUFFER_OVERFLOW), "buffer_overflow");
    ck_assert_str_eq(st_reason_text(ST_REASON_NETWORK_ERROR), "network_error");
    ck_assert_str_eq(st_reason_text(ST_REASON_SEND_ERROR), "send_error");
    ck_assert_str_eq(st_reason_text(ST_REASON_INTERNAL_SDK_ERROR), "internal_sdk_error");
    ck_assert_str_eq(st_reason_text(ST_REASON_IGNORED), "ignored");
    ck_assert_str_eq(st_reason_text(ST_REASON_BACKPRESSURE), "backpressure");
    ck_assert_str_eq(st_reason_text(ST_REASON_RATELIMIT_BACKOFF), "ratelimit_backoff");
    ck_assert_str_eq(st_reason_text(ST_REASON_EVENT_PROCESSOR), "event_processor");
}
END_TEST

START_TEST(categories_have_their_wire_text)
{
    ck_assert_str_eq(st_category_text(ST_CATEGORY_SPAN), "span");
    ck_assert_str_eq(st_category_text(ST_CATEGORY_TRANSACTION), "transaction");
}
END_TEST

START_TEST(only_what_the_server_has_counted_is_not_reported)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        ck_assert_int_eq(st_reason_is_reported((st_reason_t)reason),
                         reason != ST_REASON_RATE_LIMITED);
    }
}
END_TEST

START_TEST(a_report_is_empty_until_any_quantity_is_set)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            st_report_t report = {0};
            ck_assert_int_eq(st_report_is_empty(&report), 1);
            report.quantity[reason][category] = 1;
            ck_assert_int_eq(st_report_is_empty(&report), 0);
        }
    }
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_test(tc, reasons_have_their_wire_text);
    tcase_add_test(tc, categories_have_their_wire_text);
    tcase_add_test(tc, only_what_the_server_has_counted_is_not_reported);
    tcase_add_test(tc, a_report_is_empty_until_any_quantity_is_set);
}

T_MAIN("report", add_cases)
