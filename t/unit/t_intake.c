/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"

START_TEST(records_wait_in_the_ring_and_nothing_goes_out_before_the_linger)
{
    ck_assert_int_eq(t_push(0, NULL, 3), 1);
    ck_assert_int_eq(t_push(0, NULL, 0), 1);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 0);
    ck_assert_uint_gt(st_ring_used(&t_world->queue.ring), 0);
    t_expect_law(0, 5);
    t_step_after(T_SEND_LINGER - 1);
    ck_assert_int_eq(t_world->sent_count, 0);
    t_step_after(1);
    ck_assert_int_eq(t_world->sent_count, 2);
    t_expect_law(0, 5);
}
END_TEST

START_TEST(the_number_of_records_read_is_told)
{
    ck_assert_int_eq(st_intake_read(t_world->sender), 0);
    for (int i = 0; i < 5; i++) {
        t_push(0, NULL, 1);
    }
    ck_assert_int_eq(st_intake_read(t_world->sender), 5);
    ck_assert_int_eq(st_intake_read(t_world->sender), 0);
}
END_TEST

START_TEST(a_record_read_late_has_lingered_already)
{
    t_push(0, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 1);
}
END_TEST

/* An entry with this tag that holds no record. */
static void push_damage(st_ring_tag_t tag)
{
    uint64_t pos;
    char *mem = st_ring_reserve(&t_world->queue.ring, 64, tag, NULL, &pos);
    ck_assert_ptr_nonnull(mem);
    memset(mem, 'x', 64);
    t_created(t_endpoint_of(tag.dest), tag.spans);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
}

START_TEST(a_damaged_record_is_counted_by_its_tag_and_the_next_one_is_taken)
{
    push_damage((st_ring_tag_t){.dest = 2, .spans = 17});
    t_push(0, NULL, 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(1, ST_REASON_INTERNAL_SDK_ERROR), 17);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 0);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_answer(0, 200);
    ck_assert_uint_eq(t_delivered(0), 2);
    t_expect_all_over();
}
END_TEST

START_TEST(a_record_without_a_destination_is_counted_with_the_first_endpoint)
{
    t_push(T_SEND_DESTS, NULL, 4);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 5);
    t_expect_all_over();
}
END_TEST

START_TEST(a_record_that_is_not_what_its_tag_says_counts_as_damaged)
{
    const st_segment_t *seg = t_segment(NULL, 3);
    const st_ring_tag_t tags[] = {
        {.dest = 1, .spans = 4},
        {.dest = 0, .spans = 5},
        {.dest = 0, .spans = 4, .flags = ST_QUEUE_TAG_TRANSACTION},
        {.dest = 0, .spans = 4, .flags = 2},
        {.dest = T_SEND_STATIC, .spans = 4},
    };
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    uint16_t dest = _i == 4 ? T_SEND_STATIC : 0;
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, size, tags[_i], NULL, &pos);
    ck_assert_ptr_nonnull(mem);
    st_record_pack(seg, dest, mem, size);
    st_queue_tag_count(tags[_i], quantity);
    t_created(0, quantity[ST_CATEGORY_SPAN]);
    st_counters_created(&t_endpoint(0)->counters, ST_CATEGORY_TRANSACTION,
                        quantity[ST_CATEGORY_TRANSACTION]);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), tags[_i].spans);
    t_expect_all_over();
}
END_TEST

START_TEST(records_of_a_new_generation_are_left_to_the_successor)
{
    t_push(0, NULL, 0);
    ck_assert_int_eq(st_intake_read(t_world->sender), 1);
    st_queue_generation_next(&t_world->queue);
    t_push(0, NULL, 0);
    t_push(2, NULL, 0);
    ck_assert_int_eq(st_intake_read(t_world->sender), 0);
    t_expect_law(0, 2);
    t_world_sender_kill();
    t_world_sender(ST_SENDER_BODY_MAX);
    ck_assert_int_eq(st_intake_read(t_world->sender), 3);
}
END_TEST

START_TEST(a_destination_that_is_newer_than_the_sender_ends_its_turn)
{
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "new"), T_SEND_DESTS);
    t_push(T_SEND_DESTS, NULL, 4);
    ck_assert_int_eq(st_intake_read(t_world->sender), 0);
    ck_assert_int_eq(t_world->sender->is_stale, 1);
    t_expect_law(0, 5);
    t_world_sender(ST_SENDER_BODY_MAX);
    ck_assert_int_eq(st_intake_read(t_world->sender), 1);
}
END_TEST

/* Reserves an entry as a process does that dies before it commits. @return its position */
static uint64_t push_hole(st_open_slot_t *slot)
{
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, 640, (st_ring_tag_t){.spans = 1},
                                &slot->claim, &pos);
    ck_assert_ptr_nonnull(mem);
    return pos;
}

