/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_LEDGER_H
#define T_LEDGER_H

/* Entries with numbers, for the tests of ledger.c. */

#include "t.h"
#include "st_ledger.h"

#include <string.h>
#include "t_queue_small.h"

/* What an entry holds; each word is its number, so that parts of two can be told. */
#define T_WORDS 12

static inline void t_fill(void *mem, uint64_t number)
{
    uint64_t words[T_WORDS];
    for (int i = 0; i < T_WORDS; i++) {
        words[i] = number;
    }
    memcpy(mem, words, sizeof(words));
}

/* The number of a whole entry. */
static inline uint64_t t_number(const st_ring_entry_t *entry)
{
    uint64_t words[T_WORDS];
    t_assert(entry->len == sizeof(words));
    memcpy(words, entry->data, sizeof(words));
    for (int i = 1; i < T_WORDS; i++) {
        t_assert(words[i] == words[0]);
    }
    return words[0];
}

/* An entry of endpoint 0 or 1, which is its destination, too. */
static inline uint64_t t_put(int endpoint, uint32_t spans, uint64_t number)
{
    uint64_t pos;
    st_ring_tag_t tag = {.dest = (uint16_t)endpoint, .spans = spans};
    void *mem = st_ring_reserve(&t_queue.ring, T_WORDS * 8, tag, NULL, &pos);
    ck_assert_ptr_nonnull(mem);
    t_fill(mem, number);
    st_ring_commit(&t_queue.ring, pos, NULL);
    return pos;
}

/* Takes the next entry, over holes. @return 0 when there is none */
static inline int t_next(st_queue_t *queue, st_ring_cursor_t *cursor,
                         st_ring_entry_t *entry)
{
    int more;
    do {
        apr_status_t rv = st_ring_next(&queue->ring, cursor, entry);
        if (rv == APR_SUCCESS) {
            return 1;
        }
        more = st_ledger_hole_skip(queue, cursor);
    } while (more);
    return 0;
}

/* Takes everything from the tail on. @param numbers of `max` @return how many there were */
static inline int t_take_all(st_queue_t *queue, uint64_t *numbers, int max)
{
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    int count = 0;
    st_ring_cursor_init(&queue->ring, &cursor);
    while (t_next(queue, &cursor, &entry)) {
        t_assert(count < max);
        numbers[count] = t_number(&entry);
        count++;
    }
    t_assert(!st_ring_is_stuck(&queue->ring, &cursor));
    return count;
}

#endif /* T_LEDGER_H */
