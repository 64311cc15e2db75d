/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the server under test, and what has to be true of them. */

#include "soak.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

/* Between requests that only keep things going: longer than a flush takes. */
#define FLOW_PAUSE (400 * ST_NS_PER_MS)

uint64_t soak_created(const soak_dsn_t *dsn)
{
    return dsn->before.created + dsn->now.created;
}

uint64_t soak_delivered(const soak_dsn_t *dsn)
{
    return dsn->before.delivered + dsn->now.delivered;
}

uint64_t soak_discarded(const soak_dsn_t *dsn, st_reason_t reason)
{
    return dsn->before.discarded[reason] + dsn->now.discarded[reason];
}

uint64_t soak_discarded_all(const soak_dsn_t *dsn)
{
    return te_account_discarded(&dsn->before) + te_account_discarded(&dsn->now);
}

te_env_t *soak_view(const soak_t *soak, apr_pool_t *round)
{
    te_env_t *view = apr_pmemdup(round, soak->env, sizeof(*view));
    view->pool = round;
    view->httpd = apr_pmemdup(round, soak->env->httpd, sizeof(*view->httpd));
    view->httpd->pool = round;
    view->client = te_client_create(view->httpd->ports[0], round);
    return view;
}

static void loads_hold(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        if (soak->dsns[i].load != NULL) {
            te_load_hold(soak->dsns[i].load);
        }
    }
}

static void loads_release(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        if (soak->dsns[i].load != NULL) {
            te_load_release(soak->dsns[i].load);
        }
    }
}

/* What is counted stays counted, as long as the queue exists. */
static void account_set(soak_dsn_t *dsn, const te_account_t *account)
{
    const te_account_t *old = &dsn->now;
    int grows = account->created >= old->created && account->delivered >= old->delivered;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        grows = grows && account->discarded[reason] >= old->discarded[reason];
    }
    ck_assert_msg(grows,
                  "project %d: numbers got smaller: %" PRIu64 " created after %" PRIu64
                  ", %" PRIu64 " delivered after %" PRIu64,
                  dsn->sentry->project, account->created, old->created,
                  account->delivered, old->delivered);
    dsn->now = *account;
}

static double number_of(const te_status_t *status, const char *path)
{
    return json_number_value(te_status_member(status, path));
}

/* What is said to be delivered is there. The answer to the last of it may be under way in our
 * own thread. */
static void delivered_check(soak_dsn_t *dsn, apr_pool_t *round)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    soak_sentry_collect(dsn->sentry, round);
    while (dsn->sentry->accepted < soak_delivered(dsn)) {
        ck_assert_msg(te_tick(deadline),
                      "project %d: %" PRIu64 " spans delivered, but Sentry has %" PRIu64,
                      dsn->sentry->project, soak_delivered(dsn), dsn->sentry->accepted);
        soak_sentry_collect(dsn->sentry, round);
    }
}

void soak_look(soak_t *soak, apr_pool_t *round)
{
    loads_hold(soak);
    const te_status_t *status = te_status(soak_view(soak, round)); /* checks the law */
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_dsn_t *dsn = &soak->dsns[i];
        account_set(dsn,
                    te_status_account(status, dsn->sentry->project, ST_CATEGORY_SPAN));
    }
    double gap = number_of(status, "server.sender.gap_max_seconds");
    soak->gap_max = gap > soak->gap_max ? gap : soak->gap_max;
    soak->changes = (uint64_t)number_of(status, "server.sender.changes");
    soak->holes = (uint64_t)number_of(status, "server.queue.holes");
    soak->open = (long)number_of(status, "server.open_requests.used");
    loads_release(soak);
    for (int i = 0; i < SOAK_DSNS; i++) {
        delivered_check(&soak->dsns[i], round);
    }
}

static void dsn_print(const soak_dsn_t *dsn)
{
    printf(" | %d %s: %" PRIu64 " = %" PRIu64 " + %" PRIu64 " + %" PRIu64,
           dsn->sentry->project, dsn->fault->name, soak_created(dsn), soak_delivered(dsn),
           soak_discarded_all(dsn), dsn->now.waiting);
    if (dsn->lost + dsn->unseen > 0) {
        printf(" + %" PRIu64 " lost + %" PRIu64 " at stops", dsn->lost, dsn->unseen);
    }
}

void soak_print(const soak_t *soak, soak_event_t event)
{
    printf("%7.1f s %-11s", (double)(st_clock_mono() - soak->start) / ST_NS_PER_SEC,
           soak_event_text(event));
    for (int i = 0; i < SOAK_DSNS; i++) {
        dsn_print(&soak->dsns[i]);
    }
    printf("\n");
    fflush(stdout);
}

/* The page's numbers were equal; with what has been added at stops they still are. */
static void law_check(const soak_dsn_t *dsn)
{
    uint64_t sum = soak_delivered(dsn) + soak_discarded_all(dsn) + dsn->lost +
                   dsn->unseen + dsn->now.waiting;
    ck_assert_msg(sum == soak_created(dsn),
                  "project %d: %" PRIu64 " created, but %" PRIu64
                  " delivered, discarded, lost and waiting",
                  dsn->sentry->project, soak_created(dsn), sum);
}

/* Spans that Sentry should have been told of, and was not; and those that it was told of twice.
 */
