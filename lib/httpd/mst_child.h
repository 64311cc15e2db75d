/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_CHILD_H
#define MST_CHILD_H

/* What a child process has for tracing: its handle of the queue, its ids, and its turn at being
 * the sender (mst_turn.h). Made in child_init, after fork; what has to end is ended in a
 * pre-cleanup of pchild, within a bound. */

#include <stdatomic.h>

#include "mst_private.h"
#include "st_clock.h"
#include "st_id.h"
#include "st_queue.h"

/* How it stood with one endpoint when somebody looked last: mst_sampler.h. */
typedef struct mst_pressure_t {
    _Atomic st_ns_t checked; /* monotonic; 0: never */
    _Atomic int halvings;
    _Atomic uint64_t dropped; /* spans, by then */
} mst_pressure_t;

typedef struct mst_child_t {
    st_id_source_t ids;
    st_queue_t queue; /* the parent's handle; a copy as good as any */
    st_owner_t self;
    unsigned generation;      /* that this child belongs to */
    mst_pressure_t *pressure; /* one per endpoint; in pchild */
    server_rec *server;       /* main server */
    pid_t pid;
    int is_threaded;         /* 0: one request at a time, and ended by a signal handler */
    _Atomic int is_stopping; /* 1: pchild goes */
    _Atomic int is_told;     /* 1: the sender tells of requests that are still open */
} mst_child_t;

/* Starts tracing in this child, if there is a queue. */
void mst_child_start(apr_pool_t *pchild, server_rec *main_server);

/* This child's state; NULL in the parent and without a queue. Any thread. */
mst_child_t *mst_child(void);

/* 1 when requests that are still open will not go on, unless they are being logged: their slots
 * stay, so that the sender tells of them. Any thread. */
int mst_child_is_stopping(const mst_child_t *child);

/* 1 when the sender tells of them already: their slots are not theirs any more. */
int mst_child_has_told(const mst_child_t *child);

#endif /* MST_CHILD_H */
