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
 * All state shared between producers and consumer is in the memory itself, so the memory may
 * be shared between processes; st_ring_t is a process's handle to it. */

#include <stdint.h>
#include <stddef.h>
#include "st_error.h"

typedef struct st_ring_shm_t st_ring_shm_t;

typedef struct st_ring_t {
    st_ring_shm_t *shm;
    char *data;
    uint64_t cap; /* bytes of data, a multiple of 16 */
    uint64_t key;
} st_ring_t;

/* Smallest memory st_ring_format accepts. */
#define ST_RING_BYTES_MIN 8192

/* Makes an empty ring in `mem` (64-aligned, `size` bytes, borrowed for the ring's life).
 * @param key random; different for each ring that may ever be made in this memory
 * @return APR_SUCCESS; APR_EINVAL when too small or misaligned. Before any producer. */
apr_status_t st_ring_format(void *mem, size_t size, uint64_t key) ST_MUST_CHECK;

/* Attaches a handle to a ring made by st_ring_format, in this or another process.
 * @return APR_SUCCESS; ST_E_MALFORMED when `mem` holds no ring of this size and version. */
apr_status_t st_ring_attach(st_ring_t *ring, void *mem, size_t size) ST_MUST_CHECK;

/* Reserves `len` bytes, to be written in place and committed soon.
 * @param ppos names the reservation for st_ring_commit
 * @return 16-aligned memory, or NULL when full or len exceeds st_ring_len_max. Any thread,
 *         lock-free. */
void *st_ring_reserve(st_ring_t *ring, size_t len, uint64_t *ppos) ST_MUST_CHECK;

/* Makes the reserved entry visible. Its producer, once. */
void st_ring_commit(st_ring_t *ring, uint64_t pos);

/* Longest entry that is accepted: a quarter of the ring. */
size_t st_ring_len_max(const st_ring_t *ring);

/* Position of the consumer's next look. Starts at the tail. */
typedef struct st_ring_cursor_t {
    uint64_t pos;
} st_ring_cursor_t;

/* Sets the cursor to the oldest entry that is not released: what was taken before and not
 * released comes once more. Consumer only. */
void st_ring_cursor_init(const st_ring_t *ring, st_ring_cursor_t *cursor);

/* Takes the next committed entry that is not released; its memory stays as it is until it
 * is.
 * @return APR_SUCCESS; APR_EAGAIN when there is none, or it is still being written.
 * Consumer only. */
apr_status_t st_ring_next(st_ring_t *ring, st_ring_cursor_t *cursor, const void **pdata,
                          size_t *plen, uint64_t *ppos) ST_MUST_CHECK;

/* Gives back an entry that st_ring_next returned, in any order, once. Consumer only. */
void st_ring_release(st_ring_t *ring, uint64_t pos);

/* Bytes between tail and head, and how many there can be. Any thread; a snapshot. */
size_t st_ring_used(const st_ring_t *ring);
size_t st_ring_capacity(const st_ring_t *ring);

#endif /* ST_RING_H */
