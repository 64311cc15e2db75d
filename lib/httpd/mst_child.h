/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_CHILD_H
#define MST_CHILD_H

/* What a child process has for tracing: its ids, its ring and its sender thread. Made in
 * child_init, after fork; the thread is told to flush and joined in a pre-cleanup of pchild,
 * with a bound. */

#include <stdatomic.h>

#include "mst_private.h"
#include "st_clock.h"
#include "st_counters.h"
#include "st_id.h"
#include "st_ring.h"
#include "st_sender.h"

/* How full the queue was when somebody looked last; see mst_sampler.h. */
typedef struct mst_pressure_t {
    _Atomic st_ns_t checked; /* monotonic; 0: never */
    _Atomic int halvings;
} mst_pressure_t;

typedef struct mst_child_t {
    st_id_source_t ids;
    st_ring_t ring;
    mst_pressure_t pressure;
    st_counters_t *counters; /* one per endpoint */
    st_sender_t *sender;
    pid_t pid;
} mst_child_t;

/* Starts tracing in this child. On failure logs why, and the child serves untraced. */
void mst_child_start(apr_pool_t *pchild, server_rec *main_server);

/* This child's state; NULL in the parent, without a destination, and when starting failed.
 * Any thread. */
mst_child_t *mst_child(void);

#endif /* MST_CHILD_H */
