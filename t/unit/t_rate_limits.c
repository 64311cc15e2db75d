/* SPDX-License-Identifier: Apache-2.0 */
/* One row per rule of
 * https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/ */
#include "t.h"
#include "st_rate_limits.h"

#include <stdio.h>
#include <string.h>

#define NOW  (1000 * ST_NS_PER_SEC)
#define WALL (1794552401 * ST_NS_PER_SEC) /* Fri, 13 Nov 2026 06:46:41 GMT */
#define DAY  86400.0

static st_endpoint_t endpoint;

static void setup(void)
{
    memset(&endpoint, 0, sizeof(endpoint));
}

/* Seconds from NOW that a limit holds; 0: none. */
static double held(st_limit_t limit)
{
    st_ns_t until = endpoint.limited_until[limit];
    return until == 0 ? 0.0 : (double)(until - NOW) / (double)ST_NS_PER_SEC;
}

static void expect_held(const char *what, double span, double transaction, double report)
{
    ck_assert_msg(held(ST_LIMIT_SPAN) == span &&
                      held(ST_LIMIT_TRANSACTION) == transaction &&
                      held(ST_LIMIT_REPORT) == report,
                  "%s: %g %g %g", what, held(ST_LIMIT_SPAN), held(ST_LIMIT_TRANSACTION),
                  held(ST_LIMIT_REPORT));
}

static void note(int status, const char *limits, const char *retry_after)
{
    st_rate_limits_t answer = {status, limits, retry_after};
    st_rate_limits_note(&endpoint, &answer, NOW, WALL);
}

static const struct {
    const char *limits;
    double span;
    double transaction;
    double report;
} headers[] = {
    /* seconds, whole or not */
    {"60:span", 60, 0, 0},
    {"2700:transaction:organization", 0, 2700, 0},
    {"1.5:span", 1.5, 0, 0},
    {".5:span", 0.5, 0, 0},
    {"1e2:span", 100, 0, 0},
    {"0:span", 0, 0, 0},
    {"-5:span", 0, 0, 0},
    /* what is no number is 60 */
    {"soon:span", 60, 0, 0},
    {":span", 60, 0, 0},
    {"0x10:span", 60, 0, 0},
    {"nan:span", 60, 0, 0},
    {"inf:span", 60, 0, 0},
    {"1 2:span", 60, 0, 0},
    {"12s", 60, 60, 60},
    {"0000000000000000000000000000000000000000000000000000000000000000005:span", 60, 0,
     0},
    /* several categories; none is all */
    {"30:transaction;span", 30, 30, 0},
    {"30:error;span;attachment", 30, 0, 0},
    {"30::organization", 30, 30, 30},
    {"30:", 30, 30, 30},
    {"30", 30, 30, 30},
    {"30: :organization", 30, 30, 30},
    /* unknown ones are passed over; with only such it does nothing */
    {"30:default;error;session", 0, 0, 0},
    {"30:unheard_of:organization", 0, 0, 0},
    {"30:spans;SPAN;spa", 0, 0, 0},
    {"30:;", 0, 0, 0},
    /* client reports go out unless all is limited */
    {"30:internal;client_report", 0, 0, 0},
    {"30:internal;span", 30, 0, 0},
    /* white space */
    {"  30 : span ; transaction : organization ", 30, 30, 0},
    {"\t30\t:\tspan\t", 30, 0, 0},
    {"60:span ,\t30:transaction", 60, 30, 0},
    /* several limits: for each the later end */
    {"60:transaction, 30:span", 30, 60, 0},
    {"60:span, 30:span", 60, 0, 0},
    {"30:span, 60:span", 60, 0, 0},
    {"60::organization, 2700:span:key", 2700, 60, 60},
    {"2700:span:key, 60::organization", 2700, 60, 60},
    {"60:span,", 60, 0, 0},
    {",,60:span,,", 60, 0, 0},
    {"60:nonsense, 30:span", 30, 0, 0},
    /* scope, reason code, namespaces, and whatever comes later */
    {"60:span:organization:quota_exceeded", 60, 0, 0},
    {"60:metric_bucket:organization:quota_exceeded:custom", 0, 0, 0},
    {"60:span:organization:quota_exceeded:custom;spans:more:and more", 60, 0, 0},
    {"60:span::", 60, 0, 0},
    {"60::transaction", 60, 60, 60},
    /* a day at most */
    {"86400:span", DAY, 0, 0},
    {"86401:span", DAY, 0, 0},
    {"999999999999999999999:span", DAY, 0, 0},
    {"1e999:span", DAY, 0, 0},
};

