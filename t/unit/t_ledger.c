/* SPDX-License-Identifier: Apache-2.0 */
#include "t_ledger.h"

#include "st_process.h"

#define SPAN        ST_CATEGORY_SPAN
#define TRANSACTION ST_CATEGORY_TRANSACTION
#define MANY        10

static st_ring_cursor_t cursor;
static st_ring_entry_t entry;
static uint64_t numbers[MANY];

static void setup(void)
{
    t_queue_setup();
    st_ring_cursor_init(&t_queue.ring, &cursor);
}

static void settle(uint64_t pos, int endpoint, int outcome, uint64_t spans,
                   uint64_t transactions)
{
    uint64_t quantity[ST_CATEGORY_COUNT] = {spans, transactions};
    st_ledger_settle(&t_queue, pos, endpoint, outcome, quantity);
}

static uint64_t settled(int endpoint, st_reason_t reason, st_category_t category)
{
    return t_queue.endpoints[endpoint].counters.settled[reason][category];
}

static uint64_t delivered(int endpoint, st_category_t category)
{
    return t_queue.endpoints[endpoint].counters.delivered[category];
}

static int everything(void)
{
    return t_take_all(&t_queue, numbers, MANY);
}

START_TEST(a_delivered_entry_is_counted_and_released)
{
    uint64_t pos = t_put(1, 3, 77);
    settle(pos, 1, ST_OUTCOME_DELIVERED, 3, 1);
    ck_assert_uint_eq(delivered(1, SPAN), 3);
    ck_assert_uint_eq(delivered(1, TRANSACTION), 1);
    ck_assert_uint_eq(delivered(0, SPAN), 0);
    ck_assert_uint_eq(st_ring_used(&t_queue.ring), 0);
    ck_assert_int_eq(everything(), 0);
}
END_TEST

START_TEST(spans_without_room_in_what_is_delivered_are_discarded)
{
    static const uint64_t quantity[ST_CATEGORY_COUNT] = {9, 1};
    settle(t_put(1, 2, 1), 1, ST_REASON_BUFFER_OVERFLOW, 2, 0);
    for (uint64_t i = 1; i <= 2; i++) {
        st_ledger_deliver(&t_queue, t_put(1, 9, 1), 1, quantity, 4);
        ck_assert_uint_eq(delivered(1, SPAN), 5 * i);
        ck_assert_uint_eq(delivered(1, TRANSACTION), i);
        ck_assert_uint_eq(settled(1, ST_REASON_BUFFER_OVERFLOW, SPAN), 2 + 4 * i);
        ck_assert_uint_eq(settled(1, ST_REASON_BUFFER_OVERFLOW, TRANSACTION), 0);
    }
    settle(t_put(1, 3, 1), 1, ST_OUTCOME_DELIVERED, 3, 0);
    ck_assert_uint_eq(delivered(1, SPAN), 13);
    ck_assert_uint_eq(settled(1, ST_REASON_BUFFER_OVERFLOW, SPAN), 10);
    ck_assert_uint_eq(settled(0, ST_REASON_BUFFER_OVERFLOW, SPAN), 0);
    ck_assert_int_eq(everything(), 0);
}
END_TEST

START_TEST(a_discarded_entry_is_counted_by_reason_and_released)
{
    uint64_t first = t_put(0, 3, 1);
    uint64_t second = t_put(0, 4, 2);
    settle(second, 0, ST_REASON_SEND_ERROR, 4, 0);
    ck_assert_int_eq(everything(), 1);
    ck_assert_uint_eq(numbers[0], 1);
    settle(first, 0, ST_REASON_SEND_ERROR, 3, 0);
    ck_assert_uint_eq(settled(0, ST_REASON_SEND_ERROR, SPAN), 7);
    ck_assert_uint_eq(settled(0, ST_REASON_NETWORK_ERROR, SPAN), 0);
    ck_assert_uint_eq(delivered(0, SPAN), 0);
    ck_assert_uint_eq(st_ring_used(&t_queue.ring), 0);
}
END_TEST

START_TEST(settling_leaves_the_counters_of_producers_alone)
{
    st_counters_t *counters = &t_queue.endpoints[0].counters;
    st_counters_created(counters, SPAN, 5);
    st_counters_refused(counters, ST_REASON_QUEUE_OVERFLOW, SPAN, 2);
    settle(t_put(0, 3, 1), 0, ST_REASON_QUEUE_OVERFLOW, 3, 0);
    ck_assert_uint_eq(counters->created[SPAN], 5);
    ck_assert_uint_eq(counters->refused[ST_REASON_QUEUE_OVERFLOW][SPAN], 2);
    ck_assert_uint_eq(st_counters_get_discarded(counters, ST_REASON_QUEUE_OVERFLOW, SPAN),
                      5);
}
END_TEST

