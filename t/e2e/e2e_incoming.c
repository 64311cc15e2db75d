/* SPDX-License-Identifier: Apache-2.0 */
/* Traces that come with a request: which go on, and what is made of those that do not. */

#include "te.h"
#include "te_call.h"

#include <math.h>

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define KEY    "fedcba9876543210fedcba9876543210"
#define DSC                                                                              \
    "sentry-trace_id=" TRACE ",sentry-public_key=" KEY ",sentry-sample_rate=0.5,"        \
    "sentry-sample_rand=0.123456,sentry-sampled=true"

/* What one request sends, and what has to become of it. ".." in a trace id stands for digits
 * that no other row has, so that no trace comes twice: see `numbered`. */
typedef struct incoming_row_t {
    const char *name;
    const char *headers[4];
    const char *parent; /* NULL: a new trace */
    const char *dsc; /* members of the envelope's trace header, as JSON; NULL: own ones */
} incoming_row_t;

#define T            "4bf92f3577b34da6a3ce929d0e0e47.."
#define MEMBERS      "sentry-trace_id=" T ",sentry-public_key=" KEY
#define JSON_MEMBERS "\"trace_id\":\"" T "\",\"public_key\":\"" KEY "\""
#define CONTINUED(trace, baggage_header)                                                 \
    .headers = {"sentry-trace: " trace, baggage_header}

static const incoming_row_t rows[] = {
    {.name = "everything",
     CONTINUED(T "-" PARENT "-1",
               "baggage: " MEMBERS ",sentry-sample_rate=0.5,sentry-sample_rand=0.123456,"
               "sentry-sampled=true,sentry-release=up%401,"
               "sentry-environment=up,sentry-transaction=GET%20%2Fup"),
     .parent = PARENT,
     .dsc = "{" JSON_MEMBERS
            ",\"sample_rate\":\"0.5\",\"sample_rand\":\"0.123456\",\"sampled\":\"true\","
            "\"release\":\"up@1\",\"environment\":\"up\",\"transaction\":\"GET /up\"}"},
    {.name = "no baggage",
     CONTINUED(T "-" PARENT "-1", NULL),
     .parent = PARENT,
     .dsc = "{\"trace_id\":\"" T "\",\"public_key\":\"" TE_SENTRY_KEY "\"}"},
    {.name = "baggage of others only",
     CONTINUED(T "-" PARENT "-1", "baggage: vendor=1,other=2;p"),
     .parent = PARENT,
     .dsc = "{\"trace_id\":\"" T "\",\"public_key\":\"" TE_SENTRY_KEY "\"}"},
    {.name = "spaces, properties and others between",
     CONTINUED(T "-" PARENT "-1",
               "baggage:  v=1 , sentry-trace_id = " T " ;ttl=1,sentry-public_key=" KEY
               "; secure , x , sentry-sample_rand=0.250000,sentry-sample_rate=1"),
     .parent = PARENT,
     .dsc = "{" JSON_MEMBERS ",\"sample_rand\":\"0.250000\",\"sample_rate\":\"1\"}"},
    {.name = "baggage in several lines",
     .headers = {"sentry-trace: " T "-" PARENT "-1",
                 "baggage: sentry-trace_id=" T ",sentry-sample_rand=0.1",
                 "baggage: sentry-public_key=" KEY},
     .parent = PARENT,
     .dsc = "{" JSON_MEMBERS ",\"sample_rand\":\"0.1\"}"},
    {.name = "two traces: the first counts",
     .headers = {"sentry-trace: " T "-" PARENT "-1",
                 "sentry-trace: " TRACE "-1111111111111111-0"},
     .parent = PARENT,
     .dsc = "{\"trace_id\":\"" T "\",\"public_key\":\"" TE_SENTRY_KEY "\"}"},
    {.name = "deferred decision: the rate that was applied is ours",
     CONTINUED(T "-" PARENT, "baggage: " MEMBERS ",sentry-sample_rand=0.250000,"
                             "sentry-sample_rate=0.1"),
     .parent = PARENT,
     .dsc = "{" JSON_MEMBERS ",\"sample_rand\":\"0.250000\",\"sample_rate\":\"1\"}"},
    {.name = "blanks around the trace",
     CONTINUED(" \t" T "-" PARENT "-1 \t", NULL),
     .parent = PARENT,
     .dsc = "{\"trace_id\":\"" T "\",\"public_key\":\"" TE_SENTRY_KEY "\"}"},
    {.name = "empty trace", CONTINUED("", "baggage: " MEMBERS)},
    {.name = "upper case",
     CONTINUED("4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-1", NULL)},
    {.name = "trace of zeros",
     CONTINUED("00000000000000000000000000000000-" PARENT "-1", "baggage: " MEMBERS)},
    {.name = "parent of zeros", CONTINUED(T "-0000000000000000-1", NULL)},
    {.name = "short id", CONTINUED("4bf92f-" PARENT "-1", NULL)},
    {.name = "flag of another kind", CONTINUED(T "-" PARENT "-2", "baggage: " MEMBERS)},
    {.name = "something behind it", CONTINUED(T "-" PARENT "-1-x", NULL)},
    {.name = "only a flag", CONTINUED("-1", NULL)},
    {.name = "baggage alone", .headers = {"baggage: " DSC}},
    {.name = "traceparent alone",
     .headers = {"traceparent: 00-" TRACE "-" PARENT "-01", "tracestate: a=b"}},
};

