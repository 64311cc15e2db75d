/* SPDX-License-Identifier: Apache-2.0 */
/* What requests that httpd answers turn into. */

#include "te.h"

#include <math.h>

/* The only segment of the test, when it has arrived. */
static const te_span_t *only_segment(te_env_t *env)
{
    te_await(env, 1);
    return te_segment(env->store, 0);
}

START_TEST(static_file_is_a_segment_with_all_attributes)
{
    te_env_t *env = te_start(_i, "SentryTraceEnvironment test\nSentryTraceRelease r@1\n");
    ck_assert_int_eq(te_get(env, "/hello.txt?a=b")->status, 200);
    long port = env->httpd->ports[0];
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(segment->name, "GET");
    ck_assert_str_eq(segment->op, "http.server");
    ck_assert_str_eq(segment->status, "ok");
    ck_assert_str_eq(segment->project, "42");
    ck_assert_ptr_null(segment->parent_id);
    static const char *const expected[][2] = {
        {"sentry.origin", "auto.http.httpd"},
        {"sentry.segment.name", "GET"},
        {"sentry.segment.name.source", "url"},
        {"sentry.trace_lifecycle", "stream"},
        {"sentry.sdk.name", "sentry.httpd"},
        {"sentry.platform", "c"},
        {"sentry.kind", "server"},
        {"sentry.environment", "test"},
        {"sentry.release", "r@1"},
        {"http.request.method", "GET"},
        {"http.response.status_text", "OK"},
        {"url.scheme", "http"},
        {"url.path", "/hello.txt"},
        {"url.query", "a=b"},
        {"server.address", "127.0.0.1"},
        {"network.protocol.name", "http"},
        {"network.protocol.version", "1.1"},
        {"network.transport", "tcp"},
        {"network.type", "ipv4"},
        {"network.local.address", "127.0.0.1"},
        {"user_agent.original", "te-client/1.0"},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        const char *value = te_span_attr_str(segment, expected[i][0]);
        ck_assert_msg(value != NULL && strcmp(value, expected[i][1]) == 0, "%s is %s",
                      expected[i][0], value);
    }
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.segment.id"), segment->span_id);
    ck_assert_str_eq(te_span_attr_str(segment, "url.full"),
                     apr_psprintf(env->pool, "http://127.0.0.1:%ld/hello.txt?a=b", port));
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"), 200);
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.body.size"), 18);
    ck_assert_int_eq(te_span_attr_int(segment, "server.port"), port);
    ck_assert_int_eq(te_span_attr_int(segment, "network.local.port"), port);
    ck_assert_int_gt(te_span_attr_int(segment, "process.pid"), 1);
    ck_assert_int_gt(te_span_attr_int(segment, "thread.id"), 1);
    ck_assert(te_span_attr_double(segment, "sentry.client_sample_rate") == 1.0);
    te_finish(env);
}
END_TEST

static const struct {
    const char *host; /* as the client sends it */
    const char *conf;
    const char *url; /* up to the path */
} hosts[] = {
    {"Host: www.example.com", "", "http://www.example.com"},
    {"Host: www.example.com:8443", "", "http://www.example.com:8443"},
    {"Host: www.example.com:80", "", "http://www.example.com"},
    {"Host: www.example.com", "UseCanonicalName On\nServerName shop.example:8080\n",
     "http://shop.example:8080"},
};

START_TEST(url_has_the_port_that_was_asked_for)
{
    te_env_t *env = te_start(TE_EVENT, hosts[_i].conf);
    const char *const headers[] = {hosts[_i].host, NULL};
    te_do(env, &(te_request_t){.path = "/hello.txt", .headers = headers});
    ck_assert_str_eq(te_span_attr_str(only_segment(env), "url.full"),
                     apr_pstrcat(env->pool, hosts[_i].url, "/hello.txt", NULL));
    te_finish(env);
}
END_TEST