START_TEST(a_hole_is_passed_but_not_in_a_hot_loop)
{
    st_owner_t dead = (st_owner_t)INT32_MAX << 32;
    st_open_slot_t *slot = st_open_take(&t_world->queue.open, dead, 0);
    push_hole(slot);
    t_push(0, NULL, 3);
    t_step();
    ck_assert_int_eq(t_world->next, t_world->now + 50 * ST_NS_PER_MS);
    t_step_after(49 * ST_NS_PER_MS);
    ck_assert_uint_eq(st_queue_ledger(&t_world->queue)->holes, 0);
    t_step_after(ST_NS_PER_MS);
    ck_assert_uint_eq(st_queue_ledger(&t_world->queue)->holes, 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_answer(0, 200);
    t_expect_all_over();
}
END_TEST

START_TEST(a_slow_producer_is_waited_for)
{
    st_open_slot_t *slot = st_open_take(&t_world->queue.open, st_process_self(), 0);
    uint64_t pos = push_hole(slot);
    t_push(0, NULL, 3);
    for (int i = 0; i < 20; i++) {
        t_step_after(50 * ST_NS_PER_MS);
    }
    ck_assert_uint_eq(st_queue_ledger(&t_world->queue)->holes, 0);
    ck_assert_int_eq(t_world->sent_count, 0);
    t_created(0, 1);
    st_ring_commit(&t_world->queue.ring, pos, &slot->claim);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 1);
}
END_TEST

START_TEST(what_a_killed_sender_had_in_flight_is_taken_in_again)
{
    for (int i = 0; i < 5; i++) {
        t_push(0, NULL, 0);
    }
    t_step_after(T_SEND_LINGER);
    t_answer(1, 200);
    t_answer(3, 400);
    t_world_sender_kill();
    t_world_sender(ST_SENDER_BODY_MAX);
    ck_assert_int_eq(t_endpoint(0)->in_flight, 0);
    ck_assert_int_eq(st_intake_read(t_world->sender), 3);
    t_expect_law(0, 3);
}
END_TEST

START_TEST(segments_of_one_trace_travel_together)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    t_push(0, &trace_id, 2);
    t_push(0, NULL, 0);
    t_step();
    t_world->now += 100 * ST_NS_PER_MS;
    t_push(0, &trace_id, 1);
    t_step();
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 2);
    ck_assert_int_eq(t_world->sent[0].spans, 1);
    ck_assert_int_eq(t_world->sent[1].spans, 5);
}
END_TEST

START_TEST(one_trace_of_two_destinations_makes_two_envelopes)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    t_push(0, &trace_id, 0);
    t_push(1, &trace_id, 0);
    t_push(2, &trace_id, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 3);
    ck_assert_int_eq(t_sent_dest(0), 0);
    ck_assert_int_eq(t_sent_dest(1), 1);
    ck_assert_int_eq(t_sent_dest(2), 2);
}
END_TEST

START_TEST(transactions_of_one_trace_go_out_each_for_itself)
{
    st_rng_t rng = {.state = 5};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    t_push(T_SEND_STATIC, &trace_id, 2);
    t_push(0, &trace_id, 0);
    t_push(T_SEND_STATIC, &trace_id, 0);
    t_push(0, &trace_id, 1);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 3);
    static const int spans[] = {3, 1, 3};
    for (int i = 0; i < 3; i++) {
        int is_static = i < 2;
        ck_assert_int_eq(t_sent_dest(i), is_static ? T_SEND_STATIC : 0);
        ck_assert_int_eq(t_world->sent[i].transactions, is_static);
        ck_assert_int_eq(t_world->sent[i].spans, spans[i]);
    }
    t_expect_law(0, 7);
    t_expect_law_of(0, ST_CATEGORY_TRANSACTION, 2);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_world_setup, t_world_teardown);
    tcase_add_test(tc, records_wait_in_the_ring_and_nothing_goes_out_before_the_linger);
    tcase_add_test(tc, the_number_of_records_read_is_told);
    tcase_add_test(tc, a_record_read_late_has_lingered_already);
    tcase_add_test(tc, a_damaged_record_is_counted_by_its_tag_and_the_next_one_is_taken);
    tcase_add_test(tc, a_record_without_a_destination_is_counted_with_the_first_endpoint);
    tcase_add_loop_test(tc, a_record_that_is_not_what_its_tag_says_counts_as_damaged, 0,
                        5);
    tcase_add_test(tc, records_of_a_new_generation_are_left_to_the_successor);
    tcase_add_test(tc, a_destination_that_is_newer_than_the_sender_ends_its_turn);
    tcase_add_test(tc, a_hole_is_passed_but_not_in_a_hot_loop);
    tcase_add_test(tc, a_slow_producer_is_waited_for);
    tcase_add_test(tc, what_a_killed_sender_had_in_flight_is_taken_in_again);
    tcase_add_test(tc, segments_of_one_trace_travel_together);
    tcase_add_test(tc, one_trace_of_two_destinations_makes_two_envelopes);
    tcase_add_test(tc, transactions_of_one_trace_go_out_each_for_itself);
}

T_MAIN("intake", add_cases)