#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

/* The text with the row's own digits in place of "..". */
static const char *numbered(const char *text, int row)
{
    char *copy = apr_pstrdup(te_pool, text);
    for (char *dots = strstr(copy, ".."); dots != NULL; dots = strstr(dots, "..")) {
        dots[0] = (char)('0' + row / 10);
        dots[1] = (char)('0' + row % 10);
    }
    return copy;
}

static const char *const *numbered_headers(const incoming_row_t *row, int i)
{
    const char **headers = apr_pcalloc(te_pool, 5 * sizeof(*headers));
    for (int k = 0; k < 4 && row->headers[k] != NULL; k++) {
        headers[k] = numbered(row->headers[k], i);
    }
    return headers;
}

/* The trace header of the newest envelope with spans. */
static const json_t *newest_dsc(te_env_t *env)
{
    return json_object_get(env->store->last_header, "trace");
}

static void check_own_dsc(const json_t *dsc, const te_span_t *segment, const char *name)
{
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "trace_id")),
                     segment->trace_id);
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "public_key")),
                     TE_SENTRY_KEY);
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "sampled")), "true");
    ck_assert_msg(json_object_get(dsc, "sample_rand") != NULL, "%s", name);
}

static void check_row(te_env_t *env, int i)
{
    const incoming_row_t *row = &rows[i];
    te_request_t request = {.path = "/hello.txt", .headers = numbered_headers(row, i)};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    te_await(env, i + 1);
    const te_span_t *segment = te_segment(env->store, i);
    const json_t *dsc = newest_dsc(env);
    if (row->parent == NULL) {
        ck_assert_msg(segment->parent_id == NULL, "%s: has a parent", row->name);
        ck_assert_msg(strncmp(segment->trace_id, TRACE, 30) != 0, "%s", row->name);
        check_own_dsc(dsc, segment, row->name);
        return;
    }
    ck_assert_msg(segment->parent_id != NULL, "%s: has no parent", row->name);
    ck_assert_str_eq(segment->parent_id, row->parent);
    ck_assert_str_eq(segment->trace_id, numbered(T, i));
    json_t *expected = json_loads(numbered(row->dsc, i), 0, NULL);
    ck_assert_ptr_nonnull(expected);
    char *got = json_dumps(dsc, JSON_COMPACT);
    ck_assert_msg(json_equal(expected, dsc), "%s: %s", row->name, got);
    free(got);
    json_decref(expected);
}

START_TEST(headers_of_a_caller_become_trace_parent_and_context)
{
    te_env_t *env = te_start(_i, "");
    for (int i = 0; i < ROWS; i++) {
        check_row(env, i);
    }
    te_finish(env);
}
END_TEST

