/* SPDX-License-Identifier: Apache-2.0 */
/* A wall clock that is set back and forth while the server runs: spans stay valid, nothing is
 * lost, and what waits for a time waits no longer for it. */

#include "te.h"

enum { VISITS = 3, PROJECT = 42 };

#define HOUR (3600 * ST_NS_PER_SEC)

static const st_ns_t jumps[] = {-HOUR, 2 * HOUR, -30 * 24 * HOUR, 0};

/* A backend that takes a while. */
#define SLOW "ProxyPass /slow http://${BACKEND}/\n"

typedef struct clocked_t {
    te_env_t *env;
    te_shim_t *shim;
} clocked_t;

static clocked_t start_clocked(te_mpm_t mpm, const char *conf, const char *name)
{
    te_law_allow_losses();
    clocked_t clocked = {.shim = te_shim_make()};
    te_setup_t setup = {.mpm = mpm,
                        .env = clocked.shim->env,
                        .conf = apr_pstrcat(te_pool, TE_DSN TE_FAULT, conf, NULL)};
    clocked.env = te_env_make(&setup, name);
    te_env_run(clocked.env);
    return clocked;
}

static void jump(const clocked_t *clocked, st_ns_t offset)
{
    atomic_store(&clocked->shim->words->clock_offset, offset);
}

static void finish(clocked_t *clocked)
{
    te_law_agreed(clocked->env, PROJECT);
    te_finish(
        clocked->env); /* spans end after they begin, children lie in their parents */
    te_shim_remove(clocked->shim);
}

/* While a request waits for its backend the clock jumps; its spans last as long as they last. */
static void visit_and_jump(const clocked_t *clocked, st_ns_t offset, int number)
{
    te_env_t *env = clocked->env;
    te_load_t *load = te_load_start(env->httpd->ports[0], "/slow", 1, 1);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(env->backend) < number) {
        ck_assert_msg(te_tick(deadline), "the backend is not asked");
    }
    jump(clocked, offset);
    ck_assert_int_eq(te_load_finish(load).answered, 1);
}

START_TEST(spans_last_as_long_as_they_last)
{
    enum { JUMPS = sizeof(jumps) / sizeof(*jumps) };
    clocked_t clocked = start_clocked(_i, SLOW, __func__);
    te_server_answer(clocked.env->backend, &(te_answer_t){.delay_ms = 100});
    for (int i = 0; i < JUMPS; i++) {
        visit_and_jump(&clocked, jumps[i], i + 1);
    }
    const te_account_t *account = te_law_settled(clocked.env, PROJECT, JUMPS);
    ck_assert_uint_eq(account->delivered, JUMPS * TE_SPANS);
    te_law_agreed(clocked.env, PROJECT);
    for (int i = 0; i < JUMPS; i++) {
        const te_span_t *segment = te_segment(clocked.env->store, i);
        ck_assert_double_ge(segment->end - segment->start, 0.09);
        ck_assert_double_lt(segment->end - segment->start, TE_PATIENCE_SEC);
    }
    finish(&clocked);
}
END_TEST

START_TEST(nothing_is_lost_while_the_clock_jumps)
{
    enum { JUMPS = sizeof(jumps) / sizeof(*jumps) };
    clocked_t clocked = start_clocked(_i, "", __func__);
    for (int i = 1; i <= JUMPS; i++) {
        te_visit(clocked.env, VISITS);
        jump(&clocked, jumps[i - 1]);
        te_visit(clocked.env, VISITS);
        const te_account_t *account =
            te_law_settled(clocked.env, PROJECT, 2 * i * VISITS);
        ck_assert_uint_eq(account->delivered, 2 * (uint64_t)i * VISITS * TE_SPANS);
    }
    finish(&clocked);
}
END_TEST

START_TEST(limits_end_although_the_clock_was_set_back)
{
    clocked_t clocked = start_clocked(_i, "", __func__);
    te_env_t *env = clocked.env;
    te_server_answer_next(env->sentry->server,
                          &(te_answer_t){.status = 429, .headers = "Retry-After: 1\r\n"});
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    jump(&clocked, -HOUR);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    int visits = 1;
    const te_account_t *account;
    do {
        te_visit(env, 1);
        visits++;
        account = te_law_settled(env, PROJECT, visits);
    } while (account->delivered == 0 && te_tick(deadline));
    ck_assert_uint_eq(account->delivered, TE_SPANS);
    finish(&clocked);
}
END_TEST

START_TEST(retries_and_stops_do_not_look_at_the_wall)
{
    clocked_t clocked = start_clocked(_i, "SentryTraceShutdownTimeout 500ms\n", __func__);
    te_env_t *env = clocked.env;
    te_server_refuse(env->sentry->server, 1);
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    jump(&clocked, -HOUR);
    te_server_refuse(env->sentry->server, 0);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_server_answer(env->sentry->server, &(te_answer_t){.cut = TE_CUT_HOLE});
    int reads = te_server_read_count(env->sentry->server);
    te_visit(env, VISITS);
    te_sentry_await_reads(env->sentry, reads + 1);
    jump(&clocked, _i == TE_WORKER ? 2 * HOUR : -2 * HOUR);
    te_law_created(env, PROJECT, 2 * VISITS);
    te_close(env);
    te_law_lost(env, VISITS * TE_SPANS);
    te_finish(env);
    te_shim_remove(clocked.shim);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, spans_last_as_long_as_they_last);
    te_add_per_mpm(tcase, nothing_is_lost_while_the_clock_jumps);
    te_add_per_mpm(tcase, limits_end_although_the_clock_was_set_back);
    te_add_per_mpm(tcase, retries_and_stops_do_not_look_at_the_wall);
}

int main(void)
{
    return te_main("e2e_faults_clock", add_cases);
}