START_TEST(handler_and_filters_nest_as_they_call_each_other)
{
    static const char *const chain[] = {"BYTERANGE", "CONTENT_LENGTH", "HTTP_HEADER",
                                        "HTTP_OUTERROR", "CORE"};
    te_env_t *env = te_start(_i, "");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    const te_span_t *segment = only_segment(env);
    const te_span_t *above = te_span_find(env->store, segment, "handler", NULL);
    ck_assert_str_eq(above->name, "default-handler");
    ck_assert_str_eq(te_span_attr_str(above, "middleware.name"), "core.c");
    ck_assert_ptr_eq(te_span_parent(env->store, above), segment);
    for (size_t i = 0; i < sizeof(chain) / sizeof(*chain); i++) {
        const te_span_t *filter =
            te_span_find(env->store, segment, "middleware", chain[i]);
        ck_assert_int_eq(te_span_count(env->store, segment, NULL, chain[i]), 1);
        double self = te_span_attr_double(filter, "sentry.exclusive_time");
        ck_assert_msg(self >= 0.0, "%s has no exclusive time", chain[i]);
        const te_span_t *parent = te_span_parent(env->store, filter);
        if (strcmp(parent->name, "REQTIMEOUT") == 0) {
            parent = te_span_parent(env->store, parent);
        }
        ck_assert_str_eq(parent->name, above->name);
        ck_assert_str_eq(te_span_attr_str(filter, "sentry.segment.id"), segment->span_id);
        ck_assert_str_eq(te_span_attr_str(filter, "sentry.segment.name"), "GET");
        above = filter;
    }
    te_finish(env);
}
END_TEST

/* What every visited request has to have become. */
static void check_visited(te_env_t *env, int i, const te_reply_t *reply)
{
    const te_site_request_t *site = &te_site_requests[i];
    const te_span_t *segment = te_site_segment(env->store, i);
    const char *method = site->request.method != NULL ? site->request.method : "GET";
    ck_assert_str_eq(segment->name, method);
    ck_assert_str_eq(te_span_attr_str(segment, "http.request.method"), method);
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"),
                     site->status);
    ck_assert_str_eq(segment->status, site->status >= 400 ? "error" : "ok");
    const char *path = te_span_attr_str(segment, "url.path");
    ck_assert_int_eq(strncmp(site->request.path, path, strlen(path)), 0);
    ck_assert_msg(te_span_attr_int(segment, "http.response.body.size") ==
                      (long)reply->len,
                  "%s: size %ld instead of %ld", site->name,
                  te_span_attr_int(segment, "http.response.body.size"), (long)reply->len);
    ck_assert_int_eq(te_span_count(env->store, segment, "middleware", "CORE"), 1);
    if (site->handler != NULL) {
        ck_assert_int_ge(te_span_count(env->store, segment, "handler", site->handler), 1);
    } else {
        ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 0);
    }
    if (site->filter != NULL) {
        ck_assert_int_eq(te_span_count(env->store, segment, "middleware", site->filter),
                         1);
    }
}

START_TEST(each_request_is_one_segment_with_its_handler_and_filter)
{
    te_env_t *env = te_start(_i, te_site_conf);
    const te_reply_t **replies = te_site_visit(env);
    te_await(env, te_site_count());
    for (int i = 0; i < te_site_count(); i++) {
        check_visited(env, i, replies[i]);
    }
    te_finish(env);
}
END_TEST

START_TEST(sensitive_query_values_are_filtered)
{
    te_env_t *env = te_start(_i, "");
    te_get(env, "/hello.txt?a=1&password=geheim&API_Token=abc&b=2");
    const te_span_t *segment = only_segment(env);
    static const char filtered[] = "a=1&password=[Filtered]&API_Token=[Filtered]&b=2";
    ck_assert_str_eq(te_span_attr_str(segment, "url.query"), filtered);
    ck_assert_ptr_nonnull(strstr(te_span_attr_str(segment, "url.full"), filtered));
    te_finish(env);
}
END_TEST

