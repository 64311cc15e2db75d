/* SPDX-License-Identifier: Apache-2.0 */
/* Networks without an answer: what was sent waits, is sent again, and arrives once; and the
 * server stops in time whatever the network does. */

#include "te.h"

enum { VISITS = 5, PROJECT = 42 };

/* So short that httpd, which asks again after 3 s and kills after 9 s, has nothing to say. */
#define SHORT_STOP "SentryTraceShutdownTimeout 500ms\n"

/* In a file what waits outlives the server. */
#define FILE_QUEUE "SentryTraceQueue 1M ${ROOT}/queue\n"

START_TEST(refused_port_that_comes_back_loses_nothing)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT);
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    te_server_refuse(env->sentry->server, 1);
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    const te_account_t *account = te_law_created(env, PROJECT, VISITS + 1);
    ck_assert_uint_eq(account->waiting, VISITS * TE_SPANS);
    te_server_refuse(env->sentry->server, 0);
    account = te_law_settled(env, PROJECT, VISITS + 1);
    ck_assert_uint_eq(account->delivered, (VISITS + 1) * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

/* A server whose spans are under way to a Sentry that takes them in and says nothing. */
static te_env_t *start_before_a_hole(te_mpm_t mpm, const char *conf, const char *name)
{
    te_law_allow_losses();
    te_env_t *env = te_env_start(mpm, conf, name);
    te_server_answer(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    te_visit(env, VISITS);
    te_sentry_await_reads(env->sentry, 1);
    const te_account_t *account = te_law_created(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->waiting, VISITS * TE_SPANS);
    return env;
}

/* Children that had to be asked twice or killed are in the log as AH00045 or AH00046, which
 * te_close takes as failures. */
START_TEST(black_hole_does_not_delay_a_stop)
{
    te_env_t *env = start_before_a_hole(_i, TE_FAULT SHORT_STOP, __func__);
    te_close(env);
    te_law_lost(env, VISITS * TE_SPANS);
    te_finish(env);
}
END_TEST

START_TEST(what_a_black_hole_swallowed_is_sent_after_a_restart)
{
    te_env_t *env = start_before_a_hole(_i, TE_FAULT SHORT_STOP FILE_QUEUE, __func__);
    te_client_disconnect(env->client);
    te_httpd_stop(env->httpd);
    te_law_kept(env, VISITS * TE_SPANS);
    te_server_drop(env->sentry->server);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    te_env_run(env);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

START_TEST(black_hole_ends_with_the_timeout)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT "SentryTraceTimeout 300ms\n");
    te_server_answer_next(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_double_ge(te_endpoint_number(env, PROJECT, "repeated"), 1);
    te_finish(env);
}
END_TEST

START_TEST(a_byte_a_second_is_no_answer)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT "SentryTraceTimeout 1100ms\n");
    te_server_answer_next(env->sentry->server, &(te_answer_t){.head_byte_ms = 1000});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_double_ge(te_endpoint_number(env, PROJECT, "repeated"), 1);
    te_finish(env);
}
END_TEST

START_TEST(a_byte_a_second_behind_the_status_does_not_matter)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT "SentryTraceTimeout 500ms\n");
    te_server_answer_next(env->sentry->server, &(te_answer_t){.body_byte_ms = 1000});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_double_eq(te_endpoint_number(env, PROJECT, "repeated"), 0);
    te_finish(env);
}
END_TEST

START_TEST(a_byte_a_second_does_not_delay_a_stop)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT SHORT_STOP);
    te_server_answer(env->sentry->server, &(te_answer_t){.head_byte_ms = 1000});
    te_visit(env, VISITS);
    te_sentry_await_reads(env->sentry, 1);
    te_law_created(env, PROJECT, VISITS);
    te_close(env);
    te_law_lost(env, VISITS * TE_SPANS);
    te_finish(env);
}
END_TEST

/* A server that traces to `host` (and port), whatever that is. */
static te_env_t *start_to(te_mpm_t mpm, const char *scheme, const char *host,
                          const char *conf, const char *const *variables,
                          const char *name)
{
    te_law_allow_losses();
    te_setup_t setup = {.mpm = mpm,
                        .env = variables,
                        .conf =
                            apr_psprintf(te_pool,
                                         "SentryTraceDSN %s://" TE_SENTRY_KEY
                                         "@%s/42\nSentryTraceFlush 100ms\n" TE_FAULT "%s",
                                         scheme, host, conf)};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    return env;
}

