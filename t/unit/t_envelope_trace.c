/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of trace contexts and of the spans in transactions, one break each. */
#include "t_envelope_sample.h"

#define TRACE "payload/contexts/trace"
#define SPAN  "payload/spans/0"

#define TEN     "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const t_break_t breaks[] = {
    {TRACE, NULL, "the trace context is no object"},
    {TRACE, "[]", "the trace context is no object"},
    {TRACE "/trace_id", NULL, "the trace context has a \"trace_id\" that is not 32"},
    {TRACE "/trace_id", "\"00000000000000000000000000000000\"",
     "has a \"trace_id\" that is not 32"},
    {TRACE "/trace_id", "\"00000000000000000000000000000001\"",
     "the trace context belongs to trace 00000000000000000000000000000001 instead of"},
    {TRACE "/span_id", NULL, "the trace context has a \"span_id\" that is not 16"},
    {TRACE "/span_id", "\"438F40BD3B4A41EE\"", "has a \"span_id\" that is not 16"},
    {TRACE "/span_id", "\"f1196292f76e45c0\"",
     "span 1 repeats the span id f1196292f76e45c0"},
    {TRACE "/parent_span_id", "\"b0f0000000000001\"", NULL},
    {TRACE "/parent_span_id", "null", NULL},
    {TRACE "/parent_span_id", "\"\"", "\"parent_span_id\" that is not 16"},
    {TRACE "/op", NULL, NULL},
    {TRACE "/op", "\"\"", "the trace context has an \"op\" that is no text of 1 to 128"},
    {TRACE "/op", "\"" HUNDRED TEN TEN "abcdefgh\"", NULL},
    {TRACE "/op", "\"" HUNDRED TEN TEN "abcdefghi\"", "has an \"op\" that is no text"},
    {TRACE "/status", NULL, NULL},
    {TRACE "/status", "\"not_found\"", NULL},
    {TRACE "/status", "\"error\"", "the trace context has an unknown \"status\""},
    {TRACE "/status", "7", "has an unknown \"status\""},
    {TRACE "/origin", "\"manual\"", NULL},
    {TRACE "/origin", "\"auto.http-server\"", "has an \"origin\" that is not 1 to 128"},
    {TRACE "/origin", "\"\"", "has an \"origin\" that is not 1 to 128"},
    {TRACE "/data", NULL, NULL},
    {TRACE "/data", "[]", "has \"data\" that is no object"},
    {TRACE "/data/server.port", "null",
     "in \"data\" a value \"server.port\" that is not"},
    {TRACE "/data/server.port", "{\"type\":\"integer\",\"value\":443}",
     "in \"data\" a value \"server.port\" that is not"},
    {TRACE "/data/x", "[\"a\",1]", "in \"data\" a value \"x\" that is not plain"},
    {TRACE "/data/", "1", "in \"data\" a value \"\" that is not plain"},
    {TRACE "/client_sample_rate", "0.5", "has \"client_sample_rate\", which Sentry sets"},
    {TRACE "/description", "\"GET\"", NULL},
    {"header/trace", NULL, NULL},
    {"payload/spans", NULL, "the transaction has no array \"spans\""},
    {"payload/spans", "{}", "the transaction has no array \"spans\""},
    {"payload/spans", "[]", NULL},
    {SPAN, "null", "span 1 is no object"},
    {SPAN "/trace_id", NULL, "span 1 has a \"trace_id\" that is not 32"},
    {SPAN "/trace_id", "\"00000000000000000000000000000001\"",
     "span 1 belongs to trace 00000000000000000000000000000001 instead of 6cf173d5"},
    {SPAN "/span_id", NULL, "span 1 has a \"span_id\" that is not 16"},
    {SPAN "/parent_span_id", "7", "span 1 has a \"parent_span_id\" that is not 16"},
    {SPAN "/description", NULL, NULL},
    {SPAN "/description", "null", NULL},
    {SPAN "/description", "7", "span 1 has a \"description\" that is no text"},
    {SPAN "/status", "\"fine\"", "span 1 has an unknown \"status\""},
    {SPAN "/start_timestamp", NULL, "span 1 has no time as \"start_timestamp\""},
    {SPAN "/timestamp", NULL, "span 1 has no time as \"timestamp\""},
    {SPAN "/timestamp", "1795300000.000411", "span 1 ends before it starts"},
    {SPAN "/timestamp", "1795300000.000412", NULL},
    {SPAN "/tags", "{\"a\":\"b\"}", NULL},
    {SPAN "/tags", "{\"a\":1}", "span 1 has a tag \"a\" that is no text of 1 to 200"},
    {SPAN "/attributes", "{}", "span 1 has the unknown member \"attributes\""},
    {SPAN "/name", "\"x\"", "span 1 has the unknown member \"name\""},
};

START_TEST(a_trace_follows_the_rules)
{
    t_expect_break(t_transaction_envelope, &breaks[_i]);
}
END_TEST

/* An array of that many spans like the sample's, with ids of their own. */
static const char *spans_text(int count)
{
    const char **parts = apr_palloc(t_pool, sizeof(*parts) * (size_t)count);
    size_t len = 2;
    for (int i = 0; i < count; i++) {
        parts[i] = apr_psprintf(t_pool,
                                "%s{\"trace_id\":" T_TRACE ",\"span_id\":\"%016x\","
                                "\"start_timestamp\":1,\"timestamp\":1}",
                                i > 0 ? "," : "[", i + 1);
        len += strlen(parts[i]);
    }
    char *text = apr_palloc(t_pool, len);
    char *at = text;
    for (int i = 0; i < count; i++) {
        at = apr_cpystrn(at, parts[i], len);
    }
    apr_cpystrn(at, "]", 2);
    return text;
}

START_TEST(a_transaction_has_at_most_a_thousand_spans)
{
    t_break_t enough = {"payload/spans", spans_text(1000), NULL};
    t_break_t many = {"payload/spans", spans_text(1001),
                      "the transaction holds 1001 spans; at most 1000 are allowed"};
    t_expect_break(t_transaction_envelope, &enough);
    t_expect_break(t_transaction_envelope, &many);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_trace_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
    tcase_add_test(tcase, a_transaction_has_at_most_a_thousand_spans);
}

T_MAIN("envelope_trace", add_cases)
