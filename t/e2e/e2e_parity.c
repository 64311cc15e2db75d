/* SPDX-License-Identifier: Apache-2.0 */
/* Both lifecycles, row by row of docs/parity.md: the same request as spans and as transaction.
 * The store shows a transaction as spans, so most of a row is one assertion for both; where
 * events have a fact elsewhere, that place is looked at, too. */

#include "te.h"

#include "te_call.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

enum { STREAM = 0, STATIC, LIFECYCLES };

/* The lifecycle of case `i`, which counts through both and, at times, through all MPMs. */
static int lifecycle_of(int i)
{
    return i % LIFECYCLES;
}

static const char *line_of(int lifecycle)
{
    return lifecycle == STATIC ? "SentryTraceLifecycle static\n"
                               : "SentryTraceLifecycle stream\n";
}

static te_env_t *start(int i, const char *conf, const char *name)
{
    te_mpm_t mpm = (te_mpm_t)(i / LIFECYCLES);
    const char *lines = apr_pstrcat(te_pool, line_of(lifecycle_of(i)), conf, NULL);
    return te_env_start(mpm, lines, name);
}

#define START(conf) start(_i, (conf), __func__)

/* The only segment that arrived, in the form that the lifecycle says. */
static const te_span_t *only_segment(te_env_t *env, int i)
{
    te_await(env, 1);
    ck_assert_int_eq(env->store->transaction_count, lifecycle_of(i) == STATIC);
    return te_segment(env->store, 0);
}

/* What stands in the last transaction at a path of keys, as JSON; "-": nothing. */
static const char *event_says(const te_env_t *env, const char *path)
{
    json_t *at = env->store->last_transaction;
    char *last = NULL;
    char *rest = apr_pstrdup(te_pool, path);
    for (char *key = apr_strtok(rest, "/", &last); key != NULL;
         key = apr_strtok(NULL, "/", &last)) {
        at = json_object_get(at, key);
    }
    char *text = at != NULL ? json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    const char *copy = text != NULL ? apr_pstrdup(te_pool, text) : "-";
    free(text);
    return copy;
}

typedef const char *pair_t[2];

/* String attributes of a span; NULL: it must not be there. */
static void expect_attrs(const te_span_t *span, const pair_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = te_span_attr_str(span, expected[i][0]);
        const char *wanted = expected[i][1];
        int same = value == NULL || wanted == NULL ? value == wanted
                                                   : strcmp(value, wanted) == 0;
        ck_assert_msg(same, "%s is %s instead of %s", expected[i][0], value, wanted);
    }
}

/* Places in the event. Nothing is looked at where there is none. */
static void expect_event(const te_env_t *env, const pair_t *expected, size_t count)
{
    for (size_t i = 0; i < count && env->store->last_transaction != NULL; i++) {
        const char *value = event_says(env, expected[i][0]);
        ck_assert_msg(strcmp(value, expected[i][1]) == 0, "%s is %s instead of %s",
                      expected[i][0], value, expected[i][1]);
    }
}

#define EXPECT_ATTRS(span, list)                                                         \
    expect_attrs((span), (list), sizeof(list) / sizeof(*list))
#define EXPECT_EVENT(env, list) expect_event((env), (list), sizeof(list) / sizeof(*list))

START_TEST(middleware_spans)
{
    static const char *const chain[] = {"CONTENT_LENGTH", "HTTP_HEADER", "CORE"};
    te_env_t *env = START("");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", NULL);
    ck_assert_str_eq(handler->name, "default-handler");
    ck_assert_str_eq(te_span_attr_str(handler, "middleware.name"), "core.c");
    ck_assert_ptr_eq(te_span_parent(env->store, handler), segment);
    for (size_t i = 0; i < sizeof(chain) / sizeof(*chain); i++) {
        const te_span_t *filter =
            te_span_find(env->store, segment, "middleware", chain[i]);
        ck_assert(te_span_attr_double(filter, "sentry.exclusive_time") >= 0.0);
        ck_assert_str_eq(filter->status, "ok");
        ck_assert(te_span_parent(env->store, filter) != segment);
    }
    te_finish(env);
}
END_TEST

