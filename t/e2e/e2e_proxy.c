/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of mod_proxy's backends: their spans, and what the backends are told. */

#include "te.h"

#include <unistd.h>

#include "te_call.h"
#include "te_canned.h"

#define PROXIED "ProxyPass /backend/ http://${BACKEND}/\n"
#define BALANCED                                                                         \
    TE_LOAD("slotmem_shm")                                                               \
    TE_LOAD("lbmethod_byrequests")                                                       \
    TE_LOAD("proxy_balancer")                                                            \
    "<Proxy balancer://both>\n"                                                          \
    "BalancerMember http://127.0.0.1:%d\n"                                               \
    "BalancerMember http://${BACKEND} status=+H\n"                                       \
    "</Proxy>\n"                                                                         \
    "ProxyPass /both/ balancer://both/\n"

/* The call of a server on that port. */
static const te_span_t *call_to(te_env_t *env, const te_span_t *segment, int port)
{
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (strcmp(span->trace_id, segment->trace_id) == 0 &&
            strcmp(span->op, "http.client") == 0 &&
            te_span_attr_int(span, "server.port") == port) {
            return span;
        }
    }
    ck_abort_msg("no call to port %d", port);
    return NULL;
}

static void check_attrs(const te_span_t *span, const char *const (*expected)[2],
                        int count)
{
    for (int i = 0; i < count; i++) {
        const char *value = te_span_attr_str(span, expected[i][0]);
        const char *wanted = expected[i][1];
        int same = value == wanted ||
                   (value != NULL && wanted != NULL && strcmp(value, wanted) == 0);
        ck_assert_msg(same, "%s is %s instead of %s", expected[i][0], value, wanted);
    }
}

/* A call that no backend answered: httpd's own status says how it ended. */
static void check_unanswered(const te_span_t *call, int status, const char *message)
{
    ck_assert_str_eq(call->status, "error");
    ck_assert_str_eq(te_span_attr_str(call, "sentry.status.message"), message);
    ck_assert_int_eq(atoi(te_span_attr_str(call, "error.type")), status);
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), -1);
}

static void check_failed_segment(const te_span_t *segment, int status)
{
    ck_assert_str_eq(segment->status, "error");
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"), status);
}

START_TEST(proxied_call_is_a_span_that_the_backend_is_told)
{
    te_env_t *env = te_start(_i, PROXIED);
    ck_assert_int_eq(te_get(env, "/backend/a?b=1&token=geheim")->status, 200);
    const te_span_t *call = te_only_call(env);
    const te_span_t *segment = te_segment(env->store, 0);
    long port = te_server_port(env->backend);
    const char *const expected[][2] = {
        {"sentry.kind", "client"},
        {"sentry.origin", "auto.http.httpd.proxy"},
        {"http.request.method", "GET"},
        {"url.full",
         apr_psprintf(env->pool, "http://127.0.0.1:%ld/a?b=1&token=[Filtered]", port)},
        {"url.scheme", "http"},
        {"url.domain", "127.0.0.1"},
        {"url.path", "/a"},
        {"url.query", "b=1&token=[Filtered]"},
        {"server.address", "127.0.0.1"},
        {"network.protocol.name", "http"},
        {"network.transport", "tcp"},
        {"sentry.segment.id", segment->span_id},
        {"error.type", NULL},
        {"middleware.name", NULL},
    };
    ck_assert_str_eq(call->name, "GET 127.0.0.1");
    ck_assert_str_eq(call->status, "ok");
    check_attrs(call, expected, sizeof(expected) / sizeof(*expected));
    ck_assert_int_eq(te_span_attr_int(call, "server.port"), port);
    ck_assert_int_eq(te_span_attr_int(call, "url.port"), port);
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 200);
    ck_assert_int_eq(te_span_attr_int(call, "http.request.resend_count"), -1);
    const te_span_t *handler = te_span_parent(env->store, call);
    ck_assert_str_eq(handler->op, "handler");
    ck_assert_str_eq(handler->name, "proxy-server");
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), te_sentry_trace_of(call));
    const char *baggage = te_backend_header(env, 0, "baggage");
    ck_assert_ptr_nonnull(strstr(baggage, segment->trace_id));
    ck_assert_ptr_nonnull(strstr(baggage, "sentry-public_key=" TE_SENTRY_KEY));
    ck_assert_ptr_nonnull(strstr(baggage, "sentry-sampled=true"));
    ck_assert_ptr_null(te_backend_header(env, 0, "traceparent"));
    te_finish(env);
}
END_TEST

