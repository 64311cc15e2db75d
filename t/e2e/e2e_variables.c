/* SPDX-License-Identifier: Apache-2.0 */
/* What logs, scripts and included pages can say about the trace of a request. */

#include "te.h"

#define LOGGED                                                                           \
    "LogFormat \"%>s|%{SENTRY_TRACE_ID}e|%{SENTRY_SPAN_ID}e|%{SENTRY_SAMPLED}e|%U\" "    \
    "ids\nCustomLog logs/ids ids\n"
#define TRACE_ID "771a43a4192642f0b136d5159a501700"

/* The line of the access log that starts with `start`, once it is there. */
static const char *logged(te_env_t *env, const char *start)
{
    const char *path = te_path(env->httpd->root, "logs/ids", env->pool);
    const char *line = apr_pstrcat(env->pool, "\n", start, NULL);
    const char *at = NULL;
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (at == NULL) {
        ck_assert_msg(te_tick(deadline), "the access log never says %s", start);
        char *text = te_read(path, NULL, env->pool);
        at = text != NULL && strrchr(text, '\n') != NULL
                 ? strstr(apr_pstrcat(env->pool, "\n", text, NULL), line)
                 : NULL;
    }
    return apr_pstrndup(env->pool, at + 1, strcspn(at + 1, "\n"));
}

/* What the log has to say of a segment. */
static const char *ids_of(const te_span_t *segment)
{
    return apr_psprintf(te_pool, "%s|%s|1", segment->trace_id, segment->span_id);
}

/* Waits for the line of a segment. */
static void await_line(te_env_t *env, int status, int segment)
{
    const char *ids = ids_of(te_segment(env->store, segment));
    ck_assert_ptr_nonnull(logged(env, apr_psprintf(env->pool, "%d|%s|", status, ids)));
}

/* Requests that end in different phases. */
static const struct {
    const char *path;
    int status;
} ended[] = {
    {"/hello.txt", 200},  {"/nothing", 404},       {"/forbidden", 403}, {"/old", 302},
    {"/errordoc/x", 404}, {"/private/a.txt", 401}, {"/dir/", 200},      {"/through", 200},
    {"/page.shtml", 200}, {"/backend/x", 200},
};

START_TEST(access_log_names_trace_and_segment)
{
    te_env_t *env = te_start(_i, apr_pstrcat(te_pool, te_site_conf, LOGGED, NULL));
    for (int i = 0; i < (int)(sizeof(ended) / sizeof(*ended)); i++) {
        ck_assert_int_eq(te_get(env, ended[i].path)->status, ended[i].status);
        te_await(env, i + 1);
        await_line(env, ended[i].status, i);
    }
    te_finish(env);
}
END_TEST

START_TEST(access_log_names_the_trace_of_malformed_requests)
{
    te_env_t *env = te_start(_i, LOGGED);
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                                        "NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"};
    for (int i = 0; i < 3; i++) {
        const char *answer = te_raw_exchange(env->httpd->ports[0], texts[i], te_pool);
        ck_assert_ptr_nonnull(strstr(answer, " 400 "));
        te_await(env, i + 1);
        await_line(env, 400, i);
    }
    te_finish(env);
}
END_TEST

START_TEST(http2_requests_are_named_in_the_access_log)
{
    te_env_t *env = te_start(_i, LOGGED "Protocols h2c http/1.1\n");
    te_request_t request = {.path = "/hello.txt", .version = TE_HTTP_2};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    te_await(env, 1);
    await_line(env, 200, 0);
    te_finish(env);
}
END_TEST

