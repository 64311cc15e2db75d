/* SPDX-License-Identifier: Apache-2.0 */
/* The law under faults. */

#include "te_law.h"
#include "te_log.h"
#include "te_wait.h"

#include <check.h>
#include <inttypes.h>

#include <apr_strings.h>

/* Between requests that only keep things going: longer than a flush takes. */
#define FLOW_PAUSE (400 * ST_NS_PER_MS)

void te_visit(te_env_t *env, int requests)
{
    for (int i = 0; i < requests; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
}

/* Once `spans` were created, or any number with -1, and with `settled` none waits. */
static const te_account_t *account_await(te_env_t *env, int project, int64_t spans,
                                         int settled)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const te_account_t *account;
    int done;
    do {
        account = te_status_account(te_status(env), project, ST_CATEGORY_SPAN);
        done = (int64_t)account->created >= spans && !(settled && account->waiting > 0);
    } while (!done && te_tick(deadline));
    ck_assert_msg(done && (spans < 0 || account->created == (uint64_t)spans),
                  "project %d: %" PRIu64 " spans created of %" PRId64 ", %" PRIu64
                  " delivered, %" PRIu64 " discarded, %" PRIu64 " waiting",
                  project, account->created, spans, account->delivered,
                  te_account_discarded(account), account->waiting);
    return account;
}

const te_account_t *te_law_created(te_env_t *env, int project, int requests)
{
    return account_await(env, project, (int64_t)requests * TE_SPANS, 0);
}

const te_account_t *te_law_settled(te_env_t *env, int project, int requests)
{
    return account_await(env, project, (int64_t)requests * TE_SPANS, 1);
}

const te_account_t *te_law_settled_any(te_env_t *env, int project)
{
    return account_await(env, project, -1, 1);
}

static long open_requests(te_env_t *env)
{
    const te_status_t *status = te_status_moving(env);
    return (long)json_integer_value(
        te_status_member(status, "server.open_requests.used"));
}

static int is_recovered(te_env_t *env, int project)
{
    const te_status_t *status = te_status(env);
    return json_integer_value(te_status_member(status, "server.open_requests.used")) ==
               0 &&
           te_status_account(status, project, ST_CATEGORY_SPAN)->waiting == 0;
}

int te_law_recover(te_env_t *env, int project)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    int visits = 0;
    int recovered = 0;
    while (!recovered) {
        ck_assert_msg(te_tick(deadline),
                      "the queue does not get empty, or %ld requests "
                      "stay open",
                      open_requests(env));
        te_deadline_t pause = st_clock_mono() + FLOW_PAUSE;
        te_visit(env, 1);
        visits++;
        do {
            recovered = is_recovered(env, project);
        } while (!recovered && te_tick(pause));
    }
    return visits;
}

/* One category of a project, as the module sees it, and what Sentry knows of that. */
typedef struct claim_t {
    const char *project;
    st_category_t category;
    const te_account_t *account;
} claim_t;

/* Of a reason: what Sentry has been told of, less what it should have been told. */
static long excess(const te_env_t *env, const claim_t *claim, st_reason_t reason)
{
    long told =
        te_store_reported(env->store, claim->project, st_category_text(claim->category),
                          st_reason_text(reason));
    int is_reported = st_reason_is_reported(reason);
    return told - (is_reported ? (long)claim->account->discarded[reason] : 0);
}

static long arrived(const te_env_t *env, const claim_t *claim)
{
    return claim->category == ST_CATEGORY_SPAN
               ? te_store_count_of(env->store, claim->project)
               : te_store_transactions_of(env->store, claim->project);
}

/* 1 when all that was delivered is there, and Sentry has been told of everything else. */
static int is_known(const te_env_t *env, const claim_t *claim)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        if (excess(env, claim, (st_reason_t)reason) < 0) {
            return 0;
        }
    }
    return arrived(env, claim) >= (long)claim->account->delivered;
}

static void await_known(te_env_t *env, const claim_t *claim)
{
    const char *category = st_category_text(claim->category);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(env->sentry);
    while (!is_known(env, claim)) {
        ck_assert_msg(te_tick(deadline),
                      "project %s, %s: Sentry has %ld of %" PRIu64
                      " and was told of %ld of %" PRIu64,
                      claim->project, category, arrived(env, claim),
                      claim->account->delivered,
                      te_store_reported(env->store, claim->project, category, NULL),
                      te_account_discarded(claim->account));
        te_sentry_collect(env->sentry);
    }
}

