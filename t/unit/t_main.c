/* SPDX-License-Identifier: Apache-2.0 */
/* The command as a whole: words that are no sub-command. */
#include "t_run.h"
#include "st_version.h"

static const char *out;
static const char *err;

START_TEST(version_is_told)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("--version")), 0);
    ck_assert_str_eq(out, "sentry-trace " ST_VERSION "\n");
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(help_names_the_commands)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("--help")), 0);
    ck_assert_ptr_nonnull(strstr(out, "  view FILE "));
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(wrong_words_give_the_usage_and_exit_2)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS(NULL)), 2);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(strncmp(err, "Usage: sentry-trace", 19), 0);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("frobnicate")), 2);
    ck_assert_ptr_nonnull(strstr(err, "Usage: sentry-trace"));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, version_is_told);
    tcase_add_test(tcase, help_names_the_commands);
    tcase_add_test(tcase, wrong_words_give_the_usage_and_exit_2);
}

T_MAIN("main", add_cases)
