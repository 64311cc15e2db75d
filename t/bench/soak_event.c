/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the server under test. */

#include "soak.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "te_dir.h"
#include "te_law.h"

#define CLOCK_STEP_MAX_SEC 7200
#define OPEN_TRIES         200
#define BURST_LOOKS_MAX    3

void soak_load_start(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_dsn_t *dsn = &soak->dsns[i];
        dsn->load = te_load_start(soak->env->httpd->ports[i], "/hello.txt", INT32_MAX,
                                  SOAK_CLIENTS);
        te_load_pace(dsn->load, SOAK_PACE_MS);
    }
}

void soak_load_end(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_dsn_t *dsn = &soak->dsns[i];
        te_load_cancel(dsn->load);
        te_load_result_t result = te_load_finish(dsn->load);
        dsn->load = NULL;
        dsn->answered += result.answered;
        dsn->failed += result.failed;
        dsn->repeated += result.repeated;
    }
}

static int is_child(const soak_t *soak, pid_t pid, apr_pool_t *round)
{
    apr_array_header_t *children = te_proc_children(soak->env->httpd->pid, round);
    for (int i = 0; i < children->nelts; i++) {
        if (APR_ARRAY_IDX(children, i, pid_t) == pid) {
            return 1;
        }
    }
    return 0;
}

static void longest(st_ns_t *pmax, st_ns_t start)
{
    st_ns_t took = st_clock_mono() - start;
    *pmax = took > *pmax ? took : *pmax;
}

/* A child that has just ended by itself is left alone. */
static void child_kill(soak_t *soak, pid_t pid, apr_pool_t *round)
{
    if (pid > 0 && is_child(soak, pid, round) && kill(pid, SIGKILL) == 0) {
        te_httpd_child_gone(soak->env->httpd, pid);
    }
}

static void some_child_kill(soak_t *soak, apr_pool_t *round)
{
    apr_array_header_t *workers = te_httpd_workers(soak_view(soak, round)->httpd);
    if (workers->nelts > 0) {
        int i = soak_draw(&soak->rng, workers->nelts);
        child_kill(soak, APR_ARRAY_IDX(workers, i, pid_t), round);
    }
}

static void sender_kill(soak_t *soak, apr_pool_t *round)
{
    te_env_t *view = soak_view(soak, round);
    pid_t sender = te_sender_pid(view);
    child_kill(soak, sender, round);
    st_ns_t start = st_clock_mono();
    te_sender_await_other(view, sender);
    longest(&soak->takeover_max, start);
}

/* The sum of the numbers in lines "TAG: N spans for ... of `project`". */
static uint64_t told(const soak_t *soak, const char *tag, int project, apr_pool_t *round)
{
    const char *log =
        te_read(te_path(soak->env->httpd->root, "logs/error_log", round), NULL, round);
    char dsn[32];
    snprintf(dsn, sizeof(dsn), "/%d ", project);
    uint64_t sum = 0;
    for (const char *at = strstr(log, tag); at != NULL; at = strstr(at, tag)) {
        at += strlen(tag) + 2;
        const char *name = strstr(at, dsn);
        if (name != NULL && name < at + strcspn(at, "\n")) {
            sum += strtoull(at, NULL, 10);
        }
    }
    return sum;
}

static void account_add(te_account_t *sum, const te_account_t *account)
{
    sum->created += account->created;
    sum->delivered += account->delivered;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum->discarded[reason] += account->discarded[reason];
    }
}

/* The queue is gone. Requests that were still open at the last look may have become spans after
 * it. */
static void queue_close(soak_t *soak, apr_pool_t *round)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_dsn_t *dsn = &soak->dsns[i];
        uint64_t lost = told(soak, "ST0018", dsn->sentry->project, round) - dsn->lost;
        uint64_t waiting = dsn->now.waiting;
        ck_assert_msg(lost <= waiting + (uint64_t)(soak->open * SOAK_SPANS),
                      "project %d: %lu spans waited before the stop, %ld requests were "
                      "open, but %lu spans were lost",
                      dsn->sentry->project, waiting, soak->open, lost);
        account_add(&dsn->before, &dsn->now);
        dsn->before.created += lost > waiting ? lost - waiting : 0;
        dsn->unseen += lost < waiting ? waiting - lost : 0;
        dsn->lost += lost;
        dsn->unreported = told(soak, "ST0010", dsn->sentry->project, round);
        dsn->now = (te_account_t){.created = 0};
    }
    soak->changes_before += soak->changes;
    soak->holes_before += soak->holes;
}

/* With a file the server may have to stop in the middle of everything; without one the numbers of
 * before have to be known. */
static void stop_and_start(soak_t *soak, apr_pool_t *round)
{
    int is_busy = soak->queue_dir != NULL && soak_draw(&soak->rng, 2) == 0;
    if (!is_busy) {
        soak_load_end(soak);
        soak_look(soak, round);
        for (int i = 0; soak->open > 0 && i < OPEN_TRIES; i++) {
            soak_look(soak, round);
        }
    }
    te_client_disconnect(soak->env->client);
    st_ns_t start = st_clock_mono();
    te_httpd_stop_under_load(soak->env->httpd);
    longest(&soak->stop_max, start);
    if (is_busy) {
        soak_load_end(soak);
    }
    if (soak->queue_dir == NULL) {
        queue_close(soak, round);
    }
    te_httpd_start(soak->env->httpd);
    soak_load_start(soak);
}

static void clock_step(soak_t *soak)
{
    int seconds = soak_draw(&soak->rng, 2 * CLOCK_STEP_MAX_SEC) - CLOCK_STEP_MAX_SEC;
    atomic_store(&soak->shim->words->clock_offset, seconds * ST_NS_PER_SEC);
}

static void burst_begin(soak_t *soak)
{
    soak->burst_looks = soak_draw(&soak->rng, BURST_LOOKS_MAX);
    for (int i = 0; i < SOAK_DSNS; i++) {
        te_load_pace(soak->dsns[i].load, 0);
    }
}

void soak_event_run(soak_t *soak, soak_event_t event, apr_pool_t *round)
{
    te_httpd_t *httpd = soak->env->httpd;
    httpd->pool = round;
    soak->events[event]++;
    switch (event) {
    case SOAK_KILL_CHILD:
        some_child_kill(soak, round);
        break;
    case SOAK_KILL_SENDER:
        sender_kill(soak, round);
        break;
    case SOAK_GRACEFUL:
        te_httpd_graceful(httpd);
        break;
    case SOAK_RESTART:
        te_httpd_restart_under_load(httpd);
        break;
    case SOAK_STOP:
        stop_and_start(soak, round);
        break;
    case SOAK_CLOCK:
        clock_step(soak);
        break;
    case SOAK_BURST:
        burst_begin(soak);
        break;
    default:
        break;
    }
    httpd->pool = soak->env->pool;
}

void soak_fault_set(soak_dsn_t *dsn, const soak_fault_t *fault, int looks)
{
    if (dsn->fault->refuse != fault->refuse) {
        te_server_refuse(dsn->sentry->server, fault->refuse);
    }
    te_server_answer(dsn->sentry->server, &fault->answer);
    dsn->fault = fault;
    dsn->fault_looks = looks;
}
