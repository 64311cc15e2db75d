/* SPDX-License-Identifier: Apache-2.0 */
/* What backends and scripts are told of the trace, and what logs say of the client's headers. */

#include "te.h"

#include "te_call.h"

#define PROXIED "ProxyPass /backend/ http://${BACKEND}/\n"
#define LOGGED                                                                           \
    "LogFormat \"%{sentry-trace}i|%{baggage}i|%{traceparent}i|%{tracestate}i\" told\n"   \
    "CustomLog logs/told told\n"
#define SCRIPTS                                                                          \
    "ScriptAlias /cgi/ ${ROOT}/cgi/\n"                                                   \
    "<Directory ${ROOT}/cgi>\nRequire all granted\n</Directory>\n"                       \
    "<Directory ${DOCS}>\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n"          \
    "</Directory>\n"

/* A parent whose trace a client may continue. */
#define TRACE_ID "771a43a4192642f0b136d5159a501700"
#define TRACE    TRACE_ID "-1e2f3a4b5c6d7e8f-1"
#define W3C      "00-" TRACE_ID "-1e2f3a4b5c6d7e8f-01"

static const te_reply_t *get_with(te_env_t *env, const char *path,
                                  const char *const *headers)
{
    te_request_t request = {.path = path, .headers = headers};
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 200);
    return reply;
}

/* Starts with a script cgi/env that shows its environment, sorted. */
static te_env_t *start_with_env(te_mpm_t mpm, const char *conf, const char *name)
{
    te_setup_t setup = {.mpm = mpm,
                        .conf = apr_pstrcat(te_pool, TE_DSN SCRIPTS, conf, NULL)};
    te_env_t *env = te_env_make(&setup, name);
    te_write(env->httpd->root, "cgi/env",
             "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
             "env | grep -E '^(REDIRECT_)?(HTTP_SENTRY|HTTP_BAGGAGE|HTTP_TRACE|SENTRY_)' "
             "| sort\n");
    te_write(env->httpd->root, "docs/two.shtml",
             "<!--#include virtual=\"/cgi/env?1\" -->"
             "<!--#include virtual=\"/cgi/env?2\" -->");
    te_env_run(env);
    return env;
}
#define start_env(mpm, conf) start_with_env((mpm), (conf), __func__)

static int says(const te_reply_t *reply, const char *name, const char *value)
{
    const char *line = apr_pstrcat(te_pool, name, "=", value, "\n", NULL);
    return strstr(reply->body, line) != NULL;
}

/* The one line of the access log that does not come from the question "are you there?". */
static const char *logged(te_env_t *env)
{
    const char *path = te_path(env->httpd->root, "logs/told", env->pool);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const char *text = te_read(path, NULL, env->pool);
    static const char ready[] = "-|-|-|-\n";
    while (text == NULL || strcmp(text + strspn(text, "-|\n"), "") == 0) {
        ck_assert_msg(te_tick(deadline), "nothing is logged");
        text = te_read(path, NULL, env->pool);
    }
    while (strncmp(text, ready, sizeof(ready) - 1) == 0) {
        text += sizeof(ready) - 1;
    }
    return apr_pstrmemdup(env->pool, text, strcspn(text, "\n"));
}

START_TEST(foreign_baggage_goes_on_byte_for_byte)
{
    static const char *const headers[] = {
        "sentry-trace: " TRACE,
        "baggage: vendor=1;ttl=60 ,\tother=a%20b%zz,sentry-trace_id=" TRACE_ID
        ",sentry-public_key=ffffffffffffffffffffffffffffffff,last=\"x\"",
        NULL};
    te_env_t *env = te_start(_i, PROXIED);
    get_with(env, "/backend/x", headers);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(segment->trace_id, TRACE_ID);
    const te_span_t *call = te_span_find(env->store, segment, "http.client", NULL);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), te_sentry_trace_of(call));
    const char *baggage = te_backend_header(env, 0, "baggage");
    static const char foreign[] = "vendor=1;ttl=60 ,\tother=a%20b%zz,last=\"x\",";
    ck_assert_msg(strncmp(baggage, foreign, sizeof(foreign) - 1) == 0, "%s", baggage);
    const char *ours = baggage + sizeof(foreign) - 1;
    ck_assert_msg(strncmp(ours, "sentry-", 7) == 0, "%s", baggage);
    ck_assert_ptr_nonnull(strstr(ours, "sentry-trace_id=" TRACE_ID));
    ck_assert_ptr_nonnull(
        strstr(ours, "sentry-public_key=ffffffffffffffffffffffffffffffff"));
    te_finish(env);
}
END_TEST

