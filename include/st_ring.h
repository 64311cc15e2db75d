/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RING_H
#define ST_RING_H

/* A bounded queue of records in memory that it is given; many producers, one consumer.
 *
 *        tail                cursor                 head
 *         │ released or        │ committed, or       │
 *   ──────▼─ taken, unreleased ▼ still being written ▼────── free ──────
 *
 * Producers reserve with one compare-and-swap, write in place and commit; nothing blocks, a
 * full ring refuses. An entry is visible to the consumer only when committed: its commit word
 * is its position XOR the ring's random key, so what the last lap left there never matches.
 * The consumer walks with a cursor and releases entries in any order; the memory of an entry
 * is free again when it and all entries before it are released. Positions count bytes since
 * the ring was made and never wrap (64 bits).
 *
 * A producer may be killed between reserve and commit. What it leaves is a hole: the cursor
 * stands before it and sees nothing. So that a hole can be told from a slow producer, each
 * producer says in a claim what it is about to reserve, before it does: a reserved position
 * that is not committed and that no living process claims is a hole.
 *
 * All state shared between producers and consumer is in the memory itself, so the memory may
 * be shared between processes; st_ring_t is a process's handle to it. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "st_error.h"

typedef struct st_ring_shm_t st_ring_shm_t;

typedef struct st_ring_t {
    st_ring_shm_t *shm;
    char *data;
    uint64_t cap; /* bytes of data, a multiple of 16 */
    uint64_t key;
} st_ring_t;

/* What a producer is reserving or writing: positions from..to, or nothing (from >= to). Zeroed
 * at first; `to` stays 0 until something is claimed, and what was committed leaves its end in
 * both. In memory shared like the ring; one producer at a time. */
typedef struct st_ring_claim_t {
    _Atomic uint64_t from;
    _Atomic uint64_t to;
} st_ring_claim_t;

/* What stands in front of an entry besides its length, for whoever may not look into it. */
typedef struct st_ring_tag_t {
    uint16_t dest;  /* index of its destination */
    uint16_t flags; /* of the user */
    uint32_t spans; /* how many it holds */
} st_ring_tag_t;

/* Smallest memory st_ring_format accepts. */
#define ST_RING_BYTES_MIN 8192

/* Largest: 4 GB, so that lengths fit in 32 bits. */
#define ST_RING_BYTES_MAX (UINT64_C(4) << 30)

/* Makes an empty ring in `mem` (64-aligned, `size` bytes, borrowed for the ring's life).
 * @param key random; different for each ring that may ever be made in this memory
 * @return APR_SUCCESS; APR_EINVAL when too small, too large or misaligned. Before any
 *         producer. */
apr_status_t st_ring_format(void *mem, size_t size, uint64_t key) ST_MUST_CHECK;

/* Attaches a handle to a ring made by st_ring_format, in this or another process. What the ring
 * holds is not believed: an entry that reaches over the head or the end of the memory, or is of
 * no known kind, counts as not committed, so that it becomes part of a hole.
 * @return APR_SUCCESS; ST_E_MALFORMED when `mem` holds no ring of this size and version, or
 *         its head and tail cannot be. */
apr_status_t st_ring_attach(st_ring_t *ring, void *mem, size_t size) ST_MUST_CHECK;

/* Reserves `len` bytes, to be written in place and committed soon.
 * @param tag copied
 * @param claim the producer's own; set before anything is reserved, cleared by
 *        st_ring_commit and when nothing was reserved. NULL where no other process can be left
 *        with a hole.
 * @param ppos names the reservation for st_ring_commit
 * @return 16-aligned memory, or NULL when full or len exceeds st_ring_len_max. Any thread,
 *         lock-free. */
void *st_ring_reserve(st_ring_t *ring, size_t len, st_ring_tag_t tag,
                      st_ring_claim_t *claim, uint64_t *ppos) ST_MUST_CHECK;

/* Makes the reserved entry visible, then clears the claim. Its producer, once. */
void st_ring_commit(st_ring_t *ring, uint64_t pos, st_ring_claim_t *claim);

