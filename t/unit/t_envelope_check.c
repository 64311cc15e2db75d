/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of the envelope checks. */
#include "../../lib/encode/envelope_check.h"

#include "t.h"
#include <string.h>

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

START_TEST(a_reason_starts_with_the_part_and_its_number)
{
    st_check_t check = {.pool = t_pool, .part = "span", .number = 3};
    ck_assert_int_eq(st_check_refuse(&check, "has %d legs", 4), 0);
    ck_assert_str_eq(check.why, "span 3 has 4 legs");
    check = (st_check_t){.pool = t_pool, .part = "the report"};
    ck_assert_int_eq(st_check_refuse(&check, "is late"), 0);
    ck_assert_str_eq(check.why, "the report is late");
}
END_TEST

START_TEST(a_quote_is_short_and_harmless)
{
    ck_assert_str_eq(st_check_quote("", t_pool), "");
    ck_assert_str_eq(st_check_quote("a\x1b[31m\nb\x7f", t_pool), "a?[31m?b?");
    char text[100];
    memset(text, 'x', sizeof(text));
    memcpy(text + 59, "\xE2\x82\xAC", 3);
    text[99] = '\0';
    const char *quote = st_check_quote(text, t_pool);
    ck_assert_uint_eq(strlen(quote), 59 + 3);
    ck_assert_str_eq(quote + 58, "x...");
    text[60] = '\0';
    ck_assert_uint_eq(strlen(st_check_quote(text, t_pool)), 60);
}
END_TEST

static const struct {
    const char *json;
    size_t digits;
    int is_id;
} ids[] = {
    {"\"0123456789abcdef\"", 16, 1},
    {"\"0000000000000001\"", 16, 1},
    {"\"0000000000000000\"", 16, 0},
    {"\"0123456789ABCDEF\"", 16, 0},
    {"\"0123456789abcde\"", 16, 0},
    {"\"0123456789abcdef0\"", 16, 0},
    {"\"0123456789abcdeg\"", 16, 0},
    {"\"0123456789abcdef\"", 32, 0},
    {"\"0123456789abcdef\\u0000\"", 16, 0},
    {"\"\"", 16, 0},
    {"123456789012345", 16, 0},
    {"null", 16, 0},
};

START_TEST(an_id_is_lower_case_hex_and_not_zero)
{
    json_t *json = json_of(ids[_i].json);
    ck_assert_int_eq(st_check_is_id(json, ids[_i].digits), ids[_i].is_id);
    json_decref(json);
}
END_TEST

START_TEST(a_missing_value_is_nothing)
{
    st_ns_t time;
    ck_assert_int_eq(st_check_is_id(NULL, 16), 0);
    ck_assert_int_eq(st_check_is_text(NULL), 0);
    ck_assert_int_eq(st_check_is_instant(NULL, &time), 0);
    ck_assert_ptr_null(st_check_text(NULL));
}
END_TEST

START_TEST(a_text_with_a_zero_byte_is_no_c_string)
{
    json_t *json = json_of("\"span\\u0000\"");
    ck_assert_ptr_null(st_check_text(json));
    ck_assert_int_eq(st_check_is_text(json), 1);
    json_decref(json);
    json = json_of("\"span\"");
    ck_assert_str_eq(st_check_text(json), "span");
    json_decref(json);
}
END_TEST

START_TEST(an_instant_is_a_date_in_a_string)
{
    st_ns_t time = 0;
    json_t *json = json_of("\"1970-01-01T00:00:01.5Z\"");
    ck_assert_int_eq(st_check_is_instant(json, &time), 1);
    ck_assert_int_eq(time, 1500 * ST_NS_PER_MS);
    json_decref(json);
    json = json_of("1.5");
    ck_assert_int_eq(st_check_is_instant(json, &time), 0);
    json_decref(json);
}
END_TEST

START_TEST(a_member_that_is_null_is_missing)
{
    json_t *json = json_of("{\"a\":null,\"b\":0}");
    ck_assert_ptr_null(st_check_optional(json, "a"));
    ck_assert_ptr_nonnull(st_check_optional(json, "b"));
    ck_assert_ptr_null(st_check_optional(json, "c"));
    json_decref(json);
}
END_TEST

static const struct {
    const char *json;
    int is_short;
} shorts[] = {
    {"\"abc\"", 1},
    {"\"abcd\"", 0},
    {"\"\"", 0},
    {"3", 0},
    {"\"\u00e4\u00f6\u00fc\"", 1},
    {"\"a\\u0000\"", 0},
};

START_TEST(a_short_text_has_that_many_characters_at_most)
{
    json_t *json = json_of(shorts[_i].json);
    ck_assert_int_eq(st_check_is_short(json, 3), shorts[_i].is_short);
    json_decref(json);
}
END_TEST

static const struct {
    const char *json;
    const char *why; /* NULL: good */
} spans_of_time[] = {
    {"{\"start\":1,\"end\":1}", NULL},
    {"{\"start\":\"1970-01-01T00:00:01Z\",\"end\":1.5}", NULL},
    {"{\"end\":1}", "the thing has no time as \"start\""},
    {"{\"start\":\"now\",\"end\":1}", "the thing has no time as \"start\""},
    {"{\"start\":1,\"end\":null}", "the thing has no time as \"end\""},
    {"{\"start\":2,\"end\":1}", "the thing ends before it starts"},
};

START_TEST(times_are_there_and_in_order)
{
    st_check_t check = {.pool = t_pool, .part = "the thing"};
    json_t *json = json_of(spans_of_time[_i].json);
    int valid = st_check_times(&check, json, "start", "end");
    ck_assert_int_eq(valid, spans_of_time[_i].why == NULL);
    ck_assert_pstr_eq(check.why, spans_of_time[_i].why);
    json_decref(json);
}
END_TEST

START_TEST(a_member_that_nobody_knows_is_refused)
{
    static const char *const known[] = {"a", "b"};
    st_check_t check = {.pool = t_pool, .part = "the thing"};
    json_t *json = json_of("{\"b\":1}");
    ck_assert_int_eq(st_check_members(&check, json, known, 2), 1);
    ck_assert_int_eq(st_check_members(&check, json, known, 1), 0);
    ck_assert_str_eq(check.why, "the thing has the unknown member \"b\"");
    json_decref(json);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, a_reason_starts_with_the_part_and_its_number);
    tcase_add_test(tcase, a_quote_is_short_and_harmless);
    tcase_add_loop_test(tcase, an_id_is_lower_case_hex_and_not_zero, 0,
                        (int)(sizeof(ids) / sizeof(ids[0])));
    tcase_add_test(tcase, a_missing_value_is_nothing);
    tcase_add_test(tcase, a_text_with_a_zero_byte_is_no_c_string);
    tcase_add_test(tcase, an_instant_is_a_date_in_a_string);
    tcase_add_test(tcase, a_member_that_is_null_is_missing);
    tcase_add_loop_test(tcase, a_short_text_has_that_many_characters_at_most, 0,
                        (int)(sizeof(shorts) / sizeof(shorts[0])));
    tcase_add_loop_test(tcase, times_are_there_and_in_order, 0,
                        (int)(sizeof(spans_of_time) / sizeof(spans_of_time[0])));
    tcase_add_test(tcase, a_member_that_nobody_knows_is_refused);
}

T_MAIN("envelope_check", add_cases)
