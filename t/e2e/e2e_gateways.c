/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of backends that speak something else than HTTP/1.1. */

#include "te.h"

#include "te_call.h"
#include "te_canned.h"

/* Bytes that came on the wire contain `name` directly followed by `value`. */
static int received(te_canned_t *backend, const char *name, size_t name_len,
                    const char *value, apr_pool_t *pool)
{
    size_t len;
    const char *bytes = te_canned_received(backend, &len, pool);
    char *wanted = apr_palloc(pool, name_len + strlen(value));
    memcpy(wanted, name, name_len);
    memcpy(wanted + name_len, value, strlen(value));
    return memmem(bytes, len, wanted, name_len + strlen(value)) != NULL;
}

START_TEST(fastcgi_call_is_a_span_that_the_script_is_told)
{
    /* An empty STDIN record ends the request; the answer is one STDOUT record and the end. */
    static const char end[] = "\1\5\0\1\0\0\0";
    static const char script[] = "Status: 503 Gone away\r\n\r\n";
    char answer[128] = "\1\6\0\1\0";
    size_t len = strlen(script);
    answer[5] = (char)len;
    memcpy(answer + 8, script, len);
    memcpy(answer + 8 + len, "\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0", 16);
    te_canned_t *backend = te_canned_start(&(te_canned_script_t){
        .until = end, .until_len = 8, .answer = answer, .answer_len = len + 24});
    te_env_t *env =
        te_start(_i, apr_psprintf(te_pool,
                                  TE_LOAD("proxy_fcgi") "ProxyPass /f/ "
                                                        "fcgi://127.0.0.1:%d/srv/\n",
                                  te_canned_port(backend)));
    ck_assert_int_eq(te_get(env, "/f/x.php?token=1")->status, 503);
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(te_span_attr_str(call, "network.protocol.name"), "fastcgi");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 503);
    ck_assert_str_eq(call->status, "error");
    const char *trace = te_sentry_trace_of(call);
    ck_assert(received(backend, "HTTP_SENTRY_TRACE", 17, trace, env->pool));
    ck_assert(received(backend, "SENTRY_TRACE", 12, trace, env->pool));
    te_finish(env);
    te_canned_stop(backend);
}
END_TEST

/* Other gateways: how a request without a body ends, what answers it, and how a variable or
 * header called NAME with the text of sentry-trace, 51 bytes, begins. */
#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *conf;
    const char *until;
    size_t until_len;
    const char *answer;
    size_t answer_len;
    const char *told;
    size_t told_len;
    const char *protocol;
    int status;
} gateways[] = {
    {TE_LOAD("proxy_scgi") "ProxyPass /g/ scgi://127.0.0.1:%d/\n", BYTES("\0,"),
     BYTES("Status: 404 Nothing\r\nContent-Type: text/plain\r\n\r\nnothing"),
     BYTES("HTTP_SENTRY_TRACE\0"), "scgi", 404},
    {TE_LOAD("proxy_ajp") "ProxyPass /g/ ajp://127.0.0.1:%d/\n", BYTES("\377"),
     BYTES("AB\0\12\4\0\311\0\2OK\0\0\0AB\0\2\5\0"), BYTES("sentry-trace\0\0\63"), "ajp",
     201},
    {TE_LOAD("proxy_uwsgi") "ProxyPass /g/ uwsgi://127.0.0.1:%d/\n", BYTES(""),
     BYTES("HTTP/1.1 503 Gone\r\nContent-Type: text/plain\r\n\r\ngone"),
     BYTES("HTTP_SENTRY_TRACE\63\0"), "uwsgi", 503},
};