static uint64_t untold(const soak_dsn_t *dsn, uint64_t *ptwice)
{
    uint64_t missing = 0;
    *ptwice = 0;
    for (int i = 0; i < ST_REASON_COUNT; i++) {
        st_reason_t reason = (st_reason_t)i;
        uint64_t own = st_reason_is_reported(reason) ? soak_discarded(dsn, reason) : 0;
        uint64_t said = dsn->sentry->told[i];
        missing += own > said ? own - said : 0;
        *ptwice += said > own ? said - own : 0;
    }
    return missing;
}

static int is_told(const soak_t *soak)
{
    int told = 1;
    for (int i = 0; i < SOAK_DSNS; i++) {
        uint64_t twice;
        told = told && untold(&soak->dsns[i], &twice) <= soak->dsns[i].unreported;
    }
    return told;
}

static int is_settled(const soak_t *soak)
{
    int settled = soak->open == 0;
    for (int i = 0; i < SOAK_DSNS; i++) {
        settled = settled && soak->dsns[i].now.waiting == 0;
    }
    return settled;
}

static int is_over(const soak_t *soak)
{
    return is_settled(soak) && is_told(soak);
}

/* One request, and looks until the next is due, or all is over. @return 1 when it is. */
static int flow(soak_t *soak)
{
    apr_pool_t *round;
    ck_assert_int_eq(apr_pool_create(&round, soak->env->pool), APR_SUCCESS);
    te_deadline_t pause = st_clock_mono() + FLOW_PAUSE;
    const te_reply_t *reply = te_get(soak_view(soak, round), "/hello.txt");
    ck_assert_int_eq(reply->status, 200);
    soak->visits++;
    do {
        soak_look(soak, round);
    } while (!is_over(soak) && te_tick(pause));
    apr_pool_destroy(round);
    return is_over(soak);
}

static void heal(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_fault_set(&soak->dsns[i], &soak_fault_none, 0);
        te_server_drop(soak->dsns[i].sentry->server);
    }
    atomic_store(&soak->shim->words->clock_offset, 0);
}

/* Every request that was answered is in the numbers: with all its spans; with one where it was
 * left out by sampling; with one where its process was killed between answer and log. */
static void requests_check(const soak_t *soak, const soak_dsn_t *dsn, long visits)
{
    long cuts = soak->events[SOAK_KILL_CHILD] + soak->events[SOAK_KILL_SENDER] +
                soak->events[SOAK_RESTART] + soak->events[SOAK_STOP];
    uint64_t least = (uint64_t)(dsn->answered + visits) * SOAK_SPANS;
    uint64_t most = least + (uint64_t)(dsn->failed + dsn->repeated) * SOAK_SPANS;
    uint64_t single =
        soak_discarded(dsn, ST_REASON_BACKPRESSURE) + (uint64_t)cuts * SOAK_CLIENTS;
    ck_assert_msg(soak_created(dsn) + single >= least && soak_created(dsn) <= most,
                  "project %d: %" PRIu64 " spans created, by %ld requests that were "
                  "answered and %ld that may have been begun",
                  dsn->sentry->project, soak_created(dsn), dsn->answered + visits,
                  dsn->failed + dsn->repeated);
}

/* Sentry has what is said to be delivered and was told of the rest. */
static void least_check(const soak_dsn_t *dsn)
{
    uint64_t twice;
    uint64_t missing = untold(dsn, &twice);
    ck_assert_uint_ge(dsn->sentry->accepted, soak_delivered(dsn));
    ck_assert_msg(missing <= dsn->unreported,
                  "project %d: Sentry was not told of %" PRIu64 " spans, %" PRIu64
                  " of which the error log has",
                  dsn->sentry->project, missing, dsn->unreported);
}

/* It may have more of both: what came in while a queue ended, and what was in answers that a
 * sender did not notice any more, for spans with those of each sender's end. */
static void most_check(const soak_t *soak, const soak_dsn_t *dsn)
{
    uint64_t twice;
    untold(dsn, &twice);
    uint64_t more = dsn->sentry->accepted - soak_delivered(dsn) + dsn->sentry->repeats;
    uint64_t unnoticed = (soak->changes_before + soak->changes) * SOAK_UNNOTICED;
    ck_assert_msg(more <= dsn->unseen + unnoticed,
                  "project %d: Sentry has %" PRIu64 " spans besides the %" PRIu64
                  " delivered, or twice; %" PRIu64 " can be explained",
                  dsn->sentry->project, more, soak_delivered(dsn),
                  dsn->unseen + unnoticed);
    ck_assert_msg(twice <= dsn->unseen + dsn->sentry->unsure,
                  "project %d: Sentry was told of %" PRIu64 " spans too many; %" PRIu64
                  " can be explained",
                  dsn->sentry->project, twice, dsn->unseen + dsn->sentry->unsure);
}

void soak_agree(soak_t *soak)
{
    heal(soak);
    soak_load_end(soak);
    te_deadline_t deadline = te_deadline(SOAK_PATIENCE_SEC);
    while (!flow(soak) && st_clock_mono() < deadline) {
    }
    ck_assert_msg(is_settled(soak),
                  "%" PRIu64 " and %" PRIu64
                  " spans wait for ever, %ld requests are open",
                  soak->dsns[0].now.waiting, soak->dsns[1].now.waiting, soak->open);
    for (int i = 0; i < SOAK_DSNS; i++) {
        const soak_dsn_t *dsn = &soak->dsns[i];
        law_check(dsn);
        requests_check(soak, dsn, i == 0 ? soak->visits : 0);
        least_check(dsn);
        most_check(soak, dsn);
    }
}
