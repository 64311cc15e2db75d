/* SPDX-License-Identifier: Apache-2.0 */
/* Spans as span v2 objects, field by field. */
#include "st_span_v2.h"

#include "st_version.h"
#include "t.h"
#include "t_sample.h"
#include <apr_strings.h>
#include <jansson.h>
#include <string.h>

#define BUF_MAX ((size_t)1024 * 1024)

static const st_dest_t dest = {
    .environment = "production", .release = "shop@1.4.2", .server_name = "web-1"};

/* The spans of `record` as a parsed array. */
static json_t *spans_of(const st_dest_t *to, const st_record_t *record)
{
    st_span_v2_parts_t parts;
    ck_assert_int_eq(st_span_v2_prepare(&parts, to, t_pool), APR_SUCCESS);
    st_buf_t out;
    st_buf_init(&out, BUF_MAX);
    st_buf_add_char(&out, '[');
    st_span_v2_record(&out, &parts, record);
    st_buf_add_char(&out, ']');
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    json_error_t error;
    json_t *spans = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(spans != NULL, "%s in %.*s", error.text, (int)out.len, out.data);
    ck_assert_uint_eq(json_array_size(spans), (size_t)record->head.span_count);
    st_buf_free(&out);
    return spans;
}

static json_t *sample_spans(void)
{
    return spans_of(&dest, t_sample_record(t_pool, 1));
}

static const char *text_of(json_t *span, const char *key)
{
    return json_string_value(json_object_get(span, key));
}

static json_t *attr_of(json_t *span, const char *key)
{
    return json_object_get(json_object_get(span, "attributes"), key);
}

/* An attribute's value as text: strings as they are, other types as JSON, "-" when missing. */
static const char *attr_text(json_t *span, const char *key, const char *type)
{
    json_t *attr = attr_of(span, key);
    if (attr == NULL) {
        return "-";
    }
    ck_assert_uint_eq(json_object_size(attr), 2);
    ck_assert_str_eq(text_of(attr, "type"), type);
    json_t *value = json_object_get(attr, "value");
    ck_assert_ptr_nonnull(value);
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *copy = apr_pstrdup(t_pool, text);
    free(text);
    return copy;
}

/* The value of an attribute that has to be there as a double. */
static double attr_number(json_t *span, const char *key)
{
    json_t *attr = attr_of(span, key);
    ck_assert_ptr_nonnull(attr);
    ck_assert_str_eq(text_of(attr, "type"), "double");
    ck_assert(json_is_number(json_object_get(attr, "value")));
    return json_number_value(json_object_get(attr, "value"));
}

START_TEST(spans_carry_ids_names_and_states)
{
    static const struct {
        const char *name, *status;
    } expected[T_SAMPLE_SPAN_COUNT] = {
        {T_SAMPLE_NAME, "error"},
        {"mod_auth_basic", "ok"},
        {"proxy-server", "ok"},
        {"GET orders.internal", "error"},
    };
    json_t *spans = sample_spans();
    ck_assert_uint_eq(json_array_size(spans), T_SAMPLE_SPAN_COUNT);
    for (size_t i = 0; i < T_SAMPLE_SPAN_COUNT; i++) {
        json_t *span = json_array_get(spans, i);
        ck_assert_str_eq(text_of(span, "name"), expected[i].name);
        ck_assert_str_eq(text_of(span, "status"), expected[i].status);
        ck_assert_uint_eq(strlen(text_of(span, "trace_id")), 32);
        ck_assert_uint_eq(strlen(text_of(span, "span_id")), 16);
        ck_assert_int_eq(json_is_true(json_object_get(span, "is_segment")), i == 0);
        ck_assert(json_is_boolean(json_object_get(span, "is_segment")));
    }
    json_decref(spans);
}
END_TEST

START_TEST(children_name_their_parent_and_a_root_names_none)
{
    json_t *spans = sample_spans();
    json_t *segment = json_array_get(spans, 0);
    json_t *handler = json_array_get(spans, 2);
    ck_assert_ptr_null(json_object_get(segment, "parent_span_id"));
    ck_assert_str_eq(text_of(json_array_get(spans, 1), "parent_span_id"),
                     text_of(segment, "span_id"));
    ck_assert_str_eq(text_of(handler, "parent_span_id"), text_of(segment, "span_id"));
    ck_assert_str_eq(text_of(json_array_get(spans, 3), "parent_span_id"),
                     text_of(handler, "span_id"));
    json_decref(spans);
}
END_TEST

START_TEST(a_continued_trace_names_the_remote_parent)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->parent_span_id = 0xb0f0000000000001u;
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    ck_assert_str_eq(text_of(json_array_get(spans, 0), "parent_span_id"),
                     "b0f0000000000001");
    json_decref(spans);
}
END_TEST

