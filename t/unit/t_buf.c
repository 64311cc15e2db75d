/* SPDX-License-Identifier: Apache-2.0 */
/* Linked with --wrap=realloc, so that each allocation in turn can fail. */
#include "t.h"
#include "st_buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

/* Allocations that still succeed; negative: all do. */
static int allocations_left = -1;
static size_t allocated_last;

void *__wrap_realloc(void *ptr, size_t size)
{
    if (allocations_left == 0) {
        return NULL;
    }
    if (allocations_left > 0) {
        allocations_left--;
    }
    allocated_last = size;
    return __real_realloc(ptr, size);
}

static void expect_content(const st_buf_t *buf, const char *want)
{
    ck_assert_uint_eq(buf->len, strlen(want));
    ck_assert_mem_eq(buf->data, want, buf->len);
}

START_TEST(all_appends_stand_in_order)
{
    st_buf_t buf;
    st_buf_init(&buf, 100);
    ck_assert_ptr_null(buf.data);
    st_buf_add(&buf, "one", 3);
    st_buf_add_char(&buf, ' ');
    st_buf_add_str(&buf, "two");
    st_buf_add_lit(&buf, " three");
    st_buf_add(&buf, NULL, 0);
    st_buf_add_str(&buf, "");
    expect_content(&buf, "one two three");
    ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
    st_buf_free(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_uint_eq(buf.max, 100);
}
END_TEST

START_TEST(reserved_room_is_used_in_place)
{
    st_buf_t buf;
    st_buf_init(&buf, 5000);
    st_buf_add_lit(&buf, "a");
    char *to = st_buf_reserve(&buf, 4999);
    ck_assert_ptr_eq(to, buf.data + 1);
    memset(to, 'b', 4999);
    buf.len += 4999;
    ck_assert_int_eq(buf.data[0], 'a');
    ck_assert_int_eq(buf.data[4999], 'b');
    ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
    st_buf_free(&buf);
}
END_TEST

START_TEST(reserving_nothing_is_no_failure)
{
    st_buf_t buf;
    st_buf_init(&buf, 10);
    ck_assert_ptr_nonnull(st_buf_reserve(&buf, 0));
    st_buf_add_lit(&buf, "0123456789");
    ck_assert_ptr_nonnull(st_buf_reserve(&buf, 0));
    ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
    st_buf_free(&buf);
}
END_TEST

/* Every way to fill up to the limit, and one byte more. */
START_TEST(limit_is_exact_and_failure_sticks)
{
    const size_t max = 3000;
    char bytes[3000];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t first = 0; first <= max; first += 7) {
        st_buf_t buf;
        st_buf_init(&buf, max);
        st_buf_add(&buf, bytes, first);
        st_buf_add(&buf, bytes, max - first);
        ck_assert_uint_eq(buf.len, max);
        ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
        st_buf_add_char(&buf, 'y');
        ck_assert_uint_eq(buf.len, max);
        ck_assert_int_eq(st_buf_status(&buf), ST_E_LIMIT);
        ck_assert_ptr_null(st_buf_reserve(&buf, 0));
        ck_assert_mem_eq(buf.data, bytes, max);
        st_buf_free(&buf);
    }
}
END_TEST

START_TEST(after_a_failure_smaller_appends_do_nothing)
{
    st_buf_t buf;
    st_buf_init(&buf, 4);
    st_buf_add_lit(&buf, "ab");
    st_buf_add_lit(&buf, "cde");
    st_buf_add_lit(&buf, "f");
    expect_content(&buf, "ab");
    ck_assert_int_eq(st_buf_status(&buf), ST_E_LIMIT);
    st_buf_free(&buf);
}
END_TEST

