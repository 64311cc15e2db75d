/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of the sender: one step at a time, done again by whoever comes after.
 *
 * A process that is killed has made all stores up to some instruction, and its successor, to
 * whom the kernel gives the lock afterwards, sees them. So the order of stores in the code is
 * all that counts; barrier() keeps the compiler to it. */
#include "st_ledger.h"

#include <string.h>
#include "st_queue.h"

enum { STEP_NONE = 0, STEP_SETTLE, STEP_MOVE, STEP_HOLE };

/* Bytes between two questions about a hole (st_ring_claimed_fn). */
#define CLAIM_STEP 16

static void barrier(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

static void arm(st_ledger_shm_t *ledger, int step)
{
    /* Release: what the step is stands in memory before. */
    atomic_store_explicit(&ledger->armed, step, memory_order_release);
    barrier(); /* nothing of the step is done before */
}

static void disarm(st_ledger_shm_t *ledger)
{
    barrier();
    /* Release: all of the step stands in memory before. */
    atomic_store_explicit(&ledger->armed, STEP_NONE, memory_order_release);
    barrier(); /* the next step is not written down before */
}

/* The counters, one per category, of an outcome. */
static _Atomic uint64_t *counters_of(const st_queue_t *queue, uint32_t endpoint,
                                     int outcome)
{
    st_counters_t *counters = &queue->endpoints[endpoint].counters;
    return outcome == ST_OUTCOME_DELIVERED ? counters->delivered
                                           : counters->settled[outcome];
}

/* Spans that found no room in an envelope. */
static _Atomic uint64_t *overflow_of(const st_queue_t *queue, uint32_t endpoint)
{
    return &queue->endpoints[endpoint]
                .counters.settled[ST_REASON_BUFFER_OVERFLOW][ST_CATEGORY_SPAN];
}

/* Any number of times. */
static void settle_apply(st_queue_t *queue)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    if (ledger->outcome == ST_OUTCOME_DELIVERED) {
        /* Relaxed: as below. */
        atomic_store_explicit(overflow_of(queue, ledger->endpoint), ledger->overflow,
                              memory_order_relaxed);
    }
    _Atomic uint64_t *counters = counters_of(queue, ledger->endpoint, ledger->outcome);
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        /* Relaxed: for snapshots of others. */
        atomic_store_explicit(&counters[i], ledger->value[i], memory_order_relaxed);
    }
    barrier();
    st_ring_release(&queue->ring, ledger->pos);
}

/* @param left_out of the spans of a delivered entry */
static void settle(st_queue_t *queue, uint64_t pos, int endpoint, int outcome,
                   const uint64_t quantity[ST_CATEGORY_COUNT], uint64_t left_out)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    _Atomic uint64_t *counters = counters_of(queue, (uint32_t)endpoint, outcome);
    ledger->pos = pos;
    ledger->endpoint = (uint32_t)endpoint;
    ledger->outcome = outcome;
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        /* Relaxed: only the sender writes them. */
        uint64_t before = atomic_load_explicit(&counters[i], memory_order_relaxed);
        ledger->value[i] = before + quantity[i];
    }
    ledger->value[ST_CATEGORY_SPAN] -= left_out;
    ledger->overflow = atomic_load_explicit(overflow_of(queue, (uint32_t)endpoint),
                                            memory_order_relaxed) +
                       left_out;
    arm(ledger, STEP_SETTLE);
    settle_apply(queue);
    disarm(ledger);
}

void st_ledger_settle(st_queue_t *queue, uint64_t pos, int endpoint, int outcome,
                      const uint64_t quantity[ST_CATEGORY_COUNT])
{
    settle(queue, pos, endpoint, outcome, quantity, 0);
}

void st_ledger_deliver(st_queue_t *queue, uint64_t pos, int endpoint,
                       const uint64_t quantity[ST_CATEGORY_COUNT], uint64_t left_out)
{
    settle(queue, pos, endpoint, ST_OUTCOME_DELIVERED, quantity, left_out);
}

apr_status_t st_ledger_move(st_queue_t *queue, st_ring_entry_t *entry)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    uint64_t pos;
    void *mem = st_ledger_append(queue, entry->len, entry->tag, &pos);
    if (mem == NULL) {
        return ST_E_FULL;
    }
    memcpy(mem, entry->data, entry->len);
    ledger->pos = entry->pos;
    ledger->moved_to = pos;
    arm(ledger, STEP_MOVE);
    st_ledger_append_commit(queue, pos);
    barrier();
    st_ring_release(&queue->ring, entry->pos);
    disarm(ledger);
    entry->data = mem;
    entry->pos = pos;
    return APR_SUCCESS;
}

