/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/send/backlog.h"

#define COUNT 5
#define BYTES 144 /* of each in the ring */

static st_backlog_t backlog;
static st_bucket_record_t records[COUNT];
static const char bytes[2][100];

static void setup(void)
{
    backlog = (st_backlog_t){.bytes = 0};
    for (int i = 0; i < COUNT; i++) {
        records[i] = (st_bucket_record_t){.pos = (uint64_t)i * BYTES,
                                          .record = {.bytes = bytes[0], .len = 100}};
        st_backlog_add(&backlog, &records[i]);
    }
}

/* Asserts the order of what was taken, as numbers of records. */
static void expect_taken(const int *numbers, int count)
{
    const st_bucket_record_t *older = NULL;
    const st_bucket_record_t *record = backlog.taken.first;
    for (int i = 0; i < count; i++) {
        ck_assert_ptr_eq(record, &records[numbers[i]]);
        ck_assert_ptr_eq(record->older, older);
        older = record;
        record = record->newer;
    }
    ck_assert_ptr_null(record);
    ck_assert_ptr_eq(backlog.taken.last, older);
    ck_assert_uint_eq(backlog.bytes, (size_t)count * BYTES);
}

static void move(int i, uint64_t pos)
{
    const st_ring_entry_t entry = {.data = bytes[1], .len = 100, .pos = pos};
    st_backlog_move(&backlog, &records[i], &entry);
}

START_TEST(records_stand_in_the_order_of_their_positions)
{
    expect_taken((const int[]){0, 1, 2, 3, 4}, 5);
    st_backlog_remove(&backlog, &records[2]);
    st_backlog_remove(&backlog, &records[0]);
    st_backlog_remove(&backlog, &records[4]);
    expect_taken((const int[]){1, 3}, 2);
    st_backlog_remove(&backlog, &records[1]);
    st_backlog_remove(&backlog, &records[3]);
    expect_taken(NULL, 0);
}
END_TEST

START_TEST(a_moved_record_is_out_of_order_until_the_cursor_comes_by)
{
    move(0, 1000);
    move(1, 2000);
    expect_taken((const int[]){2, 3, 4}, 3);
    ck_assert_int_eq(st_backlog_pass(&backlog, 999), 0);
    ck_assert_int_eq(st_backlog_pass(&backlog, 1000), 1);
    expect_taken((const int[]){2, 3, 4, 0}, 4);
    ck_assert_int_eq(st_backlog_pass(&backlog, 1000), 0);
    ck_assert_int_eq(st_backlog_pass(&backlog, 2000), 1);
    expect_taken((const int[]){2, 3, 4, 0, 1}, 5);
}
END_TEST

START_TEST(a_moved_record_that_is_settled_is_not_waited_for)
{
    move(0, 1000);
    move(1, 2000);
    st_backlog_remove(&backlog, &records[0]);
    ck_assert_int_eq(st_backlog_pass(&backlog, 2000), 1);
    expect_taken((const int[]){2, 3, 4, 1}, 4);
}
END_TEST

START_TEST(what_a_moved_record_borrows_is_at_its_new_place)
{
    records[0].record.head.dsc = (st_str_t){.ptr = bytes[0] + 40, .len = 9};
    move(0, 1000);
    ck_assert_uint_eq(records[0].pos, 1000);
    ck_assert_ptr_eq(records[0].record.bytes, bytes[1]);
    ck_assert_ptr_eq(records[0].record.head.dsc.ptr, bytes[1] + 40);
    move(1, 2000);
    ck_assert_ptr_null(records[1].record.head.dsc.ptr);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, records_stand_in_the_order_of_their_positions);
    tcase_add_test(tc, a_moved_record_is_out_of_order_until_the_cursor_comes_by);
    tcase_add_test(tc, a_moved_record_that_is_settled_is_not_waited_for);
    tcase_add_test(tc, what_a_moved_record_borrows_is_at_its_new_place);
}

T_MAIN("backlog", add_cases)