START_TEST(log_shows_the_headers_of_the_client)
{
    static const char *const headers[] = {"sentry-trace: mine", "baggage: a=1, b=2",
                                          "traceparent: w", "tracestate: s", NULL};
    te_env_t *env = te_start(_i, "SentryTraceTraceparent On\n" PROXIED LOGGED);
    get_with(env, "/backend/x", headers);
    ck_assert_str_eq(logged(env), "mine|a=1, b=2|w|s");
    te_await(env, 1);
    ck_assert_str_ne(te_backend_header(env, 0, "sentry-trace"), "mine");
    te_finish(env);
}
END_TEST

START_TEST(log_shows_no_headers_that_the_client_did_not_send)
{
    static const char *const headers[] = {"tracestate: only", NULL};
    te_env_t *env = start_env(_i, "SentryTraceTraceparent On\n" PROXIED LOGGED);
    const te_reply_t *reply = get_with(env, "/cgi/env", headers);
    ck_assert_ptr_nonnull(strstr(reply->body, "HTTP_BAGGAGE="));
    ck_assert_str_eq(logged(env), "-|-|-|only");
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(traceparent_takes_the_place_of_the_clients)
{
    static const char *const theirs[] = {"traceparent: " W3C, "tracestate: v=1", NULL};
    static const char *const same[] = {"sentry-trace: " TRACE, "traceparent: " W3C,
                                       "tracestate: v=1", NULL};
    te_env_t *env = te_start(TE_EVENT, "SentryTraceTraceparent On\n" PROXIED);
    get_with(env, "/backend/other", theirs);
    te_await(env, 1);
    get_with(env, "/backend/same", same);
    te_await(env, 2);
    for (int i = 0; i < 2; i++) {
        const te_span_t *segment = te_segment(env->store, i);
        const te_span_t *call = te_span_find(env->store, segment, "http.client", NULL);
        ck_assert_str_eq(
            te_backend_header(env, i, "traceparent"),
            apr_psprintf(env->pool, "00-%s-%s-01", call->trace_id, call->span_id));
    }
    ck_assert_ptr_null(te_backend_header(env, 0, "tracestate"));
    ck_assert_str_eq(te_backend_header(env, 1, "tracestate"), "v=1");
    te_finish(env);
}
END_TEST

START_TEST(without_traceparent_the_clients_goes_on)
{
    static const char *const headers[] = {"traceparent: " W3C, "tracestate: v=1", NULL};
    te_env_t *env = te_start(TE_EVENT, PROXIED);
    get_with(env, "/backend/x", headers);
    te_await(env, 1);
    ck_assert_str_eq(te_backend_header(env, 0, "traceparent"), W3C);
    ck_assert_str_eq(te_backend_header(env, 0, "tracestate"), "v=1");
    te_finish(env);
}
END_TEST

/* Headers of a connection are not handed on, but ours are of the call. */
START_TEST(client_cannot_hide_the_trace_as_its_connections)
{
    static const char *const headers[] = {"Connection: sentry-trace, baggage", NULL};
    te_env_t *env = te_start(TE_EVENT, PROXIED);
    get_with(env, "/backend/x", headers);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *call = te_span_find(env->store, segment, "http.client", NULL);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), te_sentry_trace_of(call));
    ck_assert_ptr_nonnull(te_backend_header(env, 0, "baggage"));
    te_finish(env);
}
END_TEST

