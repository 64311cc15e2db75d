/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_LEASE_H
#define ST_LEASE_H

/* Who sends: one process of the server at a time. The lease is a POSIX record lock on the
 * queue's descriptor, which the kernel gives back when the process ends, however it ends, and
 * which a fork does not inherit. Shared memory says besides who holds it and when it was last
 * alive, so that looking costs requests two loads.
 *
 * A process asks once at a time; within a process the lock excludes nobody (child.c keeps one
 * sender thread). */

#include <stdatomic.h>
#include "st_clock.h"
#include "st_error.h"
#include "st_process.h"

struct st_queue_t;

/* A holder that has not been heard of for this long may be dead. */
#define ST_LEASE_STALE (1500 * ST_NS_PER_MS)

/* The holder's thread beats at least this often. */
#define ST_LEASE_BEAT (500 * ST_NS_PER_MS)

typedef struct st_lease_shm_t {
    _Atomic st_owner_t holder; /* 0: nobody */
    _Atomic st_ns_t beat;      /* monotonic */
    _Atomic uint64_t taken;    /* how often it changed hands */
    _Atomic st_ns_t given_at;  /* when it was last given back; 0: never */
    _Atomic st_ns_t gap_max;   /* longest time without a holder between two, when known */
} st_lease_shm_t;

/* 1 when it is worth trying: nobody holds it, or the holder has gone silent. Any thread. */
int st_lease_is_wanted(const struct st_queue_t *queue, st_ns_t now);

/* Takes the lease if it is free. Never blocks. On success the caller is the consumer of the
 * ring, and has to st_ledger_recover() first.
 * @return APR_SUCCESS; APR_EAGAIN when another process has it; or why it cannot be locked. */
apr_status_t st_lease_take(struct st_queue_t *queue, st_owner_t self,
                           st_ns_t now) ST_MUST_CHECK;

/* The holder is alive. */
void st_lease_beat(struct st_queue_t *queue, st_ns_t now);

/* Gives it back. The caller then has to look whether the ring has something again, and if so
 * to try again: who tried in between has left it to the holder. */
void st_lease_give_back(struct st_queue_t *queue, st_ns_t now);

#endif /* ST_LEASE_H */
