/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_H
#define SOAK_H

/* A server that is tormented at random for as long as one likes, and its numbers.
 *
 *   load ─► httpd, two virtual hosts ─► two fake Sentries
 *             │
 *             └─ the status page: created = delivered + discarded + waiting
 *
 * Every second the load is held, so that the page's numbers stand still, and looked at
 * (soak_look); at the end all faults are taken away, and the page's numbers are held against
 * what the fake Sentries have (soak_agree). The first difference ends the program.
 *
 * A queue without a file ends with its server: its numbers are added up in `before`, and of
 * what waited the error log says how much is lost. All functions: the soak's own thread. */

#include "soak_fault.h"
#include "soak_sentry.h"
#include "te_load.h"
#include "te_shim.h"
#include "te_status.h"

#define SOAK_DSNS    2
#define SOAK_PROJECT 42 /* and the next one */
#define SOAK_CLIENTS 8  /* connections per virtual host */
#define SOAK_SPANS   2  /* of one request, at most */
/* Spans in envelopes under way when a sender ends; and as many again for lost patience. */
#define SOAK_UNNOTICED    (2 * SOAK_FLIGHT * SOAK_SPANS)
#define SOAK_PATIENCE_SEC 180
#define SOAK_QUEUE_BYTES  "1M"

/* One virtual host, its load, its Sentry. */
typedef struct soak_dsn_t {
    soak_sentry_t *sentry;
    const soak_fault_t *fault;
    int fault_looks; /* it stays for so many looks */
    te_load_t *load;
    long answered; /* of the loads before */
    long failed;
    long repeated;
    te_account_t before; /* of the queues that are gone */
    te_account_t now;    /* of the one there is, at the last look */
    uint64_t lost;       /* with the queues that are gone, as the error log says */
    uint64_t unreported; /* likewise: dropped, and Sentry was not told */
    uint64_t unseen;     /* settled between the last look and the end of a queue */
} soak_dsn_t;

typedef struct soak_t {
    te_env_t *env;
    te_shim_t *shim;
    const char *queue_dir; /* NULL: no file */
    int pace_ms;           /* of each connection, between requests */
    st_rng_t rng;
    st_ns_t start;
    soak_dsn_t dsns[SOAK_DSNS];
    int burst_looks; /* a burst goes on for so many looks; less than 0: none */
    long events[SOAK_EVENT_COUNT];
    long visits; /* requests besides the loads */
    st_ns_t stop_max;
    st_ns_t takeover_max; /* from the end of a killed sender to the next one */
    double gap_max;       /* seconds without a sender, where the page knows of it */
    long open;            /* requests that were not over at the last look */
    uint64_t changes_before, holes_before; /* of the queues that are gone */
    uint64_t changes, holes;
} soak_t;

/* Changes how a fake Sentry behaves. */
void soak_fault_set(soak_dsn_t *dsn, const soak_fault_t *fault, int looks);

/* Lets it happen. @param round pool that is cleared soon */
void soak_event_run(soak_t *soak, soak_event_t event, apr_pool_t *round);

/* Holds the load, looks, checks, and lets the load go on. */
void soak_look(soak_t *soak, apr_pool_t *round);

/* Prints what the last look has seen. */
void soak_print(const soak_t *soak, soak_event_t event);

/* Takes all faults away and ends the load; waits until nothing waits and Sentry has been told;
 * compares. */
void soak_agree(soak_t *soak);

/* What httpd is to be looked at with: an environment whose memory is `round`'s. */
te_env_t *soak_view(const soak_t *soak, apr_pool_t *round);

/* Sums over all queues. */
uint64_t soak_created(const soak_dsn_t *dsn);
uint64_t soak_delivered(const soak_dsn_t *dsn);
uint64_t soak_discarded(const soak_dsn_t *dsn, st_reason_t reason);
uint64_t soak_discarded_all(const soak_dsn_t *dsn);

/* Starts and ends the loads; a server that is started has new ports. */
void soak_load_start(soak_t *soak);
void soak_load_end(soak_t *soak);

#endif /* SOAK_H */
