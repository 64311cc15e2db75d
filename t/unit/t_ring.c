/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_ring.h"

#include <stdlib.h>
#include <string.h>

START_TEST(memory_of_a_wrong_size_or_place_is_refused)
{
    char *mem = ring_memory(ST_RING_BYTES_MIN + 64);
    for (size_t size = 0; size < ST_RING_BYTES_MIN; size += 31) {
        ck_assert_int_eq(st_ring_format(mem, size, 1), APR_EINVAL);
    }
    for (size_t off = 1; off < 64; off++) {
        ck_assert_int_eq(st_ring_format(mem + off, ST_RING_BYTES_MIN, 1), APR_EINVAL);
    }
    ck_assert_int_eq(st_ring_format(mem, ST_RING_BYTES_MAX + 1, 1), APR_EINVAL);
    ck_assert_int_eq(st_ring_format(mem, ST_RING_BYTES_MIN, 1), APR_SUCCESS);
    free(mem);
}
END_TEST

START_TEST(only_a_ring_of_this_size_can_be_attached)
{
    size_t size = 4 * ST_RING_BYTES_MIN;
    char *mem = ring_memory(size);
    st_ring_t ring;
    ck_assert_int_eq(st_ring_attach(&ring, mem, size), ST_E_MALFORMED);
    memset(mem, 0xFF, size);
    ck_assert_int_eq(st_ring_attach(&ring, mem, size), ST_E_MALFORMED);
    ck_assert_int_eq(st_ring_format(mem, size, 1), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, mem, size), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, mem, size - 16), ST_E_MALFORMED);
    ck_assert_int_eq(st_ring_attach(&ring, mem, 100), ST_E_MALFORMED);
    mem[0] ^= 1;
    ck_assert_int_eq(st_ring_attach(&ring, mem, size), ST_E_MALFORMED);
    free(mem);
}
END_TEST

START_TEST(entries_come_out_as_they_went_in)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    expect_nothing(&ring, &cursor);
    ck_assert_uint_eq(st_ring_used(&ring), 0);
    put(&ring, "one", 3);
    put(&ring, "", 0);
    put(&ring, "seventeen bytes..", 17);
    ck_assert_uint_eq(st_ring_used(&ring), 48 + 32 + 64);
    uint64_t first = expect_next(&ring, &cursor, "one", 3);
    uint64_t second = expect_next(&ring, &cursor, "", 0);
    uint64_t third = expect_next(&ring, &cursor, "seventeen bytes..", 17);
    expect_nothing(&ring, &cursor);
    ck_assert_uint_eq(st_ring_used(&ring), 48 + 32 + 64);
    st_ring_release(&ring, first);
    st_ring_release(&ring, second);
    st_ring_release(&ring, third);
    ck_assert_uint_eq(st_ring_used(&ring), 0);
    free(mem);
}
END_TEST

START_TEST(entry_is_hidden_until_it_is_committed_and_hides_later_ones)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    uint64_t late;
    char *to = st_ring_reserve(&ring, 4, TAG, NULL, &late);
    ck_assert_ptr_nonnull(to);
    put(&ring, "soon", 4);
    expect_nothing(&ring, &cursor);
    memcpy(to, "late", 4);
    expect_nothing(&ring, &cursor);
    st_ring_commit(&ring, late, NULL);
    expect_next(&ring, &cursor, "late", 4);
    expect_next(&ring, &cursor, "soon", 4);
    expect_nothing(&ring, &cursor);
    free(mem);
}
END_TEST