START_TEST(personal_data_leaves_only_when_allowed)
{
    static const char *const personal[] = {"user.name", "user.ip_address",
                                           "client.address", "network.peer.address"};
    te_env_t *env =
        te_start(_i, apr_pstrcat(te_pool, te_site_conf,
                                 "<Location /private/a.txt>\n"
                                 "SentryTraceSendDefaultPII On\n</Location>\n",
                                 NULL));
    te_write(env->httpd->root, "docs/private/b.txt", "b\n");
    te_request_t request = {.path = "/private/a.txt", .user = "alice:secret"};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    request.path = "/private/b.txt";
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    te_await(env, 2);
    const te_span_t *open = te_segment_of(env->store, "/private/a.txt");
    const te_span_t *closed = te_segment_of(env->store, "/private/b.txt");
    for (size_t i = 0; i < sizeof(personal) / sizeof(*personal); i++) {
        ck_assert_ptr_null(te_span_attr_str(closed, personal[i]));
        ck_assert_str_eq(te_span_attr_str(open, personal[i]),
                         i == 0 ? "alice" : "127.0.0.1");
    }
    te_finish(env);
}
END_TEST

START_TEST(root_path_is_a_route_and_unknown_methods_share_a_name)
{
    te_log_allow("AH00135"); /* invalid method */
    te_env_t *env = te_start(_i, "DirectoryIndex index.html\n");
    ck_assert_int_eq(te_get(env, "/")->status, 200);
    te_request_t brew = {.path = "/hello.txt", .method = "BREW"};
    ck_assert_int_eq(te_do(env, &brew)->status, 501);
    te_await(env, 2);
    const te_span_t *root = te_segment_of(env->store, "/");
    ck_assert_str_eq(root->name, "GET /");
    ck_assert_str_eq(te_span_attr_str(root, "sentry.segment.name.source"), "route");
    ck_assert_str_eq(te_span_attr_str(root, "http.route"), "/");
    ck_assert_str_eq(te_segment_of(env->store, "/hello.txt")->name, "HTTP");
    te_finish(env);
}
END_TEST

START_TEST(error_document_is_a_function_span_of_its_request)
{
    te_env_t *env = te_start(_i, te_site_conf);
    ck_assert_int_eq(te_get(env, "/errordoc/x")->status, 404);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "url.path"), "/errordoc/x");
    const te_span_t *document = te_span_find(env->store, segment, "function", NULL);
    ck_assert_str_eq(document->name, "ErrorDocument 404");
    ck_assert_str_eq(te_span_attr_str(document, "url.path"), "/missing.html");
    ck_assert_ptr_eq(te_span_parent(env->store, document), segment);
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", "default-handler"), 2);
    const te_span_t *core = te_span_find(env->store, segment, "middleware", "BYTERANGE");
    const te_span_t *handler = te_span_parent(env->store, core);
    ck_assert_str_eq(handler->op, "handler");
    ck_assert_ptr_eq(te_span_parent(env->store, handler), document);
    te_finish(env);
}
END_TEST

START_TEST(directory_index_keeps_the_path_that_was_asked_for)
{
    te_env_t *env = te_start(_i, te_site_conf);
    ck_assert_int_eq(te_get(env, "/dir/")->status, 200);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "url.path"), "/dir/");
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 1);
    te_finish(env);
}
END_TEST

START_TEST(failed_script_fails_handler_and_segment)
{
    te_log_allow("End of script output before headers");
    te_env_t *env = te_start(_i, te_site_conf);
    ck_assert_int_eq(te_get(env, "/cgi/crash")->status, 500);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(segment->status, "error");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.status.message"),
                     "internal_error");
    ck_assert_str_eq(te_span_attr_str(segment, "error.type"), "500");
    const te_span_t *handler = te_span_find(env->store, segment, "handler", "cgi-script");
    ck_assert_str_eq(handler->status, "error");
    te_finish(env);
}
END_TEST

START_TEST(slow_backend_shows_in_the_handler)
{
    te_env_t *env = te_start(_i, te_site_conf);
    te_server_answer(env->backend, &(te_answer_t){.delay_ms = 150, .body = "late"});
    ck_assert_str_eq(te_get(env, "/backend/x")->body, "late");
    const te_span_t *segment = only_segment(env);
    const te_span_t *handler =
        te_span_find(env->store, segment, "handler", "proxy-server");
    ck_assert_str_eq(te_span_attr_str(handler, "middleware.name"), "mod_proxy.c");
    ck_assert(handler->end - handler->start >= 0.149);
    ck_assert(segment->end - segment->start >= 0.149);
    te_finish(env);
}
END_TEST

