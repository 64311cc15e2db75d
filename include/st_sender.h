/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SENDER_H
#define ST_SENDER_H

/* Takes records out of the queue, groups them by trace, and delivers them as envelopes.
 *
 *   ring ─► buckets (one per destination and trace, short linger) ─► encoder ─► transport
 *     ▲                                                    ▲                        │
 *     │                                                    └── no answer: again ◄────┤
 *     └───────────── settled: delivered, or discarded and counted ◄─────────────────┘
 *
 * One thread of the process that holds the lease runs st_sender_thr_run. Everything of a sender
 * is private to that thread, except the stop word; what others have to see is in the queue.
 * Records stay in the ring until their envelope is answered or given up, so what waits is
 * bounded by the ring, and outlives the sender. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_queue.h"

typedef struct st_sender_t st_sender_t;

typedef struct st_sender_options_t {
    st_queue_t *queue;        /* borrowed; the caller holds the lease */
    st_ns_t flush_interval;   /* most time a record waits in a bucket; reports too */
    st_ns_t linger;           /* time a bucket waits after its newest segment ended */
    st_ns_t shutdown_timeout; /* most time between stop and the end of thr_run */
    const char *user_agent;   /* "sentry.httpd/0.1.0" */
} st_sender_options_t;

/* Makes a sender for the destinations that the queue names now; no thread, no connection yet.
 * Call in the process that will run it, after fork, with the lease. The options are copied,
 * what they point to is borrowed for the sender's life.
 * @param pool used by the sender's thread alone from now on (own allocator)
 * @return APR_SUCCESS; APR_EINVAL when there is no destination; or why no curl handle could be
 *         made. */
apr_status_t st_sender_create(st_sender_t **psender, const st_sender_options_t *options,
                              apr_pool_t *pool) ST_MUST_CHECK;

/* First recovers what a dead predecessor was doing (st_ledger.h). Then sends until it is stopped
 * or the queue has a new generation, then flushes:
 *   stopped          what the ring holds, within the shutdown timeout; an endpoint whose
 *                    circuit is open is asked once more, unless it failed only now
 *   new generation   what is under way, for at most ST_SENDER_HAND_OVER, or the shutdown
 *                    timeout once it is stopped; the rest is the successor's
 * The last part of a flush is for answers alone, so that under load, where there is always something
 * new, what is under way at the end is not broken off and sent again.
 * What could not be sent stays in the ring. Beats the lease all the while. Sender thread only;
 * returns once. */
#define ST_SENDER_HAND_OVER (1500 * ST_NS_PER_MS)
void st_sender_thr_run(st_sender_t *sender);

/* Asks thr_run to flush and return. Any thread, any number of times, async-signal-safe, no
 * lock. */
void st_sender_stop(st_sender_t *sender);

/* Closes connections and frees buffers; memory goes with the pool. Sender thread, after thr_run
 * has returned; others may still call st_sender_stop. */
void st_sender_thr_close(st_sender_t *sender);

#endif /* ST_SENDER_H */