START_TEST(full_ring_refuses_until_the_oldest_is_released)
{
    enum { LEN = 100, ENTRY = ENTRY_HEAD + 112 };
    char bytes[LEN];
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    size_t room = st_ring_capacity(&ring) / ENTRY;
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    uint64_t pos;
    for (size_t i = 0; i < room; i++) {
        memset(bytes, (int)i, LEN);
        put(&ring, bytes, LEN);
    }
    ck_assert_uint_eq(st_ring_used(&ring), room * ENTRY);
    ck_assert_ptr_null(st_ring_reserve(&ring, LEN, TAG, NULL, &pos));
    memset(bytes, 0, LEN);
    uint64_t first = expect_next(&ring, &cursor, bytes, LEN);
    memset(bytes, 1, LEN);
    uint64_t second = expect_next(&ring, &cursor, bytes, LEN);
    ck_assert_ptr_null(st_ring_reserve(&ring, LEN, TAG, NULL, &pos));
    st_ring_release(&ring, second);
    ck_assert_ptr_null(st_ring_reserve(&ring, LEN, TAG, NULL, &pos));
    st_ring_release(&ring, first);
    ck_assert_uint_eq(st_ring_used(&ring), (room - 2) * ENTRY);
    ck_assert_ptr_nonnull(st_ring_reserve(&ring, LEN, TAG, NULL, &pos));
    for (size_t i = 2; i < room; i++) {
        memset(bytes, (int)i, LEN);
        expect_next(&ring, &cursor, bytes, LEN);
    }
    expect_nothing(&ring, &cursor);
    free(mem);
}
END_TEST

START_TEST(a_quarter_of_the_ring_is_the_longest_entry)
{
    for (size_t size = ST_RING_BYTES_MIN; size < ST_RING_BYTES_MIN + 200; size += 8) {
        void *mem = ring_memory(size);
        st_ring_t ring = make_ring(mem, size);
        size_t max = st_ring_len_max(&ring);
        char *bytes = calloc(1, max);
        uint64_t pos;
        ck_assert_uint_le(4 * (max + ENTRY_HEAD), st_ring_capacity(&ring));
        ck_assert_uint_gt(4 * (max + ENTRY_HEAD + 1), st_ring_capacity(&ring));
        ck_assert_ptr_null(st_ring_reserve(&ring, max + 1, TAG, NULL, &pos));
        ck_assert_ptr_null(st_ring_reserve(&ring, SIZE_MAX, TAG, NULL, &pos));
        /* Wherever the head stands, an empty ring takes it. */
        st_ring_cursor_t cursor;
        st_ring_cursor_init(&ring, &cursor);
        for (int i = 0; i < 1000; i++) {
            memset(bytes, i, max);
            size_t len = i % 2 == 0 ? max : (size_t)i;
            put(&ring, bytes, len);
            st_ring_release(&ring, expect_next(&ring, &cursor, bytes, len));
            t_assert(st_ring_used(&ring) == 0);
        }
        free(bytes);
        free(mem);
    }
}
END_TEST

START_TEST(memory_is_free_when_all_older_entries_are_released)
{
    enum { COUNT = 6 };
    /* All orders of releasing six entries. */
    for (int order = 0; order < 720; order++) {
        void *mem = ring_memory(ST_RING_BYTES_MIN);
        st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
        st_ring_cursor_t cursor;
        st_ring_cursor_init(&ring, &cursor);
        uint64_t pos[COUNT];
        int released[COUNT] = {0};
        for (int i = 0; i < COUNT; i++) {
            put(&ring, &i, sizeof(i));
            pos[i] = expect_next(&ring, &cursor, &i, sizeof(i));
        }
        int rest = order;
        for (int left = COUNT; left > 0; left--) {
            int nth = rest % left;
            rest /= left;
            int i = 0;
            while (released[i] || nth-- > 0) {
                i++;
            }
            st_ring_release(&ring, pos[i]);
            released[i] = 1;
            size_t oldest = 0;
            while (oldest < COUNT && released[oldest]) {
                oldest++;
            }
            t_assert(st_ring_used(&ring) == (COUNT - oldest) * (ENTRY_HEAD + 16));
        }
        free(mem);
    }
}
END_TEST