START_TEST(times_go_out_as_seconds_with_microseconds)
{
    st_span_v2_parts_t parts;
    ck_assert_int_eq(st_span_v2_prepare(&parts, &dest, t_pool), APR_SUCCESS);
    st_buf_t out;
    st_buf_init(&out, BUF_MAX);
    st_span_v2_record(&out, &parts, t_sample_record(t_pool, 1));
    st_buf_add_char(&out, '\0');
    ck_assert_ptr_nonnull(strstr(out.data, "\"start_timestamp\":1795300000.000000,"
                                           "\"end_timestamp\":1795300000.052011,"));
    ck_assert_ptr_nonnull(strstr(out.data, "\"start_timestamp\":1795300000.000412,"
                                           "\"end_timestamp\":1795300000.001907,"));
    st_buf_free(&out);
}
END_TEST

START_TEST(every_span_carries_the_common_attributes)
{
    static const char *const ops[][2] = {{"http.server", "auto.http.httpd"},
                                         {"middleware", "auto.http.httpd"},
                                         {"handler", "auto.http.httpd"},
                                         {"http.client", "auto.http.httpd.proxy"}};
    json_t *spans = sample_spans();
    const char *segment_id = text_of(json_array_get(spans, 0), "span_id");
    for (size_t i = 0; i < T_SAMPLE_SPAN_COUNT; i++) {
        json_t *span = json_array_get(spans, i);
        ck_assert_str_eq(attr_text(span, "sentry.op", "string"), ops[i][0]);
        ck_assert_str_eq(attr_text(span, "sentry.origin", "string"), ops[i][1]);
        ck_assert_str_eq(attr_text(span, "sentry.trace_lifecycle", "string"), "stream");
        ck_assert_str_eq(attr_text(span, "sentry.release", "string"), "shop@1.4.2");
        ck_assert_str_eq(attr_text(span, "sentry.environment", "string"), "production");
        ck_assert_str_eq(attr_text(span, "sentry.segment.id", "string"), segment_id);
        ck_assert_str_eq(attr_text(span, "sentry.segment.name", "string"), T_SAMPLE_NAME);
        ck_assert_str_eq(attr_text(span, "sentry.sdk.name", "string"), ST_SDK_NAME);
        ck_assert_str_eq(attr_text(span, "sentry.sdk.version", "string"), ST_VERSION);
    }
    json_decref(spans);
}
END_TEST

START_TEST(only_the_segment_says_platform_integrations_and_rate)
{
    json_t *spans = sample_spans();
    json_t *segment = json_array_get(spans, 0);
    ck_assert_str_eq(attr_text(segment, "sentry.platform", "string"), "c");
    ck_assert_str_eq(attr_text(segment, "sentry.sdk.integrations", "array"),
                     "[\"httpd\"]");
    ck_assert_double_eq(attr_number(segment, "sentry.client_sample_rate"), 0.25);
    for (size_t i = 1; i < T_SAMPLE_SPAN_COUNT; i++) {
        json_t *child = json_array_get(spans, i);
        ck_assert_ptr_null(attr_of(child, "sentry.platform"));
        ck_assert_ptr_null(attr_of(child, "sentry.sdk.integrations"));
        ck_assert_ptr_null(attr_of(child, "sentry.client_sample_rate"));
    }
    json_decref(spans);
}
END_TEST

START_TEST(own_attributes_keep_their_types)
{
    json_t *spans = sample_spans();
    json_t *segment = json_array_get(spans, 0);
    json_t *auth = json_array_get(spans, 1);
    json_t *backend = json_array_get(spans, 3);
    ck_assert_str_eq(attr_text(segment, "http.request.method", "string"), "GET");
    ck_assert_str_eq(attr_text(segment, "http.response.status_code", "integer"), "503");
    ck_assert_str_eq(attr_text(segment, "sentry.segment.name.source", "string"), "route");
    ck_assert_str_eq(attr_text(segment, "user_agent.original", "string"),
                     "curl/8.5.0 \"quoted\" \xC3\xA4 \xEF\xBF\xBD");
    ck_assert_str_eq(attr_text(auth, "middleware.name", "string"), "mod_auth_basic.c");
    ck_assert_double_eq(attr_number(auth, "sentry.exclusive_time"), 1.495);
    ck_assert_str_eq(attr_text(backend, "sentry.status.message", "string"),
                     "unavailable");
    json_decref(spans);
}
END_TEST

START_TEST(children_that_are_no_http_calls_name_this_machine)
{
    json_t *spans = sample_spans();
    ck_assert_str_eq(attr_text(json_array_get(spans, 0), "server.address", "string"),
                     "shop.example.com");
    ck_assert_str_eq(attr_text(json_array_get(spans, 1), "server.address", "string"),
                     "web-1");
    ck_assert_str_eq(attr_text(json_array_get(spans, 2), "server.address", "string"),
                     "web-1");
    ck_assert_str_eq(attr_text(json_array_get(spans, 3), "server.address", "string"),
                     "orders.internal");
    json_decref(spans);
}
END_TEST

START_TEST(a_span_keeps_the_server_address_it_has)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    st_span_attr_str(seg, 0, ST_ATTR_SERVER_ADDRESS, "elsewhere");
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    ck_assert_str_eq(attr_text(json_array_get(spans, 1), "server.address", "string"),
                     "elsewhere");
    json_decref(spans);
}
END_TEST

