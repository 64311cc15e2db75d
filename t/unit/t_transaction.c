/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions, field by field, and how large they get. */
#include "st_transaction.h"

#include "st_version.h"
#include "t.h"
#include "t_sample.h"
#include <apr_strings.h>
#include <jansson.h>
#include <string.h>

#define BUF_MAX ((size_t)8 * 1024 * 1024)

static const st_dest_t dest = {
    .environment = "production", .release = "shop@1.4.2", .server_name = "web-1"};

static size_t written; /* bytes of the last transaction */
static int left_out;   /* children of it */

static json_t *transaction_of(const st_record_t *record)
{
    st_transaction_parts_t parts;
    ck_assert_int_eq(st_transaction_prepare(&parts, &dest, t_pool), APR_SUCCESS);
    st_buf_t out;
    st_buf_init(&out, BUF_MAX);
    left_out = st_transaction_record(&out, &parts, record);
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    written = out.len;
    json_error_t error;
    json_t *json = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s in %.*s", error.text, (int)out.len, out.data);
    st_buf_free(&out);
    return json;
}

static json_t *sample(void)
{
    return transaction_of(t_sample_record(t_pool, 1));
}

/* A segment to which the test adds; the URL's source, unless it says otherwise. */
static st_segment_t *segment(const char *source)
{
    st_segment_t *seg = st_segment_open(t_pool, (st_rng_t){.state = 5}, T_SAMPLE_WALL, 1,
                                        ST_RECORD_SPANS_MAX - 1);
    st_segment_attr_str(seg, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE, source);
    return seg;
}

static json_t *close_and_write(st_segment_t *seg)
{
    st_segment_close(seg, seg->start + ST_NS_PER_MS);
    return transaction_of(t_sample_pack(t_pool, seg));
}

/* What stands at a path of keys and indexes. */
static json_t *at(json_t *json, const char *path)
{
    char *rest = apr_pstrdup(t_pool, path);
    char *last = NULL;
    for (char *step = apr_strtok(rest, "/", &last); step != NULL;
         step = apr_strtok(NULL, "/", &last)) {
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(step))
                                   : json_object_get(json, step);
    }
    return json;
}

/* The same as JSON; "-" when nothing is there. */
static const char *shown(json_t *json, const char *path)
{
    json_t *found = at(json, path);
    char *text = found != NULL ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    const char *copy = text != NULL ? apr_pstrdup(t_pool, text) : "-";
    free(text);
    return copy;
}

static void expect(json_t *json, const char *const expected[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = shown(json, expected[i][0]);
        ck_assert_msg(strcmp(got, expected[i][1]) == 0, "%s is %s instead of %s",
                      expected[i][0], got, expected[i][1]);
    }
}

#define EXPECT(json, list) expect((json), (list), sizeof(list) / sizeof((list)[0]))

START_TEST(the_event_says_what_it_is)
{
    static const char *const expected[][2] = {
        {"type", "\"transaction\""},
        {"platform", "\"c\""},
        {"release", "\"shop@1.4.2\""},
        {"environment", "\"production\""},
        {"server_name", "\"web-1\""},
        {"sdk/name", "\"" ST_SDK_NAME "\""},
        {"sdk/version", "\"" ST_VERSION "\""},
        {"sdk/settings", "{\"infer_ip\":\"never\"}"},
        {"transaction", "\"" T_SAMPLE_NAME "\""},
        {"transaction_info", "{\"source\":\"route\"}"},
        {"tags", "{\"http.status_code\":\"503\"}"},
        {"request/method", "\"GET\""},
        {"contexts/response", "{\"type\":\"response\",\"status_code\":503}"},
        {"user", "-"},
    };
    json_t *json = sample();
    EXPECT(json, expected);
    ck_assert_uint_eq(json_object_size(json), 15);
    ck_assert_int_eq(left_out, 0);
    double start = json_number_value(at(json, "start_timestamp"));
    double end = json_number_value(at(json, "timestamp"));
    ck_assert(start == 1795300000.0);
    ck_assert(end > 1795300000.052 && end < 1795300000.0521);
    json_decref(json);
}
END_TEST

START_TEST(the_segment_is_the_trace_context)
{
    static const char *const expected[][2] = {
        {"contexts/trace/type", "\"trace\""},
        {"contexts/trace/op", "\"http.server\""},
        {"contexts/trace/status", "\"internal_error\""},
        {"contexts/trace/origin", "\"auto.http.httpd\""},
        {"contexts/trace/parent_span_id", "-"},
        {"contexts/trace/data/sentry.segment.name.source", "\"route\""},
        {"contexts/trace/data/http.request.method", "\"GET\""},
        {"contexts/trace/data/http.response.status_code", "503"},
        {"contexts/trace/data/user_agent.original",
         "\"curl/8.5.0 \\\"quoted\\\" \xC3\xA4 \xEF\xBF\xBD\""},
        {"contexts/trace/client_sample_rate", "-"},
    };
    json_t *json = sample();
    EXPECT(json, expected);
    ck_assert_uint_eq(strlen(json_string_value(at(json, "contexts/trace/trace_id"))), 32);
    ck_assert_uint_eq(strlen(json_string_value(at(json, "contexts/trace/span_id"))), 16);
    json_decref(json);
}
END_TEST