/* Every length, at every place of the ring, that is: with every padding at its end. */
START_TEST(entries_never_wrap_whatever_their_length)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    size_t max = st_ring_len_max(&ring);
    uint32_t *bytes = calloc(1, max);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    for (size_t len = 0; len <= max; len++) {
        size_t laps = len % 16 == 1 ? 40 : 12;
        /* Small numbers, that look like lengths and states of entries. */
        for (size_t i = 0; i < max / sizeof(*bytes); i++) {
            bytes[i] = (uint32_t)(len % 5);
        }
        for (size_t i = 0; i < laps; i++) {
            put(&ring, bytes, len);
            put(&ring, bytes, len / 2);
            uint64_t first = expect_next(&ring, &cursor, bytes, len);
            uint64_t second = expect_next(&ring, &cursor, bytes, len / 2);
            st_ring_release(&ring, second);
            st_ring_release(&ring, first);
        }
    }
    ck_assert_uint_eq(st_ring_used(&ring), 0);
    free(bytes);
    free(mem);
}
END_TEST

START_TEST(handles_of_one_memory_are_one_ring)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t producer = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_t consumer;
    ck_assert_int_eq(st_ring_attach(&consumer, mem, ST_RING_BYTES_MIN), APR_SUCCESS);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&consumer, &cursor);
    for (int i = 0; i < 5000; i++) {
        put(&producer, &i, sizeof(i));
        t_assert(st_ring_used(&consumer) == st_ring_used(&producer));
        st_ring_release(&consumer, expect_next(&consumer, &cursor, &i, sizeof(i)));
        t_assert(st_ring_used(&producer) == 0);
    }
    free(mem);
}
END_TEST

/* A consumer that starts anew sees what was not released, and that only. */
START_TEST(new_cursor_skips_what_was_released_out_of_order)
{
    enum { COUNT = 200, LEN = 300 };
    char bytes[LEN] = {0};
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    uint64_t kept = 0;
    put(&ring, bytes, LEN);
    kept = expect_next(&ring, &cursor, bytes, LEN);
    /* Walks over the end of the ring, so that padding is among what is released. */
    for (int i = 1; i < COUNT; i++) {
        bytes[0] = (char)i;
        put(&ring, bytes, LEN);
        put(&ring, bytes, LEN);
        uint64_t released = expect_next(&ring, &cursor, bytes, LEN);
        uint64_t next_kept = expect_next(&ring, &cursor, bytes, LEN);
        st_ring_release(&ring, released);
        bytes[0] = (char)(i - 1);
        st_ring_cursor_init(&ring, &cursor);
        expect_next(&ring, &cursor, bytes, LEN);
        bytes[0] = (char)i;
        expect_next(&ring, &cursor, bytes, LEN);
        expect_nothing(&ring, &cursor);
        st_ring_release(&ring, kept);
        kept = next_kept;
    }
    st_ring_release(&ring, kept);
    ck_assert_uint_eq(st_ring_used(&ring), 0);
    free(mem);
}
END_TEST

START_TEST(zeroed_memory_never_looks_committed)
{
    for (uint64_t key = 0; key < 1024; key += 16) {
        void *mem = ring_memory(ST_RING_BYTES_MIN);
        st_ring_t ring;
        ck_assert_int_eq(st_ring_format(mem, ST_RING_BYTES_MIN, key), APR_SUCCESS);
        ck_assert_int_eq(st_ring_attach(&ring, mem, ST_RING_BYTES_MIN), APR_SUCCESS);
        st_ring_cursor_t cursor;
        st_ring_cursor_init(&ring, &cursor);
        for (int i = 0; i < 100; i++) {
            uint64_t pos;
            ck_assert_ptr_nonnull(st_ring_reserve(&ring, 0, TAG, NULL, &pos));
            expect_nothing(&ring, &cursor);
            st_ring_commit(&ring, pos, NULL);
            expect_next(&ring, &cursor, "", 0);
        }
        free(mem);
    }
}
END_TEST

