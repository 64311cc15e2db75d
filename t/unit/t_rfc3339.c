/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as text, also against the writer of the same format. */
#include "st_rfc3339.h"

#include "t.h"

static const struct {
    const char *text;
    int64_t sec, ns;
} good[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2026-11-22T06:26:45.052Z", 1795328805, 52000000},
    {"2026-11-22t07:26:45.052z", 1795332405, 52000000},
    {"2026-11-22 06:26:45Z", 1795328805, 0},
    {"2026-11-22T07:26:45+01:00", 1795328805, 0},
    {"2026-11-22T00:56:45-05:30", 1795328805, 0},
    {"2026-11-22T06:26:45-00:00", 1795328805, 0},
    {"2000-02-29T23:59:59.999999999Z", 951868799, 999999999},
    {"2000-02-29T23:59:59.9999999999Z", 951868799, 999999999},
    {"2024-02-29T00:00:00Z", 1709164800, 0},
    {"1969-12-31T23:59:59.5Z", -1, 500000000},
    {"2016-12-31T23:59:60Z", 1483228800, 0},
    {"1678-01-01T00:00:00Z", -9214560000, 0},
    {"2261-12-31T23:59:59Z", 9214646399, 0},
};

START_TEST(a_date_becomes_unix_time)
{
    st_ns_t time = 1;
    ck_assert_int_eq(st_rfc3339_parse(&time, good[_i].text), APR_SUCCESS);
    ck_assert_int_eq(time, good[_i].sec * ST_NS_PER_SEC + good[_i].ns);
}
END_TEST

static const char *const bad[] = {
    "",
    "now",
    "2026-11-22",
    "2026-11-22T06:26Z",
    "2026-11-22T06:26:45",
    "2026-11-22T06:26:45.Z",
    "2026-11-22T06:26:45.5",
    "2026-11-22T06:26:45Z ",
    " 2026-11-22T06:26:45Z",
    "2026-11-22T06:26:45+0100",
    "2026-11-22T06:26:45+01",
    "2026-11-22T06:26:45+24:00",
    "2026-11-22T06:26:45+01:60",
    "2026-11-22T06:26:45,5Z",
    "2026-11-22_06:26:45Z",
    "26-11-22T06:26:45Z",
    "2026-11-2T06:26:45Z",
    "2026-1-22T06:26:45Z",
    "+026-11-22T06:26:45Z",
    "2026-00-22T06:26:45Z",
    "2026-13-22T06:26:45Z",
    "2026-11-00T06:26:45Z",
    "2026-11-31T06:26:45Z",
    "2025-02-29T06:26:45Z",
    "1900-02-29T06:26:45Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T06:60:45Z",
    "2026-11-22T06:26:61Z",
    "1677-12-31T23:59:59Z",
    "2262-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
};

START_TEST(what_is_no_date_is_refused)
{
    st_ns_t time = 42;
    ck_assert_int_eq(st_rfc3339_parse(&time, bad[_i]), ST_E_MALFORMED);
    ck_assert_int_eq(time, 42);
}
END_TEST

/* Every 37th hour of 583 years, so that each day comes, at ever different hours. */
START_TEST(what_the_clock_writes_is_read_back)
{
    const st_ns_t step = (37 * 3600 + 61) * ST_NS_PER_SEC + ST_NS_PER_MS;
    st_ns_t last = INT64_C(9214646399) * ST_NS_PER_SEC;
    for (st_ns_t time = INT64_C(-9214560000) * ST_NS_PER_SEC; time < last; time += step) {
        char text[ST_CLOCK_RFC3339_BYTES];
        st_clock_rfc3339(text, time);
        st_ns_t back = 0;
        ck_assert_msg(st_rfc3339_parse(&back, text) == APR_SUCCESS, "%s", text);
        ck_assert_msg(back == time, "%s was read as %lld", text, (long long)back);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_date_becomes_unix_time, 0, COUNT(good));
    tcase_add_loop_test(tcase, what_is_no_date_is_refused, 0, COUNT(bad));
    tcase_add_test(tcase, what_the_clock_writes_is_read_back);
}

T_MAIN("rfc3339", add_cases)
