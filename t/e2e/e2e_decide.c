/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded, under which name, and what the rest is counted as. */

#include "te.h"
#include "te_call.h"

#include "st_clock.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

/* GET with one more header. */
static const te_reply_t *get_with(te_env_t *env, const char *path, const char *header)
{
    const char *headers[] = {header, NULL};
    te_request_t request = {.path = path, .headers = headers};
    return te_do(env, &request);
}

/* All spans of the request that came first. */
static int spans_of_first(te_env_t *env)
{
    te_await(env, 1);
    return te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
}

START_TEST(ignored_requests_are_counted_with_their_children)
{
    te_env_t *env =
        te_start(_i, "SentryTraceIgnore \"GET /health*\" \"m#\\.(CSS|js)$#i\"\n"
                     "SentryTraceIgnore \"expr=%{HTTP_USER_AGENT} =~ /probe/\" /dir/\n");
    te_write(env->httpd->root, "docs/healthz.txt", "I feel well today\n");
    te_write(env->httpd->root, "docs/a.css.txt", "body {}\n");
    te_write(env->httpd->root, "docs/a.css", "body {}\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    int spans = spans_of_first(env);
    ck_assert_int_eq(te_get(env, "/healthz.txt")->status, 200);
    ck_assert_int_eq(te_get(env, "/a.css")->status, 200);
    ck_assert_int_eq(te_get(env, "/dir/index.html")->status, 200);
    ck_assert_int_eq(get_with(env, "/hello.txt", "User-Agent: a probe")->status, 200);
    ck_assert_int_eq(te_get(env, "/a.css.txt")->status, 200);
    te_await(env, 2);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "ignored"), 4 * spans);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 4 * spans);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(pages_of_httpd_about_itself_are_ignored_until_reset)
{
    te_env_t *env =
        te_start(_i, "SentryTraceIgnore /dir/ /page\n"
                     "<Location /page/status>\nSetHandler server-status\n</Location>\n"
                     "<Location /status>\nSetHandler server-status\n</Location>\n"
                     "<Location /info>\nSetHandler server-info\n</Location>\n"
                     "<Location /page>\nSentryTraceIgnore none\n</Location>\n"
                     "<Location /page/hello.txt>\nSentryTraceIgnore hello\n</Location>\n"
                     "Alias /page/hello.txt ${DOCS}/hello.txt\n");
    ck_assert_int_eq(te_get(env, "/status?auto")->status, 200);
    ck_assert_int_eq(te_get(env, "/info?list")->status, 200);
    ck_assert_int_eq(te_get(env, "/page/hello.txt")->status, 200);
    ck_assert_int_eq(te_get(env, "/page/status?auto")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(te_span_attr_str(segment, "url.path"), "/page/status");
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", "server-status"), 1);
    te_close(env);
    ck_assert_int_gt(te_store_discarded(env->store, "ignored"), 3);
    ck_assert_int_eq(te_store_discarded(env->store, NULL),
                     te_store_discarded(env->store, "ignored"));
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(ignored_child_hands_its_children_to_its_parent)
{
    te_env_t *env = te_start(
        _i, "<Location /text.txt>\nSentryTraceIgnore CONTENT_LENGTH\n</Location>\n"
            "<Location /dir>\nSentryTraceIgnore \"m#^default-#\" BYTE* \"GET\"\n"
            "</Location>\n<Location /dir/part.html>\nSentryTraceIgnore none default-h\n"
            "</Location>\n");
    te_get(env, "/hello.txt");
    int spans = spans_of_first(env);
    te_get(env, "/text.txt");
    te_get(env, "/dir/part.html");
    te_await(env, 3);
    const te_span_t *text = te_segment_of(env->store, "/text.txt");
    const te_span_t *part = te_segment_of(env->store, "/dir/part.html");
    ck_assert_int_eq(te_span_count(env->store, text, NULL, NULL), spans - 1);
    ck_assert_int_eq(te_span_count(env->store, text, NULL, "CONTENT_LENGTH"), 0);
    const te_span_t *header = te_span_find(env->store, text, NULL, "HTTP_HEADER");
    ck_assert_str_eq(te_span_parent(env->store, header)->name, "BYTERANGE");
    ck_assert_int_eq(te_span_count(env->store, part, NULL, NULL), spans - 1);
    ck_assert_int_eq(te_span_count(env->store, part, "handler", NULL), 0);
    const te_span_t *range = te_span_find(env->store, part, NULL, "BYTERANGE");
    ck_assert_ptr_eq(te_span_parent(env->store, range), part);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "ignored"), 2);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 2);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(rules_with_expressions_come_before_parent_and_plain_rate)
{
    te_env_t *env = te_start(
        _i, "SentryTraceSampleRate 0\n"
            "SentryTraceSampleRate 1 \"expr=%{QUERY_STRING} =~ /all/\"\n"
            "SentryTraceSampleRate 0 \"expr=%{QUERY_STRING} =~ /all|none/\"\n"
            "<Location /dir>\nSentryTraceSampleRate 1\n</Location>\n"
            "<Location /dir/part.html>\n"
            "SentryTraceSampleRate 0 \"expr=%{QUERY_STRING} == 'x'\"\n</Location>\n");
    te_get(env, "/hello.txt?all");
    int spans = spans_of_first(env);
    const json_t *dsc = json_object_get(env->store->last_header, "trace");
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "sample_rate")), "1");
    get_with(env, "/hello.txt?all", "sentry-trace: " TRACE "-" PARENT "-0");
    te_await(env, 2);
    ck_assert_str_eq(te_segment(env->store, 1)->trace_id, TRACE);
    te_get(env, "/dir/part.html?all");
    te_get(env, "/dir/index.html?none");
    /* Not these three. */
    te_get(env, "/hello.txt");
    te_get(env, "/dir/part.html?x");
    get_with(env, "/hello.txt?none", "sentry-trace: " TRACE "-" PARENT "-1");
    te_await(env, 4);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), 3 * spans);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 3 * spans);
    te_httpd_destroy(env->httpd);
}
END_TEST