START_TEST(entries_of_an_earlier_ring_are_not_seen)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    uint64_t pos;
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    put(&ring, "a", 1);
    st_ring_release(&ring, expect_next(&ring, &cursor, "a", 1));
    while (st_ring_reserve(&ring, 0, TAG, NULL, &pos) != NULL) {
        st_ring_commit(&ring, pos, NULL);
    }
    ck_assert_int_eq(st_ring_format(mem, ST_RING_BYTES_MIN, 99), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, mem, ST_RING_BYTES_MIN), APR_SUCCESS);
    st_ring_cursor_init(&ring, &cursor);
    while (st_ring_reserve(&ring, 0, TAG, NULL, &pos) != NULL) {
        expect_nothing(&ring, &cursor);
        st_ring_commit(&ring, pos, NULL);
        expect_next(&ring, &cursor, "", 0);
    }
    ck_assert_uint_eq(cursor.pos, st_ring_capacity(&ring));
    free(mem);
}
END_TEST

/* Millions of entries through the smallest ring. */
START_TEST(ring_is_reused_for_ever)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    uint64_t taken[8];
    for (uint64_t i = 0; i < 2000000; i++) {
        uint64_t pos;
        size_t len = 8 + i * 7 % 150;
        uint64_t *to = st_ring_reserve(&ring, len, TAG, NULL, &pos);
        t_assert(to != NULL);
        *to = i;
        st_ring_commit(&ring, pos, NULL);
        if (i >= 8) {
            st_ring_release(&ring, taken[i % 8]);
        }
        st_ring_entry_t entry;
        apr_status_t rv = st_ring_next(&ring, &cursor, &entry);
        t_assert(rv == APR_SUCCESS);
        t_assert(entry.len == len);
        t_assert(memcmp(entry.data, &i, sizeof(i)) == 0);
        taken[i % 8] = entry.pos;
    }
    ck_assert_uint_gt(cursor.pos, 10000 * st_ring_capacity(&ring));
    free(mem);
}
END_TEST

START_TEST(what_is_released_already_stays_so)
{
    void *mem = ring_memory(ST_RING_BYTES_MIN);
    st_ring_t ring = make_ring(mem, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    put(&ring, "first", 5);
    put(&ring, "second", 6);
    uint64_t first = expect_next(&ring, &cursor, "first", 5);
    uint64_t second = expect_next(&ring, &cursor, "second", 6);
    for (int i = 0; i < 2; i++) {
        st_ring_release(&ring, second);
        ck_assert_uint_eq(st_ring_used(&ring), 2 * (ENTRY_HEAD + 16));
    }
    for (int i = 0; i < 2; i++) {
        st_ring_release(&ring, first);
        st_ring_release(&ring, UINT64_MAX);
        ck_assert_uint_eq(st_ring_used(&ring), 0);
    }
    /* Another record stands in its place now. */
    size_t cap = st_ring_capacity(&ring);
    while (st_ring_used(&ring) + 64 < cap) {
        put(&ring, "x", 1);
    }
    size_t used = st_ring_used(&ring);
    st_ring_release(&ring, first);
    st_ring_release(&ring, second);
    ck_assert_uint_eq(st_ring_used(&ring), used);
    expect_next(&ring, &cursor, "x", 1);
    free(mem);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, memory_of_a_wrong_size_or_place_is_refused);
    tcase_add_test(tcase, only_a_ring_of_this_size_can_be_attached);
    tcase_add_test(tcase, entries_come_out_as_they_went_in);
    tcase_add_test(tcase, entry_is_hidden_until_it_is_committed_and_hides_later_ones);
    tcase_add_test(tcase, full_ring_refuses_until_the_oldest_is_released);
    tcase_add_test(tcase, a_quarter_of_the_ring_is_the_longest_entry);
    tcase_add_test(tcase, memory_is_free_when_all_older_entries_are_released);
    tcase_add_test(tcase, entries_never_wrap_whatever_their_length);
    tcase_add_test(tcase, handles_of_one_memory_are_one_ring);
    tcase_add_test(tcase, new_cursor_skips_what_was_released_out_of_order);
    tcase_add_test(tcase, zeroed_memory_never_looks_committed);
    tcase_add_test(tcase, entries_of_an_earlier_ring_are_not_seen);
    tcase_add_test(tcase, what_is_released_already_stays_so);
    tcase_add_test(tcase, ring_is_reused_for_ever);
}

T_MAIN("ring", add_cases)
