/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests at once: each is delivered or counted. */

#include "te.h"

enum { CONNECTIONS = 32 };

/* Prefork children come one by one, unless they are there at the start. Much to send may be
 * left when a child ends. */
#define LOAD "StartServers 4\nSentryTraceShutdownTimeout 8s\nMaxKeepAliveRequests 500\n"

/* Soon full. */
#define SMALL_QUEUE "SentryTraceQueue 256K\n"

/* Spans of one request: how many there are in each trace. */
static int spans_per_request(const te_env_t *env)
{
    return te_span_count(env->store, te_segment(env->store, 0), NULL, NULL);
}

/* Waits until all spans of so many requests were delivered or reported. */
static void await_accounted(te_env_t *env, int requests)
{
    te_deadline_t deadline = te_deadline(2 * TE_PATIENCE_SEC);
    te_sentry_await_segments(env->sentry, 1);
    long expected = (long)requests * spans_per_request(env);
    while (te_store_count(env->store) + te_store_discarded(env->store, NULL) < expected) {
        ck_assert_msg(te_tick(deadline), "%d spans arrived, %ld reported, of %ld",
                      te_store_count(env->store), te_store_discarded(env->store, NULL),
                      expected);
        te_sentry_collect(env->sentry);
    }
}

/* Nothing more may have come when the server has ended. */
static void check_accounted(te_env_t *env, int requests)
{
    te_close(env);
    ck_assert_int_eq(te_store_count(env->store) + te_store_discarded(env->store, NULL),
                     requests * spans_per_request(env));
    ck_assert_int_eq(te_store_discarded(env->store, NULL),
                     te_store_discarded(env->store, "queue_overflow"));
}

START_TEST(every_request_is_delivered_or_counted)
{
    enum { VISITS = 10000 };
    te_log_allow("ST0108");
    te_env_t *env = te_start(_i, LOAD);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    ck_assert_int_eq(result.failed, 0);
    await_accounted(env, VISITS);
    check_accounted(env, VISITS);
    te_finish(env);
}
END_TEST

/* Waits until the load has got that far, and reads what arrives meanwhile. */
static void await_progress(te_env_t *env, te_load_t *load, int answered)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_load_progress(load) < answered) {
        ck_assert_msg(te_tick(deadline), "only %d answers", te_load_progress(load));
        te_sentry_collect(env->sentry);
    }
}

START_TEST(graceful_restarts_under_load_lose_nothing)
{
    enum { VISITS = 8000, RESTARTS = 3 };
    te_env_t *env = te_start(_i, LOAD);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS / 2);
    for (int i = 1; i <= RESTARTS; i++) {
        await_progress(env, load, i * VISITS / (RESTARTS + 1));
        te_httpd_graceful(env->httpd);
    }
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    ck_assert_int_eq(result.failed, 0);
    await_accounted(env, VISITS);
    check_accounted(env, VISITS);
    te_finish(env);
}
END_TEST

START_TEST(full_queue_drops_and_counts)
{
    enum { VISITS = 3000 };
    te_log_allow("ST0111"); /* the queue is nearly full */
    te_log_allow("ST0106"); /* more were lost */
    te_log_allow("ST0107"); /* more were lost, at the end */
    te_env_t *env = te_start(_i, LOAD SMALL_QUEUE);
    te_server_answer(env->sentry->server, &(te_answer_t){.delay_ms = 400});
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS / 2);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    await_accounted(env, VISITS);
    ck_assert_int_gt(te_store_discarded(env->store, "queue_overflow"), 0);
    check_accounted(env, VISITS);
    te_finish(env);
}
END_TEST

START_TEST(streams_of_one_connection_are_kept_apart)
{
    enum { VISITS = 1000, STREAMS = 50 };
    te_setup_t setup = {.mpm = _i,
                        .conf = "Protocols h2 http/1.1\n" TE_DSN LOAD TE_TLS_VHOST("")};
    te_env_t *env = te_env_make(&setup, __func__);
    te_tls_make(env->httpd->root, te_pool);
    te_env_run(env);
    const char *url =
        apr_psprintf(te_pool, "https://127.0.0.1:%d/hello.txt", env->httpd->ports[1]);
    int answered =
        te_burst(url, te_tls_certificate(env->httpd->root, te_pool), VISITS, STREAMS);
    ck_assert_int_eq(answered, VISITS);
    te_await(env, VISITS);
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (span->is_segment && i < 500) {
            ck_assert_int_eq(te_span_count(env->store, span, "handler", NULL), 1);
        }
    }
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, every_request_is_delivered_or_counted);
    te_add_per_mpm(tcase, graceful_restarts_under_load_lose_nothing);
    te_add_per_mpm(tcase, full_queue_drops_and_counts);
    te_add_per_threaded_mpm(tcase, streams_of_one_connection_are_kept_apart);
}

int main(void)
{
    return te_main("e2e_load", add_cases);
}