START_TEST(unsampled_and_untraced_requests_are_told_apart)
{
    te_env_t *env = te_start(
        _i, LOGGED "<Location /hello.txt>\nSentryTraceSampleRate 0\n</Location>\n"
                   "<Location /dir>\nSentryTrace Off\n</Location>\n");
    te_get(env, "/hello.txt");
    te_get(env, "/dir/part.html");
    ck_assert_str_eq(logged(env, "200|-"), "200|-|-|-|/dir/part.html");
    const char *line = logged(env, "200|");
    ck_assert_uint_eq(strspn(line + 4, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strspn(line + 37, "0123456789abcdef"), 16);
    ck_assert_str_eq(line + 53, "|0|/hello.txt");
    te_finish(env);
}
END_TEST

START_TEST(continued_trace_is_named_where_it_is_continued)
{
    static const char *const headers[] = {"sentry-trace: " TRACE_ID "-1e2f3a4b5c6d7e8f-1",
                                          NULL};
    te_env_t *env =
        te_start(_i, LOGGED "<Location /dir>\nSentryTraceContext ignore\n</Location>\n");
    te_request_t request = {.path = "/hello.txt", .headers = headers};
    te_do(env, &request);
    ck_assert_ptr_nonnull(logged(env, "200|" TRACE_ID "|"));
    request.path = "/dir/part.html";
    te_do(env, &request);
    te_await(env, 2);
    const te_span_t *segment = te_segment_of(env->store, "/dir/part.html");
    ck_assert_str_ne(segment->trace_id, TRACE_ID);
    ck_assert_ptr_nonnull(logged(
        env, apr_pstrcat(te_pool, "200|", ids_of(segment), "|/dir/part.html", NULL)));
    te_finish(env);
}
END_TEST

START_TEST(error_log_names_the_trace)
{
    te_log_allow("AH01630"); /* client denied by server configuration */
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool,
                        "ErrorLogFormat \"[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: "
                        "[client\\ %a] %M% ,\\ trace\\ %{SENTRY_TRACE_ID}e\"\n"
                        "<Location /denied>\nRequire all denied\n</Location>\n",
                        NULL));
    static const char *const paths[] = {"/nothing", "/denied"};
    static const char *const messages[] = {"AH00128", "AH01630"};
    for (int i = 0; i < 2; i++) {
        te_get(env, paths[i]);
        te_await(env, i + 1);
        const char *trace =
            apr_psprintf(te_pool, ", trace %s\n", te_segment(env->store, i)->trace_id);
        te_log_await(env->httpd, trace);
        const char *log =
            te_read(te_path(env->httpd->root, "logs/error_log", te_pool), NULL, te_pool);
        const char *end = strstr(log, trace);
        const char *start = end;
        while (start > log && start[-1] != '\n') {
            start--;
        }
        ck_assert_ptr_nonnull(strstr(
            apr_pstrmemdup(te_pool, start, (apr_size_t)(end - start)), messages[i]));
    }
    te_finish(env);
}
END_TEST

/* Starts with a script and a page that show the variables. */
static te_env_t *start_with_views(te_mpm_t mpm, const char *name)
{
    te_setup_t setup = {
        .mpm = mpm,
        .conf = apr_pstrcat(te_pool, TE_DSN, te_site_conf,
                            "<Location /expr>\nHeader set X-Trace %{SENTRY_TRACE_ID}e\n"
                            "</Location>\nAlias /expr ${DOCS}\n",
                            NULL)};
    te_env_t *env = te_env_make(&setup, name);
    te_write(env->httpd->root, "cgi/ids",
             "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
             "echo \"$SENTRY_TRACE_ID|$SENTRY_SPAN_ID|$SENTRY_SAMPLED\"\n");
    te_write(env->httpd->root, "docs/ids.shtml",
             "<!--#echo var=\"SENTRY_TRACE_ID\" -->|<!--#echo var=\"SENTRY_SPAN_ID\" "
             "-->|<!--#echo var=\"SENTRY_SAMPLED\" -->\n"
             "<!--#include virtual=\"/cgi/ids\" -->");
    te_env_run(env);
    return env;
}

START_TEST(scripts_pages_and_expressions_see_them)
{
    te_env_t *env = start_with_views(_i, __func__);
    const char *body = te_get(env, "/cgi/ids")->body;
    te_await(env, 1);
    ck_assert_str_eq(body,
                     apr_pstrcat(te_pool, ids_of(te_segment(env->store, 0)), "\n", NULL));
    body = te_get(env, "/ids.shtml")->body;
    te_await(env, 2);
    const char *ids = ids_of(te_segment(env->store, 1));
    ck_assert_str_eq(body, apr_pstrcat(te_pool, ids, "\n", ids, "\n", NULL));
    const te_reply_t *reply = te_get(env, "/expr/hello.txt");
    te_await(env, 3);
    ck_assert_str_eq(te_reply_header(reply, "X-Trace", te_pool),
                     te_segment(env->store, 2)->trace_id);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, access_log_names_trace_and_segment);
    te_add_per_mpm(tcase, access_log_names_the_trace_of_malformed_requests);
    te_add_per_threaded_mpm(tcase, http2_requests_are_named_in_the_access_log);
    te_add_per_mpm(tcase, unsampled_and_untraced_requests_are_told_apart);
    te_add_per_mpm(tcase, continued_trace_is_named_where_it_is_continued);
    te_add_per_mpm(tcase, error_log_names_the_trace);
    te_add_per_mpm(tcase, scripts_pages_and_expressions_see_them);
}

int main(void)
{
    return te_main("e2e_variables", add_cases);
}
