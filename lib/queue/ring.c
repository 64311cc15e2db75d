/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: reserve by compare-and-swap, commit by a position-keyed word. */
#include "ring_int.h"

#include <string.h>

#define RING_MAGIC   UINT64_C(0x31676e6972747332) /* "2strring1", any fixed number */
#define RING_VERSION 2

/* Positions of a file that was tampered with leave room for all that is ever added to them. */
#define POS_MAX (UINT64_C(1) << 62)

static uint64_t entry_bytes(uint64_t len)
{
    return sizeof(ring_entry_t) + ((len + ALIGN - 1) & ~(uint64_t)(ALIGN - 1));
}

static uint64_t data_bytes(size_t size)
{
    return (size - offsetof(st_ring_shm_t, data)) & ~(uint64_t)(ALIGN - 1);
}

apr_status_t st_ring_format(void *mem, size_t size, uint64_t key)
{
    if (size < ST_RING_BYTES_MIN || size > ST_RING_BYTES_MAX ||
        (uintptr_t)mem % LINE != 0) {
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

static int positions_can_be(const st_ring_shm_t *shm)
{
    /* Others may be at work: the tail before is not beyond the head, and the tail after is not
     * further from it than there is room. Acquire: in this order. */
    uint64_t before = atomic_load_explicit(&shm->tail, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&shm->head, memory_order_acquire);
    uint64_t after = atomic_load_explicit(&shm->tail, memory_order_acquire);
    return head % ALIGN == 0 && before % ALIGN == 0 && after % ALIGN == 0 &&
           head < POS_MAX && before <= head &&
           (int64_t)(head - after) <= (int64_t)shm->cap;
}

apr_status_t st_ring_attach(st_ring_t *ring, void *mem, size_t size)
{
    st_ring_shm_t *shm = mem;
    if (size < ST_RING_BYTES_MIN || size > ST_RING_BYTES_MAX ||
        shm->magic != RING_MAGIC || shm->version != RING_VERSION ||
        shm->cap != data_bytes(size) || !positions_can_be(shm)) {
        return ST_E_MALFORMED;
    }
    *ring = (st_ring_t){.shm = shm, .data = shm->data, .cap = shm->cap, .key = shm->key};
    return APR_SUCCESS;
}

size_t st_ring_len_max(const st_ring_t *ring)
{
    return ring->cap / 4 - sizeof(ring_entry_t);
}

void st_ring_publish(const st_ring_t *ring, uint64_t pos, uint64_t bytes, uint32_t state)
{
    ring_entry_t *entry = entry_at(ring, pos);
    atomic_store_explicit(&entry->bytes, (uint32_t)bytes, memory_order_relaxed);
    atomic_store_explicit(&entry->state, state, memory_order_relaxed);
    atomic_store_explicit(&entry->commit, pos ^ ring->key, memory_order_release);
}

/* Release, here and below: what was committed before is seen by who sees the next claim. `from`
 * goes first: until `to` follows nothing is claimed, or too much. */
static void claim_set(st_ring_claim_t *claim, uint64_t from, uint64_t to)
{
    if (claim != NULL) {
        atomic_store_explicit(&claim->from, from, memory_order_release);
        atomic_store_explicit(&claim->to, to, memory_order_release);
    }
}

static void claim_drop(st_ring_claim_t *claim)
{
    if (claim != NULL) {
        atomic_store_explicit(&claim->to, 0, memory_order_release);
        atomic_store_explicit(&claim->from, 0, memory_order_release);
    }
}

/* Moves the head over `need` bytes that do not wrap.
 * @param ppad padding before them. @return where it stood; UINT64_MAX: there is no room. */
static uint64_t head_move(st_ring_t *ring, uint64_t need, st_ring_claim_t *claim,
                          uint64_t *ppad)
{
    st_ring_shm_t *shm = ring->shm;
    uint64_t pad;
    uint64_t head = atomic_load_explicit(&shm->head, memory_order_relaxed);
    do {
        uint64_t to_end = to_lap_end(ring, head);
        pad = need > to_end ? to_end : 0;
        /* Acquire: the consumer is done with the bytes before tail. Pairs with st_ring_tail_advance. */
        uint64_t tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
        /* Signed: the tail may have passed the head we read, which then is an old one. */
        if ((int64_t)(head + pad + need - tail) > (int64_t)ring->cap) {
            claim_drop(claim);
            return UINT64_MAX;
        }
        claim_set(claim, head, head + pad + need);
        /* Release: who sees the head beyond the claim sees the claim. Pairs with head_of(). */
    } while (!atomic_compare_exchange_weak_explicit(&shm->head, &head, head + pad + need,
                                                    memory_order_release,
                                                    memory_order_relaxed));
    *ppad = pad;
    return head;
}

void *st_ring_reserve(st_ring_t *ring, size_t len, st_ring_tag_t tag,
                      st_ring_claim_t *claim, uint64_t *ppos)
{
    if (len > st_ring_len_max(ring)) {
        return NULL;
    }
    uint64_t pad;
    uint64_t head = head_move(ring, entry_bytes(len), claim, &pad);
    if (head == UINT64_MAX) {
        return NULL;
    }
    if (pad > 0) {
        st_ring_publish(ring, head, pad, KIND_PAD);
    }
    *ppos = head + pad;
    ring_entry_t *entry = entry_at(ring, head + pad);
    uint64_t word;
    memcpy(&word, &tag, sizeof(word));
    atomic_store_explicit(&entry->tag, word, memory_order_relaxed);
    atomic_store_explicit(&entry->len, (uint32_t)len, memory_order_relaxed);
    return entry + 1;
}

void st_ring_commit(st_ring_t *ring, uint64_t pos, st_ring_claim_t *claim)
{
    const ring_entry_t *entry = entry_at(ring, pos);
    uint32_t len = atomic_load_explicit(&entry->len, memory_order_relaxed);
    st_ring_publish(ring, pos, entry_bytes(len), KIND_RECORD);
    if (claim != NULL) {
        /* Release: who sees no claim sees the commit. One store; it leaves the end. Relaxed:
         * `to` is our own. */
        uint64_t to = atomic_load_explicit(&claim->to, memory_order_relaxed);
        atomic_store_explicit(&claim->from, to, memory_order_release);
    }
}

int st_ring_view_fits(const st_ring_t *ring, uint64_t pos, uint64_t head,
                      const view_t *view)
{
    uint64_t room = to_lap_end(ring, pos);
    room = room < head - pos ? room : head - pos;
    if (view->bytes < ALIGN || view->bytes % ALIGN != 0 || view->bytes > room) {
        return 0;
    }
    if (view->kind == KIND_RECORD) {
        return view->bytes >= sizeof(ring_entry_t);
    }
    return view->kind == KIND_PAD || view->kind == KIND_HOLE;
}

int st_ring_view_at(const st_ring_t *ring, uint64_t pos, uint64_t head, view_t *view)
{
    const ring_entry_t *entry = entry_at(ring, pos);
    /* Acquire: pairs with st_ring_publish. Then relaxed: nothing changes but RELEASED, which is
     * the consumer's own. */
    uint64_t commit = atomic_load_explicit(&entry->commit, memory_order_acquire);
    if (commit != (pos ^ ring->key)) {
        return 0;
    }
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
    *view = (view_t){.bytes = atomic_load_explicit(&entry->bytes, memory_order_relaxed),
                     .kind = state & ~(uint32_t)RELEASED,
                     .is_released = (state & RELEASED) != 0};
    int fits = st_ring_view_fits(ring, pos, head, view);
    if (!fits || view->kind != KIND_RECORD) {
        return fits;
    }
    view->len = atomic_load_explicit(&entry->len, memory_order_relaxed);
    return view->bytes == entry_bytes(view->len);
}

void st_ring_entry_fill(const st_ring_t *ring, uint64_t pos, const view_t *view,
                        st_ring_entry_t *entry)
{
    const ring_entry_t *from = entry_at(ring, pos);
    /* Relaxed: as in st_ring_view_at. */
    uint64_t tag = atomic_load_explicit(&from->tag, memory_order_relaxed);
    *entry = (st_ring_entry_t){.data = from + 1, .len = view->len, .pos = pos};
    memcpy(&entry->tag, &tag, sizeof(tag));
}

void st_ring_cursor_init(const st_ring_t *ring, st_ring_cursor_t *cursor)
{
    cursor->pos = tail_of(ring);
}

int st_ring_cursor_advance(st_ring_t *ring, st_ring_cursor_t *cursor, view_t *view)
{
    uint64_t head = head_of(ring);
    for (;;) {
        /* What was released before the cursor came by may have freed what it stands on. */
        uint64_t tail = tail_of(ring);
        if (cursor->pos < tail) {
            cursor->pos = tail;
        }
        if (cursor->pos >= head || !st_ring_view_at(ring, cursor->pos, head, view)) {
            return 0;
        }
        if (is_waiting(view)) {
            return 1;
        }
        uint64_t passed = cursor->pos;
        cursor->pos += view->bytes;
        st_ring_release(ring, passed);
    }
}

apr_status_t st_ring_next(st_ring_t *ring, st_ring_cursor_t *cursor,
                          st_ring_entry_t *entry)
{
    view_t view;
    int is_there = st_ring_cursor_advance(ring, cursor, &view);
    if (!is_there) {
        return APR_EAGAIN;
    }
    st_ring_entry_fill(ring, cursor->pos, &view, entry);
    cursor->pos += view.bytes;
    return APR_SUCCESS;
}

void st_ring_tail_advance(st_ring_t *ring)
{
    uint64_t head = head_of(ring);
    uint64_t start = tail_of(ring);
    uint64_t tail = start;
    view_t view;
    while (tail < head && st_ring_view_at(ring, tail, head, &view) && view.is_released) {
        tail += view.bytes;
    }
    if (tail != start) {
        /* Release: our reads of the freed bytes are over. Pairs with head_move. */
        atomic_store_explicit(&ring->shm->tail, tail, memory_order_release);
    }
}

int st_ring_view_anywhere(const st_ring_t *ring, uint64_t pos, view_t *view)
{
    uint64_t head = head_of(ring);
    return pos % ALIGN == 0 && pos >= tail_of(ring) && pos < head &&
           st_ring_view_at(ring, pos, head, view);
}

void st_ring_release(st_ring_t *ring, uint64_t pos)
{
    view_t view;
    int is_there = st_ring_view_anywhere(ring, pos, &view);
    if (!is_there) {
        return;
    }
    /* Relaxed: for the consumer itself, and for snapshots. */
    atomic_store_explicit(&entry_at(ring, pos)->state, view.kind | RELEASED,
                          memory_order_relaxed);
    if (pos == tail_of(ring)) {
        st_ring_tail_advance(ring);
    }
}

size_t st_ring_used(const st_ring_t *ring)
{
    uint64_t tail = tail_of(ring);
    uint64_t head = atomic_load_explicit(&ring->shm->head, memory_order_relaxed);
    return head > tail ? (size_t)(head - tail) : 0;
}

size_t st_ring_capacity(const st_ring_t *ring)
{
    return ring->cap;
}
