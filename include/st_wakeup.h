/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_WAKEUP_H
#define ST_WAKEUP_H

/* How requests of all children wake the sender's thread, wherever it runs, at next to no cost
 * while it is awake.
 *
 *   sender                                    request
 *     sleeping = 1                              commit a record
 *     looks into the ring once more             sleeping == 1? ─ yes ─► sleeping = 0, write(fd)
 *     waits on fd                               ring half full? ─ yes ─► nudged = 1, write(fd)
 *
 * A full fence on both sides between the two steps makes sure that either the sender sees the
 * record or the request sees that it sleeps. While the sender waits for a moment that is near
 * it does not set `sleeping`: it will look into the ring then. The words are shared memory, the
 * descriptor is the queue's. A request that is killed between its two steps wakes nobody; so
 * the sender sleeps no longer than until its next beat (st_lease.h). */

#include <stdatomic.h>

struct st_queue_t;

typedef struct st_wakeup_shm_t {
    _Atomic int sleeping;
    _Atomic int nudged;
} st_wakeup_shm_t;

/* A record was committed, or found no room. Any thread of any process, lock-free, never
 * blocks. */
void st_wakeup_notify(const struct st_queue_t *queue);

/* Wakes the sender whatever it does. Any thread, async-signal-safe, keeps errno. */
void st_wakeup_kick(const struct st_queue_t *queue);

/* Announces that the sender is going to sleep; it then has to look into the ring once more.
 * Sender only, as all below. */
void st_wakeup_thr_sleep(const struct st_queue_t *queue);

/* Ends a sleep or a wait. @param woken 1 when the descriptor was seen readable. */
void st_wakeup_thr_awake(const struct st_queue_t *queue, int woken);

/* Allows the next nudge. To be called only when the ring is no longer half full: while the
 * sender can do nothing about a full ring, nudging it is of no use. */
void st_wakeup_thr_nudge_again(const struct st_queue_t *queue);

#endif /* ST_WAKEUP_H */
