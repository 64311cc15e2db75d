/* SPDX-License-Identifier: Apache-2.0 */
/* Words, numbers and texts of an overview. */
#include "../../lib/status/overview_int.h"

#include "t.h"
#include <locale.h>
#include <apr_strings.h>

static st_buf_t out;

static void buf_setup(void)
{
    st_buf_init(&out, 1024);
}

static void buf_teardown(void)
{
    st_buf_free(&out);
}

static const char *written(void)
{
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    const char *text = out.len > 0 ? apr_pstrmemdup(t_pool, out.data, out.len) : "";
    st_buf_clear(&out);
    return text;
}

static const char *escape_b(char c)
{
    return c == 'b' ? "<B>" : NULL;
}

START_TEST(text_is_escaped_and_made_valid)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"a", "a"},
        {"b", "<B>"},
        {"abcb", "a<B>c<B>"},
        {"\xc3\xa9"
         "b\xe2\x82\xac",
         "\xc3\xa9<B>\xe2\x82\xac"},
        {"\xff", "\xEF\xBF\xBD"},
        {"b\xc3", "<B>\xEF\xBF\xBD"},
        {"\xc3"
         "b",
         "\xEF\xBF\xBD<B>"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        st_overview_text(&out, cases[i].text, escape_b);
        ck_assert_str_eq(written(), cases[i].expected);
    }
}
END_TEST

START_TEST(numbers_have_no_locale)
{
    setlocale(LC_ALL, "de_DE.UTF-8");
    st_overview_uint(&out, UINT64_MAX);
    ck_assert_str_eq(written(), "18446744073709551615");
    st_overview_double(&out, st_overview_seconds(1234567 * ST_NS_PER_US + 891));
    ck_assert_str_eq(written(), "1.234567");
    st_overview_double(&out, st_overview_seconds(0));
    ck_assert_str_eq(written(), "0");
}
END_TEST

START_TEST(ages_are_never_negative)
{
    st_overview_t overview = {.wall = 10 * ST_NS_PER_SEC};
    ck_assert_int_eq(st_overview_age(&overview, 4 * ST_NS_PER_SEC), 6 * ST_NS_PER_SEC);
    ck_assert_int_eq(st_overview_age(&overview, 11 * ST_NS_PER_SEC), 0);
}
END_TEST

START_TEST(mean_of_nothing_is_nothing)
{
    st_overview_endpoint_t endpoint = {.latency_sum = 0};
    ck_assert_int_eq(st_overview_latency_mean(&endpoint), 0);
    endpoint.latency_sum = 7;
    endpoint.latency_count = 2;
    ck_assert_int_eq(st_overview_latency_mean(&endpoint), 3);
}
END_TEST

START_TEST(every_word_is_known)
{
    ck_assert_str_eq(st_overview_circuit_text(ST_CIRCUIT_CLOSED), "closed");
    ck_assert_str_eq(st_overview_circuit_text(ST_CIRCUIT_OPEN), "open");
    ck_assert_str_eq(st_overview_circuit_text(ST_CIRCUIT_PROBING), "probing");
    ck_assert_str_eq(st_overview_circuit_text((st_circuit_state_t)77), "unknown");
    ck_assert_str_eq(st_overview_limit_text(ST_LIMIT_SPAN), "span");
    ck_assert_str_eq(st_overview_limit_text(ST_LIMIT_TRANSACTION), "transaction");
    ck_assert_str_eq(st_overview_limit_text(ST_LIMIT_REPORT), "report");
    for (int i = 1; i < ST_ENDPOINT_LATENCY_BUCKETS - 1; i++) {
        ck_assert_int_gt(st_overview_bound_ms(i), st_overview_bound_ms(i - 1));
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, buf_setup, buf_teardown);
    tcase_add_test(tcase, text_is_escaped_and_made_valid);
    tcase_add_test(tcase, numbers_have_no_locale);
    tcase_add_test(tcase, ages_are_never_negative);
    tcase_add_test(tcase, mean_of_nothing_is_nothing);
    tcase_add_test(tcase, every_word_is_known);
}

T_MAIN("overview_text", add_cases)