START_TEST(children_are_spans_with_parents_inside)
{
    static const char *const expected[][2] = {
        {"spans/0/op", "\"middleware\""},
        {"spans/0/description", "\"mod_auth_basic\""},
        {"spans/0/status", "\"ok\""},
        {"spans/0/origin", "\"auto.http.httpd\""},
        {"spans/0/data/middleware.name", "\"mod_auth_basic.c\""},
        {"spans/1/op", "\"handler\""},
        {"spans/2/op", "\"http.client\""},
        {"spans/2/status", "\"unavailable\""},
        {"spans/2/origin", "\"auto.http.httpd.proxy\""},
        {"spans/2/data/sentry.status.message", "-"},
        {"spans/3", "-"},
    };
    json_t *json = sample();
    EXPECT(json, expected);
    const char *segment_id = shown(json, "contexts/trace/span_id");
    ck_assert_str_eq(shown(json, "spans/0/parent_span_id"), segment_id);
    ck_assert_str_eq(shown(json, "spans/1/parent_span_id"), segment_id);
    ck_assert_str_eq(shown(json, "spans/2/parent_span_id"),
                     shown(json, "spans/1/span_id"));
    for (int i = 0; i < 3; i++) {
        const char *path = apr_psprintf(t_pool, "spans/%d/trace_id", i);
        ck_assert_str_eq(shown(json, path), shown(json, "contexts/trace/trace_id"));
    }
    json_decref(json);
}
END_TEST

START_TEST(a_continued_trace_names_the_remote_parent)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->parent_span_id = 0xb0f0000000000001u;
    json_t *json = transaction_of(t_sample_pack(t_pool, seg));
    ck_assert_str_eq(shown(json, "contexts/trace/parent_span_id"),
                     "\"b0f0000000000001\"");
    json_decref(json);
}
END_TEST

static const char *event_id(uint64_t seed)
{
    char *id = apr_pcalloc(t_pool, ST_EVENT_ID_HEX + 1);
    st_transaction_event_id(id, t_sample_record(t_pool, seed));
    return id;
}

START_TEST(the_event_id_follows_from_trace_and_segment)
{
    const char *id = event_id(1);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef"), ST_EVENT_ID_HEX);
    ck_assert_int_eq(id[12], '4');
    ck_assert_ptr_nonnull(strchr("89ab", id[16]));
    ck_assert_str_eq(event_id(1), id);
    ck_assert_str_ne(event_id(2), id);
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->span_id ^= 1;
    char other[ST_EVENT_ID_HEX];
    st_transaction_event_id(other, t_sample_pack(t_pool, seg));
    ck_assert_int_ne(memcmp(other, id, sizeof(other)), 0);
    json_t *json = sample();
    ck_assert_str_eq(json_string_value(at(json, "event_id")), id);
    json_decref(json);
}
END_TEST

#define TEN     "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *source;
    const char *name; /* of the segment */
    const char *method;
    const char *path;
    const char *transaction;
    const char *said; /* source */
} names[] = {
    {"url", "GET", "GET", "/a/17", "GET /a/17", "url"},
    {"url", "HTTP", "HTTP", "/a", "HTTP /a", "url"},
    {"url", "GET", "GET", NULL, "GET", "url"},
    {"url", "GET", NULL, "/a", "GET", "url"},
    {"route", "GET /a/*", "GET", "/a/17", "GET /a/*", "route"},
    {"custom", "Checkout", "GET", "/a/17", "Checkout", "custom"},
    {"task", "Checkout", "GET", "/a/17", "Checkout", "task"},
    {"gateway", "GET", "GET", "/a/17", "GET", "custom"},
    {NULL, "GET", "GET", "/a/17", "GET", "custom"},
    {"route", "", "GET", "/a/17", "http.server", "route"},
    {"url", "GET", "GET", "/" HUNDRED HUNDRED,
     "GET /" HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN "abcde", "url"},
};

START_TEST(a_name_made_from_the_url_has_its_path)
{
    st_segment_t *seg = segment(names[_i].source);
    seg->name = names[_i].name;
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, names[_i].method);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, names[_i].path);
    json_t *json = close_and_write(seg);
    ck_assert_str_eq(json_string_value(at(json, "transaction")), names[_i].transaction);
    ck_assert_str_eq(json_string_value(at(json, "transaction_info/source")),
                     names[_i].said);
    json_decref(json);
}
END_TEST

