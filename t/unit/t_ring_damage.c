/* SPDX-License-Identifier: Apache-2.0 */
/* Rings whose memory was damaged, or made by somebody else. */
#include "t_ring.h"

#include "../../lib/queue/ring_int.h"
#include "st_id.h"

typedef struct fixture_t {
    void *mem;
    st_ring_t ring;
    st_ring_cursor_t cursor;
} fixture_t;

static void setup(fixture_t *fix, size_t size)
{
    fix->mem = ring_memory(size);
    fix->ring = make_ring(fix->mem, size);
    st_ring_cursor_init(&fix->ring, &fix->cursor);
}

static int nobody_claims(uint64_t pos, const void *baton)
{
    const fixture_t *fix = baton;
    t_assert(pos < head_of(&fix->ring));
    return 0;
}

static size_t skip(fixture_t *fix)
{
    return st_ring_hole_skip(&fix->ring, &fix->cursor, nobody_claims, fix);
}

/* Moves the head so that `left` bytes of the lap are left; nothing waits. */
static void lap_go_to(fixture_t *fix, size_t left)
{
    size_t cap = st_ring_capacity(&fix->ring);
    while (head_of(&fix->ring) % cap != cap - left) {
        put(&fix->ring, "", 0);
        st_ring_release(&fix->ring, expect_next(&fix->ring, &fix->cursor, "", 0));
    }
}

START_TEST(positions_that_cannot_be_are_refused)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    uint64_t cap = st_ring_capacity(&fix.ring);
    const struct {
        uint64_t tail;
        uint64_t head;
        apr_status_t rv;
    } cases[] = {
        {0, 0, APR_SUCCESS},
        {16, 16 + cap, APR_SUCCESS},
        {100 * cap, 100 * cap, APR_SUCCESS},
        {0, cap + 16, ST_E_MALFORMED},
        {32, 16, ST_E_MALFORMED},
        {8, 32, ST_E_MALFORMED},
        {0, 33, ST_E_MALFORMED},
        {UINT64_MAX - 15, UINT64_MAX - 15, ST_E_MALFORMED},
        {UINT64_MAX - 15, 16, ST_E_MALFORMED},
        {UINT64_C(1) << 63, UINT64_C(1) << 63, ST_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        atomic_store(&fix.ring.shm->tail, cases[i].tail);
        atomic_store(&fix.ring.shm->head, cases[i].head);
        st_ring_t ring;
        ck_assert_int_eq(st_ring_attach(&ring, fix.mem, ST_RING_BYTES_MIN), cases[i].rv);
    }
    free(fix.mem);
}
END_TEST

/* The second of three entries, damaged in each way; the third reaches to the end of the lap. */
static const struct {
    uint32_t bytes;
    uint32_t state;
    uint32_t len;
} damages[] = {
    {0, KIND_RECORD, 4},
    {15, KIND_RECORD, 4},
    {16, KIND_RECORD, 0},
    {48, KIND_RECORD, 17},
    {48, KIND_RECORD, UINT32_MAX},
    {56, KIND_RECORD, 4},
    {32, KIND_RECORD, 4},
    {64, KIND_RECORD, 4},
    {UINT32_MAX & ~15u, KIND_RECORD, UINT32_MAX - 63},
    {512, KIND_PAD, 4}, /* over the end of the memory */
    {256, KIND_PAD, 4}, /* over the head */
    {0, KIND_PAD, 4},
    {24, KIND_HOLE, 4},
    {48, 0, 4},
    {48, 77, 4},
    {48, UINT32_MAX, 4},
};

START_TEST(damaged_entry_is_a_hole)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    lap_go_to(&fix, 256);
    put(&fix.ring, "first", 5);
    uint64_t pos = put(&fix.ring, "2nd", 3);
    put(&fix.ring, "last", 4);
    ring_entry_t *entry = entry_at(&fix.ring, pos);
    entry->bytes = damages[_i].bytes;
    entry->state = damages[_i].state;
    entry->len = damages[_i].len;
    ck_assert_int_eq(st_ring_state(&fix.ring, pos), ST_RING_UNCOMMITTED);
    st_ring_release(&fix.ring, pos);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "first", 5));
    expect_nothing(&fix.ring, &fix.cursor);
    ck_assert_uint_eq(skip(&fix), ENTRY_HEAD + 16);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "last", 4));
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

