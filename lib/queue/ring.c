/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: reserve by compare-and-swap, commit by a position-keyed word. */
#include "st_ring.h"

#include <stdatomic.h>
#include <string.h>

#define RING_MAGIC   UINT64_C(0x31676e6972747332) /* "2strring1", any fixed number */
#define RING_VERSION 1
#define ALIGN        16
#define LINE         64 /* bytes of a cache line */
#define KEY_TOP_BIT  (UINT64_C(1) << 63)

/* Start of an entry in the data; entries are ALIGN-aligned and never wrap. */
typedef struct ring_entry_t {
    _Atomic uint64_t
        commit;     /* pos ^ key once committed (release; pairs with st_ring_next) */
    uint32_t len;   /* payload bytes; a pad entry runs to the end of the lap */
    uint32_t state; /* ENTRY_*; after commit written by the consumer only */
} ring_entry_t;

enum { ENTRY_RECORD = 1, ENTRY_PAD, ENTRY_RELEASED };

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

_Static_assert(sizeof(ring_entry_t) == ALIGN, "an entry head is one alignment unit");

static uint64_t entry_bytes(uint64_t len)
{
    return sizeof(ring_entry_t) + ((len + ALIGN - 1) & ~(uint64_t)(ALIGN - 1));
}

static ring_entry_t *entry_at(const st_ring_t *ring, uint64_t pos)
{
    return (ring_entry_t *)(ring->data + pos % ring->cap);
}

static uint64_t data_bytes(size_t size)
{
    return (size - offsetof(st_ring_shm_t, data)) & ~(uint64_t)(ALIGN - 1);
}

apr_status_t st_ring_format(void *mem, size_t size, uint64_t key)
{
    if (size < ST_RING_BYTES_MIN || (uintptr_t)mem % LINE != 0) {
        return APR_EINVAL;
    }
    st_ring_shm_t *shm = mem;
    shm->version = RING_VERSION;
    shm->cap = data_bytes(size);
    /* No position has the top bit, so zeroed memory looks committed nowhere. */
    shm->key = key | KEY_TOP_BIT;
    /* Nobody else looks yet: relaxed. */
    atomic_store_explicit(&shm->head, 0, memory_order_relaxed);
    atomic_store_explicit(&shm->tail, 0, memory_order_relaxed);
    shm->magic = RING_MAGIC;
    return APR_SUCCESS;
}

apr_status_t st_ring_attach(st_ring_t *ring, void *mem, size_t size)
{
    st_ring_shm_t *shm = mem;
    if (size < ST_RING_BYTES_MIN || shm->magic != RING_MAGIC ||
        shm->version != RING_VERSION || shm->cap != data_bytes(size)) {
        return ST_E_MALFORMED;
    }
    *ring = (st_ring_t){.shm = shm, .data = shm->data, .cap = shm->cap, .key = shm->key};
    return APR_SUCCESS;
}

size_t st_ring_len_max(const st_ring_t *ring)
{
    return ring->cap / 4 - sizeof(ring_entry_t);
}

static void entry_publish(const st_ring_t *ring, uint64_t pos)
{
    /* Release: whoever sees the word sees the entry. Pairs with the acquire in peek(). */
    atomic_store_explicit(&entry_at(ring, pos)->commit, pos ^ ring->key,
                          memory_order_release);
}

static void pad_write(const st_ring_t *ring, uint64_t pos, uint64_t pad)
{
    ring_entry_t *entry = entry_at(ring, pos);
    entry->len = (uint32_t)(pad - sizeof(*entry));
    entry->state = ENTRY_PAD;
    entry_publish(ring, pos);
}

