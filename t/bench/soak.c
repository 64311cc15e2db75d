/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is lost silently, whatever happens, for as long as one likes:
 *
 *   soak [-m MINUTES] [-s SEED] [-p event|worker|prefork] [-q FOLDER] [-e EVENT]
 *
 * runs a private httpd with two virtual hosts under load, mixes faults at random from the seed,
 * and prints every second, for each of the two DSNs, created = delivered + discarded + waiting.
 * It ends with exit code 1 and a message at the first difference. With -q the queue is a file in
 * FOLDER, which must not have one yet. With -e one thing alone happens, every second: "graceful".
 * See docs/testing.md. */

#include "soak.h"

#include <check.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "te_dir.h"
#include "te_log.h"
#include "te_main.h"

#define LOOKS_MAX          5 /* of one fault */
#define EVENT_DELAY_MAX_MS 700

static struct {
    double minutes;
    uint64_t seed;
    te_mpm_t mpm;
    const char *queue_dir;
    int is_only;
    soak_event_t only; /* every second, and all fake Sentries are fine */
} options = {.minutes = 2};

static const char *const conf_format =
    TE_STATUS "SentryTraceFlush 100ms\nSentryTraceSpans Handler\nSentryTraceTimeout 2s\n"
              "SentryTraceShutdownTimeout 1s\nSentryTraceQueue " SOAK_QUEUE_BYTES " %s\n"
              "StartServers 3\nMaxKeepAliveRequests 40\nMaxConnectionsPerChild 200\n"
              "<IfModule mpm_prefork_module>\nStartServers 20\nMinSpareServers 4\n"
              "</IfModule>\n"
              "SentryTraceDSN %s\nListen 127.0.0.1:${PORT2}\n"
              "<VirtualHost 127.0.0.1:${PORT2}>\nServerName two\nSentryTraceDSN %s\n"
              "</VirtualHost>\n";

static const char *dsn_text(const soak_dsn_t *dsn, apr_pool_t *pool)
{
    return apr_psprintf(pool, "http://" TE_SENTRY_KEY "@127.0.0.1:%d/%d",
                        te_server_port(dsn->sentry->server), dsn->sentry->project);
}

/* Messages that faults make. */
static void allow_messages(void)
{
    static const char *const texts[] = {
        "ST01",    "ST0010",  "ST0018",  "exit signal",
        "AH10393", /* several of those in a row */
        "AH00045", /* a child did not end at once */
        "AH00288", /* event, worker: no slot left while old children end */
        "AH00484", "AH00161", "AH03490", "AH10159",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        te_log_allow(texts[i]);
    }
}

soak_t *soak_start(te_mpm_t mpm, uint64_t seed, const char *queue_dir)
{
    soak_t *soak = apr_pcalloc(te_pool, sizeof(*soak));
    soak->queue_dir = queue_dir;
    soak->rng.state = seed;
    soak->shim = te_shim_make();
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak->dsns[i].sentry = soak_sentry_start(SOAK_PROJECT + i, te_pool);
        soak->dsns[i].fault = &soak_fault_none;
    }
    te_setup_t setup = {.mpm = mpm,
                        .env = soak->shim->env,
                        .conf = apr_psprintf(te_pool, conf_format,
                                             queue_dir != NULL ? queue_dir : "",
                                             dsn_text(&soak->dsns[0], te_pool),
                                             dsn_text(&soak->dsns[1], te_pool))};
    allow_messages();
    soak->env = te_env_make(&setup, "soak");
    te_env_run(soak->env);
    soak_load_start(soak);
    soak->start = st_clock_mono();
    return soak;
}

static void faults_change(soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_dsn_t *dsn = &soak->dsns[i];
        dsn->fault_looks--;
        if (dsn->fault_looks < 0) {
            int is_fine = soak_draw(&soak->rng, 2) == 0 || options.is_only;
            const soak_fault_t *fault = soak_fault_draw(&soak->rng);
            soak_fault_set(dsn, is_fine ? &soak_fault_none : fault,
                           soak_draw(&soak->rng, LOOKS_MAX));
        }
    }
}

static void burst_end(soak_t *soak)
{
    soak->burst_looks--;
    for (int i = 0; soak->burst_looks < 0 && i < SOAK_DSNS; i++) {
        te_load_pace(soak->dsns[i].load, SOAK_PACE_MS);
    }
}

/* Requests of the fake Sentries are read as they come. */
static void collect_until(soak_t *soak, st_ns_t deadline, apr_pool_t *round)
{
    do {
        for (int i = 0; i < SOAK_DSNS; i++) {
            soak_sentry_collect(soak->dsns[i].sentry, round);
        }
    } while (te_tick(deadline));
}

static void second_run(soak_t *soak)
{
    apr_pool_t *round;
    ck_assert_int_eq(apr_pool_create(&round, te_pool), APR_SUCCESS);
    st_ns_t begin = st_clock_mono();
    st_ns_t passed = begin - soak->start;
    burst_end(soak);
    faults_change(soak);
    soak_event_t event = options.is_only ? options.only : soak_event_draw(&soak->rng);
    int delay_ms = soak_draw(&soak->rng, EVENT_DELAY_MAX_MS);
    collect_until(soak, begin + delay_ms * ST_NS_PER_MS, round);
    soak_event_run(soak, event, round);
    collect_until(soak, soak->start + (passed / ST_NS_PER_SEC + 1) * ST_NS_PER_SEC,
                  round);
    soak_look(soak, round);
    soak_print(soak, event);
    apr_pool_destroy(round);
}