START_TEST(clear_forgets_the_failure_and_keeps_the_memory)
{
    st_buf_t buf;
    st_buf_init(&buf, 4);
    st_buf_add_lit(&buf, "abcd");
    st_buf_add_lit(&buf, "e");
    ck_assert_int_eq(st_buf_status(&buf), ST_E_LIMIT);
    const char *data = buf.data;
    st_buf_clear(&buf);
    st_buf_add_lit(&buf, "wxyz");
    ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
    ck_assert_ptr_eq(buf.data, data);
    expect_content(&buf, "wxyz");
    st_buf_free(&buf);
}
END_TEST

START_TEST(memory_grows_by_doubling_and_never_beyond_the_limit)
{
    st_buf_t buf;
    st_buf_init(&buf, 100000);
    int moves = 0;
    size_t cap = 0;
    for (size_t i = 0; i < buf.max; i++) {
        st_buf_add_char(&buf, (char)i);
        moves += buf.cap != cap;
        cap = buf.cap;
        ck_assert_uint_le(buf.cap, buf.max);
    }
    ck_assert_int_le(moves, 8);
    for (size_t i = 0; i < buf.max; i++) {
        if (buf.data[i] != (char)i) {
            ck_abort_msg("byte %zu is wrong", i);
        }
    }
    ck_assert_int_eq(st_buf_status(&buf), APR_SUCCESS);
    st_buf_free(&buf);
}
END_TEST

/* What cannot be allocated fails; it must not be rounded up until it wraps around. */
START_TEST(length_near_the_end_of_memory_is_a_plain_failure)
{
    st_buf_t buf;
    st_buf_init(&buf, SIZE_MAX);
    st_buf_add_lit(&buf, "a");
    allocations_left = 0;
    ck_assert_ptr_null(st_buf_reserve(&buf, SIZE_MAX / 2 + 2));
    ck_assert_int_eq(st_buf_status(&buf), APR_ENOMEM);
    st_buf_clear(&buf);
    ck_assert_ptr_null(st_buf_reserve(&buf, SIZE_MAX));
    ck_assert_int_eq(st_buf_status(&buf), APR_ENOMEM);
    st_buf_free(&buf);
}
END_TEST

/* The nth allocation fails: what stood before still stands, and nothing is added later. */
START_TEST(failed_allocation_keeps_what_was_written)
{
    static const char piece[] = "0123456789abcdef";
    for (int n = 0; n < 8; n++) {
        st_buf_t buf;
        st_buf_init(&buf, 1 << 20);
        allocations_left = n;
        size_t written = 0;
        for (int i = 0; i < 10000; i++) {
            st_buf_add_lit(&buf, "0123456789abcdef");
            written += st_buf_status(&buf) == APR_SUCCESS ? sizeof(piece) - 1 : 0;
        }
        allocations_left = -1;
        ck_assert_int_eq(st_buf_status(&buf), APR_ENOMEM);
        ck_assert_uint_eq(buf.len, written);
        ck_assert_uint_eq(buf.len, n == 0 ? 0 : allocated_last);
        for (size_t at = 0; at < buf.len; at += sizeof(piece) - 1) {
            ck_assert_mem_eq(buf.data + at, piece, sizeof(piece) - 1);
        }
        st_buf_clear(&buf);
        st_buf_add_lit(&buf, "again");
        expect_content(&buf, "again");
        st_buf_free(&buf);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, all_appends_stand_in_order);
    tcase_add_test(tcase, reserved_room_is_used_in_place);
    tcase_add_test(tcase, reserving_nothing_is_no_failure);
    tcase_add_test(tcase, limit_is_exact_and_failure_sticks);
    tcase_add_test(tcase, after_a_failure_smaller_appends_do_nothing);
    tcase_add_test(tcase, clear_forgets_the_failure_and_keeps_the_memory);
    tcase_add_test(tcase, memory_grows_by_doubling_and_never_beyond_the_limit);
    tcase_add_test(tcase, length_near_the_end_of_memory_is_a_plain_failure);
    tcase_add_test(tcase, failed_allocation_keeps_what_was_written);
}

T_MAIN("buf", add_cases)
