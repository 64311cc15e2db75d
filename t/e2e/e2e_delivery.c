/* SPDX-License-Identifier: Apache-2.0 */
/* How spans get to Sentry, and that those which do not are counted. */

#include "te.h"

START_TEST(one_connection_is_kept)
{
    te_env_t *env = te_start(_i, "");
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
        te_await(env, i);
    }
    ck_assert_int_eq(te_server_connection_count(env->sentry->server), 1);
    te_finish(env);
}
END_TEST

START_TEST(large_envelopes_are_compressed)
{
    te_env_t *env = te_start(_i, te_site_conf);
    const char *page = "";
    for (int i = 0; i < 60; i++) {
        page =
            apr_pstrcat(te_pool, page, "<!--#include virtual=\"/hello.txt\" -->\n", NULL);
    }
    te_write(env->httpd->root, "docs/many.shtml", page);
    ck_assert_int_eq(te_get(env, "/many.shtml")->status, 200);
    te_await(env, 1);
    const te_message_t *message = te_server_message(env->sentry->server, 0);
    char encoding[16];
    ck_assert_str_eq(te_message_header(message, "Content-Encoding", encoding, 16),
                     "gzip");
    ck_assert_uint_gt(message->len, 32 * 1024);
    ck_assert_uint_lt(message->sent_len, message->len / 4);
    te_finish(env);
}
END_TEST

START_TEST(envelopes_are_not_chunked_and_accept_no_cookies)
{
    te_env_t *env = te_start(_i, "");
    te_server_answer(env->sentry->server,
                     &(te_answer_t){.headers = "Set-Cookie: a=b; Path=/\r\n"});
    for (int i = 1; i <= 2; i++) {
        te_get(env, "/hello.txt");
        te_await(env, i);
        const te_message_t *message = te_server_message(env->sentry->server, i - 1);
        char value[32];
        ck_assert_ptr_nonnull(
            te_message_header(message, "Content-Length", value, sizeof(value)));
        ck_assert_ptr_null(te_message_header(message, "Cookie", value, sizeof(value)));
        ck_assert_ptr_null(te_message_header(message, "Expect", value, sizeof(value)));
    }
    te_finish(env);
}
END_TEST

/* An answer, and what becomes of the spans that got it. */
typedef struct fault_t {
    te_answer_t answer;
    const char *reason; /* in client reports; NULL: none, or delivered */
    int delivered;
    int again; /* 1: they are sent again, and then delivered */
} fault_t;

static const fault_t faults[] = {
    {.answer = {.status = 400}, .reason = "send_error"},
    {.answer = {.status = 401}, .reason = "send_error"},
    {.answer = {.status = 403}, .reason = "send_error"},
    {.answer = {.status = 413}, .reason = "send_error"},
    {.answer = {.status = 500}, .reason = "send_error"},
    {.answer = {.status = 503}, .delivered = 1, .again = 1},
    {.answer = {.status = 302, .headers = "Location: /elsewhere\r\n"},
     .reason = "send_error"},
    /* A limit on something else: the next spans are sent all the same. */
    {.answer = {.status = 429,
                .headers = "X-Sentry-Rate-Limits: 60:error:organization\r\n"},
     .reason = NULL},
    {.answer = {.cut = TE_CUT_BEFORE}, .delivered = 1, .again = 1},
    {.answer = {.cut = TE_CUT_STATUS}, .delivered = 1, .again = 1},
    {.answer = {.cut = TE_CUT_BODY}, .delivered = 1},
    {.answer = {.cut = TE_CUT_AFTER}, .delivered = 1},
    {.answer = {.delay_ms = 150}, .delivered = 1},
};

/* Messages that tell of losses. */
static void allow_losses(void)
{
    te_log_allow("ST0101"); /* no answer */
    te_log_allow("ST0102"); /* refused */
    te_log_allow("ST0103"); /* rate limited */
    te_log_allow("ST0106"); /* more were lost */
    te_log_allow("ST0107"); /* more were lost, at the end */
}