START_TEST(call_lasts_as_long_as_the_backend)
{
    te_env_t *env = te_start(_i, PROXIED);
    te_server_answer(env->backend, &(te_answer_t){.delay_ms = 150, .body = "late"});
    ck_assert_str_eq(te_get(env, "/backend/x")->body, "late");
    const te_span_t *call = te_only_call(env);
    ck_assert(call->end - call->start >= 0.149);
    te_finish(env);
}
END_TEST

START_TEST(each_attempt_of_a_balancer_is_a_span)
{
    te_log_allow("AH00957"); /* attempt to connect failed */
    te_log_allow("AH00959"); /* worker disabled */
    te_log_allow("AH01114"); /* failed to make connection */
    te_server_t *dead = te_server_start();
    te_server_refuse(dead, 1);
    te_env_t *env = te_start(_i, apr_psprintf(te_pool, BALANCED, te_server_port(dead)));
    ck_assert_int_eq(te_get(env, "/both/x")->status, 200);
    const te_span_t *segment = te_only_segment(env);
    ck_assert_str_eq(segment->status, "ok");
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 2);
    const te_span_t *first = call_to(env, segment, te_server_port(dead));
    check_unanswered(first, 503, "unavailable");
    ck_assert_int_eq(te_span_attr_int(first, "http.request.resend_count"), -1);
    const te_span_t *second = call_to(env, segment, te_server_port(env->backend));
    ck_assert_str_eq(second->status, "ok");
    ck_assert_int_eq(te_span_attr_int(second, "http.request.resend_count"), 1);
    ck_assert_str_eq(second->parent_id, first->parent_id);
    ck_assert_str_eq(te_span_parent(env->store, second)->op, "handler");
    ck_assert_str_ne(second->span_id, first->span_id);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"),
                     te_sentry_trace_of(second));
    te_finish(env);
    te_server_stop(dead);
}
END_TEST

/* httpd asks another proxy, gets nonsense, and tries without it. */
START_TEST(answer_to_one_attempt_is_not_that_of_the_next)
{
    te_log_allow("AH01106"); /* bad HTTP header */
    te_log_allow("AH01102");
    te_log_allow("AH00898");
    te_log_allow("AH00957");
    te_log_allow("AH00959");
    te_log_allow("AH01114");
    static const te_answer_t nonsense = {.headers = "no header\r\n"};
    te_env_t *env = te_start(_i, "ProxyBadHeader IsError\n"
                                 "ProxyPass /far/ http://127.0.0.1:9/\n"
                                 "ProxyRemote http://127.0.0.1:9/ http://${BACKEND}\n");
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_BEFORE});
    te_server_answer_next(env->backend, &nonsense);
    int status =
        te_get(env, "/far/x")->status; /* who is asked directly is httpd's cache */
    const te_span_t *segment = te_only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 2);
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (te_span_attr_int(span, "http.request.resend_count") == 1) {
            check_unanswered(span, status,
                             status == 502 ? "internal_error" : "unavailable");
        } else if (strcmp(span->op, "http.client") == 0) {
            ck_assert_int_eq(te_span_attr_int(span, "http.response.status_code"), 200);
            ck_assert_str_eq(te_span_attr_str(span, "error.type"), "502");
        }
    }
    te_finish(env);
}
END_TEST

START_TEST(backend_that_is_down_fails_call_and_request)
{
    te_log_allow("AH00957");
    te_log_allow("AH00959");
    te_log_allow("AH01114");
    te_env_t *env = te_start(_i, PROXIED);
    te_server_refuse(env->backend, 1);
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 503);
    check_unanswered(te_only_call(env), 503, "unavailable");
    check_failed_segment(te_segment(env->store, 0), 503);
    te_finish(env);
}
END_TEST

START_TEST(backend_that_hangs_up_fails_call_and_request)
{
    te_log_allow("AH01102"); /* error reading status line */
    te_log_allow("AH00898"); /* error reading from remote server */
    te_env_t *env = te_start(_i, PROXIED);
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_BEFORE});
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 502);
    check_unanswered(te_only_call(env), 502, "internal_error");
    check_failed_segment(te_segment(env->store, 0), 502);
    te_finish(env);
}
END_TEST