START_TEST(a_moved_entry_comes_again_at_the_head)
{
    uint64_t old = t_put(1, 9, 1);
    t_put(0, 1, 2);
    size_t used = st_ring_used(&t_queue.ring);
    ck_assert_int_eq(t_next(&t_queue, &cursor, &entry), 1);
    ck_assert_int_eq(st_ledger_move(&t_queue, &entry), APR_SUCCESS);
    ck_assert_uint_gt(entry.pos, old);
    ck_assert_uint_eq(t_number(&entry), 1);
    ck_assert_uint_eq(entry.tag.spans, 9);
    ck_assert_uint_eq(entry.tag.dest, 1);
    ck_assert_uint_eq(st_ring_used(&t_queue.ring), used);
    st_ring_entry_t again;
    ck_assert_int_eq(t_next(&t_queue, &cursor, &again), 1);
    ck_assert_uint_eq(t_number(&again), 2);
    ck_assert_int_eq(t_next(&t_queue, &cursor, &again), 1);
    ck_assert_uint_eq(again.pos, entry.pos);
    ck_assert_ptr_eq(again.data, entry.data);
    ck_assert_uint_eq(again.tag.spans, 9);
    settle(entry.pos, 1, ST_OUTCOME_DELIVERED, 9, 0);
    ck_assert_int_eq(everything(), 1);
    ck_assert_uint_eq(numbers[0], 2);
}
END_TEST

/* Fills the ring up. @return how many entries there are now */
static int fill_up(void)
{
    st_ring_tag_t tag = {0};
    uint64_t pos;
    int count = 0;
    for (;;) {
        void *mem = st_ledger_append(&t_queue, T_WORDS * 8, tag, &pos);
        if (mem == NULL) {
            return count;
        }
        t_fill(mem, (uint64_t)count);
        st_ledger_append_commit(&t_queue, pos);
        count++;
    }
}

START_TEST(a_full_ring_takes_neither_a_move_nor_an_append)
{
    int count = fill_up();
    ck_assert_int_gt(count, 1000);
    ck_assert_int_eq(t_next(&t_queue, &cursor, &entry), 1);
    st_ring_entry_t before = entry;
    ck_assert_int_eq(st_ledger_move(&t_queue, &entry), ST_E_FULL);
    ck_assert_uint_eq(entry.pos, before.pos);
    ck_assert_ptr_eq(entry.data, before.data);
    for (int i = 1; i < count; i++) {
        t_assert(t_next(&t_queue, &cursor, &entry));
        t_assert(t_number(&entry) == (uint64_t)i);
    }
    ck_assert_int_eq(t_next(&t_queue, &cursor, &entry), 0);
    settle(before.pos, 0, ST_OUTCOME_DELIVERED, 0, 0);
    ck_assert_int_eq(fill_up(), 1);
}
END_TEST

START_TEST(an_appended_record_is_seen_when_it_is_committed)
{
    uint64_t pos;
    st_ring_tag_t tag = {.dest = 1, .spans = 1};
    void *mem = st_ledger_append(&t_queue, T_WORDS * 8, tag, &pos);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(st_ring_next(&t_queue.ring, &cursor, &entry), APR_EAGAIN);
    ck_assert_int_eq(st_ring_is_stuck(&t_queue.ring, &cursor), 1);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    t_fill(mem, 5);
    st_ledger_append_commit(&t_queue, pos);
    ck_assert_int_eq(st_ring_next(&t_queue.ring, &cursor, &entry), APR_SUCCESS);
    ck_assert_uint_eq(entry.pos, pos);
    ck_assert_uint_eq(t_number(&entry), 5);
    ck_assert_uint_eq(entry.tag.dest, 1);
}
END_TEST

START_TEST(what_a_dead_sender_was_writing_is_a_hole)
{
    uint64_t pos;
    void *mem = st_ledger_append(&t_queue, 100, (st_ring_tag_t){0}, &pos);
    ck_assert_ptr_nonnull(mem);
    size_t bytes = st_ring_used(&t_queue.ring);
    t_put(0, 1, 8);
    st_ledger_recover(&t_queue);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 1);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    ck_assert_uint_eq(st_queue_ledger(&t_queue)->holes, 1);
    ck_assert_uint_eq(st_queue_ledger(&t_queue)->hole_bytes, bytes);
    ck_assert_int_eq(everything(), 1);
    ck_assert_uint_eq(numbers[0], 8);
}
END_TEST

START_TEST(what_a_living_request_is_writing_is_no_hole)
{
    st_open_slot_t *slot = st_open_take(&t_queue.open, st_process_self(), 0);
    ck_assert_ptr_nonnull(slot);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_queue.ring, T_WORDS * 8, (st_ring_tag_t){0},
                                &slot->claim, &pos);
    ck_assert_ptr_nonnull(mem);
    t_put(0, 1, 2);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    ck_assert_uint_eq(st_queue_ledger(&t_queue)->holes, 0);
    t_fill(mem, 1);
    st_ring_commit(&t_queue.ring, pos, &slot->claim);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    ck_assert_int_eq(everything(), 2);
    ck_assert_uint_eq(numbers[0], 1);
}
END_TEST

