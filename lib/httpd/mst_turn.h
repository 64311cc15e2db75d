/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_TURN_H
#define MST_TURN_H

/* This child's turn at being the sender of the server.
 *
 *           lease taken                    stop, new generation
 *   idle ───────────────► a thread sends ───────────────────────► lease given back ─► idle
 *                               ▲                                        │
 *                               └── the ring is not empty, nobody sends ─┘
 *
 * Whoever takes the lease (st_lease.h) starts the thread; that may be a request. Taking it
 * never waits. One that could not be had is tried again when a request ends and finds it
 * wanted or its holder dead, at most every 250 ms while somebody has it. Children of an old generation leave it to
 * the new one, unless nobody has come for half a second. Who gives it back looks at the ring
 * afterwards: what others have pushed meanwhile they have left to him. */

#include "st_clock.h"

struct mst_child_t;

/* Takes the lease and starts the thread, if it is free. In child_init. */
void mst_turn_begin(struct mst_child_t *child);

/* The same if it is wanted, for a request that ends. Any thread, never blocks. */
void mst_turn_offer(struct mst_child_t *child, st_ns_t now);

/* 1 when spans wait in the queue, or drops that Sentry was not told of. Any thread. */
int mst_turn_has_work(const struct mst_child_t *child);

/* 1 while a thread runs here. */
int mst_turn_is_here(void);

/* Tells a thread to flush, within the shutdown timeout, and to end. Async-signal-safe. */
void mst_turn_stop(const struct mst_child_t *child);

/* Starts a thread that flushes and ends, if the lease is free and there is something to flush.
 * After mst_turn_stop, on threaded MPMs. */
void mst_turn_flush(struct mst_child_t *child);

/* Waits for the end of a thread until `deadline` (monotonic); keeps our code mapped for one that
 * is left behind. On prefork inside a signal handler. */
void mst_turn_join(const struct mst_child_t *child, st_ns_t deadline);

#endif /* MST_TURN_H */
