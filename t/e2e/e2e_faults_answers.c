/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of Sentry that are no plain yes: what was sent, and what comes after, is delivered or
 * counted exactly. */

#include "te.h"

enum { VISITS = 5, PROJECT = 42 };

/* Answers with which a request is over, for good. */
static const te_answer_t refusals[] = {
    {.status = 400}, {.status = 401}, {.status = 403}, {.status = 404}, {.status = 413},
    {.status = 415}, {.status = 500}, {.status = 501}, {.status = 302},
};

/* _i counts through the answers. */
START_TEST(refused_spans_are_discarded_and_reported)
{
    te_law_allow_losses();
    te_env_t *env = te_start((te_mpm_t)(_i % TE_MPM_COUNT), TE_FAULT);
    te_server_answer(env->sentry->server, &refusals[_i]);
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->discarded[ST_REASON_SEND_ERROR], VISITS * TE_SPANS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    te_visit(env, 1);
    account = te_law_settled(env, PROJECT, VISITS + 1);
    ck_assert_uint_eq(account->delivered, TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(env->store->rejected_span_count, VISITS * TE_SPANS);
    te_finish(env);
}
END_TEST

START_TEST(unavailable_sentry_loses_nothing)
{
    static const int statuses[TE_MPM_COUNT] = {502, 503, 504};
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = statuses[_i]});
    te_visit(env, VISITS);
    te_sentry_await_reads(env->sentry, 1);
    te_endpoint_await(env, PROJECT, "circuit.state", "open");
    const te_account_t *account = te_law_created(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->waiting, VISITS * TE_SPANS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_str_eq(te_endpoint_text(env, PROJECT, "circuit.state"), "closed");
    ck_assert_int_gt(env->store->rejected_span_count, 0);
    te_finish(env);
}
END_TEST

START_TEST(half_an_answer_decides_when_the_status_is_out)
{
    te_env_t *env = te_start(_i, TE_FAULT);
    te_server_answer(env->sentry->server, &(te_answer_t){.cut = TE_CUT_BODY});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_eq(env->store->rejected_span_count, 0);
    te_finish(env);
}
END_TEST

/* Answers that end before they have said anything; all MPMs come about. */
static const te_cut_t silences[TE_MPM_COUNT] = {TE_CUT_BEFORE, TE_CUT_STATUS,
                                                TE_CUT_BEFORE};

START_TEST(what_got_no_answer_is_sent_again)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT);
    te_server_answer_next(env->sentry->server, &(te_answer_t){.cut = silences[_i]});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_gt(env->store->rejected_span_count, 0);
    ck_assert_double_ge(te_endpoint_number(env, PROJECT, "repeated"), 1);
    te_finish(env);
}
END_TEST

/* A limit, and how it is said. */
typedef struct limit_t {
    te_answer_t answer;
    int reports_held; /* 1: it holds for everything */
} limit_t;

#define LIMIT_SEC 2
static const limit_t limits[] = {
    {{.status = 429, .headers = "Retry-After: 2\r\n"}, 1},
    {{.status = 429, .headers = "X-Sentry-Rate-Limits: 2:span:key:quota\r\n"}, 0},
    {{.status = 429, .headers = "X-Sentry-Rate-Limits: 2::organization\r\n"}, 1},
    {{.status = 200, .headers = "X-Sentry-Rate-Limits: 2:span\r\n"}, 0},
    {{.status = 200, .headers = "X-Sentry-Rate-Limits: 60:error, 2:replay;span:key\r\n"},
     0},
    {{.status = 200, .headers = "X-Sentry-Rate-Limits: 2::key\r\n"}, 1},
};

/* Request i of the fake Sentry has come at least LIMIT_SEC after its first. */
static void check_after_limit(te_env_t *env, int i)
{
    const te_message_t *first = te_server_message(env->sentry->server, 0);
    const te_message_t *next = te_server_message(env->sentry->server, i);
    ck_assert_int_ge(next->at - first->at, LIMIT_SEC * ST_NS_PER_SEC);
}

/* Which of the requests that Sentry has read was the second one with spans. */
static int second_with_spans(te_env_t *env)
{
    const te_span_t *last = te_store_span(env->store, te_store_count(env->store) - 1);
    return last->envelope - 1;
}

/* What was not sent while a limit held; some requests are not even sampled then. */
static uint64_t held_back(const te_account_t *account)
{
    return account->discarded[ST_REASON_RATELIMIT_BACKOFF] +
           account->discarded[ST_REASON_BACKPRESSURE];
}

