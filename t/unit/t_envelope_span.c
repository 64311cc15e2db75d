/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of span containers and spans, one break each. */
#include "t_envelope_sample.h"

#define SPAN "payload/items/0"
#define LINK "payload/items/1/links/0"

static const t_break_t breaks[] = {
    {"payload/version", NULL, "the span container does not say \"version\":2"},
    {"payload/version", "1", "does not say \"version\":2"},
    {"payload/version", "\"2\"", "does not say \"version\":2"},
    {"payload/items", NULL, "has no array \"items\""},
    {"payload/items", "{}", "has no array \"items\""},
    {"payload/items", "[]", "holds 0 spans; 1 to 1000 are allowed"},
    {"item/item_count", NULL, "holds 2 spans, but \"item_count\" does not say so"},
    {"item/item_count", "3", "holds 2 spans, but \"item_count\" does not say so"},
    {"item/item_count", "\"2\"", "holds 2 spans, but \"item_count\" does not say so"},
    {SPAN, "[]", "span 1 is no object"},
    {SPAN "/trace_id", NULL, "span 1 has a \"trace_id\" that is not 32"},
    {SPAN "/trace_id", "\"6CF173D587EB48568A9B2E12DCFBEA52\"",
     "\"trace_id\" that is not 32"},
    {SPAN "/trace_id", "\"00000000000000000000000000000001\"",
     "belongs to trace 00000000000000000000000000000001, but the envelope is about"},
    {SPAN "/span_id", NULL, "has a \"span_id\" that is not 16"},
    {SPAN "/span_id", "\"f1196292f76e45c\"", "has a \"span_id\" that is not 16"},
    {SPAN "/span_id", "\"F1196292F76E45C0\"", "has a \"span_id\" that is not 16"},
    {SPAN "/span_id", "\"0000000000000000\"", "has a \"span_id\" that is not 16"},
    {SPAN "/span_id", "\"438f40bd3b4a41ee\"",
     "span 2 repeats the span id 438f40bd3b4a41ee"},
    {SPAN "/parent_span_id", NULL, NULL},
    {SPAN "/parent_span_id", "null", "\"parent_span_id\" that is not 16"},
    {SPAN "/parent_span_id", "\"\"", "\"parent_span_id\" that is not 16"},
    {SPAN "/name", NULL, "span 1 has no \"name\""},
    {SPAN "/name", "\"\"", "span 1 has no \"name\""},
    {SPAN "/name", "7", "span 1 has no \"name\""},
    {SPAN "/status", NULL, "\"status\" that is neither \"ok\" nor \"error\""},
    {SPAN "/status", "\"not_found\"", "\"status\" that is neither"},
    {SPAN "/status", "\"ok\\u0000\"", "\"status\" that is neither"},
    {SPAN "/is_segment", NULL, "\"is_segment\" that is neither true nor false"},
    {SPAN "/is_segment", "0", "\"is_segment\" that is neither"},
    {SPAN "/start_timestamp", NULL, "has no time as \"start_timestamp\""},
    {SPAN "/start_timestamp", "\"2026-11-21T22:26:40Z\"", NULL},
    {SPAN "/start_timestamp", "\"now\"", "has no time as \"start_timestamp\""},
    {SPAN "/start_timestamp", "\"1795300000\\u0000\"",
     "has no time as \"start_timestamp\""},
    {SPAN "/start_timestamp", "1795300000.001907", NULL},
    {SPAN "/start_timestamp", "1795300000.001908", "span 1 ends before it starts"},
    {SPAN "/start_timestamp", "\"2026-11-21T22:26:41Z\"", "ends before it starts"},
    {SPAN "/end_timestamp", NULL, "has no time as \"end_timestamp\""},
    {SPAN "/end_timestamp", "true", "has no time as \"end_timestamp\""},
    {SPAN "/kind", "\"server\"", "has the unknown member \"kind\""},
    {SPAN "/__header", "{}", "has the unknown member \"__header\""},
    {SPAN "/links", "[]", NULL},
    {SPAN "/links", "{}", "has \"links\" that are no array"},
    {LINK, "7", "a link without a valid trace and span id"},
    {LINK "/trace_id", NULL, "a link without a valid trace and span id"},
    {LINK "/span_id", "\"0\"", "a link without a valid trace and span id"},
    {LINK "/sampled", NULL, NULL},
    {LINK "/sampled", "\"true\"", "a link whose \"sampled\" is no boolean"},
};

START_TEST(a_span_follows_the_rules)
{
    t_expect_break(t_span_envelope, &breaks[_i]);
}
END_TEST

/* `count` spans that differ in their ids only. */
static const char *many_spans(int count)
{
    json_t *spans = json_array();
    for (int i = 1; i <= count; i++) {
        char id[17];
        snprintf(id, sizeof(id), "%016x", (unsigned)i);
        json_array_append_new(spans,
                              json_pack("{s:s,s:s,s:s,s:s,s:b,s:i,s:i}", "trace_id",
                                        "6cf173d587eb48568a9b2e12dcfbea52", "span_id", id,
                                        "name", "n", "status", "ok", "is_segment", 0,
                                        "start_timestamp", 1, "end_timestamp", 2));
    }
    char *text = json_dumps(spans, JSON_COMPACT);
    const char *copy = apr_pstrdup(t_pool, text);
    free(text);
    json_decref(spans);
    return copy;
}

START_TEST(a_container_holds_a_thousand_spans_at_most)
{
    json_t *whole = json_loads(t_span_envelope, 0, NULL);
    t_patch(whole, "item/item_count", "1000");
    char *sample = json_dumps(whole, 0);
    t_break_t full = {"payload/items", many_spans(1000), NULL};
    t_break_t over = {"payload/items", many_spans(1001), "holds 1001 spans; 1 to 1000"};
    t_expect_break(sample, &full);
    t_expect_break(sample, &over);
    free(sample);
    json_decref(whole);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_span_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
    tcase_add_test(tcase, a_container_holds_a_thousand_spans_at_most);
}

T_MAIN("envelope_span", add_cases)
