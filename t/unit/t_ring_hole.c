/* SPDX-License-Identifier: Apache-2.0 */
/* What killed producers leave in a ring. */
#include "t_ring.h"

#include "../../lib/queue/ring_int.h"

/* Claims of producers, and which of them live. */
typedef struct crew_t {
    st_ring_claim_t claim[4];
    int lives[4];
    st_ring_t *ring;
    uint64_t commit_when_asked; /* a producer that is slow until somebody asks; 0: none */
    int asked;
} crew_t;

static int is_claimed(uint64_t pos, const void *baton)
{
    crew_t *crew = (crew_t *)(uintptr_t)baton;
    crew->asked++;
    if (crew->commit_when_asked != 0) {
        st_ring_commit(crew->ring, crew->commit_when_asked, &crew->claim[0]);
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        if (crew->lives[i] && pos >= crew->claim[i].from && pos < crew->claim[i].to) {
            return 1;
        }
    }
    return 0;
}

typedef struct fixture_t {
    void *mem;
    st_ring_t ring;
    st_ring_cursor_t cursor;
    crew_t crew;
} fixture_t;

static void setup(fixture_t *fix, size_t size)
{
    memset(fix, 0, sizeof(*fix));
    fix->mem = ring_memory(size);
    fix->ring = make_ring(fix->mem, size);
    st_ring_cursor_init(&fix->ring, &fix->cursor);
    fix->crew.ring = &fix->ring;
}

static uint64_t reserve(fixture_t *fix, int producer, size_t len)
{
    uint64_t pos;
    void *to = st_ring_reserve(&fix->ring, len, TAG, &fix->crew.claim[producer], &pos);
    ck_assert_ptr_nonnull(to);
    return pos;
}

static size_t skip(fixture_t *fix)
{
    return st_ring_hole_skip(&fix->ring, &fix->cursor, is_claimed, &fix->crew);
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

START_TEST(claim_is_set_while_a_record_is_written)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    const st_ring_claim_t *claim = &fix.crew.claim[0];
    uint64_t pos = reserve(&fix, 0, 100);
    ck_assert_uint_eq(claim->from, pos);
    ck_assert_uint_eq(claim->to, pos + ENTRY_HEAD + 112);
    st_ring_commit(&fix.ring, pos, &fix.crew.claim[0]);
    /* Nothing any more, and where it ended. */
    ck_assert_uint_eq(claim->from, pos + ENTRY_HEAD + 112);
    ck_assert_uint_eq(claim->to, pos + ENTRY_HEAD + 112);
    free(fix.mem);
}
END_TEST

START_TEST(claim_covers_the_padding)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    size_t cap = st_ring_capacity(&fix.ring);
    lap_go_to(&fix, 64);
    uint64_t pos = reserve(&fix, 0, 100);
    ck_assert_uint_eq(pos, cap);
    ck_assert_uint_eq(fix.crew.claim[0].from, cap - 64);
    ck_assert_uint_eq(fix.crew.claim[0].to, cap + ENTRY_HEAD + 112);
    free(fix.mem);
}
END_TEST

START_TEST(refused_producer_claims_nothing)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    uint64_t pos;
    st_ring_claim_t *claim = &fix.crew.claim[0];
    while (st_ring_reserve(&fix.ring, 500, TAG, claim, &pos) != NULL) {
        ck_assert_uint_gt(claim->to, claim->from);
        st_ring_commit(&fix.ring, pos, claim);
    }
    ck_assert_uint_eq(claim->from, 0);
    ck_assert_uint_eq(claim->to, 0);
    free(fix.mem);
}
END_TEST

START_TEST(slow_producer_is_no_hole)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    fix.crew.lives[0] = 1;
    ck_assert_int_eq(st_ring_is_stuck(&fix.ring, &fix.cursor), 0);
    uint64_t pos = reserve(&fix, 0, 4);
    put(&fix.ring, "next", 4);
    ck_assert_int_eq(st_ring_is_stuck(&fix.ring, &fix.cursor), 1);
    ck_assert_uint_eq(skip(&fix), 0);
    memcpy(entry_at(&fix.ring, pos) + 1, "slow", 4);
    st_ring_commit(&fix.ring, pos, &fix.crew.claim[0]);
    ck_assert_int_eq(st_ring_is_stuck(&fix.ring, &fix.cursor), 0);
    expect_next(&fix.ring, &fix.cursor, "slow", 4);
    expect_next(&fix.ring, &fix.cursor, "next", 4);
    ck_assert_uint_eq(skip(&fix), 0);
    free(fix.mem);
}
END_TEST

