/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_queue_time.h"

#define START (INT64_C(1795300000) * ST_NS_PER_SEC)

static const struct {
    const char *header;
    double ms;
} good[] = {
    {"t=1795299999.75", 250.0},      {"1795299999.750", 250.0},
    {"t=1795299999", 1000.0},        {"1795299999750", 250.0},
    {"t=1795299999750", 250.0},      {"t=1795299999750.5", 249.5},
    {"t=1795299999999000", 1.0},     {"1795299999999000000", 1.0},
    {"t=1795300000", 0.0},           {"t=1795299999.7500000000001", 250.0},
    {"t=1795299999.75, t=1", 250.0}, {"t=1795296400", 3600000.0},
};

START_TEST(any_usual_unit_is_understood)
{
    double ms = -1.0;
    ck_assert_int_eq(st_queue_time_read(&ms, good[_i].header, START), 1);
    ck_assert_double_eq_tol(ms, good[_i].ms, 0.001);
}
END_TEST

static const char *const bad[] = {
    NULL,
    "",
    "t=",
    "now",
    "t=-1795299999",
    " 1795299999",
    "t=1795300000.001", /* later than we began */
    "t=1795296399",     /* too long ago */
    "179529999",
    "17952999991",
    "9999999999999999999",
    "17952999997500000000",
    "t=0",
};

START_TEST(what_makes_no_sense_is_left_out)
{
    double ms = -1.0;
    ck_assert_int_eq(st_queue_time_read(&ms, bad[_i], START), 0);
    ck_assert(ms == -1.0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, any_usual_unit_is_understood, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, what_makes_no_sense_is_left_out, 0,
                        sizeof(bad) / sizeof(bad[0]));
}

T_MAIN("queue_time", add_cases)