START_TEST(middleware_spans_disabled)
{
    te_env_t *env = START("SentryTraceSpans -OutputFilters\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    ck_assert_int_eq(te_span_count(env->store, segment, "middleware", NULL), 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 1);
    te_finish(env);
}
END_TEST

/* Spans with that operation below the first filter of that name. */
static int calls_of(te_env_t *env, const te_span_t *segment, const char *filter)
{
    const te_span_t *parent = te_span_find(env->store, segment, "middleware", filter);
    int count = 0;
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        count += span->parent_id != NULL && strcmp(span->op, "function") == 0 &&
                 strcmp(span->name, filter) == 0 &&
                 strcmp(span->parent_id, parent->span_id) == 0;
    }
    return count;
}

START_TEST(callback_spans)
{
    te_env_t *env = START("SentryTraceSpans +FilterCalls\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    ck_assert_int_ge(calls_of(env, segment, "CONTENT_LENGTH"), 1);
    ck_assert_int_ge(calls_of(env, segment, "CORE"), 1);
    const te_span_t *call = te_span_find(env->store, segment, "function", "CORE");
    ck_assert_str_eq(te_span_attr_str(call, "middleware.name"), "core.c");
    te_finish(env);
}
END_TEST

START_TEST(callback_spans_disabled)
{
    te_env_t *env = START("");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    ck_assert_int_eq(te_span_count(env->store, segment, "function", NULL), 0);
    te_finish(env);
}
END_TEST

START_TEST(span_origin)
{
    te_env_t *env = START("ProxyPass /backend/ http://${BACKEND}/\n");
    ck_assert_int_eq(te_get(env, "/backend/a")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        ck_assert_str_eq(te_span_attr_str(span, "sentry.origin"),
                         strcmp(span->op, "http.client") == 0 ? "auto.http.httpd.proxy"
                                                              : "auto.http.httpd");
    }
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 1);
    static const pair_t event[] = {{"contexts/trace/origin", "\"auto.http.httpd\""}};
    EXPECT_EVENT(env, event);
    te_finish(env);
}
END_TEST

START_TEST(active_thread_id)
{
    te_env_t *env = START("");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    long pid = te_span_attr_int(segment, "process.pid");
    long tid = te_span_attr_int(segment, "thread.id");
    const char *task = apr_psprintf(te_pool, "/proc/%ld/task/%ld", pid, tid);
    ck_assert_msg(access(task, F_OK) == 0, "there is no %s", task);
    ck_assert_int_eq(tid == pid, _i / LIFECYCLES == TE_PREFORK);
    te_finish(env);
}
END_TEST

static const char *const known_user[] = {"User-Agent: te/1", NULL};

START_TEST(request_info_without_pii)
{
    te_env_t *env = START(te_site_conf);
    te_request_t request = {
        .path = "/private/a.txt?a=1", .user = "alice:secret", .headers = known_user};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    static const pair_t attrs[] = {
        {"http.request.method", "GET"},
        {"user_agent.original", "te/1"},
        {"url.query", "a=1"},
        {"server.address", "127.0.0.1"},
        {"user.name", NULL},
        {"user.ip_address", NULL},
        {"client.address", NULL},
        {"network.peer.address", NULL},
    };
    EXPECT_ATTRS(segment, attrs);
    const pair_t event[] = {
        {"request/method", "\"GET\""},
        {"request/query_string", "\"a=1\""},
        {"request/headers/user-agent", "\"te/1\""},
        {"request/headers/authorization", "\"[Filtered]\""},
        {"request/cookies", "-"},
        {"request/env/SERVER_NAME", "\"127.0.0.1\""},
        {"request/env/SERVER_PORT",
         apr_psprintf(te_pool, "\"%d\"", env->httpd->ports[0])},
        {"request/env/REMOTE_ADDR", "-"},
        {"user", "-"},
    };
    EXPECT_EVENT(env, event);
    te_finish(env);
}
END_TEST

START_TEST(request_info_with_pii)
{
    te_env_t *env =
        START(apr_pstrcat(te_pool, te_site_conf, "SentryTraceSendDefaultPII On\n", NULL));
    te_request_t request = {.path = "/private/a.txt", .user = "alice:secret"};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    static const pair_t attrs[] = {
        {"user.name", "alice"},
        {"user.ip_address", "127.0.0.1"},
        {"client.address", "127.0.0.1"},
        {"network.peer.address", "127.0.0.1"},
    };
    EXPECT_ATTRS(segment, attrs);
    static const pair_t event[] = {
        {"user", "{\"username\":\"alice\",\"ip_address\":\"127.0.0.1\"}"},
        {"request/env/REMOTE_ADDR", "\"127.0.0.1\""},
    };
    EXPECT_EVENT(env, event);
    te_finish(env);
}
END_TEST

