/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/send/wakeup.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define RING_BYTES 8192

static st_wakeup_t wakeup;
static st_ring_t ring;
static void *ring_mem;

static void setup(void)
{
    ring_mem = aligned_alloc(64, RING_BYTES);
    ck_assert_int_eq(st_ring_format(ring_mem, RING_BYTES, 99), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&ring, ring_mem, RING_BYTES), APR_SUCCESS);
    ck_assert_int_eq(st_wakeup_open(&wakeup), APR_SUCCESS);
}

static void teardown(void)
{
    st_wakeup_close(&wakeup);
    free(ring_mem);
}

static int is_readable(void)
{
    struct pollfd pfd = {.fd = wakeup.fd, .events = POLLIN};
    int n = poll(&pfd, 1, 0);
    ck_assert_int_ge(n, 0);
    return n;
}

static void push(void)
{
    uint64_t pos;
    void *mem = st_ring_reserve(&ring, 1000, &pos);
    ck_assert_ptr_nonnull(mem);
    st_ring_commit(&ring, pos);
}

START_TEST(a_sender_that_is_awake_is_not_written_to)
{
    push();
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_sleeping_sender_is_written_to_once)
{
    st_wakeup_thr_sleep(&wakeup);
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&wakeup, 1);
    ck_assert_int_eq(is_readable(), 0);
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_late_write_is_taken_back_by_the_next_wait)
{
    st_wakeup_thr_sleep(&wakeup);
    st_wakeup_notify(&wakeup, &ring);
    st_wakeup_thr_awake(&wakeup, 0);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&wakeup, 1);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_ring_that_gets_half_full_nudges_once_until_allowed_again)
{
    while (st_ring_used(&ring) <= st_ring_capacity(&ring) / 2) {
        st_wakeup_notify(&wakeup, &ring);
        ck_assert_int_eq(is_readable(), 0);
        push();
    }
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&wakeup, 1);
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 0);
    st_wakeup_thr_nudge_again(&wakeup);
    st_wakeup_notify(&wakeup, &ring);
    ck_assert_int_eq(is_readable(), 1);
}
END_TEST

START_TEST(stop_can_be_asked_for_many_times_and_keeps_errno)
{
    ck_assert_int_eq(st_wakeup_is_stopping(&wakeup), 0);
    errno = EDOM;
    for (int i = 0; i < 3; i++) {
        st_wakeup_stop(&wakeup);
    }
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(st_wakeup_is_stopping(&wakeup), 1);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&wakeup, 1);
    st_wakeup_stop(&wakeup);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

#define ROUNDS 100000

/* Commits one record at a time and waits until the sender has taken it: by spinning, so that
 * the next commit meets the sender on its way to sleep. */
static void *produce(void *baton)
{
    _Atomic int *taken = baton;
    for (int i = 0; i < ROUNDS; i++) {
        push();
        st_wakeup_notify(&wakeup, &ring);
        for (unsigned spin = 1; atomic_load(taken) == i; spin++) {
            if (spin % 4096 == 0) {
                sched_yield();
            }
        }
    }
    return NULL;
}

/* Passes a little time that differs from round to round. */
static void loiter(int steps)
{
    for (volatile int i = 0; i < steps; i++) {
    }
}

static int take_one(st_ring_cursor_t *cursor)
{
    const void *data;
    size_t len;
    uint64_t pos;
    apr_status_t rv = st_ring_next(&ring, cursor, &data, &len, &pos);
    if (rv != APR_SUCCESS) {
        return 0;
    }
    st_ring_release(&ring, pos);
    return 1;
}

/* A wake-up that got lost would leave both sides waiting: poll has a deadline only to turn
 * that into a failure. */
START_TEST(no_record_is_slept_through)
{
    _Atomic int taken = 0;
    pthread_t thread;
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&ring, &cursor);
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, &taken), 0);
    while (taken < ROUNDS) {
        loiter(taken % 251);
        st_wakeup_thr_sleep(&wakeup);
        int got = take_one(&cursor);
        struct pollfd pfd = {.fd = wakeup.fd, .events = POLLIN};
        int n = got ? 0 : poll(&pfd, 1, 20000);
        ck_assert_msg(got || n == 1, "slept through record %d", taken);
        st_wakeup_thr_awake(&wakeup, n == 1);
        got += take_one(&cursor);
        atomic_fetch_add(&taken, got);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(taken, ROUNDS);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_sender_that_is_awake_is_not_written_to);
    tcase_add_test(tc, a_sleeping_sender_is_written_to_once);
    tcase_add_test(tc, a_late_write_is_taken_back_by_the_next_wait);
    tcase_add_test(tc, a_ring_that_gets_half_full_nudges_once_until_allowed_again);
    tcase_add_test(tc, stop_can_be_asked_for_many_times_and_keeps_errno);
    tcase_add_test(tc, no_record_is_slept_through);
}

T_MAIN("wakeup", add_cases)