START_TEST(unsampled_trace_goes_on_unsampled)
{
    te_env_t *env = te_start(_i, "SentryTraceSampleRate 0\n" PROXIED);
    get_with(env, "/backend/x", NULL);
    const char *trace = te_backend_header(env, 0, "sentry-trace");
    ck_assert_uint_eq(strlen(trace), 32 + 1 + 16 + 2);
    ck_assert_str_eq(trace + strlen(trace) - 2, "-0");
    const char *baggage = te_backend_header(env, 0, "baggage");
    ck_assert_ptr_nonnull(strstr(baggage, "sentry-sampled=false"));
    ck_assert_ptr_nonnull(strstr(baggage, "sentry-sample_rate=0"));
    char trace_id[33] = "";
    memcpy(trace_id, trace, 32);
    ck_assert_ptr_nonnull(strstr(baggage, trace_id));
    te_close(env);
    ck_assert_int_eq(env->store->segment_count, 0);
    te_httpd_destroy(env->httpd);
}
END_TEST

/* Two requests that differ in nothing else. */
START_TEST(unsampled_call_is_counted_as_it_would_have_been)
{
    te_env_t *env = te_start(_i, PROXIED "<Location /backend/lost>\n"
                                         "SentryTraceSampleRate 0\n</Location>\n");
    get_with(env, "/backend/lost", NULL);
    get_with(env, "/backend/kept", NULL);
    te_await(env, 1);
    te_close(env);
    ck_assert_int_eq(
        te_span_count(env->store, te_segment(env->store, 0), "http.client", NULL), 1);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"),
                     te_store_count(env->store));
    te_httpd_destroy(env->httpd);
}
END_TEST

/* Whoever does not trace, or is not to tell, changes nothing. */
static const char *const silent[] = {
    "SentryTrace Off\n",
    "SentryTraceContext extract\n",
    "SentryTraceContext ignore\n",
};

START_TEST(nothing_is_told_where_that_is_off)
{
    static const char *const headers[] = {"sentry-trace: mine", "baggage: a=1", NULL};
    te_env_t *env = start_env(TE_EVENT, apr_pstrcat(te_pool, silent[_i], PROXIED, NULL));
    get_with(env, "/backend/x", headers);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), "mine");
    ck_assert_str_eq(te_backend_header(env, 0, "baggage"), "a=1");
    const te_reply_t *reply = get_with(env, "/cgi/env", headers);
    ck_assert(says(reply, "HTTP_SENTRY_TRACE", "mine"));
    ck_assert_ptr_null(strstr(reply->body, "\nSENTRY_BAGGAGE="));
    te_finish(env);
}
END_TEST

/* No request goes to the second virtual host. */
START_TEST(host_of_a_dsn_is_never_told)
{
    static const char *const headers[] = {"baggage: a=1", NULL};
    te_env_t *env =
        te_start(TE_EVENT, PROXIED "Listen 127.0.0.1:${PORT2}\n<VirtualHost *:${PORT2}>\n"
                                   "SentryTraceDSN http://" TE_SENTRY_KEY
                                   "@${BACKEND}/7\n</VirtualHost>\n");
    get_with(env, "/backend/x", headers);
    te_await(env, 1);
    ck_assert_ptr_null(te_backend_header(env, 0, "sentry-trace"));
    ck_assert_str_eq(te_backend_header(env, 0, "baggage"), "a=1");
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 1);
    te_finish(env);
}
END_TEST

START_TEST(script_is_told_in_its_environment)
{
    te_env_t *env = start_env(_i, "SentryTraceTraceparent On\n");
    const te_reply_t *reply = get_with(env, "/cgi/env", NULL);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", "cgi-script");
    ck_assert(says(reply, "HTTP_SENTRY_TRACE", te_sentry_trace_of(handler)));
    ck_assert(says(reply, "SENTRY_TRACE", te_sentry_trace_of(handler)));
    ck_assert_ptr_nonnull(strstr(reply->body, "HTTP_BAGGAGE=sentry-"));
    ck_assert_ptr_nonnull(strstr(reply->body, "\nSENTRY_BAGGAGE=sentry-"));
    ck_assert_ptr_nonnull(
        strstr(reply->body, apr_psprintf(env->pool, "HTTP_TRACEPARENT=00-%s-%s-01\n",
                                         segment->trace_id, handler->span_id)));
    te_finish(env);
}
END_TEST