static void reasons_print(const soak_dsn_t *dsn)
{
    for (int i = 0; i < ST_REASON_COUNT; i++) {
        uint64_t count = soak_discarded(dsn, (st_reason_t)i);
        if (count > 0) {
            printf("  discarded, %s: %" PRIu64 "; Sentry was told of %" PRIu64 "\n",
                   st_reason_text((st_reason_t)i), count, dsn->sentry->told[i]);
        }
    }
}

static void dsn_summary(const soak_dsn_t *dsn)
{
    const soak_sentry_t *sentry = dsn->sentry;
    printf("project %d\n", sentry->project);
    printf("  requests: %ld answered, %ld cut off, %ld sent again\n", dsn->answered,
           dsn->failed, dsn->repeated);
    printf("  spans: %" PRIu64 " created, %" PRIu64 " delivered, %" PRIu64
           " lost at stops, %" PRIu64 " settled at stops\n",
           soak_created(dsn), soak_delivered(dsn), dsn->lost, dsn->unseen);
    printf("  Sentry: %" PRIu64 " requests, %" PRIu64 " different spans, %" PRIu64
           " segments, %" PRIu64 " spans again, %" PRIu64 " client reports\n",
           sentry->requests, sentry->accepted, sentry->segments, sentry->repeats,
           sentry->reports);
    reasons_print(dsn);
}

static void summary(const soak_t *soak)
{
    for (int i = 0; i < SOAK_DSNS; i++) {
        dsn_summary(&soak->dsns[i]);
    }
    for (int event = 1; event < SOAK_EVENT_COUNT; event++) {
        printf("%s: %ld\n", soak_event_text((soak_event_t)event), soak->events[event]);
    }
    printf("hand-overs: %" PRIu64 ", longest gap: %.3f s; after a kill: %.3f s\n",
           soak->changes_before + soak->changes, soak->gap_max,
           (double)soak->takeover_max / ST_NS_PER_SEC);
    printf("holes: %" PRIu64 "\n", soak->holes_before + soak->holes);
    printf("longest stop: %.3f s\n", (double)soak->stop_max / ST_NS_PER_SEC);
    fflush(stdout);
}

void soak_finish(soak_t *soak)
{
    te_close(soak->env);
    for (int i = 0; i < SOAK_DSNS; i++) {
        soak_sentry_stop(soak->dsns[i].sentry);
    }
    summary(soak);
    te_httpd_destroy(soak->env->httpd);
    te_shim_remove(soak->shim);
}

START_TEST(nothing_is_lost_silently)
{
    soak_t *soak = soak_start(options.mpm, options.seed, options.queue_dir);
    st_ns_t end = soak->start + (st_ns_t)(options.minutes * 60 * ST_NS_PER_SEC);
    while (st_clock_mono() < end) {
        second_run(soak);
    }
    soak_agree(soak);
    soak_finish(soak);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, nothing_is_lost_silently);
}

static int usage(void)
{
    fprintf(stderr, "usage: soak [-m MINUTES] [-s SEED] [-p event|worker|prefork] "
                    "[-q FOLDER] [-e EVENT]\n");
    return 2;
}

/* @return 0 when there is no such MPM. */
static int mpm_parse(const char *text)
{
    for (int mpm = 0; mpm < TE_MPM_COUNT; mpm++) {
        if (strcmp(te_mpm_name((te_mpm_t)mpm), text) == 0) {
            options.mpm = (te_mpm_t)mpm;
            return 1;
        }
    }
    return 0;
}

/* A queue of somebody else has other numbers. */
static int queue_is_new(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/sentry-trace.queue", dir);
    int is_new = access(path, F_OK) != 0;
    if (!is_new) {
        fprintf(stderr, "soak: there is a %s already\n", path);
    }
    return is_new;
}

static int option_take(int option)
{
    switch (option) {
    case 'm':
        options.minutes = strtod(optarg, NULL);
        return options.minutes > 0;
    case 's':
        options.seed = strtoull(optarg, NULL, 10);
        return 1;
    case 'p':
        return mpm_parse(optarg);
    case 'q':
        options.queue_dir = optarg;
        return queue_is_new(optarg);
    case 'e':
        options.is_only = 1;
        options.only = soak_event_parse(optarg);
        return options.only != SOAK_EVENT_COUNT;
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    options.seed = (uint64_t)st_clock_wall() / ST_NS_PER_MS % 1000000;
    int option = getopt(argc, argv, "m:s:p:q:e:");
    while (option != -1) {
        if (!option_take(option)) {
            return usage();
        }
        option = getopt(argc, argv, "m:s:p:q:e:");
    }
    if (optind != argc) {
        return usage();
    }
    printf("soak -m %g -s %" PRIu64 " -p %s%s%s\n", options.minutes, options.seed,
           te_mpm_name(options.mpm), options.queue_dir != NULL ? " -q " : "",
           options.queue_dir != NULL ? options.queue_dir : "");
    fflush(stdout);
    return te_main("soak", add_cases);
}
