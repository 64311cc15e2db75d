/* SPDX-License-Identifier: Apache-2.0 */
/* What killed producers leave in a ring, and looking without taking.
 *
 * Why a hole is one. A producer stores its claim, then moves the head over what it claims. The
 * consumer that finds a position below the head has read the head from that move or from one of
 * the moves after it, which continue its release sequence, so it sees the claim: or what came
 * instead of it later, and then it sees the commit that came before that. A producer that is
 * seen to be dead commits no more. So what nobody alive claims, and is still not committed when
 * looked at once more, stays so.
 *
 * A claim may also be of an attempt that lost: it names a place that became someone else's.
 * While its producer lives that only delays. */
#include "ring_int.h"

#include <string.h>

int st_ring_is_stuck(const st_ring_t *ring, const st_ring_cursor_t *cursor)
{
    view_t view;
    uint64_t head = head_of(ring);
    return cursor->pos >= tail_of(ring) && cursor->pos < head &&
           !st_ring_view_at(ring, cursor->pos, head, &view);
}

/* Where the hole at `pos` ends; `pos` itself when it is none. */
static uint64_t hole_end(const st_ring_t *ring, uint64_t pos, st_ring_claimed_fn *claimed,
                         const void *baton)
{
    view_t view;
    uint64_t head = head_of(ring);
    uint64_t room = to_lap_end(ring, pos);
    room = room < ST_RING_HOLE_MAX ? room : ST_RING_HOLE_MAX;
    uint64_t end = head - pos < room ? head : pos + room;
    while (pos < end && !st_ring_view_at(ring, pos, head, &view)) {
        int is_claimed = claimed(pos, baton);
        /* Once more: its producer may have committed it, and be gone, in between. */
        int is_committed = st_ring_view_at(ring, pos, head, &view);
        if (is_claimed || is_committed) {
            break;
        }
        pos += ALIGN;
    }
    return pos;
}

size_t st_ring_hole_skip(st_ring_t *ring, st_ring_cursor_t *cursor,
                         st_ring_claimed_fn *claimed, const void *baton)
{
    view_t view;
    int is_there = st_ring_cursor_advance(ring, cursor, &view);
    if (is_there || !st_ring_is_stuck(ring, cursor)) {
        return 0;
    }
    uint64_t start = cursor->pos;
    uint64_t end = hole_end(ring, start, claimed, baton);
    if (end == start) {
        return 0;
    }
    st_ring_publish(ring, start, end - start, KIND_HOLE | RELEASED);
    cursor->pos = end;
    if (start == tail_of(ring)) {
        st_ring_tail_advance(ring);
    }
    return end - start;
}

st_ring_state_t st_ring_state(const st_ring_t *ring, uint64_t pos)
{
    if (pos < tail_of(ring)) {
        return ST_RING_GONE;
    }
    view_t view;
    int is_there = st_ring_view_anywhere(ring, pos, &view);
    if (!is_there) {
        return ST_RING_UNCOMMITTED;
    }
    return is_waiting(&view) ? ST_RING_WAITING : ST_RING_RELEASED;
}

apr_status_t st_ring_find(const st_ring_t *ring, uint64_t from, uint64_t to,
                          st_ring_entry_t *entry)
{
    uint64_t head = head_of(ring);
    uint64_t tail = tail_of(ring);
    uint64_t pos = from < tail ? tail : from & ~(uint64_t)(ALIGN - 1);
    uint64_t end = to < head ? to : head;
    while (pos < end) {
        view_t view;
        int is_there = st_ring_view_at(ring, pos, head, &view);
        if (is_there && view.kind == KIND_RECORD) {
            st_ring_entry_fill(ring, pos, &view, entry);
            return APR_SUCCESS;
        }
        pos += is_there ? view.bytes : ALIGN;
    }
    return APR_ENOENT;
}

/* Looks at `pos` while it may be overwritten, also by plain stores of a record's bytes: what is
 * read may be nonsense, and is thrown away then, which ThreadSanitizer cannot know. Acquire: the
 * tail is looked at afterwards. */
__attribute__((no_sanitize("thread"))) static int look_racing(const st_ring_t *ring,
                                                              uint64_t pos, uint64_t head,
                                                              view_t *view,
                                                              st_ring_tag_t *tag)
{
    const ring_entry_t *entry = entry_at(ring, pos);
    uint64_t commit = atomic_load_explicit(&entry->commit, memory_order_acquire);
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
    *view = (view_t){.bytes = atomic_load_explicit(&entry->bytes, memory_order_acquire),
                     .kind = state & ~(uint32_t)RELEASED,
                     .is_released = (state & RELEASED) != 0};
    if (commit != (pos ^ ring->key) || !st_ring_view_fits(ring, pos, head, view)) {
        return 0;
    }
    if (is_waiting(view)) {
        uint64_t word = atomic_load_explicit(&entry->tag, memory_order_acquire);
        memcpy(tag, &word, sizeof(word));
    }
    return 1;
}

/* What is read at the cursor counts only when the tail, looked at afterwards, is not beyond it:
 * a producer writes there only after it has seen such a tail (head_move in ring.c). */
apr_status_t st_ring_peek(const st_ring_t *ring, st_ring_cursor_t *cursor,
                          st_ring_tag_t *tag)
{
    for (;;) {
        uint64_t pos = cursor->pos;
        uint64_t head = head_of(ring);
        view_t view;
        int is_there = pos < head && look_racing(ring, pos, head, &view, tag);
        if (tail_of(ring) > pos) {
            return APR_EAGAIN;
        }
        if (pos >= head) {
            return APR_EOF;
        }
        if (head - pos > ring->cap) {
            return APR_EAGAIN; /* no head that a producer has made */
        }
        cursor->pos += is_there ? view.bytes : ALIGN;
        if (is_there && is_waiting(&view)) {
            return APR_SUCCESS;
        }
    }
}
