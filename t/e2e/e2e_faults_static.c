/* SPDX-License-Identifier: Apache-2.0 */
/* Faults where requests leave as transactions: what becomes of one is counted as 1 transaction and
 * as all of its spans, whatever happens. */

#include "te.h"

#include <signal.h>
#include <unistd.h>

enum { VISITS = 5, PROJECT = 42 };

#define STATIC TE_FAULT "SentryTraceLifecycle static\n"

/* Waits until that many transactions were created, no more, and none waits.
 * @return their numbers, as te_status_account */
static const te_account_t *settled(te_env_t *env, int transactions)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const te_account_t *account;
    int done;
    do {
        account = te_status_account(te_status(env), PROJECT, ST_CATEGORY_TRANSACTION);
        done = account->created >= (uint64_t)transactions && account->waiting == 0;
    } while (!done && te_tick(deadline));
    ck_assert_uint_eq(account->created, (uint64_t)transactions);
    ck_assert_uint_eq(account->waiting, 0);
    return account;
}

/* That many in both categories. */
static void check_discarded(te_env_t *env, st_reason_t reason, uint64_t transactions)
{
    const te_status_t *status = te_status(env);
    const te_account_t *account =
        te_status_account(status, PROJECT, ST_CATEGORY_TRANSACTION);
    ck_assert_uint_eq(account->discarded[reason], transactions);
    account = te_status_account(status, PROJECT, ST_CATEGORY_SPAN);
    ck_assert_uint_eq(account->discarded[reason], transactions * TE_SPANS);
}

static void check_delivered(te_env_t *env, int transactions)
{
    const te_account_t *account = settled(env, transactions);
    ck_assert_uint_eq(account->delivered, (uint64_t)transactions);
    te_law_settled(env, PROJECT, transactions);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(te_store_transactions_of(env->store, "42"), transactions);
    ck_assert_int_eq(te_store_count(env->store), transactions * TE_SPANS);
}

static const int refusals[] = {400, 413, 500};

/* _i counts through the answers, on one MPM each. */
START_TEST(refused_transactions_are_discarded_and_reported)
{
    te_law_allow_losses();
    te_env_t *env = te_start((te_mpm_t)_i, STATIC);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = refusals[_i]});
    te_visit(env, VISITS);
    settled(env, VISITS);
    check_discarded(env, ST_REASON_SEND_ERROR, VISITS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    te_visit(env, 1);
    ck_assert_uint_eq(settled(env, VISITS + 1)->delivered, 1);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(te_store_transactions_discarded(env->store, "send_error"), VISITS);
    ck_assert_int_eq(env->store->rejected_segment_count, VISITS);
    te_finish(env);
}
END_TEST

START_TEST(unavailable_sentry_loses_no_transaction)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, STATIC);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 503});
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    te_law_created(env, PROJECT, VISITS);
    const te_account_t *account =
        te_status_account(te_status(env), PROJECT, ST_CATEGORY_TRANSACTION);
    ck_assert_uint_eq(account->waiting, VISITS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    check_delivered(env, VISITS);
    te_finish(env);
}
END_TEST

/* What was held back by a limit; some requests are not even sampled then, and count as one span
 * without its children. */
static void check_held_back(te_env_t *env, uint64_t transactions)
{
    const te_status_t *status = te_status(env);
    const te_account_t *own = te_status_account(status, PROJECT, ST_CATEGORY_TRANSACTION);
    const te_account_t *spans = te_status_account(status, PROJECT, ST_CATEGORY_SPAN);
    uint64_t unsampled = own->discarded[ST_REASON_BACKPRESSURE];
    uint64_t held = own->discarded[ST_REASON_RATELIMIT_BACKOFF];
    ck_assert_uint_eq(held + unsampled, transactions);
    ck_assert_uint_eq(spans->discarded[ST_REASON_BACKPRESSURE], unsampled);
    ck_assert_uint_eq(spans->discarded[ST_REASON_RATELIMIT_BACKOFF], held * TE_SPANS);
}

START_TEST(limits_on_transactions_hold_them_back)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, STATIC);
    te_server_answer_next(
        env->sentry->server,
        &(te_answer_t){.status = 429,
                       .headers = "X-Sentry-Rate-Limits: 60:transaction:key\r\n"});
    te_visit(env, 1);
    settled(env, 1);
    check_discarded(env, ST_REASON_RATE_LIMITED, 1);
    te_visit(env, VISITS);
    settled(env, VISITS + 1);
    check_held_back(env, VISITS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(env->store->transaction_count, 0);
    te_finish(env);
}
END_TEST

START_TEST(limits_on_spans_do_not)
{
    te_env_t *env = te_start(_i, STATIC);
    te_server_answer(env->sentry->server,
                     &(te_answer_t){.headers = "X-Sentry-Rate-Limits: 60:span:key\r\n"});
    te_visit(env, 1);
    settled(env, 1);
    te_visit(env, VISITS);
    check_delivered(env, VISITS + 1);
    te_finish(env);
}
END_TEST

