/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions seen as spans. */
#include "t_envelope_sample.h"

/* The spans of the sample, with `json` at `path` of its payload (NULL: as it is). */
static json_t *spans_with(const char *path, const char *json)
{
    json_t *whole = json_loads(t_transaction_envelope, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(whole);
    if (path != NULL) {
        t_patch(whole, path, json);
    }
    json_t *spans = st_envelope_transaction_spans(json_object_get(whole, "payload"));
    json_decref(whole);
    return spans;
}

/* A member or attribute value as JSON; "-" when it is missing. */
static const char *shown(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    const char *copy = text != NULL ? apr_pstrdup(t_pool, text) : "-";
    free(text);
    return copy;
}

static void expect_members(json_t *span, const char *const expected[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = shown(json_object_get(span, expected[i][0]));
        ck_assert_msg(strcmp(got, expected[i][1]) == 0, "%s is %s", expected[i][0], got);
    }
}

#define EXPECT(object, list)                                                             \
    expect_members((object), (list), sizeof(list) / sizeof((list)[0]))

#define STRING(text) "{\"type\":\"string\",\"value\":\"" text "\"}"

START_TEST(the_segment_is_the_trace_context_and_the_event)
{
    static const char *const members[][2] = {
        {"trace_id", T_TRACE},
        {"span_id", "\"438f40bd3b4a41ee\""},
        {"parent_span_id", "-"},
        {"name", "\"GET /api/orders/*\""},
        {"status", "\"error\""},
        {"is_segment", "true"},
        {"start_timestamp", "1795300000.0"},
    };
    static const char *const attrs[][2] = {
        {"sentry.op", STRING("http.server")},
        {"sentry.origin", STRING("auto.http.httpd")},
        {"sentry.environment", STRING("production")},
        {"sentry.release", STRING("shop@1.4.2")},
        {"sentry.platform", STRING("c")},
        {"sentry.segment.name.source", STRING("route")},
        {"sentry.status.message", STRING("unavailable")},
        {"http.request.method", STRING("GET")},
        {"http.response.status_code", "{\"type\":\"integer\",\"value\":503}"},
        {"server.port", "{\"type\":\"integer\",\"value\":443}"},
        {"sentry.exclusive_time", "{\"type\":\"double\",\"value\":2}"},
        {"http.request.header.accept", "{\"type\":\"array\",\"value\":[\"text/html\"]}"},
    };
    json_t *spans = spans_with(NULL, NULL);
    ck_assert_uint_eq(json_array_size(spans), 2);
    json_t *segment = json_array_get(spans, 0);
    EXPECT(segment, members);
    double end = json_number_value(json_object_get(segment, "end_timestamp"));
    ck_assert(end > 1795300000.05 && end < 1795300000.053);
    EXPECT(json_object_get(segment, "attributes"), attrs);
    json_decref(spans);
}
END_TEST

START_TEST(a_child_is_named_by_its_description)
{
    static const char *const members[][2] = {
        {"trace_id", T_TRACE},
        {"span_id", "\"f1196292f76e45c0\""},
        {"parent_span_id", "\"438f40bd3b4a41ee\""},
        {"name", "\"mod_auth_basic\""},
        {"status", "\"ok\""},
        {"is_segment", "false"},
    };
    static const char *const attrs[][2] = {
        {"sentry.op", STRING("middleware")},
        {"middleware.name", STRING("mod_auth_basic")},
        {"process.pid", "{\"type\":\"integer\",\"value\":4711}"},
        {"sentry.status.message", "-"},
    };
    json_t *spans = spans_with(NULL, NULL);
    json_t *child = json_array_get(spans, 1);
    EXPECT(child, members);
    EXPECT(json_object_get(child, "attributes"), attrs);
    json_decref(spans);
    spans = spans_with("payload/spans/0/description", NULL);
    ck_assert_str_eq(shown(json_object_get(json_array_get(spans, 1), "name")),
                     "\"middleware\"");
    json_decref(spans);
}
END_TEST

START_TEST(dates_become_numbers)
{
    json_t *spans = spans_with("payload/timestamp", "\"2026-11-21T22:26:40.5Z\"");
    const json_t *end = json_object_get(json_array_get(spans, 0), "end_timestamp");
    ck_assert(json_is_number(end) && json_number_value(end) == 1795300000.5);
    json_decref(spans);
    spans = spans_with("payload/spans/0/start_timestamp", "\"now\"");
    ck_assert_str_eq(shown(json_object_get(json_array_get(spans, 1), "start_timestamp")),
                     "\"now\"");
    json_decref(spans);
}
END_TEST

START_TEST(data_wins_over_what_the_event_says)
{
    json_t *spans =
        spans_with("payload/contexts/trace/data/sentry.status.message", "\"gone\"");
    json_t *attrs = json_object_get(json_array_get(spans, 0), "attributes");
    ck_assert_str_eq(shown(json_object_get(attrs, "sentry.status.message")),
                     STRING("gone"));
    json_decref(spans);
}
END_TEST

static const struct {
    const char *path;
    const char *json;
} odd[] = {
    {"payload", "{}"},
    {"payload", "[]"},
    {"payload", "7"},
    {"payload/contexts", "[]"},
    {"payload/contexts/trace", "\"x\""},
    {"payload/contexts/trace/data", "[1]"},
    {"payload/contexts/trace/data/server.port", "{\"a\":{}}"},
    {"payload/contexts/trace/status", "{}"},
    {"payload/spans", "{}"},
    {"payload/spans", "[null,7,[],{}]"},
};

START_TEST(whatever_stands_there_makes_objects)
{
    json_t *spans = spans_with(odd[_i].path, odd[_i].json);
    size_t i;
    json_t *span;
    ck_assert_uint_ge(json_array_size(spans), 1);
    json_array_foreach(spans, i, span)
    {
        ck_assert(json_is_object(json_object_get(span, "attributes")));
        ck_assert_int_eq(json_is_true(json_object_get(span, "is_segment")), i == 0);
    }
    json_decref(spans);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, the_segment_is_the_trace_context_and_the_event);
    tcase_add_test(tcase, a_child_is_named_by_its_description);
    tcase_add_test(tcase, dates_become_numbers);
    tcase_add_test(tcase, data_wins_over_what_the_event_says);
    tcase_add_loop_test(tcase, whatever_stands_there_makes_objects, 0,
                        (int)(sizeof(odd) / sizeof(odd[0])));
}

T_MAIN("envelope_flatten", add_cases)