/* Ignored and unsampled requests tell backends that nobody records them. */
START_TEST(backends_hear_the_decision)
{
    static const char *const flags[] = {"-1", "-0", "-0"};
    static const char *const paths[] = {"/backend/a", "/backend/ignored",
                                        "/backend/rate"};
    te_env_t *env =
        te_start(_i, "ProxyPass /backend/ http://${BACKEND}/\nSentryTraceIgnore ignored\n"
                     "<Location /backend/rate>\nSentryTraceSampleRate 0\n</Location>\n");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(te_get(env, paths[i])->status, 200);
        const char *trace = te_backend_header(env, i, "sentry-trace");
        ck_assert_str_eq(trace + strlen(trace) - 2, flags[i]);
    }
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(ignored_call_names_its_caller_to_the_backend)
{
    te_env_t *env = te_start(_i, "ProxyPass /backend/ http://${BACKEND}/\n"
                                 "SentryTraceIgnore \"GET 127.*\"\n");
    ck_assert_int_eq(te_get(env, "/backend/a")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", NULL);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 0);
    const char *sent =
        apr_pstrcat(te_pool, segment->trace_id, "-", handler->span_id, "-1", NULL);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), sent);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "ignored"), 1);
    te_httpd_destroy(env->httpd);
}
END_TEST

static const char name_conf[] =
    "<Location /auto>\nSentryTraceName auto\n</Location>\n"
    "<Location /auto/off>\nSentryTraceName off\n</Location>\n"
    "<Location /route>\nSentryTraceName /route/:id\n</Location>\n"
    "<Location /text>\nSentryTraceName \"The checkout\"\n</Location>\n"
    "<Location /expr>\nSentryTraceName \"expr=/of/%{QUERY_STRING}\"\n</Location>\n"
    "<Location /late>\nSentryTraceName \"expr=%{resp:X-Route}\"\n"
    "Header always set X-Route \" /late/:id \"\n</Location>\n"
    "<Location /never>\nSentryTraceName \"expr=%{resp:X-None}\"\n</Location>\n"
    "<Directory ${DOCS}/dir>\nAllowOverride FileInfo\n</Directory>\n";

static const struct {
    const char *path;
    const char *name;
    const char *source;
    const char *route;
} names[] = {
    {"/hello.txt", "GET", "url", NULL},
    {"/auto/42/x", "GET /auto/*/x", "route", "/auto/*/x"},
    {"/auto/off/42", "GET", "url", NULL},
    {"/route/42", "GET /route/:id", "route", "/route/:id"},
    {"/text", "The checkout", "custom", NULL},
    {"/expr?a", "GET /of/a", "route", "/of/a"},
    {"/late/42", "GET /late/:id", "route", "/late/:id"},
    {"/never", "GET", "url", NULL},
    {"/dir/index.html", "GET /from/htaccess", "route", "/from/htaccess"},
    {"/?x", "GET /", "route", "/"},
};

