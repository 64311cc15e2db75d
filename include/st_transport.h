/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_TRANSPORT_H
#define ST_TRANSPORT_H

/* Takes sealed envelopes to their destinations and tells what came of each.
 *
 *   submit ─► [in flight] ─► answer, once, from within drive or abort
 *
 * It knows no spans: bytes go in, an HTTP status or "no answer" comes out. There is one
 * implementation for http(s) (curl), one for files, and one that picks between them; tests
 * bring their own. Everything here happens in the thread of the sender. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_dest.h"
#include "st_error.h"

typedef struct st_transport_t st_transport_t;

/* What became of one envelope. Valid during the callback. */
typedef struct st_answer_t {
    void *parcel;    /* as it was given to submit */
    apr_status_t rv; /* APR_SUCCESS: there is an answer; else why there is none */
    int http_status; /* of the answer; 200 for an envelope that was written to a file */
    st_ns_t at;      /* when that was known, monotonic */
    const char *limits; /* X-Sentry-Rate-Limits, several lines joined by ","; or NULL */
    const char *retry_after; /* Retry-After; or NULL */
    const char *detail; /* why there is none, for a message; "" when nothing is known */
} st_answer_t;

/* Receives each answer. Must not call the transport. */
typedef void st_transport_answer_fn(const st_answer_t *answer, void *baton);

typedef struct st_transport_ops_t {
    /* How many more envelopes may be submitted for dest now. */
    int (*room)(const st_transport_t *transport, const st_dest_t *dest);

    /* Sends body[0..len), which is borrowed until the answer, as is dest for ever.
     * @return APR_SUCCESS and one answer will come; APR_ENOMEM and none will. */
    apr_status_t (*submit)(st_transport_t *transport, const st_dest_t *dest,
                           const char *body, size_t len, void *parcel);

    /* Moves bytes and delivers answers. Waits until there is an answer, wake_fd is readable or
     * `timeout` is over; < 0: without a limit.
     * @param pwoken set to 1 when wake_fd is readable, else to 0
     * @return APR_SUCCESS; else it could not wait, and the caller has to. */
    apr_status_t (*drive)(st_transport_t *transport, int wake_fd, st_ns_t timeout,
                          int *pwoken);

    /* Breaks off everything that is in flight and answers it with APR_EINTR. Never waits for
     * the network. */
    void (*abort)(st_transport_t *transport);

    /* Closes what is open; nothing is in flight. Memory goes with the pool. */
    void (*destroy)(st_transport_t *transport);
} st_transport_ops_t;

/* First member of every implementation. */
struct st_transport_t {
    const st_transport_ops_t *ops;
    st_transport_answer_fn *answer; /* set by the user before the first submit */
    void *baton;
};

/* A transport for all destinations of the table, borrowed; entries without a DSN are passed
 * over. Call in the process that will use it: nothing of libcurl survives a fork.
 * @param user_agent "sentry.httpd/0.1.0"; borrowed
 * @return APR_SUCCESS; APR_ENOMEM; APR_EINVAL when libcurl does not take a URL; APR_EGENERAL
 *         when it cannot be used. */
apr_status_t st_transport_create(st_transport_t **ptransport,
                                 const st_dest_table_t *dests, const char *user_agent,
                                 apr_pool_t *pool) ST_MUST_CHECK;

/* The parts: http(s) only, and files only. Same contract. */
apr_status_t st_curl_create(st_transport_t **ptransport, const st_dest_table_t *dests,
                            const char *user_agent, apr_pool_t *pool) ST_MUST_CHECK;
st_transport_t *st_file_transport_create(apr_pool_t *pool);

#endif /* ST_TRANSPORT_H */
