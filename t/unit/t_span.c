/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_span.h"

static const t_span_t full = {.id = 0xab,
                              .parent = 0xcd,
                              .name = "GET",
                              .op = "http.server",
                              .error = "not_found",
                              .path = "/missing",
                              .status = 404,
                              .start = 1,
                              .end = 2500,
                              .is_segment = 1,
                              .own_ms = 1.5};

static void expect_str(st_str_t str, const char *want)
{
    ck_assert_uint_eq(str.len, strlen(want));
    ck_assert_mem_eq(str.ptr, want, str.len);
}

START_TEST(everything_that_is_shown_is_read)
{
    json_t *json = t_span_json(&full);
    stc_span_t span;
    const char *why;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), APR_SUCCESS);
    json_decref(json);
    ck_assert_str_eq(span.id, "00000000000000ab");
    ck_assert_str_eq(span.parent_id, "00000000000000cd");
    expect_str(span.name, "GET");
    expect_str(span.op, "http.server");
    expect_str(span.message, "not_found");
    expect_str(span.path, "/missing");
    ck_assert_int_eq(span.http_status, 404);
    ck_assert_int_eq(span.is_segment, 1);
    ck_assert_int_eq(span.is_error, 1);
    ck_assert_int_eq(span.start, apr_time_from_sec(T_START_SEC) + 1);
    ck_assert_int_eq(span.end, apr_time_from_sec(T_START_SEC) + 2500);
    ck_assert_int_eq(span.own, 1500);
}
END_TEST

static const struct {
    const char *name;
    const char *path;
    const char *shown;
} paths[] = {
    {"GET /a/b", "/a/b", ""},   {"GET /", "/", ""},    {"GET /a/b", "/b", ""},
    {"GET /a", "/a/b", "/a/b"}, {"b", "/a/b", "/a/b"}, {"", "/a", "/a"},
};

START_TEST(a_path_that_the_name_ends_with_is_told_already)
{
    t_span_t with_path = full;
    with_path.name = paths[_i].name;
    with_path.path = paths[_i].path;
    json_t *json = t_span_json(&with_path);
    stc_span_t span;
    const char *why;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), APR_SUCCESS);
    json_decref(json);
    expect_str(span.path, paths[_i].shown);
}
END_TEST

START_TEST(what_is_optional_may_be_absent)
{
    const char *text = "{\"name\":\"\",\"span_id\":\"00000000000000ab\","
                       "\"start_timestamp\":1,\"end_timestamp\":1}";
    json_t *json = json_loads(text, 0, NULL);
    stc_span_t span;
    const char *why;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), APR_SUCCESS);
    json_decref(json);
    ck_assert_str_eq(span.parent_id, "");
    ck_assert_uint_eq(span.name.len + span.op.len + span.message.len + span.path.len, 0);
    ck_assert_int_eq(span.http_status + span.is_segment + span.is_error, 0);
    ck_assert_int_eq(span.own, -1);
}
END_TEST

/* One change of a good span: `key` becomes the JSON `value`, or goes when it is NULL. */
static const struct {
    const char *key;
    const char *value;
    const char *why;
} broken[] = {
    {"span_id", NULL, "its span_id is not 16 hex digits"},
    {"span_id", "12", "its span_id is not 16 hex digits"},
    {"span_id", "\"0000000000000000\"", "its span_id is not 16 hex digits"},
    {"span_id", "\"00000000000000AB\"", "its span_id is not 16 hex digits"},
    {"span_id", "\"00000000000000abc\"", "its span_id is not 16 hex digits"},
    {"parent_span_id", "null", "its parent_span_id is not 16 hex digits"},
    {"parent_span_id", "\"\"", "its parent_span_id is not 16 hex digits"},
    {"start_timestamp", NULL, "its start_timestamp is no Unix time"},
    {"start_timestamp", "\"2026-11-22T06:16:05Z\"",
     "its start_timestamp is no Unix time"},
    {"start_timestamp", "-1", "its start_timestamp is no Unix time"},
    {"end_timestamp", "1e300", "its end_timestamp is no Unix time"},
    {"end_timestamp", "true", "its end_timestamp is no Unix time"},
    {"name", NULL, "it has no name"},
    {"name", "7", "it has no name"},
};

START_TEST(spans_without_the_necessary_are_refused)
{
    json_t *json = t_span_json(&full);
    if (broken[_i].value == NULL) {
        json_object_del(json, broken[_i].key);
    } else {
        json_object_set_new(json, broken[_i].key,
                            json_loads(broken[_i].value, JSON_DECODE_ANY, NULL));
    }
    stc_span_t span;
    const char *why = NULL;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), ST_E_MALFORMED);
    json_decref(json);
    ck_assert_str_eq(why, broken[_i].why);
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
    stc_span_t span;
    const char *why = NULL;
    ck_assert_int_eq(stc_span_read(&span, &why, NULL, t_pool), ST_E_MALFORMED);
    json_t *json = json_array();
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), ST_E_MALFORMED);
    json_decref(json);
    ck_assert_str_eq(why, "it is no object");
}
END_TEST

START_TEST(attributes_of_a_wrong_type_count_as_absent)
{
    json_t *json = t_span_json(&full);
    json_t *attributes = json_object_get(json, "attributes");
    t_attr(attributes, "sentry.op", "integer", json_integer(5));
    t_attr(attributes, "http.response.status_code", "string", json_string("404"));
    t_attr(attributes, "sentry.exclusive_time", "double", json_real(-1.0));
    json_object_set_new(attributes, "url.path", json_string("/x"));
    stc_span_t span;
    const char *why;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), APR_SUCCESS);
    json_decref(json);
    ck_assert_uint_eq(span.op.len, 0);
    ck_assert_uint_eq(span.path.len, 0);
    ck_assert_int_eq(span.http_status, 0);
    ck_assert_int_eq(span.own, -1);
}
END_TEST

START_TEST(long_names_are_cut_between_characters)
{
    st_buf_t name;
    st_buf_init(&name, 10000);
    st_buf_add_char(&name, 'x');
    for (int i = 0; i < 2000; i++) {
        st_buf_add_str(&name, "ö");
    }
    t_span_t span_in = full;
    span_in.name = t_text(&name);
    st_buf_free(&name);
    json_t *json = t_span_json(&span_in);
    stc_span_t span;
    const char *why;
    ck_assert_int_eq(stc_span_read(&span, &why, json, t_pool), APR_SUCCESS);
    json_decref(json);
    ck_assert_uint_eq(span.name.len, 2047);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, everything_that_is_shown_is_read);
    tcase_add_loop_test(tcase, a_path_that_the_name_ends_with_is_told_already, 0,
                        (int)(sizeof(paths) / sizeof(paths[0])));
    tcase_add_test(tcase, what_is_optional_may_be_absent);
    tcase_add_loop_test(tcase, spans_without_the_necessary_are_refused, 0,
                        sizeof(broken) / sizeof(broken[0]));
    tcase_add_test(tcase, what_is_no_object_is_refused);
    tcase_add_test(tcase, attributes_of_a_wrong_type_count_as_absent);
    tcase_add_test(tcase, long_names_are_cut_between_characters);
}

T_MAIN("span", add_cases)
