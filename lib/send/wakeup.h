/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_WAKEUP_H
#define ST_WAKEUP_H

/* How requests wake the sender's thread, at next to no cost while it is awake.
 *
 *   sender                                    request
 *     sleeping = 1                              commit a record
 *     looks into the ring once more             sleeping == 1? ─ yes ─► sleeping = 0, write(fd)
 *     waits on fd                               ring half full? ─ yes ─► nudged = 1, write(fd)
 *
 * A full fence on both sides between the two steps makes sure that either the sender sees the
 * record or the request sees that it sleeps. While the sender waits for a moment that is near
 * it does not set `sleeping`: it will look into the ring then. */

#include <stdatomic.h>
#include "st_error.h"
#include "st_ring.h"

typedef struct st_wakeup_t {
    int fd; /* eventfd; readable: wake up */
    /* The words that requests read stand alone in their cache line. */
    char pad_before[64];
    _Atomic int sleeping;
    _Atomic int nudged;
    _Atomic int stopping;
    char pad_after[64];
} st_wakeup_t;

/* Opens the descriptor. @return APR_SUCCESS, or why there is none. */
apr_status_t st_wakeup_open(st_wakeup_t *wakeup) ST_MUST_CHECK;

void st_wakeup_close(st_wakeup_t *wakeup);

/* A record was committed to `ring`. Any thread, lock-free, never blocks. */
void st_wakeup_notify(st_wakeup_t *wakeup, const st_ring_t *ring);

/* Any thread, async-signal-safe, idempotent. */
void st_wakeup_stop(st_wakeup_t *wakeup);

/* 1 after st_wakeup_stop. Any thread. */
int st_wakeup_is_stopping(const st_wakeup_t *wakeup);

/* Announces that the sender is going to sleep; it then has to look into the ring once more. */
void st_wakeup_thr_sleep(st_wakeup_t *wakeup);

/* Ends a sleep or a wait. @param woken 1 when fd was seen readable. */
void st_wakeup_thr_awake(st_wakeup_t *wakeup, int woken);

/* Allows the next nudge. To be called only when the ring is no longer half full: while the
 * sender can do nothing about a full ring, nudging it is of no use. */
void st_wakeup_thr_nudge_again(st_wakeup_t *wakeup);

#endif /* ST_WAKEUP_H */
