/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that go wrong: malformed, too slow, broken off, or not to be traced. */

#include "te.h"

#include <fcntl.h>
#include <unistd.h>

/* Text that httpd rejects; "~" stands for 10000 letters. */
static const char *const malformed[] = {
    "GET / HTTP/1.1\r\n\r\n",                                     /* no Host */
    "GET / HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n",            /* no colon */
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",                        /* no host name */
    "GET /~ HTTP/1.1\r\nHost: a\r\n\r\n",                         /* line too long */
    "GET / HTTP/1.1\r\nHost: a\r\nX: ~\r\n\r\n",                  /* field too long */
    "GET /a%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", /* no escape */
    "GET / NONSENSE/1.1\r\nHost: a\r\n\r\n",                      /* no protocol */
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",                         /* two spaces */
    "\x16\x03\x01\x02\r\n\r\n",                                   /* TLS */
    "POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: nonsense\r\n\r\n",
};

/* The text with its letters. */
static const char *spelled_out(const char *text)
{
    const char *mark = strchr(text, '~');
    if (mark == NULL) {
        return text;
    }
    char *letters = apr_palloc(te_pool, 10001);
    memset(letters, 'a', 10000);
    letters[10000] = '\0';
    return apr_pstrcat(te_pool, apr_pstrmemdup(te_pool, text, (apr_size_t)(mark - text)),
                       letters, mark + 1, NULL);
}

/* The status of a raw answer; 0 when it begins with no status line. */
static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

START_TEST(malformed_request_is_a_failed_segment)
{
    te_log_allow("AH10244"); /* invalid URI path */
    te_env_t *env = te_start(_i, "");
    for (int i = 0; i < (int)(sizeof(malformed) / sizeof(*malformed)); i++) {
        const char *text = spelled_out(malformed[i]);
        int status = status_of(te_raw_exchange(env->httpd->ports[0], text, te_pool));
        ck_assert_msg(status >= 400, "%.40s: status %d", text, status);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"), status);
        ck_assert_str_eq(segment->status, "error");
        ck_assert_str_ne(segment->name, "");
        ck_assert_ptr_nonnull(te_span_attr_str(segment, "server.address"));
        ck_assert_str_eq(te_span_attr_str(segment, "url.scheme"), "http");
    }
    te_finish(env);
}
END_TEST

START_TEST(request_without_a_version_is_a_segment)
{
    te_env_t *env = te_start(_i, "");
    const char *answer =
        te_raw_exchange(env->httpd->ports[0], "GET /hello.txt\r\n", te_pool);
    ck_assert_str_eq(answer, "Hello from httpd.\n");
    te_await(env, 1);
    const te_span_t *segment = te_segment_of(env->store, "/hello.txt");
    ck_assert_str_eq(te_span_attr_str(segment, "network.protocol.version"), "0.9");
    ck_assert_int_eq(te_span_count(env->store, segment, "middleware", "CORE"), 1);
    te_finish(env);
}
END_TEST

START_TEST(slow_request_head_is_a_failed_segment)
{
    te_env_t *env = te_start(_i, "RequestReadTimeout header=1\n");
    static const char *const starts[] = {"GET /he", "GET / HTTP/1.1\r\nHost: a\r\n"};
    for (int i = 0; i < 2; i++) {
        int fd = te_raw_open(env->httpd->ports[0]);
        te_raw_send(fd, starts[i]);
        te_raw_receive_all(fd, te_pool);
        close(fd);
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"), 408);
        ck_assert_str_eq(segment->status, "error");
    }
    te_finish(env);
}
END_TEST