void *st_ledger_append(st_queue_t *queue, size_t len, st_ring_tag_t tag, uint64_t *ppos)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    return st_ring_reserve(&queue->ring, len, tag, &ledger->claim, ppos);
}

void st_ledger_append_commit(st_queue_t *queue, uint64_t pos)
{
    st_ring_commit(&queue->ring, pos, &st_queue_ledger(queue)->claim);
}

/* Memory may come from a file: what it says is not believed. */
static int settle_is_possible(const st_queue_t *queue)
{
    const st_ledger_shm_t *ledger = st_queue_ledger(queue);
    return ledger->endpoint < (uint32_t)queue->layout.endpoints &&
           ledger->outcome >= ST_OUTCOME_DELIVERED && ledger->outcome < ST_REASON_COUNT;
}

/* A copy that was committed takes the place of the old one; otherwise it is a hole, and the old
 * one stays. */
static void move_finish(st_queue_t *queue)
{
    const st_ledger_shm_t *ledger = st_queue_ledger(queue);
    st_ring_state_t state = st_ring_state(&queue->ring, ledger->moved_to);
    if (state == ST_RING_WAITING && ledger->pos < ledger->moved_to) {
        st_ring_release(&queue->ring, ledger->pos);
    }
}

/* The ring does not tell of a hole again once it has been passed; the slots have to be told. */
static void hole_finish(const st_queue_t *queue)
{
    const st_ledger_shm_t *ledger = st_queue_ledger(queue);
    st_ring_state_t state = st_ring_state(&queue->ring, ledger->pos);
    if (state != ST_RING_WAITING) {
        st_open_lost(&queue->open, ledger->pos, ledger->moved_to);
    }
}

static void step_finish(st_queue_t *queue)
{
    /* Acquire: partner of the releases in arm() and disarm(). */
    int step = atomic_load_explicit(&st_queue_ledger(queue)->armed, memory_order_acquire);
    if (step == STEP_SETTLE && settle_is_possible(queue)) {
        settle_apply(queue);
    }
    if (step == STEP_MOVE) {
        move_finish(queue);
    }
    if (step == STEP_HOLE) {
        hole_finish(queue);
    }
}

/* Relaxed: nobody else writes these while the lease is held. */
static void in_flight_forget(st_endpoint_t *endpoint)
{
    atomic_store_explicit(&endpoint->in_flight, 0, memory_order_relaxed);
    int circuit = atomic_load_explicit(&endpoint->circuit, memory_order_relaxed);
    if (circuit == ST_CIRCUIT_PROBING) {
        atomic_store_explicit(&endpoint->circuit, ST_CIRCUIT_OPEN, memory_order_relaxed);
    }
}

void st_ledger_recover(st_queue_t *queue)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    step_finish(queue);
    disarm(ledger);
    /* Relaxed: only the sender looks at its own claim. */
    atomic_store_explicit(&ledger->claim.from, 0, memory_order_relaxed);
    atomic_store_explicit(&ledger->claim.to, 0, memory_order_relaxed);
    for (int i = 0; i < queue->layout.endpoints; i++) {
        in_flight_forget(&queue->endpoints[i]);
    }
}

/* Writes down that the hole which is being looked for goes on at `pos`. */
static void hole_extend(st_ledger_shm_t *ledger, uint64_t pos)
{
    /* Relaxed: our own. */
    int step = atomic_load_explicit(&ledger->armed, memory_order_relaxed);
    ledger->moved_to = pos + CLAIM_STEP;
    if (step == STEP_NONE) {
        ledger->pos = pos;
        arm(ledger, STEP_HOLE);
    }
}

/* st_ring_claimed_fn: by a living producer, or by the sender, which lives. */
static int is_claimed(uint64_t pos, const void *baton)
{
    const st_queue_t *queue = baton;
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    /* Relaxed: our own. */
    uint64_t from = atomic_load_explicit(&ledger->claim.from, memory_order_relaxed);
    uint64_t to = atomic_load_explicit(&ledger->claim.to, memory_order_relaxed);
    if ((pos >= from && pos < to) || st_open_claimed(pos, &queue->open)) {
        return 1;
    }
    hole_extend(ledger, pos);
    return 0;
}

int st_ledger_hole_skip(st_queue_t *queue, st_ring_cursor_t *cursor)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    size_t bytes = st_ring_hole_skip(&queue->ring, cursor, is_claimed, queue);
    barrier();
    if (bytes > 0) {
        st_open_lost(&queue->open, cursor->pos - bytes, cursor->pos);
        /* Relaxed: for the status page. */
        atomic_fetch_add_explicit(&ledger->holes, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&ledger->hole_bytes, bytes, memory_order_relaxed);
    }
    disarm(ledger);
    return bytes > 0;
}