static void agree(te_env_t *env, const claim_t *claim)
{
    const char *category = st_category_text(claim->category);
    await_known(env, claim);
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        long more = excess(env, claim, (st_reason_t)reason);
        ck_assert_msg(more == 0 || env->store->ids != NULL,
                      "project %s, %s: %ld too many reported as %s", claim->project,
                      category, more, st_reason_text((st_reason_t)reason));
    }
    long count = arrived(env, claim);
    ck_assert_msg(count == (long)claim->account->delivered,
                  "project %s, %s: Sentry has %ld, but %" PRIu64 " were delivered",
                  claim->project, category, count, claim->account->delivered);
}

void te_law_agreed(te_env_t *env, int project)
{
    te_law_settled_any(env, project);
    const te_status_t *status = te_status(env);
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        claim_t claim = {.project = apr_itoa(env->pool, project),
                         .category = (st_category_t)i};
        claim.account = te_status_account(status, project, claim.category);
        agree(env, &claim);
    }
}

/* A member of a member of ... the endpoint. */
static const json_t *endpoint_member(te_env_t *env, int project, const char *path)
{
    const json_t *member = te_status_endpoint(te_status_moving(env), project);
    char *rest = apr_pstrdup(env->pool, path);
    char *state = NULL;
    for (char *key = apr_strtok(rest, ".", &state); key != NULL;
         key = apr_strtok(NULL, ".", &state)) {
        member = json_object_get(member, key);
    }
    return member;
}

const char *te_endpoint_text(te_env_t *env, int project, const char *path)
{
    return json_string_value(endpoint_member(env, project, path));
}

double te_endpoint_number(te_env_t *env, int project, const char *path)
{
    const json_t *member = endpoint_member(env, project, path);
    ck_assert_msg(json_is_number(member), "the status page has no number %s", path);
    return json_number_value(member);
}

void te_endpoint_await(te_env_t *env, int project, const char *path, const char *wanted)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const char *text = te_endpoint_text(env, project, path);
    while (text == NULL || strstr(text, wanted) == NULL) {
        ck_assert_msg(te_tick(deadline), "%s of project %d is \"%s\", not \"%s\"", path,
                      project, text != NULL ? text : "", wanted);
        text = te_endpoint_text(env, project, path);
    }
}

long te_queue_number(te_env_t *env, const char *member)
{
    const char *path = apr_pstrcat(env->pool, "server.queue.", member, NULL);
    return (long)json_integer_value(te_status_member(te_status_moving(env), path));
}

void te_queue_await_room(te_env_t *env)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_queue_number(env, "used") > te_queue_number(env, "capacity") / 4 * 3) {
        ck_assert_msg(te_tick(deadline), "the queue stays full");
    }
}

pid_t te_sender_await_other(te_env_t *env, pid_t pid)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    pid_t found = 0;
    do {
        const te_status_t *status = te_status_moving(env);
        /* null: nobody; which counts as 0 */
        found = (pid_t)json_integer_value(te_status_member(status, "server.sender.pid"));
    } while ((found == 0 || found == pid) && te_tick(deadline));
    ck_assert_msg(found != 0 && found != pid, "process %d has the sender", (int)found);
    return found;
}

int te_sender_threads(te_env_t *env)
{
    apr_array_header_t *workers = te_httpd_workers(env->httpd);
    int count = 0;
    for (int i = 0; i < workers->nelts; i++) {
        count +=
            te_proc_thread_count_of(APR_ARRAY_IDX(workers, i, pid_t), "sentry_sender");
    }
    return count;
}

pid_t te_sender_pid(te_env_t *env)
{
    return te_sender_await_other(env, 0);
}

static void check_told(te_env_t *env, const char *tag, int spans)
{
    const char *line = apr_psprintf(env->pool, "%s: %d spans for ", tag, spans);
    ck_assert_msg(te_log_count(env->httpd, line) == 1, "the error log does not say: %s",
                  line);
}

void te_law_lost(te_env_t *env, int spans)
{
    check_told(env, "ST0018", spans);
}

void te_law_kept(te_env_t *env, int spans)
{
    check_told(env, "ST0017", spans);
}

void te_law_allow_losses(void)
{
    te_log_allow("ST0018");
    te_log_allow("ST01"); /* what the sender says of endpoints and losses */
    te_log_allow("ST0010");
}
