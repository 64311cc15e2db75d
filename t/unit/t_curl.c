/* SPDX-License-Identifier: Apache-2.0 */
/* The curl transport against a server on the loopback. */
#include "t.h"
#include "t_http.h"
#include "st_transport.h"

#include <apr_strings.h>
#include <sys/eventfd.h>
#include <zlib.h>

#define KEY        "0123456789abcdef0123456789abcdef"
#define AGENT      "sentry.httpd/9.8.7"
#define REQUESTS   64
#define DEADLINE   (20 * ST_NS_PER_SEC) /* for things that take milliseconds */
#define TIMEOUT_US (10 * 1000 * 1000)

/* Requests as the server saw them, and answers as the transport gave them. */
static t_http_request_t seen[REQUESTS];
static int seen_count;
static st_answer_t answers[REQUESTS];
static char answer_detail[256];
static int answer_count;

static st_transport_t *transport;
static st_dest_t dest;
static int wake_fd;

static void on_request(const t_http_request_t *request, void *baton)
{
    ck_assert_int_lt(seen_count, REQUESTS);
    t_http_request_t *copy = &seen[seen_count++];
    *copy = *request;
    copy->head = strdup(request->head);
    copy->body = malloc(request->len + 1);
    memcpy(copy->body, request->body, request->len);
}

static void on_answer(const st_answer_t *answer, void *baton)
{
    ck_assert_ptr_eq(baton, &answers);
    ck_assert_int_lt(answer_count, REQUESTS);
    apr_cpystrn(answer_detail, answer->detail, sizeof(answer_detail));
    st_answer_t *copy = &answers[answer_count++];
    *copy = *answer;
    copy->detail = NULL; /* no longer valid */
    copy->limits = apr_pstrdup(t_pool, answer->limits);
    copy->retry_after = apr_pstrdup(t_pool, answer->retry_after);
}

/* Makes `transport` with `dest`, which leads to the DSN. */
static void connect_dsn(const char *text, apr_interval_time_t timeout)
{
    static st_dest_table_t table;
    const char *why = NULL;
    st_dsn_t *dsn;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    dest = (st_dest_t){.dsn = dsn, .environment = "production", .timeout = timeout};
    table = (st_dest_table_t){.dests = &dest, .count = 1, .endpoint_count = 1};
    ck_assert_int_eq(st_curl_create(&transport, &table, AGENT, t_pool), APR_SUCCESS);
    transport->answer = on_answer;
    transport->baton = &answers;
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_ge(wake_fd, 0);
}

static void connect_to(const char *scheme, unsigned port, apr_interval_time_t timeout)
{
    connect_dsn(apr_psprintf(t_pool, "%s://" KEY "@127.0.0.1:%u/base/42", scheme, port),
                timeout);
}

static void disconnect(void)
{
    transport->ops->destroy(transport);
    close(wake_fd);
}

static void submit(const char *body, size_t len, void *parcel)
{
    ck_assert_int_gt(transport->ops->room(transport, &dest), 0);
    ck_assert_int_eq(transport->ops->submit(transport, &dest, body, len, parcel),
                     APR_SUCCESS);
}

/* Drives until `count` answers have come in all. */
static void drive_until(int count)
{
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    while (answer_count < count) {
        ck_assert_msg(st_clock_mono() < deadline, "%d of %d answers", answer_count,
                      count);
        int woken;
        ck_assert_int_eq(
            transport->ops->drive(transport, wake_fd, 100 * ST_NS_PER_MS, &woken),
            APR_SUCCESS);
        ck_assert_int_eq(woken, 0);
    }
}

static void post(const char *body, size_t len)
{
    submit(body, len, NULL);
    drive_until(answer_count + 1);
}

static void expect_status(int i, int http_status)
{
    ck_assert_int_eq(answers[i].rv, APR_SUCCESS);
    ck_assert_int_eq(answers[i].http_status, http_status);
}

static void expect_no_answer(int i)
{
    ck_assert_int_eq(answers[i].rv, ST_E_NETWORK);
    ck_assert_int_eq(answers[i].http_status, 0);
    ck_assert_str_ne(answer_detail, "");
}

/* Runs one request against a server that answers `status`. */
static void post_to(int status, apr_interval_time_t timeout)
{
    t_http_t *http = t_http_start(&status, 1, on_request, NULL);
    connect_to("http", http->port, timeout);
    post("{}\n", 3);
    disconnect();
    t_http_stop(http);
    ck_assert_int_eq(answer_count, 1);
}

