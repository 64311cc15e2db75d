/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_attr_named.h"

#include <math.h>
#include <string.h>

#define STR(text) ((st_str_t){(text), sizeof(text) - 1})

static void expect(st_str_t got, const char *want, size_t len)
{
    ck_assert_uint_eq(got.len, len);
    ck_assert_mem_eq(got.ptr, want, len);
}

START_TEST(texts_come_back_one_by_one)
{
    const st_str_t texts[] = {STR("gzip"), STR(""), STR("br")};
    st_str_t text = st_attr_named_strings(STR("accept"), texts, 3, t_pool);
    st_str_t name, rest, one;
    expect(text, "accept\0gzip\0\0br", 15);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_REQUEST_HEADER, text), 1);
    st_attr_named_split(text, &name, &rest);
    expect(name, "accept", 6);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(st_attr_named_next(&rest, &one), 1);
        expect(one, texts[i].ptr, texts[i].len);
    }
    ck_assert_int_eq(st_attr_named_next(&rest, &one), 0);
}
END_TEST

START_TEST(numbers_come_back)
{
    st_str_t name, value;
    st_str_t text = st_attr_named_int(STR("a"), INT64_MIN, t_pool);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_OWN_INTEGER, text), 1);
    st_attr_named_split(text, &name, &value);
    expect(name, "a", 1);
    ck_assert_int_eq(st_attr_named_value_int(value), INT64_MIN);
    text = st_attr_named_double(STR("b"), -0.25, t_pool);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_OWN_DOUBLE, text), 1);
    st_attr_named_split(text, &name, &value);
    ck_assert(st_attr_named_value_double(value) == -0.25);
}
END_TEST

START_TEST(long_names_are_cut)
{
    char name[ST_ATTR_NAME_MAX + 10];
    st_str_t got, value;
    memset(name, 'a', sizeof(name));
    st_str_t text = st_attr_named_int((st_str_t){name, sizeof(name)}, 1, t_pool);
    st_attr_named_split(text, &got, &value);
    ck_assert_uint_eq(got.len, ST_ATTR_NAME_MAX);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_OWN_BOOLEAN, text), 1);
}
END_TEST

static const struct {
    st_attr_key_t key;
    st_str_t text;
} malformed[] = {
    {ST_ATTR_OWN_STRING, {"", 0}},
    {ST_ATTR_OWN_STRING, {"abc", 3}},
    {ST_ATTR_OWN_STRING, {"\0abc", 4}},
    {ST_ATTR_REQUEST_HEADER, {"abc", 3}},
    {ST_ATTR_OWN_INTEGER, {"a\0001234567", 9}},
    {ST_ATTR_OWN_INTEGER, {"a\000123456789", 11}},
    {ST_ATTR_OWN_DOUBLE, {"a\0", 2}},
    {ST_ATTR_OWN_BOOLEAN, {"a\0001", 3}},
};

START_TEST(what_has_another_form_is_malformed)
{
    ck_assert_int_eq(st_attr_named_is_valid(malformed[_i].key, malformed[_i].text), 0);
}
END_TEST

START_TEST(numbers_that_json_does_not_have_are_malformed)
{
    st_str_t text = st_attr_named_double(STR("a"), NAN, t_pool);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_OWN_DOUBLE, text), 0);
    text = st_attr_named_double(STR("a"), INFINITY, t_pool);
    ck_assert_int_eq(st_attr_named_is_valid(ST_ATTR_OWN_DOUBLE, text), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, texts_come_back_one_by_one);
    tcase_add_test(tcase, numbers_come_back);
    tcase_add_test(tcase, long_names_are_cut);
    tcase_add_loop_test(tcase, what_has_another_form_is_malformed, 0,
                        sizeof(malformed) / sizeof(malformed[0]));
    tcase_add_test(tcase, numbers_that_json_does_not_have_are_malformed);
}

T_MAIN("attr_named", add_cases)