START_TEST(request_url)
{
    te_env_t *env = START("");
    ck_assert_int_eq(te_get(env, "/hello.txt?a=1&token=geheim")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    const char *base =
        apr_psprintf(te_pool, "http://127.0.0.1:%d/hello.txt", env->httpd->ports[0]);
    const pair_t attrs[] = {
        {"url.full", apr_pstrcat(te_pool, base, "?a=1&token=[Filtered]", NULL)},
        {"url.scheme", "http"},
        {"url.path", "/hello.txt"},
        {"url.query", "a=1&token=[Filtered]"},
    };
    EXPECT_ATTRS(segment, attrs);
    const pair_t event[] = {
        {"request/url", apr_pstrcat(te_pool, "\"", base, "\"", NULL)},
        {"request/query_string", "\"a=1&token=[Filtered]\""},
    };
    EXPECT_EVENT(env, event);
    te_finish(env);
}
END_TEST

static const struct {
    const char *path;
    int status;
    const char *rich;
} statuses[] = {
    {"/hello.txt", 200, "ok"},
    {"/old", 302, "ok"},
    {"/private/a.txt", 401, "unauthenticated"},
    {"/forbidden", 403, "permission_denied"},
    {"/nothing", 404, "not_found"},
    {"/cgi/crash", 500, "internal_error"},
    {"/gone", 410, "invalid_argument"},
};

START_TEST(status_codes)
{
    te_log_allow("End of script output before headers");
    te_env_t *env =
        START(apr_pstrcat(te_pool, te_site_conf, "Redirect gone /gone\n", NULL));
    for (int i = 0; i < (int)(sizeof(statuses) / sizeof(*statuses)); i++) {
        int is_error = statuses[i].status >= 400;
        ck_assert_int_eq(te_get(env, statuses[i].path)->status, statuses[i].status);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        const pair_t attrs[] = {
            {"sentry.status.message", is_error ? statuses[i].rich : NULL}};
        ck_assert_str_eq(segment->status, is_error ? "error" : "ok");
        ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"),
                         statuses[i].status);
        EXPECT_ATTRS(segment, attrs);
        const pair_t event[] = {
            {"contexts/trace/status",
             apr_pstrcat(te_pool, "\"", statuses[i].rich, "\"", NULL)},
            {"contexts/response/status_code",
             apr_psprintf(te_pool, "%d", statuses[i].status)},
            {"tags",
             apr_psprintf(te_pool, "{\"http.status_code\":\"%d\"}", statuses[i].status)},
        };
        EXPECT_EVENT(env, event);
    }
    te_finish(env);
}
END_TEST

static const struct {
    const char *path;
    const char *name[LIFECYCLES];
    const char *source;
} names[] = {
    {"/hello.txt", {"GET", "GET /hello.txt"}, "url"},
    {"/", {"GET /", "GET /"}, "route"},
    {"/dir/part.html", {"GET /dir/:page", "GET /dir/:page"}, "route"},
    {"/text.txt", {"The text", "The text"}, "custom"},
};

START_TEST(names_and_sources)
{
    te_env_t *env =
        START("DirectoryIndex index.html\n"
              "<Location /dir>\nSentryTraceName /dir/:page\n</Location>\n"
              "<Location /text.txt>\nSentryTraceName \"The text\"\n</Location>\n");
    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++) {
        ck_assert_int_eq(te_get(env, names[i].path)->status, 200);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_str_eq(segment->name, names[i].name[lifecycle_of(_i)]);
        ck_assert_str_eq(te_span_attr_str(segment, "sentry.segment.name.source"),
                         names[i].source);
        const json_t *dsc = json_object_get(env->store->last_header, "trace");
        ck_assert_pstr_eq(json_string_value(json_object_get(dsc, "transaction")),
                          strcmp(names[i].source, "url") == 0 ? NULL : segment->name);
        const pair_t event[] = {
            {"transaction_info",
             apr_pstrcat(te_pool, "{\"source\":\"", names[i].source, "\"}", NULL)}};
        EXPECT_EVENT(env, event);
    }
    te_finish(env);
}
END_TEST