static const struct {
    const char *method;
    const char *url;
    const char *description;
} calls[] = {
    {"GET", "http://b:8080/x/17?y=1", "GET http://b:8080/x/17"},
    {"GET", NULL, "GET b"},
    {NULL, "http://b:8080/x", "GET b"},
    {"GET", "?", "GET b"},
};

START_TEST(a_call_is_described_by_its_url)
{
    st_segment_t *seg = segment("url");
    int span = st_segment_span_add(seg, ST_OP_HTTP_CLIENT, "GET b", NULL, seg->start);
    st_span_attr_str(seg, span, ST_ATTR_HTTP_REQUEST_METHOD, calls[_i].method);
    st_span_attr_str(seg, span, ST_ATTR_URL_FULL, calls[_i].url);
    json_t *json = close_and_write(seg);
    ck_assert_str_eq(json_string_value(at(json, "spans/0/description")),
                     calls[_i].description);
    json_decref(json);
}
END_TEST

static const struct {
    const char *message; /* of a failed child */
    const char *status;
    const char *kept; /* as data */
} failures[] = {
    {"not_found", "\"not_found\"", "-"},
    {"it went wrong", "\"internal_error\"", "\"it went wrong\""},
    {NULL, "\"internal_error\"", "-"},
};

START_TEST(a_failure_has_a_status_that_sentry_knows)
{
    st_segment_t *seg = segment("url");
    int span = st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, seg->start);
    st_span_fail(seg, span, failures[_i].message);
    json_t *json = close_and_write(seg);
    ck_assert_str_eq(shown(json, "spans/0/status"), failures[_i].status);
    ck_assert_str_eq(shown(json, "spans/0/data/sentry.status.message"),
                     failures[_i].kept);
    ck_assert_str_eq(shown(json, "contexts/trace/status"), "\"ok\"");
    json_decref(json);
}
END_TEST

/* Text that takes six bytes each in JSON. */
static const char *heavy_text(void)
{
    char *text = apr_palloc(t_pool, ST_RECORD_STRING_MAX + 1);
    memset(text, '\x01', ST_RECORD_STRING_MAX);
    text[ST_RECORD_STRING_MAX] = '\0';
    return text;
}

/* A child with as many attributes as one can have, each as heavy as can be. */
static int heavy_child_add(st_segment_t *seg)
{
    const char *text = heavy_text();
    int span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, text, NULL, seg->start);
    for (int key = ST_ATTR_NONE + 1; key < ST_ATTR_COUNT; key++) {
        if (st_attr_key_type((st_attr_key_t)key) == ST_TYPE_STRING) {
            st_span_attr_str(seg, span, (st_attr_key_t)key, text);
        }
    }
    return span;
}

START_TEST(a_heavy_child_is_cut_and_spares_the_others)
{
    st_segment_t *seg = segment("url");
    heavy_child_add(seg);
    st_segment_span_add(seg, ST_OP_HANDLER, "light", NULL, seg->start);
    json_t *json = close_and_write(seg);
    ck_assert_int_eq(left_out, 0);
    ck_assert_uint_lt(written, ST_TRANSACTION_BYTES_MAX / 8);
    ck_assert_uint_eq(json_array_size(at(json, "spans")), 2);
    ck_assert_str_eq(shown(json, "spans/1/description"), "\"light\"");
    ck_assert_uint_gt(json_string_length(at(json, "spans/0/data/url.full")), 100);
    json_decref(json);
}
END_TEST

START_TEST(a_heavy_segment_is_cut_and_spares_its_children)
{
    st_segment_t *seg = segment("custom");
    const char *text = heavy_text();
    seg->name = text;
    for (int key = ST_ATTR_NONE + 1; key < ST_ATTR_COUNT; key++) {
        if (st_attr_key_type((st_attr_key_t)key) == ST_TYPE_STRING) {
            st_segment_attr_str(seg, (st_attr_key_t)key, text);
        }
    }
    st_segment_span_add(seg, ST_OP_HANDLER, "light", NULL, seg->start);
    json_t *json = close_and_write(seg);
    ck_assert_uint_le(written, ST_TRANSACTION_BYTES_MAX / 2 + 1024);
    ck_assert_str_eq(shown(json, "spans/0/description"), "\"light\"");
    ck_assert_uint_eq(json_string_length(at(json, "transaction")),
                      ST_TRANSACTION_NAME_MAX);
    json_decref(json);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_from_the_end)
{
    st_segment_t *seg = segment("url");
    st_segment_span_add(seg, ST_OP_HANDLER, "first", NULL, seg->start);
    for (int i = 1; i < 100; i++) {
        heavy_child_add(seg);
    }
    json_t *json = close_and_write(seg);
    ck_assert_uint_le(written, ST_TRANSACTION_BYTES_MAX);
    ck_assert_uint_gt(written, ST_TRANSACTION_BYTES_MAX / 10 * 9);
    ck_assert_int_gt(left_out, 10);
    ck_assert_uint_eq(json_array_size(at(json, "spans")), (size_t)(100 - left_out));
    ck_assert_str_eq(shown(json, "spans/0/description"), "\"first\"");
    json_decref(json);
}
END_TEST

