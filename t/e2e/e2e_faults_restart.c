/* SPDX-License-Identifier: Apache-2.0 */
/* Children that come and go under load: the queue stays, one sender follows the other, and every
 * answer has its segment, once. */

#include "te.h"

enum { PROJECT = 42, CONNECTIONS = 12 };

#define CHILDREN   "StartServers 2\nMaxKeepAliveRequests 40\n"
#define FILE_QUEUE "SentryTraceQueue 8M ${ROOT}/queue\n"

static void await_progress(te_env_t *env, te_load_t *load, int answered)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_load_progress(load) < answered) {
        ck_assert_msg(te_tick(deadline), "only %d answers", te_load_progress(load));
        te_sentry_collect(env->sentry);
    }
}

/* Everything that was asked for was answered, and everything answered was delivered. */
static void check_all(te_env_t *env, te_load_result_t result, int visits)
{
    ck_assert_int_eq(result.answered, visits);
    const te_account_t *account = te_law_settled(env, PROJECT, visits);
    ck_assert_uint_eq(account->delivered, (uint64_t)visits * TE_SPANS);
    te_law_agreed(env, PROJECT);
}

START_TEST(graceful_restarts_in_a_row_lose_and_double_nothing)
{
    enum { VISITS = 3000, RESTARTS = 8 };
    te_env_t *env = te_start(_i, TE_FAULT CHILDREN);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    for (int i = 1; i <= RESTARTS; i++) {
        await_progress(env, load, i * VISITS / (RESTARTS + 1));
        te_httpd_graceful(env->httpd);
    }
    check_all(env, te_load_finish(load), VISITS);
    te_finish(env);
}
END_TEST

START_TEST(children_of_few_connections_lose_and_double_nothing)
{
    enum { VISITS = 120 };
    te_env_t *env =
        te_start(_i, TE_FAULT "MaxKeepAliveRequests 4\nMaxConnectionsPerChild 10\n"
                              "SentryTraceShutdownTimeout 8s\n");
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    check_all(env, te_load_finish(load), VISITS);
    te_finish(env);
}
END_TEST

/* A restart cuts off requests, whose segments say so, and answers. */
static void check_cut(te_env_t *env, te_load_result_t result)
{
    result.answered += te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled_any(env, PROJECT);
    ck_assert_uint_eq(te_account_discarded(account), 0);
    te_law_agreed(env, PROJECT);
    ck_assert_int_ge(env->store->segment_count, result.answered);
    ck_assert_int_le(env->store->segment_count,
                     result.answered + result.failed + result.repeated);
}

/* What httpd says of children that do not end at once, and of those that crash at their end
 * (2.4.71: event's main thread closes the connections of workers that are still at it). */
static void allow_rough_ends(te_env_t *env)
{
    te_log_allow("exit signal Segmentation fault");
    te_log_allow("exit signal Aborted");
    te_sentry_expect_kills(env->sentry);
}

START_TEST(restarts_in_a_row_lose_nothing_that_was_answered)
{
    enum { VISITS = 2000, RESTARTS = 4 };
    te_env_t *env = te_start(_i, TE_FAULT CHILDREN);
    allow_rough_ends(env);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    for (int i = 1; i <= RESTARTS; i++) {
        await_progress(env, load, i * VISITS / (RESTARTS + 1));
        te_httpd_restart_under_load(env->httpd);
    }
    check_cut(env, te_load_finish(load));
    te_finish(env);
}
END_TEST

START_TEST(stops_and_starts_with_a_file_lose_nothing_that_was_answered)
{
    enum { VISITS = 100000, STOPS = 3, BETWEEN = 300, PAUSE_MS = 5 };
    te_env_t *env = te_start(_i, TE_FAULT CHILDREN FILE_QUEUE);
    allow_rough_ends(env);
    te_load_result_t sum = {.answered = 0};
    for (int i = 1; i <= STOPS; i++) {
        te_load_t *load =
            te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
        te_load_pace(load, PAUSE_MS); /* more than the file holds would come otherwise */
        await_progress(env, load, BETWEEN);
        te_httpd_stop_under_load(env->httpd);
        te_load_cancel(load);
        te_load_result_t result = te_load_finish(load);
        sum.answered += result.answered;
        sum.failed += result.failed;
        sum.repeated += result.repeated;
        te_env_run(env);
    }
    check_cut(env, sum);
    te_finish(env);
}
END_TEST

/* Half of what a server has waits when it is stopped, without any file. */
START_TEST(stops_without_a_file_flush)
{
    enum { VISITS = 400 };
    te_setup_t setup = {.mpm = _i,
                        .conf = TE_FAULT CHILDREN
                        "SentryTraceDSN ${DSN}\nSentryTraceFlush 60s\n"
                        "SentryTraceShutdownTimeout 8s\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    te_law_created(env, PROJECT, VISITS);
    te_close(env);
    ck_assert_int_eq(te_store_count(env->store), VISITS * TE_SPANS);
    te_finish(env);
}
END_TEST

/* One that has just been started has no name yet. */
static void await_one_thread(te_env_t *env)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    int count = te_sender_threads(env);
    while (count == 0) {
        ck_assert_msg(te_tick(deadline), "nobody sends");
        count = te_sender_threads(env);
    }
    ck_assert_int_eq(count, 1);
}

START_TEST(one_process_at_a_time_sends)
{
    enum { RESTARTS = 4 };
    te_env_t *env = te_start(_i, TE_FAULT CHILDREN);
    for (int i = 1; i <= RESTARTS; i++) {
        pid_t before = te_sender_pid(env);
        te_visit(env, 1);
        te_client_disconnect(env->client);
        te_httpd_graceful(env->httpd);
        te_sender_await_other(env, before);
        te_httpd_child_gone(env->httpd, before);
        te_law_settled(env, PROJECT, i);
        await_one_thread(env);
    }
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, graceful_restarts_in_a_row_lose_and_double_nothing);
    te_add_per_mpm(tcase, children_of_few_connections_lose_and_double_nothing);
    te_add_per_mpm(tcase, restarts_in_a_row_lose_nothing_that_was_answered);
    te_add_per_mpm(tcase, stops_and_starts_with_a_file_lose_nothing_that_was_answered);
    te_add_per_mpm(tcase, stops_without_a_file_flush);
    te_add_per_mpm(tcase, one_process_at_a_time_sends);
}

int main(void)
{
    return te_main("e2e_faults_restart", add_cases);
}