START_TEST(common_facts)
{
    te_env_t *env = START("SentryTraceEnvironment test\nSentryTraceRelease r@1\n"
                          "SentryTraceServerName web-1\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    static const pair_t attrs[] = {
        {"sentry.environment", "test"},
        {"sentry.release", "r@1"},
        {"sentry.platform", "c"},
        {"sentry.kind", "server"},
    };
    EXPECT_ATTRS(segment, attrs);
    static const pair_t event[] = {
        {"server_name", "\"web-1\""},
        {"sdk/name", "\"sentry.httpd\""},
        {"sdk/settings/infer_ip", "\"never\""},
    };
    EXPECT_EVENT(env, event);
    te_finish(env);
}
END_TEST

START_TEST(proxied_calls)
{
    te_env_t *env = START("ProxyPass /backend/ http://${BACKEND}/\n");
    ck_assert_int_eq(te_get(env, "/backend/a?token=geheim")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    const te_span_t *call = te_span_find(env->store, segment, "http.client", NULL);
    const char *url =
        apr_psprintf(te_pool, "http://127.0.0.1:%d/a", te_server_port(env->backend));
    ck_assert_str_eq(call->name, lifecycle_of(_i) == STATIC
                                     ? apr_pstrcat(te_pool, "GET ", url, NULL)
                                     : "GET 127.0.0.1");
    const pair_t attrs[] = {
        {"url.full", apr_pstrcat(te_pool, url, "?token=[Filtered]", NULL)}};
    EXPECT_ATTRS(call, attrs);
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 200);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), te_sentry_trace_of(call));
    te_finish(env);
}
END_TEST

START_TEST(continued_trace)
{
    static const char *const headers[] = {
        "sentry-trace: " TRACE "-" PARENT "-1",
        "baggage: sentry-trace_id=" TRACE
        ",sentry-public_key=fedcba9876543210fedcba9876543210,sentry-sample_rate=0.5",
        NULL};
    te_env_t *env = START("SentryTraceSampleRate 0\n");
    te_request_t request = {.path = "/hello.txt", .headers = headers};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    ck_assert_str_eq(segment->trace_id, TRACE);
    ck_assert_str_eq(segment->parent_id, PARENT);
    const json_t *dsc = json_object_get(env->store->last_header, "trace");
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "public_key")),
                     "fedcba9876543210fedcba9876543210");
    ck_assert_str_eq(json_string_value(json_object_get(dsc, "sample_rate")), "0.5");
    te_finish(env);
}
END_TEST

/* Waits for client reports of at least so many spans. */
static void await_discarded(te_env_t *env, const char *reason, long count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(env->sentry);
    while (te_store_discarded(env->store, reason) < count) {
        ck_assert_msg(te_tick(deadline), "%s: %ld of %ld spans reported", reason,
                      te_store_discarded(env->store, reason), count);
        te_sentry_collect(env->sentry);
    }
}

/* Ends a test of `requests` requests that left `spans` spans to be reported. */
static void finish_discarded(te_env_t *env, int i, const char *reason, int requests,
                             long spans)
{
    await_discarded(env, reason, spans);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, reason), spans);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), spans);
    ck_assert_int_eq(te_store_transactions_discarded(env->store, reason),
                     lifecycle_of(i) == STATIC ? requests : 0);
    te_httpd_destroy(env->httpd);
}

/* All spans of a request for /hello.txt, which is the first one. */
static int spans_of_first(te_env_t *env)
{
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    return te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
}

START_TEST(not_sampled)
{
    te_env_t *env = START("<Location /dir>\nSentryTraceSampleRate 0\n</Location>\n");
    int spans = spans_of_first(env);
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    ck_assert_int_eq(te_get(env, "/dir/index.html")->status, 200);
    finish_discarded(env, _i, "sample_rate", 2,
                     lifecycle_of(_i) == STATIC ? 2 : 2 * spans);
}
END_TEST

START_TEST(ignored_request)
{
    te_env_t *env = START("SentryTraceIgnore part\n");
    int spans = spans_of_first(env);
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    finish_discarded(env, _i, "ignored", 1, spans);
}
END_TEST