/* Entries that claim to be committed everywhere, with heads that are likely to be believed. */
static void scramble(fixture_t *fix, st_rng_t *rng)
{
    size_t cap = st_ring_capacity(&fix->ring);
    uint64_t tail = st_rng_next(rng) % (3 * cap) & ~(uint64_t)15;
    uint64_t head = tail + (st_rng_next(rng) % (cap + 1) & ~(uint64_t)15);
    atomic_store(&fix->ring.shm->tail, tail);
    atomic_store(&fix->ring.shm->head, head);
    for (size_t i = 0; i < cap / 8; i++) {
        uint64_t word = st_rng_next(rng);
        memcpy(fix->ring.data + 8 * i, &word, sizeof(word));
    }
    for (uint64_t pos = tail; pos < head; pos += 16) {
        if (st_rng_next(rng) % 8 == 0 || to_lap_end(&fix->ring, pos) == 16) {
            ring_entry_t *entry = entry_at(&fix->ring, pos);
            entry->commit = pos ^ fix->ring.key;
            entry->bytes = (uint32_t)(16 * (st_rng_next(rng) % 40));
            entry->state =
                (uint32_t)(st_rng_next(rng) % 4 + (st_rng_next(rng) % 2 ? RELEASED : 0));
        }
        if (st_rng_next(rng) % 2 == 0 && to_lap_end(&fix->ring, pos) >= 32) {
            ring_entry_t *entry = entry_at(&fix->ring, pos);
            entry->len = entry->bytes - 32;
        }
    }
}

static uint64_t sum_of(const st_ring_entry_t *entry)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < entry->len; i++) {
        sum += ((const unsigned char *)entry->data)[i];
    }
    return sum;
}

/* @return entries it came to. Reads all of them, for the sanitizers. */
static int walk(fixture_t *fix)
{
    int seen = 0;
    st_ring_cursor_init(&fix->ring, &fix->cursor);
    do {
        st_ring_entry_t entry;
        while (st_ring_next(&fix->ring, &fix->cursor, &entry) == APR_SUCCESS) {
            t_assert(sum_of(&entry) <= 255 * entry.len);
            seen++;
            st_ring_release(&fix->ring, entry.pos);
        }
    } while (skip(fix) > 0);
    return seen;
}

START_TEST(arbitrary_bytes_are_read_safely_and_to_the_end)
{
    size_t size = ST_RING_BYTES_MIN + 16 * (size_t)_i;
    fixture_t fix;
    setup(&fix, size);
    st_rng_t rng = {.state = 71 + (uint64_t)_i};
    int seen = 0;
    for (int round = 0; round < 300; round++) {
        scramble(&fix, &rng);
        ck_assert_int_eq(st_ring_attach(&fix.ring, fix.mem, size), APR_SUCCESS);
        st_ring_cursor_init(&fix.ring, &fix.cursor);
        st_ring_tag_t tag;
        while (st_ring_peek(&fix.ring, &fix.cursor, &tag) == APR_SUCCESS) {
            st_ring_entry_t entry;
            uint64_t from = st_rng_next(&rng) % head_of(&fix.ring);
            apr_status_t rv = st_ring_find(&fix.ring, from, from + 500, &entry);
            t_assert(rv == APR_ENOENT || sum_of(&entry) <= 255 * entry.len);
            t_assert(st_ring_state(&fix.ring, from) <= ST_RING_RELEASED);
        }
        seen += walk(&fix);
        t_assert(st_ring_used(&fix.ring) == 0);
    }
    ck_assert_int_gt(seen, 100);
    free(fix.mem);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, positions_that_cannot_be_are_refused);
    tcase_add_loop_test(tcase, damaged_entry_is_a_hole, 0,
                        (int)(sizeof(damages) / sizeof(damages[0])));
    tcase_add_loop_test(tcase, arbitrary_bytes_are_read_safely_and_to_the_end, 0, 4);
}

T_MAIN("ring_damage", add_cases)