/* Waits until `count` spans of the reason have been reported. */
static void await_reported(te_env_t *env, const char *reason, long count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(env->sentry);
    while (te_store_discarded(env->store, reason) < count) {
        ck_assert_msg(te_tick(deadline), "%s: %ld of %ld spans reported", reason,
                      te_store_discarded(env->store, reason), count);
        te_sentry_collect(env->sentry);
    }
}

/* Waits until the answers to that many segments are over. */
static void await_answered(te_env_t *env, int segments)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(env->sentry);
    while (env->store->segment_count + env->store->rejected_segment_count < segments) {
        ck_assert_msg(te_tick(deadline), "%d segments came in", segments);
        te_sentry_collect(env->sentry);
    }
}

/* _i counts through the faults. What gets lost is the same on every MPM. */
START_TEST(created_is_delivered_and_reported)
{
    enum { LOST = 3 };
    const fault_t *fault = &faults[_i];
    allow_losses();
    te_env_t *env = te_start((te_mpm_t)(_i % TE_MPM_COUNT), "");
    te_server_answer(env->sentry->server, &fault->answer);
    for (int i = 0; i < LOST; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
        /* An endpoint that cannot now is asked less and less often. */
        await_answered(env, fault->again ? 1 : i + 1);
    }
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, fault->delivered ? LOST + 1 : 1);
    int spans = te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
    if (fault->reason != NULL) {
        await_reported(env, fault->reason, LOST * spans);
    }
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL),
                     fault->reason != NULL ? LOST * spans : 0);
    ck_assert_int_eq(te_store_count(env->store),
                     (fault->delivered ? LOST + 1 : 1) * spans);
    te_finish(env);
}
END_TEST

START_TEST(refused_connections_lose_nothing)
{
    enum { REQUESTS = 4 };
    te_log_allow("ST0101");
    te_env_t *env = te_start(_i, "");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_sentry_await_segments(env->sentry, 1);
    te_server_refuse(env->sentry->server, 1);
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    te_log_await(env->httpd, "ST0101");
    te_server_refuse(env->sentry->server, 0);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, REQUESTS + 2);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 0);
    te_finish(env);
}
END_TEST

/* The server said at its end that this many spans are lost. */
static void expect_lost(te_env_t *env, int spans)
{
    const char *line = apr_psprintf(te_pool, "ST0018: %d spans", spans);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0018"), 1);
    ck_assert_int_eq(te_log_count(env->httpd, line), 1);
}

START_TEST(one_dead_destination_does_not_hold_up_another)
{
    enum { LOST = 3 };
    te_log_allow("ST0101");
    te_log_allow("ST0018");
    te_server_t *dead = te_server_start();
    te_server_answer(dead, &(te_answer_t){.cut = TE_CUT_HOLE});
    te_env_t *env = te_start(
        _i, apr_psprintf(te_pool,
                         "SentryTraceShutdownTimeout 300ms\n"
                         "Listen 127.0.0.1:${PORT2}\n<VirtualHost 127.0.0.1:${PORT2}>\n"
                         "ServerName two\nSentryTraceDSN http://" TE_SENTRY_KEY
                         "@127.0.0.1:%d/9\n"
                         "</VirtualHost>\n",
                         te_server_port(dead)));
    te_client_t *client = te_client_create(env->httpd->ports[1], te_pool);
    for (int i = 0; i < LOST; i++) {
        ck_assert_int_eq(te_client_get(client, "/hello.txt")->status, 200);
    }
    te_client_disconnect(client);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(dead) == 0) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
        te_await(env, i);
    }
    te_close(env);
    int spans = te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
    expect_lost(env, LOST * spans);
    te_finish(env);
    te_server_stop(dead);
}
END_TEST

START_TEST(stop_does_not_wait_for_a_black_hole)
{
    enum { LOST = 20 };
    te_log_allow("ST0018"); /* could not be sent before the end */
    te_env_t *env = te_start(_i, "SentryTraceShutdownTimeout 500ms\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    te_server_answer(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    for (int i = 0; i < LOST; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    te_sentry_await_reads(env->sentry, 2);
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404); /* the others are over */
    te_close(env); /* fails when the processes do not end */
    expect_lost(env, LOST * te_store_count(env->store));
    te_finish(env);
}
END_TEST