START_TEST(ignored_child)
{
    te_env_t *env =
        START("<Location /dir>\nSentryTraceIgnore CONTENT_LENGTH\n</Location>\n");
    int spans = spans_of_first(env);
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    te_await(env, 2);
    const te_span_t *segment = te_segment_of(env->store, "/dir/part.html");
    ck_assert_int_eq(te_span_count(env->store, segment, NULL, NULL), spans - 1);
    const te_span_t *header = te_span_find(env->store, segment, NULL, "HTTP_HEADER");
    ck_assert_str_eq(te_span_parent(env->store, header)->name, "BYTERANGE");
    finish_discarded(env, _i, "ignored", 0, 1);
}
END_TEST

START_TEST(too_many_spans)
{
    enum { INCLUDES = 400 };
    static const char line[] = "<!--#include virtual=\"/hello.txt\" -->\n";
    te_env_t *env = START(te_site_conf);
    char *page = apr_pcalloc(te_pool, INCLUDES * sizeof(line));
    for (int i = 0; i < INCLUDES; i++) {
        memcpy(page + (size_t)i * (sizeof(line) - 1), line, sizeof(line) - 1);
    }
    te_write(env->httpd->root, "docs/many.shtml", page);
    ck_assert_int_eq(te_get(env, "/many.shtml")->status, 200);
    const te_span_t *segment = only_segment(env, _i);
    ck_assert_int_eq(te_span_count(env->store, segment, NULL, NULL), 1000);
    await_discarded(env, "buffer_overflow", 1);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL),
                     te_store_discarded(env->store, "buffer_overflow"));
    ck_assert_int_eq(te_store_transactions_discarded(env->store, "buffer_overflow"), 0);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(refused_by_sentry)
{
    te_log_allow("ST0102");
    te_env_t *env = START("");
    int spans = spans_of_first(env);
    int answered = te_server_message_count(env->sentry->server);
    te_server_answer_next(env->sentry->server, &(te_answer_t){.status = 500});
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_server_await(env->sentry->server, answered + 1);
    finish_discarded(env, _i, "send_error", 1, spans);
}
END_TEST

START_TEST(one_trace_in_several_requests)
{
    static const char *const headers[] = {"sentry-trace: " TRACE "-" PARENT "-1", NULL};
    te_env_t *env = START("");
    for (int i = 0; i < 3; i++) {
        te_request_t request = {.path = "/hello.txt", .headers = headers};
        ck_assert_int_eq(te_do(env, &request)->status, 200);
    }
    te_sentry_await_segments(env->sentry, 3);
    int envelopes = 1;
    for (int i = 0; i < 3; i++) {
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_str_eq(segment->trace_id, TRACE);
        envelopes = segment->envelope > envelopes ? segment->envelope : envelopes;
    }
    ck_assert_int_eq(env->store->transaction_count, lifecycle_of(_i) == STATIC ? 3 : 0);
    ck_assert(lifecycle_of(_i) == STREAM || envelopes == 3);
    ck_assert_ptr_null(env->store->failure);
    te_httpd_stop(env->httpd);
    te_httpd_destroy(env->httpd);
    te_sentry_stop(env->sentry);
    te_server_stop(env->backend);
}
END_TEST

/* Each row in both lifecycles. */
#define te_add_row(tcase, test) tcase_add_loop_test((tcase), (test), 0, LIFECYCLES)

/* The same on every MPM. */
#define te_add_row_per_mpm(tcase, test)                                                  \
    tcase_add_loop_test((tcase), (test), 0, LIFECYCLES *TE_MPM_COUNT)

static void add_cases(TCase *tcase)
{
    te_add_row_per_mpm(tcase, middleware_spans);
    te_add_row(tcase, middleware_spans_disabled);
    te_add_row(tcase, callback_spans);
    te_add_row(tcase, callback_spans_disabled);
    te_add_row(tcase, span_origin);
    te_add_row_per_mpm(tcase, active_thread_id);
    te_add_row(tcase, request_info_without_pii);
    te_add_row(tcase, request_info_with_pii);
    te_add_row(tcase, request_url);
    te_add_row(tcase, status_codes);
    te_add_row(tcase, names_and_sources);
    te_add_row(tcase, common_facts);
    te_add_row(tcase, proxied_calls);
    te_add_row(tcase, continued_trace);
    te_add_row_per_mpm(tcase, not_sampled);
    te_add_row(tcase, ignored_request);
    te_add_row(tcase, ignored_child);
    te_add_row(tcase, too_many_spans);
    te_add_row(tcase, refused_by_sentry);
    te_add_row(tcase, one_trace_in_several_requests);
}

int main(void)
{
    return te_main("e2e_parity", add_cases);
}
