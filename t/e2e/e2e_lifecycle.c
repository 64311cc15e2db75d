/* SPDX-License-Identifier: Apache-2.0 */
/* Children and servers that end: what they still hold goes out first. */

#include "te.h"

#include <signal.h>

enum { REQUESTS = 5 };

/* Requests whose spans would go out much later by themselves. */
static te_env_t *start_with_spans_waiting(te_mpm_t mpm, const char *name)
{
    te_setup_t setup = {.mpm = mpm,
                        .conf = "SentryTraceDSN ${DSN}\nSentryTraceFlush 60s\n"};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    /* An untraced one on the same connection: when it is answered the others are over. */
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404);
    te_client_disconnect(env->client);
    return env;
}

START_TEST(stop_flushes)
{
    te_env_t *env = start_with_spans_waiting(_i, __func__);
    te_httpd_stop(env->httpd);
    te_close(env);
    ck_assert_int_eq(env->store->segment_count, REQUESTS);
    te_finish(env);
}
END_TEST

START_TEST(graceful_stop_flushes)
{
    te_env_t *env = start_with_spans_waiting(_i, __func__);
    te_httpd_stop_gracefully(env->httpd);
    te_close(env);
    ck_assert_int_eq(env->store->segment_count, REQUESTS);
    te_finish(env);
}
END_TEST

START_TEST(graceful_restart_flushes_and_goes_on)
{
    te_env_t *env = start_with_spans_waiting(_i, __func__);
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, REQUESTS + 1);
    te_finish(env);
}
END_TEST

START_TEST(restart_flushes_and_goes_on)
{
    te_env_t *env = start_with_spans_waiting(_i, __func__);
    te_httpd_restart(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, REQUESTS + 1);
    te_finish(env);
}
END_TEST

START_TEST(counted_drops_are_reported_at_the_end)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = "SentryTraceDSN ${DSN}\nSentryTraceFlush 60s\n"
                                "SentryTraceSampleRate 0\nSentryTraceSpans None\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), REQUESTS);
    te_finish(env);
}
END_TEST

START_TEST(children_that_retire_lose_nothing)
{
    enum { VISITS = 20 };
    te_env_t *env = te_start(_i, "MaxConnectionsPerChild 3\n");
    te_request_t request = {.path = "/hello.txt", .fresh = 1};
    for (int i = 0; i < VISITS; i++) {
        ck_assert_int_eq(te_do(env, &request)->status, 200);
        te_client_disconnect(env->client);
    }
    te_await(env, VISITS);
    te_finish(env);
}
END_TEST

START_TEST(new_configuration_holds_after_a_graceful_restart)
{
    te_env_t *env = te_start(_i, "SentryTraceEnvironment before\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_client_disconnect(env->client);
    te_await(env, 1);
    const char *root = env->httpd->root;
    char *conf = te_read(te_path(root, "httpd.conf", te_pool), NULL, te_pool);
    memcpy(strstr(conf, "before"), "after ", 6);
    te_write(root, "httpd.conf", conf);
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 2);
    ck_assert_str_eq(te_span_attr_str(te_segment(env->store, 0), "sentry.environment"),
                     "before");
    ck_assert_str_eq(te_span_attr_str(te_segment(env->store, 1), "sentry.environment"),
                     "after");
    te_finish(env);
}
END_TEST

START_TEST(module_can_leave_and_come_back)
{
    te_env_t *env = te_start(_i, "");
    const char *root = env->httpd->root;
    char *with = te_read(te_path(root, "httpd.conf", te_pool), NULL, te_pool);
    char *without = apr_pstrdup(te_pool, with);
    memcpy(strstr(without, "LoadModule sentry_trace"), "#", 1);
    memcpy(strstr(without, "SentryTraceDSN"), "#", 1);
    memcpy(strstr(without, "SentryTraceFlush"), "#", 1);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt?traced")->status, 200);
        te_await(env, i);
        te_client_disconnect(env->client);
        te_write(root, "httpd.conf", without);
        te_httpd_graceful(env->httpd);
        ck_assert_int_eq(te_get(env, "/hello.txt?untraced")->status, 200);
        te_client_disconnect(env->client);
        te_write(root, "httpd.conf", with);
        te_httpd_graceful(env->httpd);
    }
    te_finish(env);
}
END_TEST

START_TEST(killed_child_is_replaced_by_one_that_traces)
{
    te_log_allow("exit signal Killed");
    te_env_t *env = te_start(_i, "");
    te_sentry_expect_kills(env->sentry);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    pid_t child = (pid_t)te_span_attr_int(te_segment(env->store, 0), "process.pid");
    te_client_disconnect(env->client);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    te_httpd_child_gone(env->httpd, child);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 2);
    ck_assert_int_ne(te_span_attr_int(te_segment(env->store, 1), "process.pid"), child);
    te_finish(env);
}
END_TEST

START_TEST(many_restarts_leave_no_process_and_no_thread_behind)
{
    te_env_t *env = te_start(_i, "");
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
        te_client_disconnect(env->client);
        te_httpd_graceful(env->httpd);
    }
    te_await(env, 5);
    ck_assert_int_eq(te_proc_thread_count(env->httpd->pid), 1);
    te_finish(env); /* waits until the session is empty */
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, stop_flushes);
    te_add_per_mpm(tcase, graceful_stop_flushes);
    te_add_per_mpm(tcase, graceful_restart_flushes_and_goes_on);
    te_add_per_mpm(tcase, restart_flushes_and_goes_on);
    te_add_per_mpm(tcase, counted_drops_are_reported_at_the_end);
    te_add_per_mpm(tcase, children_that_retire_lose_nothing);
    te_add_per_mpm(tcase, new_configuration_holds_after_a_graceful_restart);
    te_add_per_mpm(tcase, module_can_leave_and_come_back);
    te_add_per_mpm(tcase, killed_child_is_replaced_by_one_that_traces);
    te_add_per_mpm(tcase, many_restarts_leave_no_process_and_no_thread_behind);
}

int main(void)
{
    return te_main("e2e_lifecycle", add_cases);
}
