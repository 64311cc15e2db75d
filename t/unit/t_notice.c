/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/send/notice.h"
#include "st_log.h"

#include <stdio.h>
#include <string.h>

#define SEC ST_NS_PER_SEC

static char lines[16][256];
static int line_count;

static void on_line(void *baton, st_log_level_t level, apr_status_t rv,
                    const char *message)
{
    ck_assert_int_lt(line_count, 16);
    snprintf(lines[line_count++], sizeof(lines[0]), "%s", message);
}

static st_notice_t notice;

static void setup(void)
{
    line_count = 0;
    st_log_writer_set(on_line, NULL, ST_LOG_DEBUG);
    st_notice_init(&notice, "http://abcd...@host/1", 0);
}

static void lose(st_notice_kind_t kind, const char *text, uint64_t spans, st_ns_t now)
{
    st_notice_lost(&notice, kind, ST_E_NETWORK, text, spans, now);
}

START_TEST(the_first_loss_is_said_at_once_with_its_cause_and_endpoint)
{
    lose(ST_NOTICE_REFUSED, "HTTP status 401", 4, 0);
    ck_assert_int_eq(line_count, 1);
    ck_assert_str_eq(lines[0], "ST0102: http://abcd...@host/1 refused spans: "
                               "HTTP status 401; 4 spans lost");
}
END_TEST

START_TEST(each_kind_has_a_first_time_and_a_tag_of_its_own)
{
    static const char *const tags[ST_NOTICE_COUNT] = {
        "ST0102: ", "ST0103: ", "ST0104: ", "ST0105: ", "ST0111: ", "ST0112: "};
    for (int kind = 0; kind < ST_NOTICE_COUNT; kind++) {
        lose((st_notice_kind_t)kind, "x", 1, 0);
        ck_assert_int_eq(line_count, kind + 1);
        ck_assert_int_eq(strncmp(lines[kind], tags[kind], strlen(tags[kind])), 0);
        ck_assert_ptr_nonnull(strstr(lines[kind], "http://abcd...@host/1"));
    }
}
END_TEST

static void go_down(st_ns_t now)
{
    const st_notice_outage_t outage = {.rv = ST_E_NETWORK,
                                       .text = "Connection refused",
                                       .retry_in = 1500 * ST_NS_PER_MS,
                                       .waiting = 12};
    st_notice_down(&notice, &outage, now);
}

START_TEST(an_outage_is_said_once_and_its_end_once)
{
    go_down(0);
    go_down(SEC);
    go_down(1000 * SEC);
    ck_assert_int_eq(line_count, 1);
    ck_assert_str_eq(lines[0], "ST0101: no answer from http://abcd...@host/1: "
                               "Connection refused; next try in 2 s, 12 spans wait");
    st_notice_up(&notice);
    st_notice_up(&notice);
    ck_assert_int_eq(line_count, 2);
    ck_assert_str_eq(lines[1], "ST0110: http://abcd...@host/1 answers again");
}
END_TEST

START_TEST(an_endpoint_that_comes_and_goes_makes_two_lines_a_minute)
{
    for (int second = 0; second < 180; second++) {
        go_down(second * SEC);
        st_notice_up(&notice);
    }
    ck_assert_int_eq(line_count, 6);
}
END_TEST

START_TEST(a_sender_that_finds_an_outage_says_its_end_only)
{
    st_notice_init(&notice, "http://abcd...@host/1", 1);
    go_down(0);
    ck_assert_int_eq(line_count, 0);
    st_notice_up(&notice);
    ck_assert_int_eq(line_count, 1);
}
END_TEST

START_TEST(further_losses_make_one_line_a_minute_with_their_sum)
{
    lose(ST_NOTICE_OVERFLOW, "first", 4, 0);
    for (int second = 1; second <= 120; second++) {
        lose(ST_NOTICE_OVERFLOW, "later", 2, second * SEC);
    }
    ck_assert_int_eq(line_count, 3);
    ck_assert_str_eq(lines[1], "ST0106: http://abcd...@host/1: 120 more spans lost, the "
                               "last ones: later");
    ck_assert_str_eq(lines[2], "ST0106: http://abcd...@host/1: 120 more spans lost, the "
                               "last ones: later");
}
END_TEST

START_TEST(a_client_report_that_gets_lost_again_says_nothing)
{
    lose(ST_NOTICE_REFUSED, "HTTP status 500", 0, 0);
    ck_assert_int_eq(line_count, 1);
    lose(ST_NOTICE_REFUSED, "HTTP status 500", 0, 100 * SEC);
    ck_assert_int_eq(line_count, 1);
}
END_TEST

START_TEST(the_end_says_what_was_kept_back)
{
    st_notice_end(&notice);
    ck_assert_int_eq(line_count, 0);
    lose(ST_NOTICE_LIMITED, "HTTP status 429", 1, 0);
    lose(ST_NOTICE_LIMITED, "HTTP status 429", 5, SEC);
    st_notice_end(&notice);
    ck_assert_int_eq(line_count, 2);
    ck_assert_str_eq(lines[1], "ST0107: http://abcd...@host/1: 5 more spans lost");
    st_notice_end(&notice);
    ck_assert_int_eq(line_count, 2);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, the_first_loss_is_said_at_once_with_its_cause_and_endpoint);
    tcase_add_test(tc, each_kind_has_a_first_time_and_a_tag_of_its_own);
    tcase_add_test(tc, an_outage_is_said_once_and_its_end_once);
    tcase_add_test(tc, an_endpoint_that_comes_and_goes_makes_two_lines_a_minute);
    tcase_add_test(tc, a_sender_that_finds_an_outage_says_its_end_only);
    tcase_add_test(tc, further_losses_make_one_line_a_minute_with_their_sum);
    tcase_add_test(tc, a_client_report_that_gets_lost_again_says_nothing);
    tcase_add_test(tc, the_end_says_what_was_kept_back);
}

T_MAIN("notice", add_cases)