START_TEST(timeout_ends_a_call)
{
    te_log_allow("ST0101");
    te_env_t *env = te_start(_i, "SentryTraceTimeout 200ms\n");
    te_server_answer_next(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_sentry_await_reads(env->sentry, 1);
    te_log_await(env->httpd, "ST0101");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 2);
    te_finish(env);
}
END_TEST

START_TEST(file_dsn_collects_envelopes)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = "SentryTraceDSN file:${ROOT}/spool/out\n"
                                "SentryTraceFlush 100ms\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404); /* the others are over */
    te_close(env);
    te_store_t *store =
        te_store_read(te_path(env->httpd->root, "spool/out", te_pool), te_pool);
    te_store_check(store);
    ck_assert_int_eq(store->segment_count, 5);
    ck_assert_int_eq(env->store->envelope_count, 0);
    te_finish(env);
}
END_TEST

/* A sink behind TLS. */
static te_env_t *start_tls_sink(const char *name)
{
    te_setup_t setup = {.mpm = TE_EVENT, /* prefork would make a second connection wait */
                        .conf = TE_TLS_VHOST("SetHandler sentry-trace-sink\n"
                                             "SentryTraceSinkFile ${ROOT}/spool/sink\n")};
    te_env_t *env = te_env_make(&setup, name);
    te_tls_make(env->httpd->root, te_pool);
    te_env_run(env);
    return env;
}

/* A server that traces into the sink, with more lines. */
static te_env_t *start_to_sink(te_mpm_t mpm, const te_env_t *sink, const char *lines,
                               const char *name)
{
    te_setup_t setup = {.mpm = mpm,
                        .conf = apr_psprintf(te_pool,
                                             "SentryTraceDSN https://" TE_SENTRY_KEY
                                             "@127.0.0.1:%d/42\n"
                                             "SentryTraceFlush 100ms\n%s",
                                             sink->httpd->ports[1], lines)};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    return env;
}

START_TEST(tls_delivers_to_whom_the_ca_vouches_for)
{
    te_env_t *sink = start_tls_sink(__func__);
    const char *ca = te_tls_certificate(sink->httpd->root, te_pool);
    te_env_t *env = start_to_sink(
        _i, sink, apr_pstrcat(te_pool, "SentryTraceCACertificateFile ", ca, "\n", NULL),
        __func__);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404);
    te_finish(env);
    te_store_t *store =
        te_store_read(te_path(sink->httpd->root, "spool/sink", te_pool), te_pool);
    te_store_check(store);
    ck_assert_int_eq(store->segment_count, 3);
    te_finish(sink);
}
END_TEST

START_TEST(tls_refuses_whom_nobody_vouches_for)
{
    te_log_allow("ST0101");
    te_log_allow("ST0018"); /* and there is nobody else to send to */
    te_env_t *sink = start_tls_sink(__func__);
    te_env_t *env = start_to_sink(_i, sink, "", __func__);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_log_await(env->httpd, "ST0101");
    te_finish(env);
    te_store_t *store =
        te_store_read(te_path(sink->httpd->root, "spool/sink", te_pool), te_pool);
    ck_assert_int_eq(store->envelope_count, 0);
    te_finish(sink);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, one_connection_is_kept);
    te_add_per_mpm(tcase, large_envelopes_are_compressed);
    te_add_per_mpm(tcase, envelopes_are_not_chunked_and_accept_no_cookies);
    tcase_add_loop_test(tcase, created_is_delivered_and_reported, 0,
                        sizeof(faults) / sizeof(*faults));
    te_add_per_mpm(tcase, refused_connections_lose_nothing);
    te_add_per_mpm(tcase, one_dead_destination_does_not_hold_up_another);
    te_add_per_mpm(tcase, stop_does_not_wait_for_a_black_hole);
    te_add_per_mpm(tcase, timeout_ends_a_call);
    te_add_per_mpm(tcase, file_dsn_collects_envelopes);
    te_add_per_mpm(tcase, tls_delivers_to_whom_the_ca_vouches_for);
    te_add_per_mpm(tcase, tls_refuses_whom_nobody_vouches_for);
}

int main(void)
{
    return te_main("e2e_delivery", add_cases);
}