/* GET with a sentry-trace header and perhaps baggage. */
static int get_with(te_env_t *env, const char *path, const char *host, const char *trace,
                    const char *baggage)
{
    const char *headers[4] = {apr_pstrcat(te_pool, "sentry-trace: ", trace, NULL)};
    int n = 1;
    if (baggage != NULL) {
        headers[n++] = apr_pstrcat(te_pool, "baggage: ", baggage, NULL);
    }
    if (host != NULL) {
        headers[n] = apr_pstrcat(te_pool, "Host: ", host, NULL);
    }
    te_request_t request = {.path = path, .headers = headers};
    return te_do(env, &request)->status;
}

START_TEST(decision_of_a_caller_counts_before_our_rate)
{
    te_env_t *env =
        te_start(_i, "SentryTraceSampleRate 0\n"
                     "<Location /text.txt>\nSentryTraceSampleRate 1\n</Location>\n");
    ck_assert_int_eq(get_with(env, "/hello.txt", NULL, TRACE "-" PARENT "-1", DSC), 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(segment->trace_id, TRACE);
    /* No rate of ours was applied. */
    ck_assert(isnan(te_span_attr_double(segment, "sentry.client_sample_rate")));
    int spans = te_span_count(env->store, segment, NULL, NULL);
    ck_assert_int_gt(spans, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(get_with(env, "/text.txt", NULL, TRACE "-" PARENT "-0", DSC),
                         200);
    }
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), 3 * spans);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 3 * spans);
    te_httpd_destroy(env->httpd);
}
END_TEST

static const char org_conf[] =
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName main\n</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName none\n</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName none-strict\n"
    "SentryTraceStrictContinuation On\n</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName seven\nSentryTraceOrgId 7\n"
    "</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName seven-strict\nSentryTraceOrgId 7\n"
    "SentryTraceStrictContinuation On\n</VirtualHost>\n";

static const struct {
    const char *host;
    const char *org;
    int continues;
} orgs[] = {
    {"none", NULL, 1},        {"none", "7", 1},          {"none-strict", NULL, 1},
    {"none-strict", "7", 0},  {"seven", NULL, 1},        {"seven", "7", 1},
    {"seven", "8", 0},        {"seven-strict", NULL, 0}, {"seven-strict", "7", 1},
    {"seven-strict", "8", 0},
};

START_TEST(traces_of_another_organisation_do_not_go_on)
{
    te_env_t *env = te_start(_i, org_conf);
    for (int i = 0; i < (int)(sizeof(orgs) / sizeof(orgs[0])); i++) {
        const char *trace = numbered(T, i);
        const char *baggage =
            orgs[i].org == NULL ? NULL
                                : apr_psprintf(te_pool,
                                               "sentry-trace_id=%s,sentry-public_key=" KEY
                                               ",sentry-org_id=%s",
                                               trace, orgs[i].org);
        ck_assert_int_eq(get_with(env, "/hello.txt", orgs[i].host,
                                  apr_pstrcat(te_pool, trace, "-" PARENT "-1", NULL),
                                  baggage),
                         200);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_msg(orgs[i].continues == (strcmp(segment->trace_id, trace) == 0),
                      "%s and %s", orgs[i].host, orgs[i].org);
        const char *own = strncmp(orgs[i].host, "seven", 5) == 0 ? "7" : NULL;
        const char *sent = json_string_value(json_object_get(newest_dsc(env), "org_id"));
        ck_assert_pstr_eq(sent, orgs[i].continues ? orgs[i].org : own);
    }
    te_finish(env);
}
END_TEST

static const char trust_conf[] =
    "LogFormat \"%{Host}i %{sentry-trace}i|%{baggage}i\" traces\n"
    "CustomLog logs/traces traces\nSentryTraceContext extract\n"
    "ProxyPass /backend/ http://${BACKEND}/\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName main\n</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName everybody\n</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName nobody\nSentryTraceTrust none\n"
    "</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName near\n"
    "SentryTraceTrust 10.0.0.0/8 ::1\nSentryTraceTrust 127.0.0.0/255.0.0.0\n"
    "</VirtualHost>\n"
    "<VirtualHost 127.0.0.1:${PORT}>\nServerName far\n"
    "SentryTraceTrust 10.0.0.0/8 127.0.0.2 2001:db8::/32\n</VirtualHost>\n";