START_TEST(backend_that_never_answers_fails_call_and_request)
{
    te_log_allow("AH01075"); /* error dispatching request */
    te_canned_t *silent =
        te_canned_start(&(te_canned_script_t){.until = "never", .until_len = 5});
    te_env_t *env = te_start(
        _i, apr_psprintf(te_pool,
                         TE_LOAD("proxy_fcgi") "ProxyTimeout 1\n"
                                               "ProxyPass /f/ fcgi://127.0.0.1:%d/\n",
                         te_canned_port(silent)));
    ck_assert_int_eq(te_get(env, "/f/x")->status, 504);
    check_unanswered(te_only_call(env), 504, "deadline_exceeded");
    check_failed_segment(te_segment(env->store, 0), 504);
    te_finish(env);
    te_canned_stop(silent);
}
END_TEST

START_TEST(failure_that_the_backend_reports_is_its_answer)
{
    te_env_t *env = te_start(_i, PROXIED);
    te_server_answer(env->backend, &(te_answer_t){.status = 503});
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 503);
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(call->status, "error");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 503);
    ck_assert_str_eq(te_span_attr_str(call, "sentry.status.message"), "unavailable");
    ck_assert_str_eq(te_span_attr_str(call, "error.type"), "503");
    check_failed_segment(te_segment(env->store, 0), 503);
    te_finish(env);
}
END_TEST

START_TEST(answer_that_httpd_overrides_is_still_the_backends)
{
    te_env_t *env = te_start(_i, "ProxyErrorOverride On\n"
                                 "ErrorDocument 404 /missing.html\n" PROXIED);
    te_server_answer(env->backend, &(te_answer_t){.status = 404});
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 404);
    const te_span_t *call = te_only_call(env);
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 404);
    ck_assert_str_eq(te_span_attr_str(call, "sentry.status.message"), "not_found");
    te_finish(env);
}
END_TEST

START_TEST(answer_that_is_cut_fails_the_call)
{
    te_log_allow("AH01110"); /* error reading response */
    te_env_t *env = te_start(_i, PROXIED);
    static const te_answer_t cut = {.body = "0123456789", .cut = TE_CUT_BODY};
    te_server_answer(env->backend, &cut);
    te_get(env, "/backend/x");
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(call->status, "error");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 200);
    ck_assert_str_eq(te_span_attr_str(call, "sentry.status.message"), "data_loss");
    te_finish(env);
}
END_TEST

START_TEST(client_that_goes_away_cancels_the_call)
{
    static char body[16 << 20]; /* more than sockets hold */
    memset(body, 'x', sizeof(body) - 1);
    te_env_t *env = te_start(_i, PROXIED);
    te_server_answer(env->backend, &(te_answer_t){.body = body});
    int fd = te_raw_open(env->httpd->ports[0]);
    char first;
    te_raw_send(fd, "GET /backend/x HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_uint_eq(te_raw_receive(fd, &first, 1), 1);
    te_raw_reset(fd);
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(call->status, "error");
    ck_assert_str_eq(te_span_attr_str(call, "sentry.status.message"), "cancelled");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 200);
    ck_assert_ptr_null(te_span_attr_str(call, "error.type"));
    te_finish(env);
}
END_TEST

START_TEST(call_through_a_unix_socket_names_it)
{
    const char *path = te_path(te_dir_base(), "s", te_pool);
    te_canned_script_t script = {.until = "\r\n\r\n", .until_len = 4, .path = path};
    script.answer = "HTTP/1.1 200 Fine\r\nConnection: close\r\n\r\nfine";
    script.answer_len = strlen(script.answer);
    te_canned_t *backend = te_canned_start(&script);
    te_env_t *env = te_start(
        _i, apr_psprintf(te_pool, "ProxyPass /socket/ unix:%s|http://shop/\n", path));
    ck_assert_str_eq(te_get(env, "/socket/x")->body, "fine");
    const te_span_t *call = te_only_call(env);
    const char *const expected[][2] = {
        {"url.full", "http://shop/x"},
        {"server.address", "shop"},
        {"network.peer.address", path},
        {"network.transport", "unix"},
    };
    check_attrs(call, expected, sizeof(expected) / sizeof(*expected));
    ck_assert_str_eq(call->name, "GET shop");
    ck_assert_int_eq(te_span_attr_int(call, "server.port"), -1);
    te_finish(env);
    te_canned_stop(backend);
    unlink(path);
}
END_TEST