START_TEST(a_request_is_exactly_what_sentry_expects)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    post("{\"a\":1}\nx", 9);
    disconnect();
    t_http_stop(http);
    expect_status(0, 200);
    ck_assert_int_eq(seen_count, 1);
    const char *want =
        apr_psprintf(t_pool,
                     "POST /base/api/42/envelope/ HTTP/1.1\r\n"
                     "Host: 127.0.0.1:%u\r\n"
                     "User-Agent: " AGENT "\r\n"
                     "Content-Type: application/x-sentry-envelope\r\n"
                     "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=" AGENT
                     ", sentry_key=" KEY "\r\n"
                     "Content-Length: 9\r\n\r\n",
                     http->port);
    ck_assert_str_eq(seen[0].head, want);
    ck_assert_mem_eq(seen[0].body, "{\"a\":1}\nx", 9);
}
END_TEST

START_TEST(a_secret_is_sent_when_the_dsn_has_one)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_dsn(apr_psprintf(t_pool, "http://" KEY ":5ecret@127.0.0.1:%u/1", http->port),
                TIMEOUT_US);
    post("{}", 2);
    disconnect();
    t_http_stop(http);
    ck_assert_ptr_nonnull(
        strstr(seen[0].head, ", sentry_key=" KEY ", sentry_secret=5ecret\r\n"));
}
END_TEST

START_TEST(many_posts_share_one_connection)
{
    static const int script[] = {200, 400, 429, 503, 200};
    t_http_t *http = t_http_start(script, 5, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    for (int i = 0; i < 20; i++) {
        post("{}\n", 3);
    }
    disconnect();
    t_http_stop(http);
    ck_assert_int_eq(http->connection_count, 1);
    ck_assert_int_eq(http->request_count, 20);
    expect_status(0, 200);
    expect_status(1, 400);
    expect_status(2, 429);
    expect_status(3, 503);
    expect_status(19, 200);
}
END_TEST

START_TEST(what_an_answer_says_of_limits_is_told_with_it)
{
    static const int script[] = {429, 200, T_HTTP_LIMITS, 200};
    t_http_t *http = t_http_start(script, 4, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    st_ns_t before = st_clock_mono();
    for (int i = 0; i < 4; i++) {
        post("{}\n", 3);
        ck_assert_int_ge(answers[i].at, before);
        ck_assert_int_le(answers[i].at, st_clock_mono());
    }
    disconnect();
    t_http_stop(http);
    ck_assert_str_eq(answers[0].retry_after, "7");
    ck_assert_ptr_null(answers[0].limits);
    ck_assert_ptr_null(answers[1].retry_after);
    expect_status(2, 200);
    ck_assert_str_eq(answers[2].limits, "60:span:key,70:error, 80::org");
    ck_assert_ptr_null(answers[3].limits);
}
END_TEST

START_TEST(destinations_that_are_unused_are_passed_over)
{
    static const int script[] = {200};
    static st_dest_t dests[4];
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    disconnect();
    for (int i = 0; i < 4; i++) {
        dests[i] = (st_dest_t){.endpoint = -1};
    }
    dests[2] = dest;
    dests[2].endpoint = 3;
    st_dest_table_t table = {.dests = dests, .count = 4, .endpoint_count = 5};
    ck_assert_int_eq(st_curl_create(&transport, &table, AGENT, t_pool), APR_SUCCESS);
    transport->answer = on_answer;
    transport->baton = &answers;
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_eq(transport->ops->room(transport, &dests[2]), 8);
    ck_assert_int_eq(transport->ops->submit(transport, &dests[2], "{}\n", 3, NULL),
                     APR_SUCCESS);
    drive_until(1);
    disconnect();
    t_http_stop(http);
    expect_status(0, 200);
}
END_TEST

START_TEST(a_connection_that_was_closed_while_idle_costs_nothing)
{
    static const int script[] = {T_HTTP_HANG_UP};
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    for (int i = 0; i < 20; i++) {
        post("{}\n", 3);
        expect_status(i, 200);
    }
    disconnect();
    t_http_stop(http);
    ck_assert_int_eq(http->connection_count, 20);
}
END_TEST

START_TEST(eight_posts_fly_at_a_time_and_each_is_answered_once)
{
    static const int script[] = {200};
    static char parcels[32];
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    for (int round = 0; round < 4; round++) {
        ck_assert_int_eq(transport->ops->room(transport, &dest), 8);
        for (int i = 0; i < 8; i++) {
            submit("{}\n", 3, &parcels[round * 8 + i]);
        }
        ck_assert_int_eq(transport->ops->room(transport, &dest), 0);
        drive_until(8 * (round + 1));
    }
    disconnect();
    t_http_stop(http);
    int times[32] = {0};
    for (int i = 0; i < 32; i++) {
        expect_status(i, 200);
        times[(char *)answers[i].parcel - parcels]++;
    }
    for (int i = 0; i < 32; i++) {
        ck_assert_int_eq(times[i], 1);
    }
    ck_assert_int_le(http->connection_count, 8);
}
END_TEST

START_TEST(a_redirect_is_an_answer_and_is_not_followed)
{
    post_to(302, TIMEOUT_US);
    expect_status(0, 302);
    ck_assert_int_eq(seen_count, 1);
}
END_TEST

START_TEST(a_connection_closed_without_an_answer_is_a_network_error)
{
    post_to(T_HTTP_CLOSE, TIMEOUT_US);
    expect_no_answer(0);
}
END_TEST

START_TEST(a_connection_closed_within_the_status_line_is_a_network_error)
{
    post_to(T_HTTP_CUT_HEAD, TIMEOUT_US);
    expect_no_answer(0);
}
END_TEST

START_TEST(a_connection_closed_within_the_body_leaves_the_status_standing)
{
    post_to(T_HTTP_CUT_BODY, TIMEOUT_US);
    expect_status(0, 200);
}
END_TEST

START_TEST(an_endless_body_is_cut_and_the_status_counts)
{
    post_to(T_HTTP_LONG_BODY, TIMEOUT_US);
    expect_status(0, 200);
}
END_TEST

START_TEST(a_server_that_says_nothing_is_a_network_error_after_the_timeout)
{
    post_to(T_HTTP_SILENT, 100 * 1000);
    expect_no_answer(0);
}
END_TEST

START_TEST(a_refused_connection_is_a_network_error)
{
    unsigned port;
    int fd = t_http_listen(&port);
    close(fd);
    connect_to("http", port, TIMEOUT_US);
    post("{}\n", 3);
    disconnect();
    expect_no_answer(0);
}
END_TEST

START_TEST(a_name_that_does_not_resolve_is_a_network_error)
{
    connect_dsn("http://" KEY "@nowhere.invalid:80/1", TIMEOUT_US);
    post("{}\n", 3);
    disconnect();
    expect_no_answer(0);
}
END_TEST

START_TEST(a_server_without_tls_is_a_network_error_for_https)
{
    static const int script[] = {T_HTTP_CLOSE};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    connect_to("https", http->port, 500 * 1000);
    post("{}\n", 3);
    disconnect();
    t_http_stop(http);
    expect_no_answer(0);
}
END_TEST

/* Text that compresses, but not to nothing. */
static char *big_body(size_t len)
{
    char *body = apr_palloc(t_pool, len);
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)('a' + (i * i / 7) % 23);
    }
    return body;
}