START_TEST(a_full_record_of_usual_spans_fits)
{
    st_segment_t *seg = segment("url");
    for (int i = 1; i < ST_RECORD_SPANS_MAX; i++) {
        int span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "CONTENT_LENGTH",
                                       "protocol.c", seg->start);
        st_span_attr_str(seg, span, ST_ATTR_URL_PATH, "/of/a/subrequest/that/is/usual");
    }
    json_t *json = close_and_write(seg);
    ck_assert_int_eq(left_out, 0);
    ck_assert_uint_eq(json_array_size(at(json, "spans")), ST_RECORD_SPANS_MAX - 1);
    json_decref(json);
}
END_TEST

START_TEST(names_and_texts_of_any_bytes_make_json)
{
    st_segment_t *seg = segment("url");
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, "GET");
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "/\xFF\"\\\x01\xC3");
    st_segment_span_add(seg, ST_OP_HANDLER, "\xED\xA0\x80\n", NULL, seg->start);
    st_segment_span_add(seg, ST_OP_HANDLER, "", NULL, seg->start);
    st_segment_span_add(seg, ST_OP_HANDLER, NULL, NULL, seg->start);
    json_t *json = close_and_write(seg);
    ck_assert_str_eq(json_string_value(at(json, "transaction")),
                     "GET /\xEF\xBF\xBD\"\\\x01\xEF\xBF\xBD");
    ck_assert_str_eq(json_string_value(at(json, "spans/0/description")),
                     "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\n");
    ck_assert_str_eq(shown(json, "spans/1/description"), "\"handler\"");
    ck_assert_str_eq(shown(json, "spans/2/description"), "\"handler\"");
    json_decref(json);
}
END_TEST

START_TEST(without_room_the_failure_sticks)
{
    st_transaction_parts_t parts;
    const st_record_t *record = t_sample_record(t_pool, 1);
    ck_assert_int_eq(st_transaction_prepare(&parts, &dest, t_pool), APR_SUCCESS);
    for (size_t max = 0; max < 1500; max += 7) {
        st_buf_t out;
        st_buf_init(&out, max);
        st_transaction_record(&out, &parts, record);
        ck_assert_int_eq(st_buf_status(&out), ST_E_LIMIT);
        st_buf_free(&out);
    }
}
END_TEST

START_TEST(texts_of_a_destination_are_bounded)
{
    char *name = apr_palloc(t_pool, 300 * 1024);
    memset(name, 'x', 300 * 1024 - 1);
    name[300 * 1024 - 1] = '\0';
    st_dest_t huge = dest;
    huge.server_name = name;
    st_transaction_parts_t parts;
    ck_assert_int_eq(st_transaction_prepare(&parts, &huge, t_pool), ST_E_LIMIT);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, the_event_says_what_it_is);
    tcase_add_test(tcase, the_segment_is_the_trace_context);
    tcase_add_test(tcase, children_are_spans_with_parents_inside);
    tcase_add_test(tcase, a_continued_trace_names_the_remote_parent);
    tcase_add_test(tcase, the_event_id_follows_from_trace_and_segment);
    tcase_add_loop_test(tcase, a_name_made_from_the_url_has_its_path, 0,
                        (int)(sizeof(names) / sizeof(names[0])));
    tcase_add_loop_test(tcase, a_call_is_described_by_its_url, 0,
                        (int)(sizeof(calls) / sizeof(calls[0])));
    tcase_add_loop_test(tcase, a_failure_has_a_status_that_sentry_knows, 0,
                        (int)(sizeof(failures) / sizeof(failures[0])));
    tcase_add_test(tcase, a_heavy_child_is_cut_and_spares_the_others);
    tcase_add_test(tcase, a_heavy_segment_is_cut_and_spares_its_children);
    tcase_add_test(tcase, what_does_not_fit_is_left_out_from_the_end);
    tcase_add_test(tcase, a_full_record_of_usual_spans_fits);
    tcase_add_test(tcase, names_and_texts_of_any_bytes_make_json);
    tcase_add_test(tcase, without_room_the_failure_sticks);
    tcase_add_test(tcase, texts_of_a_destination_are_bounded);
}

T_MAIN("transaction", add_cases)