/* _i counts through the limits. */
START_TEST(limits_hold_for_their_time)
{
    const limit_t *limit = &limits[_i];
    te_law_allow_losses();
    te_env_t *env = te_start((te_mpm_t)(_i % TE_MPM_COUNT), TE_FAULT);
    te_server_answer_next(env->sentry->server, &limit->answer);
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    int visits = 1;
    uint64_t before = limit->answer.status == 200 ? TE_SPANS : 0;
    const te_account_t *account;
    do {
        te_visit(env, 1);
        visits++;
        account = te_law_settled(env, PROJECT, visits);
    } while (account->delivered == before && te_tick(deadline));
    ck_assert_uint_eq(account->delivered, before + TE_SPANS);
    ck_assert_uint_eq(account->discarded[ST_REASON_RATE_LIMITED], TE_SPANS - before);
    ck_assert_uint_eq(held_back(account), (uint64_t)(visits - 2) * TE_SPANS);
    te_law_agreed(env, PROJECT);
    check_after_limit(env, limit->reports_held ? 1 : second_with_spans(env));
    te_finish(env);
}
END_TEST

START_TEST(a_word_of_429_holds_everything_back)
{
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 429});
    te_visit(env, 1);
    const te_account_t *account = te_law_settled(env, PROJECT, 1);
    ck_assert_uint_eq(account->discarded[ST_REASON_RATE_LIMITED], TE_SPANS);
    te_visit(env, VISITS);
    account = te_law_settled(env, PROJECT, VISITS + 1);
    ck_assert_uint_eq(held_back(account), VISITS * TE_SPANS);
    ck_assert_double_gt(te_endpoint_number(env, PROJECT, "limited_seconds.span"), 0);
    te_close(env);
    ck_assert_int_eq(env->store->envelope_count, 1); /* nothing was sent at the end */
    te_finish(env);
}
END_TEST

START_TEST(limits_of_others_do_not_matter)
{
    te_env_t *env = te_start(_i, TE_FAULT);
    te_server_answer(
        env->sentry->server,
        &(te_answer_t){.headers = "X-Sentry-Rate-Limits: 60:error;session:key, "
                                  "60:transaction, 60:profile_chunk:organization\r\n"});
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

/* A second virtual host with a DSN of its own, project 43 of the same Sentry. */
#define SECOND_HOST                                                                      \
    "Listen 127.0.0.1:${PORT2}\n<VirtualHost 127.0.0.1:${PORT2}>\nServerName two\n"      \
    "SentryTraceDSN http://" TE_SENTRY_KEY "@${SENTRY}/43\n</VirtualHost>\n"

START_TEST(a_limit_is_its_dsns_own_and_all_children_obey)
{
    enum { OTHER = 43, MANY = 200, CONNECTIONS = 16 };
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT "StartServers 3\n" SECOND_HOST);
    te_server_answer_next(
        env->sentry->server,
        &(te_answer_t){.status = 429, .headers = "X-Sentry-Rate-Limits: 60:span\r\n"});
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    te_load_t *limited =
        te_load_start(env->httpd->ports[0], "/hello.txt", MANY, CONNECTIONS);
    te_load_t *free =
        te_load_start(env->httpd->ports[1], "/hello.txt", MANY, CONNECTIONS);
    ck_assert_int_eq(te_load_finish(limited).answered, MANY);
    ck_assert_int_eq(te_load_finish(free).answered, MANY);
    const te_account_t *account = te_law_settled(env, PROJECT, MANY + 1);
    ck_assert_uint_eq(account->discarded[ST_REASON_RATE_LIMITED], TE_SPANS);
    ck_assert_uint_eq(held_back(account), MANY * TE_SPANS);
    ck_assert_uint_gt(account->discarded[ST_REASON_RATELIMIT_BACKOFF], 0);
    account = te_law_settled(env, OTHER, MANY);
    ck_assert_uint_eq(account->delivered, MANY * TE_SPANS);
    te_law_agreed(env, PROJECT);
    te_law_agreed(env, OTHER);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, refused_spans_are_discarded_and_reported, 0,
                        sizeof(refusals) / sizeof(*refusals));
    te_add_per_mpm(tcase, unavailable_sentry_loses_nothing);
    te_add_per_mpm(tcase, half_an_answer_decides_when_the_status_is_out);
    te_add_per_mpm(tcase, what_got_no_answer_is_sent_again);
    tcase_add_loop_test(tcase, limits_hold_for_their_time, 0,
                        sizeof(limits) / sizeof(*limits));
    te_add_per_mpm(tcase, a_word_of_429_holds_everything_back);
    te_add_per_mpm(tcase, limits_of_others_do_not_matter);
    te_add_per_mpm(tcase, a_limit_is_its_dsns_own_and_all_children_obey);
}

int main(void)
{
    return te_main("e2e_faults_answers", add_cases);
}