START_TEST(pipelined_requests_are_separate_traces)
{
    te_env_t *env = te_start(_i, "");
    const char *answers = te_raw_exchange(
        env->httpd->ports[0],
        "GET /hello.txt?1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /hello.txt?2 HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /hello.txt?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        env->pool);
    ck_assert_ptr_nonnull(strstr(answers, "200 OK"));
    te_await(env, 3);
    for (int i = 1; i <= 3; i++) {
        const te_span_t *segment =
            te_segment_with(env->store, "url.query", apr_itoa(env->pool, i));
        ck_assert_int_eq(te_span_count(env->store, segment, "http.server", NULL), 1);
        ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 1);
        ck_assert_int_eq(te_span_count(env->store, segment, "middleware", "CORE"), 1);
    }
    te_finish(env);
}
END_TEST

START_TEST(requests_on_one_connection_start_one_after_the_other)
{
    te_env_t *env = te_start(_i, "");
    for (int i = 0; i < 5; i++) {
        te_get(env, apr_psprintf(env->pool, "/hello.txt?%d", i));
    }
    te_await(env, 5);
    for (int i = 1; i < 5; i++) {
        const te_span_t *before =
            te_segment_with(env->store, "url.query", apr_itoa(env->pool, i - 1));
        const te_span_t *after =
            te_segment_with(env->store, "url.query", apr_itoa(env->pool, i));
        ck_assert(after->start >= before->start);
    }
    te_finish(env);
}
END_TEST

/* mod_http2 does not run with prefork. */
START_TEST(http2_requests_are_segments)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = "Protocols h2 h2c http/1.1\n" TE_DSN TE_TLS_VHOST("")};
    te_env_t *env = te_env_make(&setup, __func__);
    te_tls_make(env->httpd->root, env->pool);
    te_env_run(env);
    te_client_ca_set(env->client, te_tls_certificate(env->httpd->root, env->pool));
    te_request_t clear = {.path = "/hello.txt", .version = TE_HTTP_2};
    ck_assert_int_eq(te_do(env, &clear)->status, 200);
    te_request_t encrypted = {.version = TE_HTTP_2};
    encrypted.path =
        apr_psprintf(env->pool, "https://127.0.0.1:%d/hello.txt", env->httpd->ports[1]);
    for (int i = 0; i < 3; i++) {
        const te_reply_t *reply = te_do(env, &encrypted);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_int_eq(strncmp(reply->head, "HTTP/2", 6), 0);
    }
    te_await(env, 4);
    for (int i = 0; i < 4; i++) {
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_str_eq(te_span_attr_str(segment, "network.protocol.version"), "2");
        ck_assert_int_ge(te_span_count(env->store, segment, "handler", "default-handler"),
                         1);
    }
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, static_file_is_a_segment_with_all_attributes);
    tcase_add_loop_test(tcase, url_has_the_port_that_was_asked_for, 0,
                        sizeof(hosts) / sizeof(*hosts));
    te_add_per_mpm(tcase, handler_and_filters_nest_as_they_call_each_other);
    te_add_per_mpm(tcase, each_request_is_one_segment_with_its_handler_and_filter);
    te_add_per_mpm(tcase, sensitive_query_values_are_filtered);
    te_add_per_mpm(tcase, personal_data_leaves_only_when_allowed);
    te_add_per_mpm(tcase, root_path_is_a_route_and_unknown_methods_share_a_name);
    te_add_per_mpm(tcase, error_document_is_a_function_span_of_its_request);
    te_add_per_mpm(tcase, directory_index_keeps_the_path_that_was_asked_for);
    te_add_per_mpm(tcase, failed_script_fails_handler_and_segment);
    te_add_per_mpm(tcase, slow_backend_shows_in_the_handler);
    te_add_per_mpm(tcase, pipelined_requests_are_separate_traces);
    te_add_per_mpm(tcase, requests_on_one_connection_start_one_after_the_other);
    te_add_per_threaded_mpm(tcase, http2_requests_are_segments);
}

int main(void)
{
    return te_main("e2e_requests", add_cases);
}