START_TEST(overflow_of_transactions_is_counted_exactly)
{
    enum { MANY = 3000, CONNECTIONS = 24 };
    te_law_allow_losses();
    te_env_t *env = te_start(_i, STATIC "SentryTraceQueue 256K\n");
    te_server_answer(env->sentry->server, &(te_answer_t){.delay_ms = 200});
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", MANY, CONNECTIONS);
    ck_assert_int_eq(te_load_finish(load).answered, MANY);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    const te_account_t *account = settled(env, MANY);
    uint64_t overflow = account->discarded[ST_REASON_QUEUE_OVERFLOW];
    ck_assert_uint_gt(overflow, 0);
    ck_assert_uint_eq(
        account->delivered + overflow + account->discarded[ST_REASON_BACKPRESSURE], MANY);
    check_discarded(env, ST_REASON_QUEUE_OVERFLOW, overflow);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

static te_env_t *start_to_be_killed(te_mpm_t mpm, const char *conf, const char *name)
{
    te_law_allow_losses();
    te_log_allow("exit signal");
    te_env_t *env = te_env_start(mpm, conf, name);
    te_sentry_expect_kills(env->sentry);
    return env;
}

/* A request that hangs in its handler. @return the connection */
static int hang(te_env_t *env)
{
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_HOLE});
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /hang HTTP/1.0\r\n\r\n");
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(env->backend) == 0) {
        ck_assert_msg(te_tick(deadline), "the backend is not asked");
    }
    return fd;
}

START_TEST(request_that_dies_with_its_child_is_told_of_as_a_transaction)
{
    te_env_t *env =
        start_to_be_killed(_i, STATIC "ProxyPass /hang http://${BACKEND}/\n", __func__);
    int fd = hang(env);
    apr_array_header_t *workers = te_httpd_workers(env->httpd);
    for (int i = 0; i < workers->nelts; i++) {
        te_httpd_child_kill(env->httpd, APR_ARRAY_IDX(workers, i, pid_t), SIGKILL);
    }
    close(fd);
    te_client_disconnect(env->client);
    int visits = te_law_recover(env, PROJECT);
    ck_assert_uint_eq(settled(env, visits + 1)->delivered, (uint64_t)visits + 1);
    te_law_agreed(env, PROJECT);
    const te_span_t *segment = te_segment_of(env->store, "/hang");
    ck_assert_int_eq(segment->is_transaction, 1);
    ck_assert_int_eq(te_span_count(env->store, segment, NULL, NULL), 1);
    te_finish(env);
}
END_TEST

/* Its successor cannot know what arrived, and sends it again. */
START_TEST(killed_sender_loses_and_doubles_no_transaction)
{
    te_env_t *env = start_to_be_killed(_i, STATIC, __func__);
    te_server_answer_next(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    te_visit(env, VISITS);
    te_law_created(env, PROJECT, VISITS);
    te_sentry_await_reads(env->sentry, 1);
    te_client_disconnect(env->client);
    te_httpd_child_kill(env->httpd, te_sender_pid(env), SIGKILL);
    int visits = VISITS + te_law_recover(env, PROJECT);
    check_delivered(env, visits);
    te_finish(env);
}
END_TEST

/* What waits leaves in the form that it was recorded for. */
START_TEST(lifecycle_that_changes_at_a_restart_is_for_new_requests)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT "SentryTraceLifecycle stream\n");
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 503});
    te_visit(env, VISITS);
    te_law_created(env, PROJECT, VISITS);
    pid_t sender = te_sender_pid(env);
    te_client_disconnect(env->client);
    te_httpd_conf_edit(env->httpd, "SentryTraceLifecycle stream",
                       "SentryTraceLifecycle static");
    te_httpd_graceful(env->httpd);
    te_visit(env, 1);
    te_law_created(env, PROJECT, VISITS + 1);
    te_httpd_child_gone(env->httpd, sender);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    int visits = 1 + te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS + visits);
    ck_assert_uint_eq(account->delivered, (uint64_t)(VISITS + visits) * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(te_store_transactions_of(env->store, "42"), visits);
    ck_assert_int_eq(env->store->segment_count, VISITS + visits);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, refused_transactions_are_discarded_and_reported, 0,
                        sizeof(refusals) / sizeof(*refusals));
    te_add_per_mpm(tcase, unavailable_sentry_loses_no_transaction);
    te_add_per_mpm(tcase, limits_on_transactions_hold_them_back);
    te_add_per_mpm(tcase, limits_on_spans_do_not);
    te_add_per_mpm(tcase, overflow_of_transactions_is_counted_exactly);
    te_add_per_mpm(tcase, request_that_dies_with_its_child_is_told_of_as_a_transaction);
    te_add_per_mpm(tcase, killed_sender_loses_and_doubles_no_transaction);
    te_add_per_mpm(tcase, lifecycle_that_changes_at_a_restart_is_for_new_requests);
}

int main(void)
{
    return te_main("e2e_faults_static", add_cases);
}