START_TEST(where_nothing_is_stuck_there_is_no_hole)
{
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    t_put(0, 1, 1);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    ck_assert_int_eq(t_next(&t_queue, &cursor, &entry), 1);
    ck_assert_int_eq(st_ledger_hole_skip(&t_queue, &cursor), 0);
    ck_assert_uint_eq(st_queue_ledger(&t_queue)->holes, 0);
}
END_TEST

START_TEST(recovery_after_a_quiet_end_changes_nothing)
{
    settle(t_put(0, 3, 1), 0, ST_OUTCOME_DELIVERED, 3, 0);
    t_put(0, 2, 2);
    for (int i = 0; i < 2; i++) {
        st_ledger_recover(&t_queue);
        ck_assert_uint_eq(delivered(0, SPAN), 3);
        ck_assert_int_eq(everything(), 1);
        ck_assert_uint_eq(numbers[0], 2);
    }
}
END_TEST

START_TEST(recovery_forgets_the_envelopes_of_the_dead)
{
    t_queue.endpoints[0].in_flight = 5;
    t_queue.endpoints[0].circuit = ST_CIRCUIT_PROBING;
    t_queue.endpoints[0].retry_at = 123;
    t_queue.endpoints[1].circuit = ST_CIRCUIT_CLOSED;
    st_ledger_recover(&t_queue);
    ck_assert_int_eq(t_queue.endpoints[0].in_flight, 0);
    ck_assert_int_eq(t_queue.endpoints[0].circuit, ST_CIRCUIT_OPEN);
    ck_assert_int_eq(t_queue.endpoints[0].retry_at, 123);
    ck_assert_int_eq(t_queue.endpoints[1].circuit, ST_CIRCUIT_CLOSED);
}
END_TEST

/* Steps that a file may claim to be under way, and that cannot be. */
static const st_ledger_shm_t lies[] = {
    {.endpoint = 2, .outcome = ST_OUTCOME_DELIVERED},
    {.endpoint = UINT32_MAX, .outcome = ST_OUTCOME_DELIVERED},
    {.outcome = ST_REASON_COUNT},
    {.outcome = ST_OUTCOME_DELIVERED - 1},
    {.outcome = INT32_MIN},
    {.outcome = ST_REASON_COUNT, .pos = 8},
    {.outcome = ST_REASON_COUNT, .pos = UINT64_MAX, .moved_to = UINT64_MAX},
    {.outcome = ST_REASON_COUNT, .pos = UINT64_MAX / 16 * 16, .moved_to = 16},
};

START_TEST(recovery_does_not_believe_what_cannot_be)
{
    t_put(0, 1, 1);
    st_counters_t before[2] = {t_queue.endpoints[0].counters,
                               t_queue.endpoints[1].counters};
    for (int armed = -1; armed < 6; armed++) {
        st_ledger_shm_t *ledger = st_queue_ledger(&t_queue);
        *ledger = lies[_i];
        ledger->value[SPAN] = 666;
        ledger->armed = armed;
        st_ledger_recover(&t_queue);
        ck_assert_int_eq(ledger->armed, 0);
        for (int i = 0; i < 2; i++) {
            ck_assert_mem_eq(&t_queue.endpoints[i].counters, &before[i],
                             sizeof(before[i]));
        }
        ck_assert_int_eq(everything(), 1);
    }
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, t_queue_teardown);
    tcase_add_test(tc, a_delivered_entry_is_counted_and_released);
    tcase_add_test(tc, spans_without_room_in_what_is_delivered_are_discarded);
    tcase_add_test(tc, a_discarded_entry_is_counted_by_reason_and_released);
    tcase_add_test(tc, settling_leaves_the_counters_of_producers_alone);
    tcase_add_test(tc, a_moved_entry_comes_again_at_the_head);
    tcase_add_test(tc, a_full_ring_takes_neither_a_move_nor_an_append);
    tcase_add_test(tc, an_appended_record_is_seen_when_it_is_committed);
    tcase_add_test(tc, what_a_dead_sender_was_writing_is_a_hole);
    tcase_add_test(tc, what_a_living_request_is_writing_is_no_hole);
    tcase_add_test(tc, where_nothing_is_stuck_there_is_no_hole);
    tcase_add_test(tc, recovery_after_a_quiet_end_changes_nothing);
    tcase_add_test(tc, recovery_forgets_the_envelopes_of_the_dead);
    tcase_add_loop_test(tc, recovery_does_not_believe_what_cannot_be, 0,
                        (int)(sizeof(lies) / sizeof(lies[0])));
}

T_MAIN("ledger", add_cases)