START_TEST(connections_without_a_request_are_no_segments)
{
    te_env_t *env = te_start(_i, "");
    for (int i = 0; i < 5; i++) {
        close(te_raw_open(env->httpd->ports[0]));
    }
    te_raw_exchange(env->httpd->ports[0],
                    "GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                    te_pool);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(httpd_talking_to_itself_is_not_traced)
{
    te_env_t *env = te_start(_i, "");
    const char *answer = te_raw_exchange(
        env->httpd->ports[0],
        "OPTIONS * HTTP/1.0\r\nUser-Agent: Apache (internal dummy connection)\r\n\r\n",
        te_pool);
    ck_assert_int_eq(status_of(answer), 200);
    te_raw_exchange(env->httpd->ports[0], "OPTIONS * HTTP/1.0\r\nUser-Agent: me\r\n\r\n",
                    te_pool);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(te_span_attr_str(segment, "user_agent.original"), "me");
    te_httpd_graceful(env->httpd); /* on prefork each child gets such a connection */
    te_finish(env);
}
END_TEST

static void big_file_make(const char *root)
{
    int fd = open(te_path(root, "docs/big.bin", te_pool), O_CREAT | O_WRONLY, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)64 << 20), 0);
    close(fd);
}

START_TEST(client_that_goes_away_is_a_segment_without_size)
{
    te_env_t *env = te_start(_i, "");
    big_file_make(env->httpd->root);
    char bytes[65536];
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_uint_gt(te_raw_receive(fd, bytes, sizeof(bytes)), 0);
    te_raw_reset(fd);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.status_code"), 200);
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.body.size"), -1);
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 1);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 2);
    te_finish(env);
}
END_TEST

START_TEST(dead_backend_fails_handler_and_segment)
{
    te_log_allow("AH00957"); /* attempt to connect failed */
    te_log_allow("AH01114"); /* failed to make connection to backend */
    te_env_t *env = te_start(_i, te_site_conf);
    te_server_refuse(env->backend, 1);
    ck_assert_int_eq(te_get(env, "/backend/x")->status, 503);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *handler =
        te_span_find(env->store, segment, "handler", "proxy-server");
    ck_assert_str_eq(handler->status, "error");
    ck_assert_str_eq(te_span_attr_str(handler, "sentry.status.message"), "unavailable");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.status.message"), "unavailable");
    te_finish(env);
}
END_TEST

START_TEST(off_in_a_directory_or_htaccess_traces_nothing)
{
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf,
                        "<Location /dir>\nSentryTrace Off\n</Location>\n", NULL));
    ck_assert_int_eq(te_get(env, "/off/a.txt")->status, 200);
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    te_segment_of(env->store, "/hello.txt");
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 0);
    te_finish(env);
}
END_TEST

START_TEST(on_in_a_directory_traces_it_where_the_server_is_off)
{
    te_env_t *env =
        te_start(_i, "SentryTrace Off\n<Location /dir>\nSentryTrace On\n</Location>\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment_of(env->store, "/dir/part.html");
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", NULL), 1);
    te_finish(env);
}
END_TEST

START_TEST(off_leaves_included_parts_out)
{
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf,
                        "<Location /cgi>\nSentryTrace Off\n</Location>\n", NULL));
    ck_assert_int_eq(te_get(env, "/page.shtml")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "function", NULL), 2);
    ck_assert_int_eq(te_span_count(env->store, segment, "handler", "cgi-script"), 0);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, malformed_request_is_a_failed_segment);
    te_add_per_mpm(tcase, request_without_a_version_is_a_segment);
    te_add_per_mpm(tcase, slow_request_head_is_a_failed_segment);
    te_add_per_mpm(tcase, connections_without_a_request_are_no_segments);
    te_add_per_mpm(tcase, httpd_talking_to_itself_is_not_traced);
    te_add_per_mpm(tcase, client_that_goes_away_is_a_segment_without_size);
    te_add_per_mpm(tcase, dead_backend_fails_handler_and_segment);
    te_add_per_mpm(tcase, off_in_a_directory_or_htaccess_traces_nothing);
    te_add_per_mpm(tcase, on_in_a_directory_traces_it_where_the_server_is_off);
    te_add_per_mpm(tcase, off_leaves_included_parts_out);
}

int main(void)
{
    return te_main("e2e_rejected", add_cases);
}