static const struct {
    const char *host;
    int trusted;
} peers[] = {{"everybody", 1}, {"nobody", 0}, {"near", 1}, {"far", 0}};

/* The header that the backend saw in its newest request, NULL when there was none. */
static const char *seen_by_backend(te_env_t *env, const char *name)
{
    return te_backend_header(env, te_server_read_count(env->backend) - 1, name);
}

START_TEST(untrusted_client_neither_joins_nor_reaches_the_backend)
{
    static const char baggage[] = "a=1, sentry-sampled=true,b=2;x";
    te_env_t *env = te_start(_i, trust_conf);
    for (int i = 0; i < 4; i++) {
        const char *trace = apr_pstrcat(te_pool, numbered(T, i), "-" PARENT "-1", NULL);
        ck_assert_int_eq(get_with(env, "/backend/x", peers[i].host, trace, baggage), 200);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_msg(peers[i].trusted ==
                          (strcmp(segment->trace_id, numbered(T, i)) == 0),
                      "%s", peers[i].host);
        ck_assert_int_eq(peers[i].trusted, segment->parent_id != NULL);
        ck_assert_pstr_eq(seen_by_backend(env, "sentry-trace"),
                          peers[i].trusted ? trace : NULL);
        ck_assert_str_eq(seen_by_backend(env, "baggage"),
                         peers[i].trusted ? baggage : "a=1,b=2;x");
        const char *line =
            apr_psprintf(te_pool, "%s %s|%s\n", peers[i].host, trace, baggage);
        const char *log =
            te_read(te_path(env->httpd->root, "logs/traces", te_pool), NULL, te_pool);
        ck_assert_msg(strstr(log, line) != NULL, "%s: the log says %s", peers[i].host,
                      log);
    }
    te_finish(env);
}
END_TEST

START_TEST(untrusted_client_does_not_decide)
{
    te_env_t *env = te_start(_i, "SentryTraceTrust none\n"
                                 "<Location /text.txt>\nSentryTraceSampleRate 0\n"
                                 "</Location>\n");
    ck_assert_int_eq(get_with(env, "/hello.txt", NULL, TRACE "-" PARENT "-0", DSC), 200);
    te_await(env, 1);
    int spans = te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
    ck_assert_int_eq(get_with(env, "/text.txt", NULL, TRACE "-" PARENT "-1", DSC), 200);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), spans);
    te_httpd_destroy(env->httpd);
}
END_TEST

static const struct {
    const char *path;
    int continues;
} contexts[] = {
    {"/backend/extract", 1},
    {"/backend/ignore", 0},
    {"/backend/off/extract", 1},
};

START_TEST(directory_says_whether_traces_are_taken)
{
    te_env_t *env = te_start(
        _i, "SentryTraceContext extract\nProxyPass /backend/ http://${BACKEND}/\n"
            "<Location /backend/ignore>\nSentryTraceContext ignore\n</Location>\n"
            "<Location /backend/off>\nSentryTraceContext ignore\n</Location>\n"
            "<Location /backend/off/extract>\nSentryTraceContext extract\n</Location>\n"
            "<Directory ${DOCS}>\nSentryTraceContext ignore\n</Directory>\n"
            "<Directory ${DOCS}/dir>\nSentryTraceContext extract\n</Directory>\n");
    for (int i = 0; i < 3; i++) {
        const char *trace = apr_pstrcat(te_pool, numbered(T, i), "-" PARENT "-1", NULL);
        ck_assert_int_eq(get_with(env, contexts[i].path, NULL, trace, "a=1"), 200);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment_of(env->store, contexts[i].path);
        ck_assert_int_eq(contexts[i].continues,
                         strcmp(segment->trace_id, numbered(T, i)) == 0);
        ck_assert_int_eq(contexts[i].continues, segment->parent_id != NULL);
        ck_assert_str_eq(seen_by_backend(env, "sentry-trace"), trace);
        ck_assert_str_eq(seen_by_backend(env, "baggage"), "a=1");
    }
    ck_assert_int_eq(get_with(env, "/hello.txt", NULL, TRACE "-" PARENT "-1", NULL), 200);
    te_await(env, 4);
    ck_assert_ptr_null(te_segment(env->store, 3)->parent_id);
    ck_assert_str_eq(json_string_value(json_object_get(newest_dsc(env), "trace_id")),
                     te_segment(env->store, 3)->trace_id);
    ck_assert_int_eq(get_with(env, "/dir/index.html", NULL, TRACE "-" PARENT "-1", NULL),
                     200);
    te_await(env, 5);
    ck_assert_str_eq(te_segment(env->store, 4)->trace_id, TRACE);
    te_finish(env);
}
END_TEST

