/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_SENTRY_H
#define SOAK_SENTRY_H

/* A fake Sentry for hours: it checks envelopes as strictly as that of t/e2e, and keeps only sums
 * and the ids of spans. The soak's own thread. */

#include <apr_pools.h>

#include "soak_set.h"
#include "st_report.h"
#include "te_server.h"

/* Connections whose last answers are remembered. */
#define SOAK_CONNECTIONS 4096

/* Envelopes to one Sentry that can be under way at a time. */
#define SOAK_FLIGHT 8

/* Spans that the reports in the last accepted requests of a connection tell of. */
typedef struct soak_connection_t {
    int number;
    int next;
    uint64_t last[SOAK_FLIGHT];
} soak_connection_t;

typedef struct soak_sentry_t {
    te_server_t *server;
    int project;
    soak_set_t ids;
    uint64_t requests; /* read, whatever they were answered */
    uint64_t accepted; /* different spans */
    uint64_t segments; /* of them */
    uint64_t repeats;  /* spans that had come before */
    uint64_t reports;
    uint64_t told[ST_REASON_COUNT]; /* by client reports */
    /* Spans that reports tell of which were accepted as one of the last requests of their
     * connection. A report whose answer its sender has not noticed, because he was killed, had
     * to end or had lost patience, is among them: all envelopes that are under way may have been
     * sent over one connection, each as soon as the one before was answered. */
    uint64_t unsure;
    soak_connection_t connections[SOAK_CONNECTIONS];
} soak_sentry_t;

/* Starts it. It is in pool; its server and its memory are freed by soak_sentry_stop. */
soak_sentry_t *soak_sentry_start(int project, apr_pool_t *pool);

/* Reads what has arrived. The soak ends when something was malformed, or for another project. */
void soak_sentry_collect(soak_sentry_t *sentry, apr_pool_t *scratch);

uint64_t soak_sentry_told(const soak_sentry_t *sentry);

void soak_sentry_stop(soak_sentry_t *sentry);

#endif /* SOAK_SENTRY_H */
