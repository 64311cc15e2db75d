/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_RING_H
#define T_RING_H

/* Rings in plain memory, and entries with known bytes, for the tests of ring.c and
 * ring_hole.c. */

#include "t.h"
#include "st_ring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that one entry takes besides its payload. */
#define ENTRY_HEAD 32

#define TAG ((st_ring_tag_t){.dest = 7, .flags = 3, .spans = 2})

static inline void *ring_memory(size_t size)
{
    void *mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
    memset(mem, 0, size);
    return mem;
}

static inline st_ring_t make_ring(void *mem, size_t size)
{
    st_ring_t ring;
    ck_assert_int_eq(st_ring_format(mem, size, UINT64_C(0x1234567890abcdef)),
                     APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, mem, size), APR_SUCCESS);
    return ring;
}

static inline uint64_t put(st_ring_t *ring, const void *bytes, size_t len)
{
    uint64_t pos;
    void *to = st_ring_reserve(ring, len, TAG, NULL, &pos);
    t_assert(to != NULL);
    t_assert((uintptr_t)to % 16 == 0);
    memcpy(to, bytes, len);
    st_ring_commit(ring, pos, NULL);
    return pos;
}

/* Takes the next entry, which has to be these bytes. */
static inline uint64_t expect_next(st_ring_t *ring, st_ring_cursor_t *cursor,
                                   const void *bytes, size_t len)
{
    st_ring_entry_t entry;
    apr_status_t rv = st_ring_next(ring, cursor, &entry);
    t_assert(rv == APR_SUCCESS);
    t_assert(entry.len == len);
    t_assert(memcmp(entry.data, bytes, len) == 0);
    t_assert(entry.tag.dest == 7 && entry.tag.flags == 3 && entry.tag.spans == 2);
    return entry.pos;
}

static inline void expect_nothing(st_ring_t *ring, st_ring_cursor_t *cursor)
{
    st_ring_entry_t entry;
    apr_status_t rv = st_ring_next(ring, cursor, &entry);
    t_assert(rv == APR_EAGAIN);
}

#endif /* T_RING_H */