START_TEST(hole_is_passed_and_its_memory_is_free_again)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    reserve(&fix, 0, 1000);
    reserve(&fix, 1, 1);
    put(&fix.ring, "next", 4);
    expect_nothing(&fix.ring, &fix.cursor);
    size_t bytes = 2 * ENTRY_HEAD + 1008 + 16;
    ck_assert_uint_eq(skip(&fix), bytes);
    ck_assert_uint_eq(fix.cursor.pos, bytes);
    ck_assert_uint_eq(st_ring_used(&fix.ring), ENTRY_HEAD + 16);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "next", 4));
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    ck_assert_uint_eq(skip(&fix), 0);
    free(fix.mem);
}
END_TEST

START_TEST(hole_ends_where_the_living_claim)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    fix.crew.lives[2] = 1;
    reserve(&fix, 0, 100);
    reserve(&fix, 1, 200);
    uint64_t pos = reserve(&fix, 2, 8);
    reserve(&fix, 3, 8);
    ck_assert_uint_eq(skip(&fix), pos);
    ck_assert_uint_eq(fix.cursor.pos, pos);
    ck_assert_uint_eq(skip(&fix), 0);
    st_ring_commit(&fix.ring, pos, &fix.crew.claim[2]);
    st_ring_entry_t entry;
    ck_assert_int_eq(st_ring_next(&fix.ring, &fix.cursor, &entry), APR_SUCCESS);
    st_ring_release(&fix.ring, entry.pos);
    /* Up to the head. */
    ck_assert_uint_eq(skip(&fix), ENTRY_HEAD + 16);
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

/* Its claim is a stale one, of an attempt that lost: it only delays. */
START_TEST(claim_inside_of_a_hole_divides_it)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    reserve(&fix, 0, 1000);
    fix.crew.lives[1] = 1;
    fix.crew.claim[1].from = 160;
    fix.crew.claim[1].to = 400;
    ck_assert_uint_eq(skip(&fix), 160);
    ck_assert_uint_eq(skip(&fix), 0);
    fix.crew.claim[1].from = 400;
    ck_assert_uint_eq(skip(&fix), ENTRY_HEAD + 1008 - 160);
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

START_TEST(record_committed_while_its_claim_is_looked_for_is_no_hole)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    put(&fix.ring, "", 0);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "", 0));
    fix.crew.commit_when_asked = reserve(&fix, 0, 4);
    memcpy(entry_at(&fix.ring, fix.crew.commit_when_asked) + 1, "last", 4);
    ck_assert_uint_eq(skip(&fix), 0);
    ck_assert_int_eq(fix.crew.asked, 1);
    expect_next(&fix.ring, &fix.cursor, "last", 4);
    free(fix.mem);
}
END_TEST

/* Killed right after the head was moved: neither the padding nor the record is there. */
START_TEST(hole_over_the_end_of_the_memory_is_passed_in_two_steps)
{
    for (size_t left = 32; left < 512; left += 32) {
        fixture_t fix;
        setup(&fix, ST_RING_BYTES_MIN);
        lap_go_to(&fix, left);
        atomic_fetch_add(&fix.ring.shm->head, left + 512);
        put(&fix.ring, "next", 4);
        ck_assert_uint_eq(skip(&fix), left);
        expect_nothing(&fix.ring, &fix.cursor);
        ck_assert_uint_eq(skip(&fix), 512);
        st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "next", 4));
        ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
        free(fix.mem);
    }
}
END_TEST

START_TEST(smallest_hole_has_room_for_what_marks_it)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN + 16);
    lap_go_to(&fix, 16);
    atomic_fetch_add(&fix.ring.shm->head, 16);
    put(&fix.ring, "next", 4);
    ck_assert_uint_eq(skip(&fix), 16);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "next", 4));
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

