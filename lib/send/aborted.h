/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ABORTED_H
#define ST_ABORTED_H

/* Tells Sentry of requests whose process died under them: what such a process has left in the
 * open slots (st_open.h) becomes a segment of its own, "aborted", in the ring.
 *
 * A death is noticed at most once a second. Then the segment waits for the parent to tell which
 * signal it was, and for the intake to have read whatever the dead one may have committed. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_process.h"

struct st_sender_t;

/* How many dead processes are looked after at a time; others have to wait. */
#define ST_ABORTED_DEAD_MAX 64

/* A process that was found dead. */
typedef struct st_aborted_dead_t {
    st_owner_t owner;
    st_ns_t noticed; /* monotonic */
    st_ns_t wall;    /* the same instant */
    int is_named;    /* 1: a slot named it in this pass */
} st_aborted_dead_t;

/* Zeroed at first. */
typedef struct st_aborted_t {
    st_ns_t next; /* no pass before */
    int pending;  /* slots of the dead that the last pass has left */
    int dead_count;
    st_aborted_dead_t dead[ST_ABORTED_DEAD_MAX];
} st_aborted_t;

/* Looks for slots of dead processes, if it is time. Sender thread only. */
void st_aborted_reap(struct st_sender_t *sender);

#endif /* ST_ABORTED_H */