START_TEST(a_limits_header_is_read)
{
    note(200, headers[_i].limits, NULL);
    expect_held(headers[_i].limits, headers[_i].span, headers[_i].transaction,
                headers[_i].report);
}
END_TEST

static const struct {
    int status;
    const char *limits;
    const char *retry_after;
    double all;
} answers[] = {
    /* nothing said */
    {200, NULL, NULL, 0},
    {500, NULL, NULL, 0},
    {503, NULL, NULL, 0},
    {429, NULL, NULL, 60},
    /* Retry-After is for everything, with any status */
    {429, NULL, "120", 120},
    {200, NULL, "120", 120},
    {503, NULL, " 12.5 ", 12.5},
    {429, NULL, "0", 0},
    {429, NULL, "-1", 0},
    {429, NULL, "100000", DAY},
    {429, NULL, "later", 60},
    {429, NULL, "", 60},
    /* as a date, in the three forms of RFC 9110, 5.6.7 */
    {429, NULL, "Fri, 13 Nov 2026 06:48:21 GMT", 100},
    {429, NULL, "Friday, 13-Nov-26 06:48:21 GMT", 100},
    {429, NULL, "Fri Nov 13 06:48:21 2026", 100},
    {429, NULL, "Fri, 13 Nov 2026 06:46:41 GMT", 0},
    {429, NULL, "Fri, 13 Nov 2026 06:46:40 GMT", 0},
    {429, NULL, "Sat, 14 Nov 2026 06:46:42 GMT", DAY},
    {429, NULL, "Fri, 32 Nov 2026 06:48:21 GMT", 60},
    /* it counts only where there are no limits */
    {429, "0:span", "120", 0},
    {429, "30:unknown", "120", 0},
    {429, "30:unknown", NULL, 0},
    {429, "", "120", 120},
    {429, " ", NULL, 60},
    {429, ",", NULL, 60},
};

START_TEST(without_limits_retry_after_holds_for_everything)
{
    note(answers[_i].status, answers[_i].limits, answers[_i].retry_after);
    expect_held(answers[_i].retry_after ? answers[_i].retry_after : "(none)",
                answers[_i].all, answers[_i].all, answers[_i].all);
}
END_TEST

START_TEST(the_status_does_not_matter_to_limits)
{
    static const int statuses[] = {200, 202, 400, 413, 429, 500, 503};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        setup();
        note(statuses[i], "42:span", "7");
        expect_held("42:span", 42, 0, 0);
    }
}
END_TEST

START_TEST(the_later_end_of_two_answers_wins)
{
    note(429, "60:span", NULL);
    note(200, "30:span", NULL);
    expect_held("shorter", 60, 0, 0);
    note(200, "90:span", NULL);
    expect_held("longer", 90, 0, 0);
    note(429, NULL, "70");
    expect_held("of all", 90, 70, 70);
    note(429, NULL, NULL);
    expect_held("default", 90, 70, 70);
}
END_TEST

START_TEST(a_limit_counts_from_the_answer_on)
{
    note(200, "10:span", NULL);
    ck_assert_int_eq(
        st_endpoint_is_limited(&endpoint, ST_LIMIT_SPAN, NOW + 10 * ST_NS_PER_SEC - 1),
        1);
    ck_assert_int_eq(
        st_endpoint_is_limited(&endpoint, ST_LIMIT_SPAN, NOW + 10 * ST_NS_PER_SEC), 0);
}
END_TEST

START_TEST(a_wall_clock_that_is_set_does_not_move_a_limit)
{
    st_rate_limits_t answer = {429, NULL, "Fri, 13 Nov 2026 06:48:21 GMT"};
    st_rate_limits_note(&endpoint, &answer, NOW, WALL - 3600 * ST_NS_PER_SEC);
    expect_held("an hour late", 3700, 3700, 3700);
    setup();
    st_rate_limits_note(&endpoint, &answer, NOW, 0);
    expect_held("no clock at all", DAY, DAY, DAY);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, a_limits_header_is_read, 0, COUNT(headers));
    tcase_add_loop_test(tc, without_limits_retry_after_holds_for_everything, 0,
                        COUNT(answers));
    tcase_add_test(tc, the_status_does_not_matter_to_limits);
    tcase_add_test(tc, the_later_end_of_two_answers_wins);
    tcase_add_test(tc, a_limit_counts_from_the_answer_on);
    tcase_add_test(tc, a_wall_clock_that_is_set_does_not_move_a_limit);
}

T_MAIN("rate_limits", add_cases)
