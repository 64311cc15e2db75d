/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RING_INT_H
#define ST_RING_INT_H

/* Layout of a ring, for ring.c and ring_hole.c alone. */

#include "st_ring.h"

#define ALIGN       16
#define LINE        64 /* bytes of a cache line */
#define KEY_TOP_BIT (UINT64_C(1) << 63)

/* Start of an entry in the data; entries are ALIGN-aligned and never wrap. Padding and holes
 * may be as short as ALIGN, and have only the first half of it. All is atomic, because
 * st_ring_peek reads it while it may be overwritten. */
typedef struct ring_entry_t {
    /* pos ^ key once committed: release; pairs with the acquire in st_ring_view_at. */
    _Atomic uint64_t commit;
    _Atomic uint32_t bytes; /* of the whole entry, a multiple of ALIGN */
    _Atomic uint32_t state; /* a kind, | RELEASED; set with commit, then the consumer's */
    _Atomic uint64_t tag;
    _Atomic uint32_t len; /* payload bytes */
    uint32_t spare;
} ring_entry_t;

enum { KIND_RECORD = 1, KIND_PAD, KIND_HOLE, RELEASED = 0x100 };

struct st_ring_shm_t {
    uint64_t magic;
    uint32_t version;
    uint32_t reserved;
    uint64_t cap;
    uint64_t key;
    /* Written by producers: next byte to reserve. */
    _Alignas(LINE) _Atomic uint64_t head;
    /* Written by the consumer: everything before is free. */
    _Alignas(LINE) _Atomic uint64_t tail;
    _Alignas(LINE) char data[];
};

_Static_assert(sizeof(ring_entry_t) == 2 * ALIGN, "records start at an alignment unit");
_Static_assert(offsetof(ring_entry_t, tag) == ALIGN, "what padding has fits in one unit");
_Static_assert(sizeof(st_ring_tag_t) == sizeof(uint64_t), "a tag is copied as one word");

static inline ring_entry_t *entry_at(const st_ring_t *ring, uint64_t pos)
{
    return (ring_entry_t *)(ring->data + pos % ring->cap);
}

static inline uint64_t to_lap_end(const st_ring_t *ring, uint64_t pos)
{
    return ring->cap - pos % ring->cap;
}

/* Acquire: a position below is reserved, and its claim was made. Pairs with head_move(). */
static inline uint64_t head_of(const st_ring_t *ring)
{
    return atomic_load_explicit(&ring->shm->head, memory_order_acquire);
}

/* Relaxed: for the consumer, whose own it is, and for snapshots. */
static inline uint64_t tail_of(const st_ring_t *ring)
{
    return atomic_load_explicit(&ring->shm->tail, memory_order_relaxed);
}

/* A committed entry as its head says, in one look. */
typedef struct view_t {
    uint64_t bytes;
    uint32_t len;
    uint32_t kind;
    int is_released;
} view_t;

/* 1 for a record that is not released. */
static inline int is_waiting(const view_t *view)
{
    return view->kind == KIND_RECORD && !view->is_released;
}

/* Writes the half of a head that all entries have, and makes the entry visible. */
void st_ring_publish(const st_ring_t *ring, uint64_t pos, uint64_t bytes, uint32_t state);

/* Looks at `pos`, which is aligned and below `head`. @return 0 when no entry is committed
 * there, or what its head says cannot be. Consumer only. */
int st_ring_view_at(const st_ring_t *ring, uint64_t pos, uint64_t head, view_t *view);

/* 1 when bytes and kind of an entry at `pos` can be. */
int st_ring_view_fits(const st_ring_t *ring, uint64_t pos, uint64_t head,
                      const view_t *view);

/* 1 when a committed entry stands at `pos`, whatever that number is. Consumer only. */
int st_ring_view_anywhere(const st_ring_t *ring, uint64_t pos, view_t *view);

/* A record that was viewed, for the consumer. */
void st_ring_entry_fill(const st_ring_t *ring, uint64_t pos, const view_t *view,
                        st_ring_entry_t *entry);

/* Moves the cursor over what is not to be taken. Consumer only.
 * @return 1 when it stands on what is; 0: on something uncommitted, or at the head. */
int st_ring_cursor_advance(st_ring_t *ring, st_ring_cursor_t *cursor, view_t *view);

/* Moves the tail over everything that is released from the oldest on. Consumer only. */
void st_ring_tail_advance(st_ring_t *ring);

#endif /* ST_RING_INT_H */