START_TEST(long_hole_is_passed_in_bounded_steps)
{
    fixture_t fix;
    size_t size = 16 * ST_RING_HOLE_MAX;
    setup(&fix, size);
    size_t len = st_ring_len_max(&fix.ring);
    reserve(&fix, 0, len);
    size_t left = st_ring_used(&fix.ring);
    ck_assert_uint_gt(left, 3 * ST_RING_HOLE_MAX);
    while (left > 0) {
        fix.crew.asked = 0;
        size_t bytes = skip(&fix);
        ck_assert_uint_eq(bytes, left < ST_RING_HOLE_MAX ? left : ST_RING_HOLE_MAX);
        ck_assert_int_eq(fix.crew.asked, (int)(bytes / 16));
        left -= bytes;
    }
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

/* The sender died after it had passed a hole; another one starts where the tail is. */
START_TEST(passed_hole_is_no_hole_for_a_new_cursor)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    put(&fix.ring, "kept", 4);
    expect_next(&fix.ring, &fix.cursor, "kept", 4);
    reserve(&fix, 0, 64);
    put(&fix.ring, "next", 4);
    ck_assert_uint_eq(skip(&fix), ENTRY_HEAD + 64);
    st_ring_cursor_init(&fix.ring, &fix.cursor);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "kept", 4));
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "next", 4));
    ck_assert_uint_eq(st_ring_used(&fix.ring), 0);
    free(fix.mem);
}
END_TEST

START_TEST(state_tells_what_stands_at_a_position)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    uint64_t first = put(&fix.ring, "first", 5);
    uint64_t second = put(&fix.ring, "second", 6);
    uint64_t hole = reserve(&fix, 0, 10);
    uint64_t last = put(&fix.ring, "last", 4);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "first", 5));
    ck_assert_int_eq(st_ring_state(&fix.ring, first), ST_RING_GONE);
    ck_assert_int_eq(st_ring_state(&fix.ring, second), ST_RING_WAITING);
    ck_assert_int_eq(st_ring_state(&fix.ring, hole), ST_RING_UNCOMMITTED);
    ck_assert_int_eq(st_ring_state(&fix.ring, last), ST_RING_WAITING);
    expect_next(&fix.ring, &fix.cursor, "second", 6);
    ck_assert_uint_eq(skip(&fix), last - hole);
    ck_assert_int_eq(st_ring_state(&fix.ring, hole), ST_RING_RELEASED);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "last", 4));
    ck_assert_int_eq(st_ring_state(&fix.ring, last), ST_RING_RELEASED);
    ck_assert_int_eq(st_ring_state(&fix.ring, last + 1), ST_RING_UNCOMMITTED);
    ck_assert_int_eq(st_ring_state(&fix.ring, last + 48), ST_RING_UNCOMMITTED);
    ck_assert_int_eq(st_ring_state(&fix.ring, UINT64_MAX), ST_RING_UNCOMMITTED);
    st_ring_release(&fix.ring, second);
    ck_assert_int_eq(st_ring_state(&fix.ring, last), ST_RING_GONE);
    free(fix.mem);
}
END_TEST

static void expect_found(const fixture_t *fix, uint64_t from, uint64_t to, uint64_t pos,
                         const char *text)
{
    st_ring_entry_t entry;
    ck_assert_int_eq(st_ring_find(&fix->ring, from, to, &entry), APR_SUCCESS);
    ck_assert_uint_eq(entry.pos, pos);
    ck_assert_uint_eq(entry.len, strlen(text));
    ck_assert_int_eq(memcmp(entry.data, text, entry.len), 0);
    ck_assert_uint_eq(entry.tag.spans, TAG.spans);
}

static void expect_not_found(const fixture_t *fix, uint64_t from, uint64_t to)
{
    st_ring_entry_t entry;
    ck_assert_int_eq(st_ring_find(&fix->ring, from, to, &entry), APR_ENOENT);
}

START_TEST(record_is_found_from_its_claim_until_the_tail_has_passed)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    lap_go_to(&fix, 64);
    uint64_t first = put(&fix.ring, "", 0);
    uint64_t pos = reserve(&fix, 0, 100);
    uint64_t from = fix.crew.claim[0].from;
    uint64_t to = fix.crew.claim[0].to;
    memset(entry_at(&fix.ring, pos) + 1, 'x', 100);
    char text[101] = "";
    memset(text, 'x', 100);
    expect_not_found(&fix, from, to);
    st_ring_commit(&fix.ring, pos, &fix.crew.claim[0]);
    /* Behind its padding. */
    ck_assert_uint_gt(pos, from);
    expect_found(&fix, from, to, pos, text);
    expect_found(&fix, 0, UINT64_MAX, first, "");
    expect_not_found(&fix, to, UINT64_MAX);
    expect_not_found(&fix, from, from);
    expect_next(&fix.ring, &fix.cursor, "", 0);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, text, 100));
    expect_found(&fix, from, to, pos, text);
    st_ring_release(&fix.ring, first);
    expect_not_found(&fix, from, to);
    free(fix.mem);
}
END_TEST