/* Everything waits, and the page says why. */
static void check_waits(te_env_t *env, const char *why)
{
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "last_error.text", why);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    const te_account_t *account = te_law_created(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->waiting, VISITS * TE_SPANS);
}

START_TEST(unknown_host_keeps_what_waits_until_it_is_known)
{
    te_shim_t *shim = te_shim_make();
    te_env_t *env =
        start_to(_i, "http", "sentry" TE_SHIM_DOMAIN, SHORT_STOP, shim->env, __func__);
    check_waits(env, "resolve");
    ck_assert_int_gt(atomic_load(&shim->words->lookups), 0);
    te_httpd_conf_edit(env->httpd, "sentry" TE_SHIM_DOMAIN,
                       te_sentry_address(env->sentry, te_pool));
    te_client_disconnect(env->client);
    te_httpd_graceful(env->httpd);
    int visits = VISITS + te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled(env, PROJECT, visits);
    ck_assert_uint_eq(account->delivered, (uint64_t)visits * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_shim_remove(shim);
    te_finish(env);
}
END_TEST

START_TEST(resolver_that_hangs_does_not_delay_a_stop)
{
    te_shim_t *shim = te_shim_make();
    atomic_store(&shim->words->resolver, TE_RESOLVER_HANGS);
    te_env_t *env =
        start_to(_i, "http", "sentry" TE_SHIM_DOMAIN, SHORT_STOP, shim->env, __func__);
    te_visit(env, VISITS);
    te_law_created(env, PROJECT, VISITS);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (atomic_load(&shim->words->lookups) == 0) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_close(env);
    te_law_lost(env, VISITS * TE_SPANS);
    te_shim_remove(shim);
    te_finish(env);
}
END_TEST

START_TEST(certificate_that_nobody_vouches_for_gets_nothing)
{
    te_env_t *sink = te_env_make(
        &(te_setup_t){.mpm = TE_EVENT,
                      .conf = TE_TLS_VHOST("SetHandler sentry-trace-sink\n"
                                           "SentryTraceSinkFile ${ROOT}/spool/sink\n")},
        __func__);
    te_tls_make(sink->httpd->root, te_pool);
    te_env_run(sink);
    te_dir_sub(sink->httpd->root, "wrong");
    const char *wrong = te_path(sink->httpd->root, "wrong", te_pool);
    te_tls_make(wrong, te_pool);
    const char *conf = apr_pstrcat(te_pool, SHORT_STOP "SentryTraceCACertificateFile ",
                                   te_tls_certificate(wrong, te_pool), "\n", NULL);
    const char *host = apr_psprintf(te_pool, "127.0.0.1:%d", sink->httpd->ports[1]);
    te_env_t *env = start_to(_i, "https", host, conf, NULL, __func__);
    check_waits(env, "certificate");
    te_close(env);
    te_law_lost(env, VISITS * TE_SPANS);
    te_finish(env);
    te_store_t *store =
        te_store_read(te_path(sink->httpd->root, "spool/sink", te_pool), te_pool);
    ck_assert_int_eq(store->envelope_count, 0);
    te_finish(sink);
}
END_TEST

/* Sentry goes while spans wait for it, and is found again on another port. */
static te_env_t *start_and_move(te_mpm_t mpm, const char *conf, const char *name)
{
    te_law_allow_losses();
    te_env_t *env = te_env_start(mpm, conf, name);
    te_server_refuse(env->sentry->server, 1);
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    te_law_created(env, PROJECT, VISITS);
    te_client_disconnect(env->client);
    te_env_move_sentry(env);
    return env;
}

START_TEST(moved_sentry_gets_what_waited_after_a_graceful_restart)
{
    te_env_t *env = start_and_move(_i, TE_FAULT SHORT_STOP, __func__);
    te_httpd_graceful(env->httpd);
    int visits = VISITS + te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled(env, PROJECT, visits);
    ck_assert_uint_eq(account->delivered, (uint64_t)visits * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

START_TEST(moved_sentry_gets_what_waited_in_a_file_after_a_stop)
{
    te_env_t *env = start_and_move(_i, TE_FAULT SHORT_STOP FILE_QUEUE, __func__);
    te_httpd_stop(env->httpd);
    te_law_kept(env, VISITS * TE_SPANS);
    te_env_run(env);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

/* A second virtual host whose Sentry, project 43, is `dead`. */
static const char *dead_host(const te_server_t *dead)
{
    return apr_psprintf(te_pool,
                        TE_FAULT SHORT_STOP
                        "SentryTraceQueue 256K\nListen 127.0.0.1:${PORT2}\n"
                        "<VirtualHost 127.0.0.1:${PORT2}>\nServerName two\n"
                        "SentryTraceDSN http://" TE_SENTRY_KEY "@127.0.0.1:%d/43\n"
                        "</VirtualHost>\n",
                        te_server_port(dead));
}

/* Enough to fill the queue twice over, all of it for a DSN that is dead; and between them requests
 * for one that is well. */
START_TEST(dead_dsn_costs_a_healthy_one_nothing)
{
    enum { DEAD = 43, ROUNDS = 12, BURST = 60 };
    te_law_allow_losses();
    te_server_t *dead = te_server_start();
    te_server_answer(dead, &(te_answer_t){.cut = TE_CUT_HOLE});
    te_env_t *env = te_env_start(_i, dead_host(dead), __func__);
    for (int i = 1; i <= ROUNDS; i++) {
        te_load_t *load = te_load_start(env->httpd->ports[1], "/hello.txt", BURST, 4);
        te_visit(env, VISITS);
        ck_assert_int_eq(te_load_finish(load).answered, BURST);
        te_law_created(env, DEAD, i * BURST);
        te_queue_await_room(env);
    }
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const te_account_t *healthy = te_law_created(env, PROJECT, ROUNDS * VISITS);
    while (healthy->waiting > 0) {
        ck_assert_msg(te_tick(deadline), "spans of the healthy DSN wait");
        healthy = te_law_created(env, PROJECT, ROUNDS * VISITS);
    }
    ck_assert_uint_eq(healthy->discarded[ST_REASON_BACKPRESSURE], 0);
    ck_assert_uint_eq(healthy->discarded[ST_REASON_QUEUE_OVERFLOW], 0);
    ck_assert_uint_eq(healthy->delivered, ROUNDS * VISITS * TE_SPANS);
    const te_account_t *lost = te_law_created(env, DEAD, ROUNDS * BURST);
    ck_assert_uint_eq(lost->delivered, 0);
    ck_assert_uint_gt(lost->discarded[ST_REASON_QUEUE_OVERFLOW], 0);
    te_law_agreed(env, PROJECT);
    te_finish(env);
    te_server_stop(dead);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, refused_port_that_comes_back_loses_nothing);
    te_add_per_mpm(tcase, black_hole_does_not_delay_a_stop);
    te_add_per_mpm(tcase, what_a_black_hole_swallowed_is_sent_after_a_restart);
    te_add_per_mpm(tcase, black_hole_ends_with_the_timeout);
    te_add_per_mpm(tcase, a_byte_a_second_is_no_answer);
    te_add_per_mpm(tcase, a_byte_a_second_behind_the_status_does_not_matter);
    te_add_per_mpm(tcase, a_byte_a_second_does_not_delay_a_stop);
    te_add_per_mpm(tcase, unknown_host_keeps_what_waits_until_it_is_known);
    te_add_per_mpm(tcase, resolver_that_hangs_does_not_delay_a_stop);
    te_add_per_mpm(tcase, certificate_that_nobody_vouches_for_gets_nothing);
    te_add_per_mpm(tcase, moved_sentry_gets_what_waited_after_a_graceful_restart);
    te_add_per_mpm(tcase, moved_sentry_gets_what_waited_in_a_file_after_a_stop);
    te_add_per_mpm(tcase, dead_dsn_costs_a_healthy_one_nothing);
}

int main(void)
{
    return te_main("e2e_faults_network", add_cases);
}