/* Longest entry that is accepted: a quarter of the ring. */
size_t st_ring_len_max(const st_ring_t *ring);

/* Position of the consumer's next look. Starts at the tail. */
typedef struct st_ring_cursor_t {
    uint64_t pos;
} st_ring_cursor_t;

/* An entry as the consumer gets it. */
typedef struct st_ring_entry_t {
    const void *data; /* 16-aligned, in the ring */
    size_t len;
    uint64_t pos; /* names it for st_ring_release */
    st_ring_tag_t tag;
} st_ring_entry_t;

/* Sets the cursor to the oldest entry that is not released: what was taken before and not
 * released comes once more. For st_ring_next consumer only, for st_ring_peek any thread. */
void st_ring_cursor_init(const st_ring_t *ring, st_ring_cursor_t *cursor);

/* Takes the next committed entry that is not released; its memory stays as it is until it
 * is.
 * @return APR_SUCCESS; APR_EAGAIN when there is none, or it is still being written.
 * Consumer only. */
apr_status_t st_ring_next(st_ring_t *ring, st_ring_cursor_t *cursor,
                          st_ring_entry_t *entry) ST_MUST_CHECK;

/* 1 when the cursor stands on something that is reserved and not committed: a slow producer,
 * or a hole. Consumer only. */
int st_ring_is_stuck(const st_ring_t *ring, const st_ring_cursor_t *cursor);

/* Tells whether a living producer claims `pos`. Asked for the start of a hole and then for each
 * 16th byte of it, so never while all goes well. */
typedef int st_ring_claimed_fn(uint64_t pos, const void *baton);

/* If the cursor stands on a hole (it is stuck, and nobody alive claims its position), releases
 * the hole and moves the cursor to the next position that is committed or claimed by the
 * living, or to the head. A hole that goes on over the end of the memory, or that is longer than
 * ST_RING_HOLE_MAX, is passed in several calls.
 * @return bytes of the hole, which now lies right before the cursor; 0 when it is none.
 * Consumer only. */
#define ST_RING_HOLE_MAX (64 * 1024)
size_t st_ring_hole_skip(st_ring_t *ring, st_ring_cursor_t *cursor,
                         st_ring_claimed_fn *claimed, const void *baton);

/* Gives back an entry that st_ring_next returned, in any order. Does nothing where no committed
 * entry stands any more, so it may be said again. Consumer only. */
void st_ring_release(st_ring_t *ring, uint64_t pos);

/* What stands at `pos`, for recovery; any number may be asked for. GONE: before the tail;
 * UNCOMMITTED: also where nothing is reserved and where no entry can start. RELEASED: also what
 * never was a record, that is padding and holes. Consumer only. */
typedef enum {
    ST_RING_GONE = 0,
    ST_RING_UNCOMMITTED,
    ST_RING_WAITING,
    ST_RING_RELEASED
} st_ring_state_t;
st_ring_state_t st_ring_state(const st_ring_t *ring, uint64_t pos);

/* The first record, waiting or released, in from..to: what a claim has led to.
 * @return APR_SUCCESS; APR_ENOENT when no record there is committed or it is before the tail.
 * Consumer only. */
apr_status_t st_ring_find(const st_ring_t *ring, uint64_t from, uint64_t to,
                          st_ring_entry_t *entry) ST_MUST_CHECK;

/* Looks at the next committed, unreleased entry without taking it, from any process: only its
 * tag, since anything else may be overwritten meanwhile. Passes what is being written, and
 * holes.
 * @return APR_SUCCESS; APR_EOF behind the last one; APR_EAGAIN when the ring has overtaken
 *         the cursor: what was seen since st_ring_cursor_init is void. */
apr_status_t st_ring_peek(const st_ring_t *ring, st_ring_cursor_t *cursor,
                          st_ring_tag_t *tag) ST_MUST_CHECK;

/* Bytes between tail and head, and how many there can be. Any thread; a snapshot. */
size_t st_ring_used(const st_ring_t *ring);
size_t st_ring_capacity(const st_ring_t *ring);

#endif /* ST_RING_H */