START_TEST(gateway_call_is_a_span_that_the_backend_is_told)
{
    te_canned_t *backend =
        te_canned_start(&(te_canned_script_t){.until = gateways[_i].until,
                                              .until_len = gateways[_i].until_len,
                                              .answer = gateways[_i].answer,
                                              .answer_len = gateways[_i].answer_len});
    const char *conf = apr_pstrcat(te_pool, gateways[_i].conf, NULL);
    char *port = strstr(conf, "%d");
    conf = apr_psprintf(te_pool, "%.*s%d%s", (int)(port - conf), conf,
                        te_canned_port(backend), port + 2);
    te_env_t *env = te_start(TE_EVENT, conf);
    ck_assert_int_eq(te_get(env, "/g/x")->status, gateways[_i].status);
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(te_span_attr_str(call, "network.protocol.name"),
                     gateways[_i].protocol);
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"),
                     gateways[_i].status);
    ck_assert(received(backend, gateways[_i].told, gateways[_i].told_len,
                       te_sentry_trace_of(call), env->pool));
    te_finish(env);
    te_canned_stop(backend);
}
END_TEST

START_TEST(websocket_call_lasts_as_long_as_its_tunnel)
{
    te_canned_script_t script = {.until = "\r\n\r\n", .until_len = 4};
    script.answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\n\r\nhello";
    script.answer_len = strlen(script.answer);
    te_canned_t *backend = te_canned_start(&script);
    te_env_t *env = te_start(
        _i, apr_psprintf(te_pool,
                         TE_LOAD("proxy_wstunnel") "ProxyPass /w/ ws://127.0.0.1:%d/\n",
                         te_canned_port(backend)));
    const char *answer =
        te_raw_exchange(env->httpd->ports[0],
                        "GET /w/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        env->pool);
    ck_assert_ptr_nonnull(strstr(answer, "101 Switching"));
    ck_assert_ptr_nonnull(strstr(answer, "hello"));
    const te_span_t *call = te_only_call(env);
    ck_assert_str_eq(call->status, "ok");
    ck_assert_str_eq(te_span_attr_str(call, "network.protocol.name"), "websocket");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 101);
    ck_assert(
        received(backend, "sentry-trace: ", 14, te_sentry_trace_of(call), env->pool));
    te_finish(env);
    te_canned_stop(backend);
}
END_TEST

/* The backend is another virtual host that shows its environment. */
START_TEST(http2_backend_is_told_as_well)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = TE_DSN TE_LOAD(
                            "proxy_http2") "Listen 127.0.0.1:${PORT2}\n"
                                           "ProxyPass /h2/ h2c://127.0.0.1:${PORT2}/\n"
                                           "<VirtualHost *:${PORT2}>\nProtocols h2c\n"
                                           "SentryTrace Off\n"
                                           "ScriptAlias / ${ROOT}/cgi/\n</VirtualHost>\n"
                                           "<Directory ${ROOT}/cgi>\n"
                                           "Require all granted\n</Directory>\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_write(env->httpd->root, "cgi/env",
             "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv\n");
    te_env_run(env);
    const te_reply_t *reply = te_get(env, "/h2/env");
    ck_assert_int_eq(reply->status, 200);
    const te_span_t *call = te_only_call(env);
    const char *line = apr_pstrcat(
        env->pool, "HTTP_SENTRY_TRACE=", te_sentry_trace_of(call), "\n", NULL);
    ck_assert_ptr_nonnull(strstr(reply->body, line));
    ck_assert_str_eq(te_span_attr_str(call, "network.protocol.version"), "2");
    ck_assert_int_eq(te_span_attr_int(call, "http.response.status_code"), 200);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, fastcgi_call_is_a_span_that_the_script_is_told);
    tcase_add_loop_test(tcase, gateway_call_is_a_span_that_the_backend_is_told, 0,
                        sizeof(gateways) / sizeof(*gateways));
    te_add_per_mpm(tcase, websocket_call_lasts_as_long_as_its_tunnel);
    te_add_per_threaded_mpm(tcase, http2_backend_is_told_as_well);
}

int main(void)
{
    return te_main("e2e_gateways", add_cases);
}
