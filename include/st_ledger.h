/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_LEDGER_H
#define ST_LEDGER_H

/* Settling what came out of the ring: the outcome is counted and the entry released as one
 * step, although the sender may be killed at any point of it. What is about to be done is
 * written down first, in absolute numbers; a successor does it again from there, which changes
 * nothing if it was done. Only the holder of the lease calls these. */

#include <stdatomic.h>
#include <stdint.h>
#include "st_counters.h"
#include "st_ring.h"

/* In shared memory, zeroed at first. */
typedef struct st_ledger_shm_t {
    _Atomic int armed; /* what is under way: 0, or one of ledger.c's steps */
    int outcome;
    uint32_t endpoint;
    uint64_t pos;
    uint64_t moved_to;                 /* where a move leads, or a hole ends */
    uint64_t value[ST_CATEGORY_COUNT]; /* what the counters become */
    uint64_t overflow;      /* and that of spans without room in what is delivered */
    st_ring_claim_t claim;  /* of the sender as a producer */
    _Atomic uint64_t holes; /* recognised so far */
    _Atomic uint64_t hole_bytes;
} st_ledger_shm_t;

/* An outcome is a reason, or this. */
#define ST_OUTCOME_DELIVERED (-1)

struct st_queue_t;

/* Counts the entry at `pos`, which stands for `quantity` of each category of the endpoint, as
 * delivered or as discarded for a reason, and releases it. */
void st_ledger_settle(struct st_queue_t *queue, uint64_t pos, int endpoint, int outcome,
                      const uint64_t quantity[ST_CATEGORY_COUNT]);

/* Counts the entry as delivered, but `left_out` of its spans, which had no room in its envelope, as
 * discarded: buffer_overflow. Also one step. */
void st_ledger_deliver(struct st_queue_t *queue, uint64_t pos, int endpoint,
                       const uint64_t quantity[ST_CATEGORY_COUNT], uint64_t left_out);

/* Moves the entry at `pos` to the head of the ring, so that the space behind it can be used
 * again. @param entry of the old place; then of the new one, where the cursor will come by
 * @return APR_SUCCESS; ST_E_FULL when the ring has no room: nothing changed. */
apr_status_t st_ledger_move(struct st_queue_t *queue,
                            st_ring_entry_t *entry) ST_MUST_CHECK;

/* Appends a record of the sender's own making (an aborted request).
 * @return memory of `len` bytes for st_ledger_append_commit; NULL when full. */
void *st_ledger_append(struct st_queue_t *queue, size_t len, st_ring_tag_t tag,
                       uint64_t *ppos) ST_MUST_CHECK;
void st_ledger_append_commit(struct st_queue_t *queue, uint64_t pos);

/* Finishes what a dead predecessor was doing: the step that was under way, its claim, and its
 * envelopes, whose answers nobody waits for any more (nothing is in flight; a circuit that was
 * being probed is open). The new holder, before its first look. */
void st_ledger_recover(struct st_queue_t *queue);

/* Passes the hole that the cursor stands on, if it is one, counts it, and tells the slots of
 * requests (st_open_lost). @return 1 when there was one; there may be more behind it. */
int st_ledger_hole_skip(struct st_queue_t *queue, st_ring_cursor_t *cursor);

#endif /* ST_LEDGER_H */