static void expect_inflates_to(const t_http_request_t *request, const char *body,
                               size_t len)
{
    char *out = apr_palloc(t_pool, len + 1);
    z_stream stream = {.next_in = (Bytef *)request->body,
                       .avail_in = (uInt)request->len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)len + 1};
    ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(stream.total_out, len);
    ck_assert_mem_eq(out, body, len);
    inflateEnd(&stream);
}

START_TEST(bodies_above_32_kib_are_gzipped_and_smaller_ones_are_not)
{
    static const int script[] = {200};
    enum { EDGE = 32 * 1024 };
    char *body = big_body(EDGE + 1);
    t_http_t *http = t_http_start(script, 1, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    post(body, EDGE);
    post(body, EDGE + 1);
    post(body, EDGE);
    disconnect();
    t_http_stop(http);
    ck_assert_ptr_null(strcasestr(seen[0].head, "Content-Encoding"));
    ck_assert_uint_eq(seen[0].len, EDGE);
    ck_assert_ptr_nonnull(strstr(seen[1].head, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert_uint_lt(seen[1].len, EDGE / 2);
    expect_inflates_to(&seen[1], body, EDGE + 1);
    ck_assert_ptr_null(strcasestr(seen[2].head, "Content-Encoding"));
    ck_assert_uint_eq(seen[2].len, EDGE);
}
END_TEST

START_TEST(after_a_415_large_bodies_go_out_as_they_are)
{
    static const int script[] = {415, 200};
    enum { LEN = 100 * 1000 };
    char *body = big_body(LEN);
    t_http_t *http = t_http_start(script, 2, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    post(body, LEN);
    post(body, LEN);
    disconnect();
    t_http_stop(http);
    expect_status(0, 415);
    expect_status(1, 200);
    ck_assert_ptr_nonnull(strstr(seen[0].head, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert_ptr_null(strcasestr(seen[1].head, "Content-Encoding"));
    ck_assert_uint_eq(seen[1].len, LEN);
    ck_assert_mem_eq(seen[1].body, body, LEN);
}
END_TEST

START_TEST(a_415_to_a_plain_body_changes_nothing)
{
    static const int script[] = {415, 200};
    enum { LEN = 100 * 1000 };
    t_http_t *http = t_http_start(script, 2, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    post("{}\n", 3);
    post(big_body(LEN), LEN);
    disconnect();
    t_http_stop(http);
    ck_assert_ptr_nonnull(strstr(seen[1].head, "\r\nContent-Encoding: gzip\r\n"));
}
END_TEST

START_TEST(a_body_of_several_megabytes_arrives_without_expect)
{
    static const int script[] = {200, 415, 200};
    enum { LEN = 3 * 1000 * 1000 };
    char *body = big_body(LEN);
    t_http_t *http = t_http_start(script, 3, on_request, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    for (int i = 0; i < 3; i++) {
        post(body, LEN);
    }
    disconnect();
    t_http_stop(http);
    ck_assert_ptr_null(strcasestr(seen[2].head, "Expect"));
    ck_assert_uint_eq(seen[2].len, LEN);
    ck_assert_mem_eq(seen[2].body, body, LEN);
    expect_status(2, 200);
}
END_TEST

START_TEST(a_readable_wake_up_descriptor_ends_the_wait_and_is_told)
{
    static const int script[] = {T_HTTP_SILENT};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    submit("{}\n", 3, NULL);
    uint64_t one = 1;
    ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    int woken = 0;
    while (!woken && st_clock_mono() < deadline) {
        ck_assert_int_eq(transport->ops->drive(transport, wake_fd, DEADLINE, &woken),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(woken, 1);
    ck_assert_int_eq(answer_count, 0);
    transport->ops->abort(transport);
    disconnect();
    t_http_stop(http);
}
END_TEST

START_TEST(abort_answers_everything_in_flight_at_once)
{
    static const int script[] = {T_HTTP_SILENT};
    static char parcels[8];
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    for (int i = 0; i < 8; i++) {
        submit("{}\n", 3, &parcels[i]);
    }
    int woken;
    ck_assert_int_eq(transport->ops->drive(transport, wake_fd, 0, &woken), APR_SUCCESS);
    transport->ops->abort(transport);
    ck_assert_int_eq(answer_count, 8);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(answers[i].rv, APR_EINTR);
    }
    ck_assert_int_eq(transport->ops->room(transport, &dest), 8);
    disconnect();
    t_http_stop(http);
}
END_TEST

START_TEST(destinations_of_one_endpoint_use_the_same_connection)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    connect_to("http", http->port, TIMEOUT_US);
    st_dest_t other = dest;
    other.environment = "staging";
    post("{}\n", 3);
    ck_assert_int_eq(transport->ops->submit(transport, &other, "{}\n", 3, NULL),
                     APR_SUCCESS);
    drive_until(2);
    disconnect();
    t_http_stop(http);
    ck_assert_int_eq(http->connection_count, 1);
    ck_assert_int_eq(http->request_count, 2);
}
END_TEST

static void teardown(void)
{
    for (int i = 0; i < seen_count; i++) {
        free(seen[i].head);
        free(seen[i].body);
    }
}

static void setup(void)
{
    /* A proxy of whoever runs the test has no business here. */
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
}

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_request_is_exactly_what_sentry_expects);
    tcase_add_test(tc, a_secret_is_sent_when_the_dsn_has_one);
    tcase_add_test(tc, many_posts_share_one_connection);
    tcase_add_test(tc, what_an_answer_says_of_limits_is_told_with_it);
    tcase_add_test(tc, destinations_that_are_unused_are_passed_over);
    tcase_add_test(tc, a_connection_that_was_closed_while_idle_costs_nothing);
    tcase_add_test(tc, eight_posts_fly_at_a_time_and_each_is_answered_once);
    tcase_add_test(tc, a_redirect_is_an_answer_and_is_not_followed);
    tcase_add_test(tc, a_connection_closed_without_an_answer_is_a_network_error);
    tcase_add_test(tc, a_connection_closed_within_the_status_line_is_a_network_error);
    tcase_add_test(tc, a_connection_closed_within_the_body_leaves_the_status_standing);
    tcase_add_test(tc, an_endless_body_is_cut_and_the_status_counts);
    tcase_add_test(tc, a_server_that_says_nothing_is_a_network_error_after_the_timeout);
    tcase_add_test(tc, a_refused_connection_is_a_network_error);
    tcase_add_test(tc, a_name_that_does_not_resolve_is_a_network_error);
    tcase_add_test(tc, a_server_without_tls_is_a_network_error_for_https);
    tcase_add_test(tc, bodies_above_32_kib_are_gzipped_and_smaller_ones_are_not);
    tcase_add_test(tc, after_a_415_large_bodies_go_out_as_they_are);
    tcase_add_test(tc, a_415_to_a_plain_body_changes_nothing);
    tcase_add_test(tc, a_body_of_several_megabytes_arrives_without_expect);
    tcase_add_test(tc, a_readable_wake_up_descriptor_ends_the_wait_and_is_told);
    tcase_add_test(tc, abort_answers_everything_in_flight_at_once);
    tcase_add_test(tc, destinations_of_one_endpoint_use_the_same_connection);
}

T_MAIN("curl", add_cases)
