/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SENDER_H
#define ST_SENDER_H

/* Takes records out of a ring, groups them by trace, and delivers them as envelopes.
 *
 *   ring ─► buckets (one per destination and trace, short linger) ─► encoder ─► transport
 *     ▲                                                                            │
 *     └───────────── release: delivered, or discarded and counted ◄────────────────┘
 *
 * One thread runs st_sender_thr_run from start to stop. Everything else of a sender is private
 * to that thread, except the wake-up words. Records stay in the ring until their envelope is
 * answered, so what waits is bounded by the ring. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_counters.h"
#include "st_dest.h"
#include "st_ring.h"

typedef struct st_sender_t st_sender_t;

typedef struct st_sender_options_t {
    st_ring_t *ring;              /* borrowed */
    const st_dest_table_t *dests; /* borrowed */
    st_counters_t *counters;      /* borrowed, one per endpoint */
    st_ns_t flush_interval;       /* most time a record waits in a bucket; reports too */
    st_ns_t linger;               /* time a bucket waits after its newest segment ended */
    st_ns_t shutdown_timeout;     /* most time between stop and the end of thr_run */
    const char *user_agent;       /* "sentry.httpd/0.1.0" */
} st_sender_options_t;

/* Makes a sender; no thread, no connection yet. Call in the process that will run it, after
 * fork. The options are copied, what they point to is borrowed for the sender's life.
 * @param pool used by the sender's thread alone from now on (own allocator)
 * @return APR_SUCCESS; APR_EINVAL when there is no destination, or an endpoint without one; or
 *         why no wake-up descriptor or curl handle could be made. */
apr_status_t st_sender_create(st_sender_t **psender, const st_sender_options_t *options,
                              apr_pool_t *pool) ST_MUST_CHECK;

/* Sends until stopped, then flushes what the ring holds within the shutdown timeout; counts
 * as queue_overflow what could not go out. Sender thread only; returns once. */
void st_sender_thr_run(st_sender_t *sender);

/* Tells the sender that a record was committed. Cheap: writes to a descriptor only when the
 * sender sleeps or the ring got half full. Any thread, lock-free, never blocks. */
void st_sender_wake(st_sender_t *sender);

/* 1 when an endpoint has answered 429 and the time it asked for (60 s when it named none) is
 * not over. @param now monotonic. Any thread, lock-free. */
int st_sender_is_limited(const st_sender_t *sender, st_ns_t now);

/* Asks thr_run to flush and return. Any thread, any number of times, async-signal-safe, no
 * lock. */
void st_sender_stop(st_sender_t *sender);

/* Closes connections and frees buffers; memory goes with the pool. Sender thread, after thr_run
 * has returned; others may still call st_sender_stop. */
void st_sender_thr_close(st_sender_t *sender);

/* Closes the wake-up descriptor, and what st_sender_thr_close has not. When the thread has ended
 * and nobody calls wake or stop any more; after st_sender_thr_close async-signal-safe. */
void st_sender_destroy(st_sender_t *sender);

#endif /* ST_SENDER_H */