START_TEST(each_sub_request_is_told_its_own_span)
{
    te_env_t *env = start_env(_i, "");
    const te_reply_t *reply = get_with(env, "/two.shtml", NULL);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", "cgi-script"), 2);
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (strcmp(span->name, "cgi-script") == 0) {
            ck_assert(says(reply, "HTTP_SENTRY_TRACE", te_sentry_trace_of(span)));
        }
    }
    te_finish(env);
}
END_TEST

START_TEST(error_document_is_told_its_own_span_and_leaves_the_client_its_headers)
{
    static const char *const headers[] = {"baggage: a=1", NULL};
    te_env_t *env = start_env(_i, "ErrorDocument 404 /cgi/env\n" LOGGED);
    te_request_t request = {.path = "/nothing", .headers = headers};
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 404);
    ck_assert_str_eq(logged(env), "-|a=1|-|-");
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", "cgi-script");
    ck_assert(says(reply, "HTTP_SENTRY_TRACE", te_sentry_trace_of(handler)));
    ck_assert_ptr_nonnull(strstr(reply->body, "HTTP_BAGGAGE=a=1,sentry-"));
    te_finish(env);
}
END_TEST

START_TEST(without_handler_spans_the_segment_is_told)
{
    te_env_t *env = start_env(TE_EVENT, "SentryTraceSpans None\n" PROXIED);
    const te_reply_t *reply = get_with(env, "/cgi/env", NULL);
    te_await(env, 1);
    ck_assert(
        says(reply, "HTTP_SENTRY_TRACE", te_sentry_trace_of(te_segment(env->store, 0))));
    get_with(env, "/backend/x", NULL);
    te_await(env, 2);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"),
                     te_sentry_trace_of(te_segment(env->store, 1)));
    te_finish(env);
}
END_TEST

START_TEST(baggage_stays_below_its_limit)
{
    char member[8100];
    memset(member, 'x', sizeof(member));
    memcpy(member, "baggage: v=", 11);
    member[sizeof(member) - 1] = '\0';
    const char *const headers[] = {member, NULL};
    te_env_t *env = te_start(TE_EVENT, PROXIED);
    get_with(env, "/backend/x", headers);
    te_await(env, 1);
    const char *baggage = te_backend_header(env, 0, "baggage");
    ck_assert_uint_le(strlen(baggage), 8192);
    ck_assert_int_eq(strncmp(baggage, member + 9, strlen(member + 9)), 0);
    ck_assert_ptr_nonnull(strstr(baggage, ",sentry-trace_id="));
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, foreign_baggage_goes_on_byte_for_byte);
    te_add_per_mpm(tcase, log_shows_the_headers_of_the_client);
    te_add_per_mpm(tcase, log_shows_no_headers_that_the_client_did_not_send);
    tcase_add_test(tcase, traceparent_takes_the_place_of_the_clients);
    tcase_add_test(tcase, without_traceparent_the_clients_goes_on);
    tcase_add_test(tcase, client_cannot_hide_the_trace_as_its_connections);
    te_add_per_mpm(tcase, unsampled_trace_goes_on_unsampled);
    te_add_per_mpm(tcase, unsampled_call_is_counted_as_it_would_have_been);
    tcase_add_loop_test(tcase, nothing_is_told_where_that_is_off, 0,
                        sizeof(silent) / sizeof(*silent));
    tcase_add_test(tcase, host_of_a_dsn_is_never_told);
    te_add_per_mpm(tcase, script_is_told_in_its_environment);
    te_add_per_mpm(tcase, each_sub_request_is_told_its_own_span);
    te_add_per_mpm(tcase,
                   error_document_is_told_its_own_span_and_leaves_the_client_its_headers);
    tcase_add_test(tcase, without_handler_spans_the_segment_is_told);
    tcase_add_test(tcase, baggage_stays_below_its_limit);
}

int main(void)
{
    return te_main("e2e_outgoing", add_cases);
}
