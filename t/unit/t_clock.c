/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_clock.h"

#include <stdio.h>
#include <string.h>
#include <apr_time.h>
#include "st_id.h"

START_TEST(monotonic_clock_never_goes_back)
{
    st_ns_t before = st_clock_mono();
    ck_assert_int_gt(before, 0);
    for (int i = 0; i < 100000; i++) {
        st_ns_t now = st_clock_mono();
        if (now < before) {
            ck_abort_msg("%lld after %lld", (long long)now, (long long)before);
        }
        before = now;
    }
}
END_TEST

START_TEST(wall_clock_is_unix_time_in_nanoseconds)
{
    apr_time_t before = apr_time_now();
    st_ns_t wall = st_clock_wall();
    apr_time_t after = apr_time_now();
    ck_assert_int_ge(wall / ST_NS_PER_US, before);
    ck_assert_int_le(wall / ST_NS_PER_US, after);
}
END_TEST

static const struct {
    st_ns_t wall;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.000Z"},
    {999999, "1970-01-01T00:00:00.000Z"},
    {1000000, "1970-01-01T00:00:00.001Z"},
    {999999999, "1970-01-01T00:00:00.999Z"},
    {1000000000, "1970-01-01T00:00:01.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-1000000, "1969-12-31T23:59:59.999Z"},
    {-1000001, "1969-12-31T23:59:59.998Z"},
    {-1000000000, "1969-12-31T23:59:59.000Z"},
    {1709251199999000000, "2024-02-29T23:59:59.999Z"},
    {1709251200000000000, "2024-03-01T00:00:00.000Z"},
    {4107542399000000000, "2100-02-28T23:59:59.000Z"},
    {4107542400000000000, "2100-03-01T00:00:00.000Z"},
    {1483228799999999999, "2016-12-31T23:59:59.999Z"},
    {1795328805052000000, "2026-11-22T06:26:45.052Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145Z"},
};

START_TEST(instant_is_written_as_rfc_3339)
{
    char out[ST_CLOCK_RFC3339_BYTES + 1];
    out[ST_CLOCK_RFC3339_BYTES] = '#';
    st_clock_rfc3339(out, instants[_i].wall);
    ck_assert_int_eq(out[ST_CLOCK_RFC3339_BYTES], '#');
    ck_assert_str_eq(out, instants[_i].text);
}
END_TEST

/* Days since 1970-01-01, by counting. */
static int64_t days_since_1970(int year, int month, int day)
{
    static const int before_month[] = {0,   31,  59,  90,  120, 151,
                                       181, 212, 243, 273, 304, 334};
    int64_t days = day - 1 + before_month[month - 1];
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    days += leap && month > 2;
    int past = year - 1;
    return days + INT64_C(365) * (year - 1970) + (past / 4 - 1969 / 4) -
           (past / 100 - 1969 / 100) + (past / 400 - 1969 / 400);
}

START_TEST(any_instant_reads_back_to_its_millisecond)
{
    st_rng_t rng = {.state = 4};
    for (int round = 0; round < 100000; round++) {
        st_ns_t wall = (st_ns_t)st_rng_next(&rng);
        char out[ST_CLOCK_RFC3339_BYTES];
        st_clock_rfc3339(out, wall);
        int year, month, day, hour, min, sec, ms, used = 0;
        int fields = sscanf(out, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day,
                            &hour, &min, &sec, &ms, &used);
        t_assert(fields == 7);
        t_assert(used == ST_CLOCK_RFC3339_BYTES - 1);
        int64_t seconds =
            ((days_since_1970(year, month, day) * 24 + hour) * 60 + min) * 60 + sec;
        int64_t want = wall / ST_NS_PER_MS - (wall % ST_NS_PER_MS < 0);
        t_assert(seconds * 1000 + ms == want);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, monotonic_clock_never_goes_back);
    tcase_add_test(tcase, wall_clock_is_unix_time_in_nanoseconds);
    tcase_add_loop_test(tcase, instant_is_written_as_rfc_3339, 0,
                        sizeof(instants) / sizeof(instants[0]));
    tcase_add_test(tcase, any_instant_reads_back_to_its_millisecond);
}

T_MAIN("clock", add_cases)
