/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "t_send.h"

START_TEST(records_wait_in_the_ring_and_nothing_goes_out_before_the_linger)
{
    ck_assert_int_eq(t_push(0, NULL, 3), 1);
    ck_assert_int_eq(t_push(0, NULL, 0), 1);
    t_step();
    ck_assert_int_eq(t_world->sent_count, 0);
    ck_assert_uint_gt(st_ring_used(&t_world->ring), 0);
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

START_TEST(a_damaged_record_is_counted_once_and_the_next_one_is_taken)
{
    uint64_t pos;
    char *mem = st_ring_reserve(&t_world->ring, 64, &pos);
    ck_assert_ptr_nonnull(mem);
    memset(mem, 'x', 64);
    st_ring_commit(&t_world->ring, pos);
    st_counters_created(&t_world->counters[0], ST_CATEGORY_SPAN, 1);
    t_push(0, NULL, 1);
    t_step_after(T_SEND_LINGER);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 1);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_answer(0, 200);
    ck_assert_uint_eq(t_delivered(0), 2);
    t_expect_all_over();
}
END_TEST

START_TEST(a_record_without_a_destination_counts_as_damaged)
{
    t_push(T_SEND_DESTS, NULL, 0);
    t_step_after(T_SEND_LINGER);
    ck_assert_int_eq(t_world->sent_count, 0);
    ck_assert_uint_eq(t_discarded(0, ST_REASON_INTERNAL_SDK_ERROR), 1);
    t_expect_all_over();
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
    ck_assert_ptr_eq(t_world->sent[0].dest, &t_world->dests[0]);
    ck_assert_ptr_eq(t_world->sent[1].dest, &t_world->dests[1]);
    ck_assert_ptr_eq(t_world->sent[2].dest, &t_world->dests[2]);
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
        ck_assert_ptr_eq(t_world->sent[i].dest,
                         &t_world->dests[is_static ? T_SEND_STATIC : 0]);
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
    tcase_add_test(tc, a_damaged_record_is_counted_once_and_the_next_one_is_taken);
    tcase_add_test(tc, a_record_without_a_destination_counts_as_damaged);
    tcase_add_test(tc, segments_of_one_trace_travel_together);
    tcase_add_test(tc, one_trace_of_two_destinations_makes_two_envelopes);
    tcase_add_test(tc, transactions_of_one_trace_go_out_each_for_itself);
}

T_MAIN("intake", add_cases)