START_TEST(names_come_from_routes_texts_and_expressions)
{
    te_env_t *env = te_start(_i, name_conf);
    te_write(env->httpd->root, "docs/dir/.htaccess", "SentryTraceName /from/htaccess\n");
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        te_get(env, names[i].path);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_str_eq(segment->name, names[i].name);
        ck_assert_str_eq(te_span_attr_str(segment, "sentry.segment.name.source"),
                         names[i].source);
        ck_assert_pstr_eq(te_span_attr_str(segment, "http.route"), names[i].route);
        const te_span_t *child = te_span_find(env->store, segment, "middleware", "CORE");
        ck_assert_str_eq(te_span_attr_str(child, "sentry.segment.name"), names[i].name);
        const json_t *dsc = json_object_get(env->store->last_header, "trace");
        ck_assert_pstr_eq(json_string_value(json_object_get(dsc, "transaction")),
                          strcmp(names[i].source, "url") == 0 ? NULL : names[i].name);
    }
    te_finish(env);
}
END_TEST

/* The child looks at its queue every ten seconds. */
#define PRESSURE_WAIT (11 * ST_NS_PER_SEC)
#define FILLING       400

/* Ends the test of a child under pressure: 100 more requests after its look, of which about
 * half are left out; then Sentry answers again and hears of it. */
static void expect_halved(te_env_t *env, st_ns_t start, int spans)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (st_clock_mono() - start < PRESSURE_WAIT && te_tick(deadline)) {
    }
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    te_server_drop(env->sentry->server);
    env->awaited = -1;
    deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_store_discarded(env->store, "backpressure") == 0 && te_tick(deadline)) {
        te_sentry_collect(env->sentry);
    }
    te_close(env);
    long halved = te_store_discarded(env->store, "backpressure");
    ck_assert_int_gt(halved, 10 * spans);
    ck_assert_int_lt(halved, 90 * spans);
    ck_assert_int_eq(halved % spans, 0);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), 0);
    te_httpd_destroy(env->httpd);
}

START_TEST(full_queue_halves_the_rate)
{
    te_log_allow("ST01");
    te_log_allow("ST0010");
    te_env_t *env = te_start(_i, "MaxKeepAliveRequests 0\nKeepAliveTimeout 60\n"
                                 "SentryTraceQueue 256K\n");
    te_get(env, "/hello.txt");
    int spans = spans_of_first(env);
    st_ns_t start = st_clock_mono();
    te_server_answer(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    for (int i = 0; i < FILLING; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    expect_halved(env, start, spans);
}
END_TEST

START_TEST(limit_of_sentry_halves_the_rate)
{
    te_log_allow("ST01");
    te_log_allow("ST0010");
    te_env_t *env = te_start(_i, "MaxKeepAliveRequests 0\nKeepAliveTimeout 60\n");
    te_get(env, "/hello.txt");
    int spans = spans_of_first(env);
    st_ns_t start = st_clock_mono();
    int answered = te_server_message_count(env->sentry->server);
    /* A limit on everything would keep reports back as well. */
    static const te_answer_t limit = {
        .status = 429, .headers = "X-Sentry-Rate-Limits: 3600:span:organization\r\n"};
    te_server_answer(env->sentry->server, &limit);
    te_get(env, "/hello.txt");
    te_server_await(env->sentry->server, answered + 1);
    expect_halved(env, start, spans);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, ignored_requests_are_counted_with_their_children);
    te_add_per_mpm(tcase, pages_of_httpd_about_itself_are_ignored_until_reset);
    te_add_per_mpm(tcase, ignored_child_hands_its_children_to_its_parent);
    te_add_per_mpm(tcase, rules_with_expressions_come_before_parent_and_plain_rate);
    te_add_per_mpm(tcase, backends_hear_the_decision);
    te_add_per_mpm(tcase, ignored_call_names_its_caller_to_the_backend);
    te_add_per_mpm(tcase, names_come_from_routes_texts_and_expressions);
    /* Its queue is the smallest. */
    tcase_add_loop_test(tcase, full_queue_halves_the_rate, TE_PREFORK, TE_PREFORK + 1);
    tcase_add_loop_test(tcase, limit_of_sentry_halves_the_rate, TE_PREFORK,
                        TE_PREFORK + 1);
}

int main(void)
{
    return te_main("e2e_decide", add_cases);
}