START_TEST(nothing_is_found_in_a_hole)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    put(&fix.ring, "kept", 4);
    expect_next(&fix.ring, &fix.cursor, "kept", 4);
    reserve(&fix, 0, 100);
    expect_not_found(&fix, fix.crew.claim[0].from, fix.crew.claim[0].to);
    ck_assert_uint_gt(skip(&fix), 0);
    expect_not_found(&fix, fix.crew.claim[0].from, fix.crew.claim[0].to);
    free(fix.mem);
}
END_TEST

START_TEST(looking_passes_what_is_written_and_takes_nothing)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    put(&fix.ring, "first", 5);
    reserve(&fix, 0, 100);
    put(&fix.ring, "released", 8);
    put(&fix.ring, "last", 4);
    st_ring_release(&fix.ring, ENTRY_HEAD + 16 + ENTRY_HEAD + 112);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&fix.ring, &cursor);
    for (int i = 0; i < 2; i++) {
        st_ring_tag_t tag = {0};
        ck_assert_int_eq(st_ring_peek(&fix.ring, &cursor, &tag), APR_SUCCESS);
        ck_assert_uint_eq(tag.dest, TAG.dest);
        ck_assert_uint_eq(tag.flags, TAG.flags);
        ck_assert_uint_eq(tag.spans, TAG.spans);
    }
    st_ring_tag_t tag;
    ck_assert_int_eq(st_ring_peek(&fix.ring, &cursor, &tag), APR_EOF);
    expect_next(&fix.ring, &fix.cursor, "first", 5);
    free(fix.mem);
}
END_TEST

START_TEST(looking_tells_when_the_tail_has_overtaken_it)
{
    fixture_t fix;
    setup(&fix, ST_RING_BYTES_MIN);
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&fix.ring, &cursor);
    put(&fix.ring, "gone", 4);
    st_ring_release(&fix.ring, expect_next(&fix.ring, &fix.cursor, "gone", 4));
    st_ring_tag_t tag;
    ck_assert_int_eq(st_ring_peek(&fix.ring, &cursor, &tag), APR_EAGAIN);
    st_ring_cursor_init(&fix.ring, &cursor);
    ck_assert_int_eq(st_ring_peek(&fix.ring, &cursor, &tag), APR_EOF);
    free(fix.mem);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, claim_is_set_while_a_record_is_written);
    tcase_add_test(tcase, claim_covers_the_padding);
    tcase_add_test(tcase, refused_producer_claims_nothing);
    tcase_add_test(tcase, slow_producer_is_no_hole);
    tcase_add_test(tcase, hole_is_passed_and_its_memory_is_free_again);
    tcase_add_test(tcase, hole_ends_where_the_living_claim);
    tcase_add_test(tcase, claim_inside_of_a_hole_divides_it);
    tcase_add_test(tcase, record_committed_while_its_claim_is_looked_for_is_no_hole);
    tcase_add_test(tcase, hole_over_the_end_of_the_memory_is_passed_in_two_steps);
    tcase_add_test(tcase, smallest_hole_has_room_for_what_marks_it);
    tcase_add_test(tcase, long_hole_is_passed_in_bounded_steps);
    tcase_add_test(tcase, passed_hole_is_no_hole_for_a_new_cursor);
    tcase_add_test(tcase, state_tells_what_stands_at_a_position);
    tcase_add_test(tcase, record_is_found_from_its_claim_until_the_tail_has_passed);
    tcase_add_test(tcase, nothing_is_found_in_a_hole);
    tcase_add_test(tcase, looking_passes_what_is_written_and_takes_nothing);
    tcase_add_test(tcase, looking_tells_when_the_tail_has_overtaken_it);
}

T_MAIN("ring_hole", add_cases)
