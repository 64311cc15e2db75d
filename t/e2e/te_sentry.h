/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SENTRY_H
#define TE_SENTRY_H

/* A fake Sentry: a scripted server (te_server.h) whose requests are read as envelopes into a
 * store (te_store.h). How each request has to look is checked, too. The test's own thread. */

#include "te_server.h"
#include "te_store.h"

/* The public key of the DSNs. */
#define TE_SENTRY_KEY "0123456789abcdef0123456789abcdef"

typedef struct te_sentry_t {
    apr_pool_t *pool;
    te_server_t *server; /* to script answers; NULL after te_sentry_stop */
    te_store_t *store;
    const char *log;     /* file that gets every accepted body; or NULL */
    int seen;            /* messages read into the store */
    const char *failure; /* first malformed request, or NULL */
} te_sentry_t;

te_sentry_t *te_sentry_start(apr_pool_t *pool);

/* Its host:port, in pool. */
const char *te_sentry_address(const te_sentry_t *sentry, apr_pool_t *pool);

/* A DSN for project `project`, in pool. */
const char *te_sentry_dsn(const te_sentry_t *sentry, int project, apr_pool_t *pool);

/* From now on a sender may be killed at any instant: requests end early, spans come twice. */
void te_sentry_expect_kills(te_sentry_t *sentry);

/* Reads what has arrived into the store. */
void te_sentry_collect(te_sentry_t *sentry);

/* Wait until at least so much has arrived and was accepted. */
void te_sentry_await_segments(te_sentry_t *sentry, int count);
void te_sentry_await_spans(te_sentry_t *sentry, int count);
void te_sentry_await_reports(te_sentry_t *sentry, int count);

/* Waits until that many requests came in, answered or not. */
void te_sentry_await_reads(te_sentry_t *sentry, int count);

/* Collects the rest and stops the server; the store stays. */
void te_sentry_stop(te_sentry_t *sentry);

/* Ends the test when a request was malformed or the store is not as it has to be. */
void te_sentry_check(te_sentry_t *sentry);

#endif /* TE_SENTRY_H */