void *st_ring_reserve(st_ring_t *ring, size_t len, uint64_t *ppos)
{
    if (len > st_ring_len_max(ring)) {
        return NULL;
    }
    st_ring_shm_t *shm = ring->shm;
    uint64_t need = entry_bytes(len);
    uint64_t pad;
    uint64_t head = atomic_load_explicit(&shm->head, memory_order_relaxed);
    do {
        uint64_t to_end = ring->cap - head % ring->cap;
        pad = need > to_end ? to_end : 0;
        /* Acquire: the consumer is done with the bytes before tail. Pairs with tail_advance. */
        uint64_t tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
        /* Signed: the tail may have passed the head we read, which then is an old one. */
        if ((int64_t)(head + pad + need - tail) > (int64_t)ring->cap) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak_explicit(&shm->head, &head, head + pad + need,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed));
    if (pad > 0) {
        pad_write(ring, head, pad);
    }
    *ppos = head + pad;
    ring_entry_t *entry = entry_at(ring, head + pad);
    entry->len = (uint32_t)len;
    entry->state = ENTRY_RECORD;
    return entry + 1;
}

void st_ring_commit(st_ring_t *ring, uint64_t pos)
{
    entry_publish(ring, pos);
}

void st_ring_cursor_init(const st_ring_t *ring, st_ring_cursor_t *cursor)
{
    cursor->pos = atomic_load_explicit(&ring->shm->tail, memory_order_relaxed);
}

/* The committed entry at `pos`, or NULL. */
static ring_entry_t *peek(const st_ring_t *ring, uint64_t pos)
{
    /* Acquire on head: a position below it is reserved. It carries no data. */
    uint64_t head = atomic_load_explicit(&ring->shm->head, memory_order_acquire);
    if (pos >= head) {
        return NULL;
    }
    ring_entry_t *entry = entry_at(ring, pos);
    /* Acquire: pairs with entry_publish. */
    uint64_t commit = atomic_load_explicit(&entry->commit, memory_order_acquire);
    return commit == (pos ^ ring->key) ? entry : NULL;
}

/* The next committed entry that is not released, or NULL; the cursor then stands on it. */
static ring_entry_t *cursor_advance(st_ring_t *ring, st_ring_cursor_t *cursor)
{
    for (;;) {
        /* What was released before the cursor came by may have freed what it stands on.
         * Relaxed: the tail is the consumer's own. */
        uint64_t tail = atomic_load_explicit(&ring->shm->tail, memory_order_relaxed);
        if (cursor->pos < tail) {
            cursor->pos = tail;
        }
        ring_entry_t *entry = peek(ring, cursor->pos);
        if (entry == NULL || entry->state == ENTRY_RECORD) {
            return entry;
        }
        uint64_t skipped = cursor->pos;
        cursor->pos += entry_bytes(entry->len);
        st_ring_release(ring, skipped);
    }
}

apr_status_t st_ring_next(st_ring_t *ring, st_ring_cursor_t *cursor, const void **pdata,
                          size_t *plen, uint64_t *ppos)
{
    ring_entry_t *entry = cursor_advance(ring, cursor);
    if (entry == NULL) {
        return APR_EAGAIN;
    }
    *pdata = entry + 1;
    *plen = entry->len;
    *ppos = cursor->pos;
    cursor->pos += entry_bytes(entry->len);
    return APR_SUCCESS;
}

/* Moves the tail over everything that is released from the oldest on. */
static void tail_advance(st_ring_t *ring)
{
    uint64_t start = atomic_load_explicit(&ring->shm->tail, memory_order_relaxed);
    uint64_t tail = start;
    for (;;) {
        ring_entry_t *entry = peek(ring, tail);
        if (entry == NULL || entry->state != ENTRY_RELEASED) {
            break;
        }
        tail += entry_bytes(entry->len);
    }
    if (tail != start) {
        /* Release: our reads of the freed bytes are over. Pairs with st_ring_reserve. */
        atomic_store_explicit(&ring->shm->tail, tail, memory_order_release);
    }
}

void st_ring_release(st_ring_t *ring, uint64_t pos)
{
    entry_at(ring, pos)->state = ENTRY_RELEASED;
    if (pos == atomic_load_explicit(&ring->shm->tail, memory_order_relaxed)) {
        tail_advance(ring);
    }
}

size_t st_ring_used(const st_ring_t *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->shm->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->shm->head, memory_order_relaxed);
    return head > tail ? (size_t)(head - tail) : 0;
}

size_t st_ring_capacity(const st_ring_t *ring)
{
    return ring->cap;
}