/* An early refusal never gets to a handler, but to its ErrorDocument, here a backend, whose status
 * is then the answer's. */
START_TEST(refused_request_continues_its_trace)
{
    te_log_allow("AH01630");
    te_env_t *env = te_start(_i, "ErrorDocument 403 /backend/no\n"
                                 "ProxyPass /backend/ http://${BACKEND}/\n"
                                 "<Location /no>\nRequire all denied\n</Location>\n");
    ck_assert_int_eq(get_with(env, "/no", NULL, TRACE "-" PARENT "-1", DSC), 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(segment->trace_id, TRACE);
    ck_assert_str_eq(segment->parent_id, PARENT);
    ck_assert_int_eq(te_span_count(env->store, segment, "function", NULL), 1);
    ck_assert_int_eq(get_with(env, "/no", NULL, TRACE "-" PARENT "-0", DSC), 200);
    const char *sent = seen_by_backend(env, "sentry-trace");
    ck_assert_str_eq(sent + strlen(sent) - 2, "-0");
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"),
                     te_span_count(env->store, segment, NULL, NULL));
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(untraced_request_keeps_its_headers)
{
    te_env_t *env =
        te_start(_i, "SentryTraceTrust none\nProxyPass /backend/ http://${BACKEND}/\n"
                     "<Location /backend>\nSentryTrace Off\n</Location>\n");
    ck_assert_int_eq(get_with(env, "/backend/x", NULL, TRACE "-" PARENT "-1", DSC), 200);
    ck_assert_str_eq(seen_by_backend(env, "sentry-trace"), TRACE "-" PARENT "-1");
    ck_assert_str_eq(seen_by_backend(env, "baggage"), DSC);
    te_close(env);
    ck_assert_int_eq(te_store_count(env->store), 0);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 0);
    te_httpd_destroy(env->httpd);
}
END_TEST

/* mod_http2 does not run with prefork. */
START_TEST(http2_request_continues_its_trace)
{
    static const char *const headers[] = {"sentry-trace: " TRACE "-" PARENT "-1",
                                          "baggage: " DSC, NULL};
    te_env_t *env = te_start(_i, "Protocols h2c http/1.1\n");
    te_request_t request = {
        .path = "/hello.txt", .version = TE_HTTP_2, .headers = headers};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(te_span_attr_str(segment, "network.protocol.version"), "2");
    ck_assert_str_eq(segment->trace_id, TRACE);
    ck_assert_str_eq(segment->parent_id, PARENT);
    ck_assert_str_eq(json_string_value(json_object_get(newest_dsc(env), "sample_rand")),
                     "0.123456");
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, headers_of_a_caller_become_trace_parent_and_context);
    te_add_per_mpm(tcase, decision_of_a_caller_counts_before_our_rate);
    te_add_per_mpm(tcase, traces_of_another_organisation_do_not_go_on);
    te_add_per_mpm(tcase, untrusted_client_neither_joins_nor_reaches_the_backend);
    te_add_per_mpm(tcase, untrusted_client_does_not_decide);
    te_add_per_mpm(tcase, directory_says_whether_traces_are_taken);
    te_add_per_mpm(tcase, refused_request_continues_its_trace);
    te_add_per_mpm(tcase, untraced_request_keeps_its_headers);
    te_add_per_threaded_mpm(tcase, http2_request_continues_its_trace);
}

int main(void)
{
    return te_main("e2e_incoming", add_cases);
}
