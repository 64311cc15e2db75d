/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of client reports, one break each. */
#include "t_envelope_sample.h"

#include "st_report.h"

#define ENTRY "payload/discarded_events/0"

static const t_break_t breaks[] = {
    {"payload/timestamp", "1795300000.5", NULL},
    {"payload/timestamp", NULL, "the client report has no valid \"timestamp\""},
    {"payload/timestamp", "\"yesterday\"", "has no valid \"timestamp\""},
    {"payload/timestamp", "\"2026-11-21T22:26:45Z\\u0000\"",
     "has no valid \"timestamp\""},
    {"payload/discarded_events", NULL, "has no \"discarded_events\""},
    {"payload/discarded_events", "[]", "has no \"discarded_events\""},
    {"payload/discarded_events", "{}", "has no \"discarded_events\""},
    {ENTRY, "7", "an entry without reason and category"},
    {ENTRY "/reason", NULL, "an entry without reason and category"},
    {ENTRY "/reason", "\"bad_luck\"", "gives the unknown reason \"bad_luck\""},
    {ENTRY "/reason", "\"backpressure\"", NULL},
    {ENTRY "/reason", "\"callback_error\"", NULL},
    {ENTRY "/reason", "\"send_error\"", "two entries for \"send_error span\""},
    {ENTRY "/category", NULL, "an entry without reason and category"},
    {ENTRY "/category", "\"\"", "an entry without reason and category"},
    {ENTRY "/category", "\"transaction\"", "two entries for \"sample_rate transaction\""},
    {ENTRY "/quantity", NULL, "a quantity that is no number above 0"},
    {ENTRY "/quantity", "0", "a quantity that is no number above 0"},
    {ENTRY "/quantity", "-1", "a quantity that is no number above 0"},
    {ENTRY "/quantity", "1.5", "a quantity that is no number above 0"},
    {ENTRY "/quantity", "\"11\"", "a quantity that is no number above 0"},
};

START_TEST(a_report_follows_the_rules)
{
    t_expect_break(t_report_envelope, &breaks[_i]);
}
END_TEST

START_TEST(every_reason_of_ours_that_is_reported_is_known)
{
    if (!st_reason_is_reported((st_reason_t)_i)) {
        ck_assert_str_eq(st_reason_text((st_reason_t)_i), "rate_limited");
        return;
    }
    const char *reason =
        apr_pstrcat(t_pool, "\"", st_reason_text((st_reason_t)_i), "\"", NULL);
    const char *entries = apr_pstrcat(t_pool, "[{\"reason\":", reason,
                                      ",\"category\":\"span\",\"quantity\":1}]", NULL);
    t_break_t legal = {"payload/discarded_events", entries, NULL};
    t_expect_break(t_report_envelope, &legal);
}
END_TEST

START_TEST(a_long_report_is_refused)
{
    char name[4100];
    memset(name, 'x', sizeof(name));
    name[0] = '"';
    name[sizeof(name) - 2] = '"';
    name[sizeof(name) - 1] = '\0';
    t_break_t long_one = {ENTRY "/category", name, "at most 4096 are taken"};
    t_expect_break(t_report_envelope, &long_one);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_report_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
    tcase_add_loop_test(tcase, every_reason_of_ours_that_is_reported_is_known, 0,
                        ST_REASON_COUNT);
    tcase_add_test(tcase, a_long_report_is_refused);
}

T_MAIN("envelope_report", add_cases)
