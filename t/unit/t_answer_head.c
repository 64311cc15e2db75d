/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/send/answer_head.h"

#include <string.h>

static st_answer_head_t head;

static void setup(void)
{
    st_answer_head_clear(&head);
}

static void line(const char *text)
{
    st_answer_head_line(&head, text, strlen(text));
}

START_TEST(two_headers_are_kept_whatever_their_case_and_blanks)
{
    static const char *const limits[] = {"X-Sentry-Rate-Limits: 60:span\r\n",
                                         "x-sentry-rate-limits:60:span",
                                         "X-SENTRY-RATE-LIMITS: \t 60:span \r\n"};
    static const char *const retry[] = {"Retry-After: 120\r\n", "retry-after:120",
                                        "RETRY-AFTER: \t 120 \r\n"};
    line("HTTP/1.1 429 Too Many Requests\r\n");
    line(limits[_i]);
    line(retry[_i]);
    line("\r\n");
    ck_assert_int_eq(head.has_limits, 1);
    ck_assert_str_eq(head.limits, "60:span");
    ck_assert_int_eq(head.has_retry_after, 1);
    ck_assert_str_eq(head.retry_after, "120");
}
END_TEST

START_TEST(other_lines_are_passed_over)
{
    static const char *const lines[] = {"Content-Type: text/plain\r\n",
                                        "X-Sentry-Rate-Limit: 1:\r\n",
                                        "X-Sentry-Rate-Limits-Too: 1:\r\n",
                                        "XX-Sentry-Rate-Limits: 1:\r\n",
                                        "Retry-After\r\n",
                                        "X-Sentry-Rate-Limits",
                                        "Retry-After 5\r\n",
                                        "\r\n",
                                        ""};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        line(lines[i]);
        ck_assert_int_eq(head.has_limits, 0);
        ck_assert_int_eq(head.has_retry_after, 0);
    }
}
END_TEST

START_TEST(several_lines_of_limits_are_joined)
{
    line("X-Sentry-Rate-Limits: 1:span\r\n");
    line("X-Sentry-Rate-Limits: 2:error, 3:transaction\r\n");
    ck_assert_str_eq(head.limits, "1:span,2:error, 3:transaction");
}
END_TEST

START_TEST(an_empty_header_is_there_all_the_same)
{
    line("X-Sentry-Rate-Limits:\r\n");
    line("Retry-After: \r\n");
    ck_assert_int_eq(head.has_limits, 1);
    ck_assert_str_eq(head.limits, "");
    ck_assert_int_eq(head.has_retry_after, 1);
    ck_assert_str_eq(head.retry_after, "");
}
END_TEST

START_TEST(what_an_interim_answer_said_is_forgotten)
{
    line("HTTP/1.1 103 Early Hints\r\n");
    line("X-Sentry-Rate-Limits: 1:\r\n");
    line("Retry-After: 5\r\n");
    line("\r\n");
    line("HTTP/1.1 200 OK\r\n");
    ck_assert_int_eq(head.has_limits, 0);
    ck_assert_int_eq(head.has_retry_after, 0);
}
END_TEST

/* "60:span" cut to "60:" would be a limit on everything. */
START_TEST(limits_that_are_too_long_are_cut_between_two_of_them)
{
    for (int i = 0; i < 1000; i++) {
        line("X-Sentry-Rate-Limits: 60:span;transaction,7:span\r\n");
        size_t len = strlen(head.limits);
        ck_assert_uint_lt(len, sizeof(head.limits));
        const char *last = strrchr(head.limits, ',');
        ck_assert_ptr_nonnull(last);
        ck_assert(strcmp(last, ",7:span") == 0 ||
                  strcmp(last, ",60:span;transaction") == 0);
    }
}
END_TEST

START_TEST(a_limit_that_is_too_long_by_itself_is_left_out)
{
    char text[4096] = "X-Sentry-Rate-Limits: 60:";
    size_t len = strlen(text);
    memset(text + len, 'a', sizeof(text) - len);
    st_answer_head_line(&head, text, sizeof(text));
    ck_assert_str_eq(head.limits, "");
    char retry[200] = "Retry-After: ";
    len = strlen(retry);
    memset(retry + len, '1', sizeof(retry) - len);
    st_answer_head_line(&head, retry, sizeof(retry));
    ck_assert_int_eq(head.has_retry_after, 0);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, two_headers_are_kept_whatever_their_case_and_blanks, 0, 3);
    tcase_add_test(tc, other_lines_are_passed_over);
    tcase_add_test(tc, several_lines_of_limits_are_joined);
    tcase_add_test(tc, an_empty_header_is_there_all_the_same);
    tcase_add_test(tc, what_an_interim_answer_said_is_forgotten);
    tcase_add_test(tc, limits_that_are_too_long_are_cut_between_two_of_them);
    tcase_add_test(tc, a_limit_that_is_too_long_by_itself_is_left_out);
}

T_MAIN("answer_head", add_cases)