START_TEST(without_proxy_spans_the_backend_is_told_of_the_handler)
{
    te_env_t *env = te_start(_i, "SentryTraceSpans -Proxy\n" PROXIED);
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 200);
    const te_span_t *segment = te_only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 0);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", NULL);
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"),
                     te_sentry_trace_of(handler));
    te_finish(env);
}
END_TEST

START_TEST(calls_of_two_includes_are_no_attempts_of_one)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = TE_DSN PROXIED
                        "<Directory ${DOCS}>\nOptions +Includes\n"
                        "AddOutputFilter INCLUDES .shtml\n</Directory>\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_write(env->httpd->root, "docs/two.shtml",
             "<!--#include virtual=\"/backend/1\" -->"
             "<!--#include virtual=\"/backend/2\" -->");
    te_env_run(env);
    ck_assert_str_eq(te_get(env, "/two.shtml")->body, "{}{}");
    const te_span_t *segment = te_only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 2);
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        ck_assert_int_eq(te_span_attr_int(span, "http.request.resend_count"), -1);
        if (strcmp(span->op, "http.client") == 0) {
            ck_assert_str_eq(te_span_parent(env->store, span)->name, "proxy-server");
        }
    }
    ck_assert_str_ne(te_backend_header(env, 0, "sentry-trace"),
                     te_backend_header(env, 1, "sentry-trace"));
    te_finish(env);
}
END_TEST

START_TEST(calls_are_spans_once_after_restarts)
{
    te_env_t *env = te_start(_i, PROXIED);
    te_httpd_graceful(env->httpd);
    te_httpd_restart(env->httpd);
    te_client_disconnect(env->client);
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 200);
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(te_span_parent(env->store, call)->op, "handler");
    ck_assert_str_eq(te_backend_header(env, 0, "sentry-trace"), te_sentry_trace_of(call));
    te_finish(env);
}
END_TEST

START_TEST(stranger_behind_a_forward_proxy_is_not_told)
{
    te_env_t *env = te_start(_i, "ProxyRequests On\n");
    const char *answer = te_raw_exchange(
        env->httpd->ports[0],
        apr_psprintf(env->pool,
                     "GET http://127.0.0.1:%d/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "baggage: a=1\r\nConnection: close\r\n\r\n",
                     te_server_port(env->backend)),
        env->pool);
    ck_assert_ptr_nonnull(strstr(answer, "200 Answer"));
    ck_assert_str_eq(te_only_call(env)->name, "GET 127.0.0.1");
    ck_assert_ptr_null(te_backend_header(env, 0, "sentry-trace"));
    ck_assert_str_eq(te_backend_header(env, 0, "baggage"), "a=1");
    te_finish(env);
}
END_TEST

START_TEST(scheme_that_nobody_handles_leaves_no_call)
{
    te_log_allow("AH01144"); /* no protocol handler was valid */
    te_env_t *env = te_start(_i, "ProxyPass /n/ nothing://127.0.0.1/\n");
    ck_assert_int_eq(te_get(env, "/n/x")->status, 500);
    const te_span_t *segment = te_only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 0);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, proxied_call_is_a_span_that_the_backend_is_told);
    te_add_per_mpm(tcase, call_lasts_as_long_as_the_backend);
    te_add_per_mpm(tcase, each_attempt_of_a_balancer_is_a_span);
    tcase_add_test(tcase, answer_to_one_attempt_is_not_that_of_the_next);
    te_add_per_mpm(tcase, backend_that_is_down_fails_call_and_request);
    te_add_per_mpm(tcase, backend_that_hangs_up_fails_call_and_request);
    tcase_add_test(tcase, backend_that_never_answers_fails_call_and_request);
    tcase_add_test(tcase, failure_that_the_backend_reports_is_its_answer);
    tcase_add_test(tcase, answer_that_httpd_overrides_is_still_the_backends);
    te_add_per_mpm(tcase, answer_that_is_cut_fails_the_call);
    te_add_per_mpm(tcase, client_that_goes_away_cancels_the_call);
    tcase_add_test(tcase, call_through_a_unix_socket_names_it);
    tcase_add_test(tcase, without_proxy_spans_the_backend_is_told_of_the_handler);
    te_add_per_mpm(tcase, calls_of_two_includes_are_no_attempts_of_one);
    te_add_per_mpm(tcase, calls_are_spans_once_after_restarts);
    tcase_add_test(tcase, stranger_behind_a_forward_proxy_is_not_told);
    tcase_add_test(tcase, scheme_that_nobody_handles_leaves_no_call);
}

int main(void)
{
    return te_main("e2e_proxy", add_cases);
}