START_TEST(what_the_destination_leaves_open_is_left_out)
{
    static const st_dest_t bare = {.environment = "test"};
    json_t *spans = spans_of(&bare, t_sample_record(t_pool, 1));
    for (size_t i = 0; i < T_SAMPLE_SPAN_COUNT; i++) {
        ck_assert_ptr_null(attr_of(json_array_get(spans, i), "sentry.release"));
    }
    ck_assert_str_eq(attr_text(json_array_get(spans, 0), "sentry.environment", "string"),
                     "test");
    ck_assert_ptr_null(attr_of(json_array_get(spans, 1), "server.address"));
    json_decref(spans);
}
END_TEST

START_TEST(a_key_that_comes_twice_goes_out_once)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, "POST");
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    ck_assert_str_eq(attr_text(json_array_get(spans, 0), "http.request.method", "string"),
                     "GET");
    json_decref(spans);
}
END_TEST

START_TEST(an_empty_string_is_no_attribute)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->attrs[seg->attr_count++] =
        (st_attr_t){.key = ST_ATTR_URL_QUERY, .value.str = {NULL, 0}};
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    ck_assert_ptr_null(attr_of(json_array_get(spans, 0), "url.query"));
    json_decref(spans);
}
END_TEST

START_TEST(a_span_without_a_name_is_called_by_its_operation)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->name = "";
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    ck_assert_str_eq(text_of(json_array_get(spans, 0), "name"), "http.server");
    ck_assert_str_eq(attr_text(json_array_get(spans, 2), "sentry.segment.name", "string"),
                     "http.server");
    json_decref(spans);
}
END_TEST

static const struct {
    double rate;
    int is_sent;
} rates[] = {{0.0, 0}, {1e-7, 1}, {1.0, 1}, {1.5, 0}, {-0.1, 0}};

START_TEST(the_rate_is_sent_when_it_is_above_0_and_at_most_1)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->sample_rate = rates[_i].rate;
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    json_t *segment = json_array_get(spans, 0);
    int is_sent = attr_of(segment, "sentry.client_sample_rate") != NULL;
    ck_assert_int_eq(is_sent, rates[_i].is_sent);
    if (is_sent) {
        ck_assert_double_eq(attr_number(segment, "sentry.client_sample_rate"),
                            rates[_i].rate);
    }
    json_decref(spans);
}
END_TEST

START_TEST(every_operation_has_its_own_text)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->spans[0].op = ST_OP_FUNCTION;
    json_t *spans = spans_of(&dest, t_sample_pack(t_pool, seg));
    json_t *span = json_array_get(spans, 1);
    ck_assert_str_eq(attr_text(span, "sentry.op", "string"), "function");
    ck_assert_str_eq(attr_text(span, "sentry.origin", "string"), "auto.http.httpd");
    ck_assert_str_eq(attr_text(span, "server.address", "string"), "web-1");
    json_decref(spans);
}
END_TEST

START_TEST(a_full_buffer_refuses_at_every_length)
{
    st_span_v2_parts_t parts;
    ck_assert_int_eq(st_span_v2_prepare(&parts, &dest, t_pool), APR_SUCCESS);
    const st_record_t *record = t_sample_record(t_pool, 1);
    st_buf_t out;
    st_buf_init(&out, BUF_MAX);
    st_span_v2_record(&out, &parts, record);
    size_t need = out.len;
    for (size_t max = 0; max < need; max++) {
        st_buf_free(&out);
        st_buf_init(&out, max);
        st_span_v2_record(&out, &parts, record);
        ck_assert_int_eq(st_buf_status(&out), ST_E_LIMIT);
        ck_assert_uint_le(out.len, max);
    }
    st_buf_free(&out);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, spans_carry_ids_names_and_states);
    tcase_add_test(tcase, children_name_their_parent_and_a_root_names_none);
    tcase_add_test(tcase, a_continued_trace_names_the_remote_parent);
    tcase_add_test(tcase, times_go_out_as_seconds_with_microseconds);
    tcase_add_test(tcase, every_span_carries_the_common_attributes);
    tcase_add_test(tcase, only_the_segment_says_platform_integrations_and_rate);
    tcase_add_test(tcase, own_attributes_keep_their_types);
    tcase_add_test(tcase, children_that_are_no_http_calls_name_this_machine);
    tcase_add_test(tcase, a_span_keeps_the_server_address_it_has);
    tcase_add_test(tcase, what_the_destination_leaves_open_is_left_out);
    tcase_add_test(tcase, a_key_that_comes_twice_goes_out_once);
    tcase_add_test(tcase, an_empty_string_is_no_attribute);
    tcase_add_test(tcase, a_span_without_a_name_is_called_by_its_operation);
    tcase_add_loop_test(tcase, the_rate_is_sent_when_it_is_above_0_and_at_most_1, 0,
                        (int)(sizeof(rates) / sizeof(rates[0])));
    tcase_add_test(tcase, every_operation_has_its_own_text);
    tcase_add_test(tcase, a_full_buffer_refuses_at_every_length);
}

T_MAIN("span_v2", add_cases)
