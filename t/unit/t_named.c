/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/encode/named.h"

#include <string.h>

#define STR(text) ((st_str_t){(text), sizeof(text) - 1})

static st_buf_t out;

static void setup_buf(void)
{
    st_buf_init(&out, 65536);
}

static void expect(const char *want)
{
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    ck_assert_uint_eq(out.len, strlen(want));
    if (out.len > 0) {
        ck_assert_mem_eq(out.data, want, out.len);
    }
    st_buf_free(&out);
}

static st_attr_t header(const char *name, const char *first, const char *second)
{
    const st_str_t texts[] = {st_str(first), st_str(second)};
    return (st_attr_t){.key = ST_ATTR_REQUEST_HEADER,
                       .value.str = st_attr_named_strings(
                           st_str(name), texts, second != NULL ? 2 : 1, t_pool)};
}

START_TEST(every_kind_has_its_type)
{
    const st_str_t text = STR("v");
    const st_attr_t attrs[] = {
        header("accept", "a", "b"),
        {.key = ST_ATTR_RESPONSE_HEADER,
         .value.str = st_attr_named_strings(STR("etag"), &text, 1, t_pool)},
        {.key = ST_ATTR_OWN_STRING,
         .value.str = st_attr_named_strings(STR("my.s"), &text, 1, t_pool)},
        {.key = ST_ATTR_OWN_BOOLEAN,
         .value.str = st_attr_named_int(STR("my.b"), 1, t_pool)},
        {.key = ST_ATTR_OWN_INTEGER,
         .value.str = st_attr_named_int(STR("my.i"), -7, t_pool)},
        {.key = ST_ATTR_OWN_DOUBLE,
         .value.str = st_attr_named_double(STR("my.d"), 0.5, t_pool)},
    };
    for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
        st_named_attr_add(&out, &attrs[i]);
    }
    expect("\"http.request.header.accept\":{\"type\":\"array\",\"value\":[\"a\",\"b\"]},"
           "\"http.response.header.etag\":{\"type\":\"array\",\"value\":[\"v\"]},"
           "\"my.s\":{\"type\":\"string\",\"value\":\"v\"},"
           "\"my.b\":{\"type\":\"boolean\",\"value\":true},"
           "\"my.i\":{\"type\":\"integer\",\"value\":-7},"
           "\"my.d\":{\"type\":\"double\",\"value\":0.5}");
}
END_TEST

START_TEST(names_are_escaped_and_texts_cut)
{
    st_attr_t attr = header("a\"\\\x01", "\xC3\xA9\xC3\xA9", "\xFF");
    st_named_member_add(&out, &attr, 3);
    expect("\"http.request.header.a\\\"\\\\\\u0001\":[\"\xC3\xA9\",\"\xEF\xBF\xBD\"]");
}
END_TEST

START_TEST(an_empty_value_is_no_attribute)
{
    st_attr_t attr = header("a", "", NULL);
    st_named_attr_add(&out, &attr);
    st_named_member_add(&out, &attr, 10);
    st_named_header_add(&out, &attr, 10);
    st_named_cookies_add(&out, &attr, 10);
    expect("");
}
END_TEST

START_TEST(headers_of_events_are_one_text)
{
    st_attr_t attr = header("accept", "a", "b");
    st_named_header_add(&out, &attr, 100);
    attr = header("host", "a.example", NULL);
    st_named_header_add(&out, &attr, 3);
    expect("\"accept\":\"a, b\",\"host\":\"a.e\"");
}
END_TEST

START_TEST(cookies_of_events_are_pairs)
{
    st_attr_t attr = header("cookie", "theme=dark", "a=b=c");
    st_named_cookies_add(&out, &attr, 100);
    attr = header("cookie", "[Filtered]", "=x");
    st_named_cookies_add(&out, &attr, 100);
    expect("\"theme\":\"dark\",\"a\":\"b=c\"");
}
END_TEST

START_TEST(request_headers_are_told_by_name)
{
    st_attr_t attr = header("cookie", "a=b", NULL);
    ck_assert_int_eq(st_named_is_request_header(&attr, "cookie"), 1);
    ck_assert_int_eq(st_named_is_request_header(&attr, "cookies"), 0);
    attr.key = ST_ATTR_RESPONSE_HEADER;
    ck_assert_int_eq(st_named_is_request_header(&attr, "cookie"), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup_buf, NULL);
    tcase_add_test(tcase, every_kind_has_its_type);
    tcase_add_test(tcase, names_are_escaped_and_texts_cut);
    tcase_add_test(tcase, an_empty_value_is_no_attribute);
    tcase_add_test(tcase, headers_of_events_are_one_text);
    tcase_add_test(tcase, cookies_of_events_are_pairs);
    tcase_add_test(tcase, request_headers_are_told_by_name);
}

T_MAIN("named", add_cases)
