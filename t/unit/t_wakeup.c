/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_wakeup.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include "t_fork.h"
#include "t_queue_small.h"

static int is_readable(void)
{
    struct pollfd pfd = {.fd = t_queue.wake_fd, .events = POLLIN};
    int n = poll(&pfd, 1, 0);
    ck_assert_int_ge(n, 0);
    return n;
}

static void push(void)
{
    uint64_t pos;
    st_ring_tag_t tag = {0};
    void *mem = st_ring_reserve(&t_queue.ring, 1000, tag, NULL, &pos);
    ck_assert_ptr_nonnull(mem);
    st_ring_commit(&t_queue.ring, pos, NULL);
}

START_TEST(a_sender_that_is_awake_is_not_written_to)
{
    push();
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_sleeping_sender_is_written_to_once)
{
    st_wakeup_thr_sleep(&t_queue);
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&t_queue, 1);
    ck_assert_int_eq(is_readable(), 0);
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_late_write_is_taken_back_by_the_next_wait)
{
    st_wakeup_thr_sleep(&t_queue);
    st_wakeup_notify(&t_queue);
    st_wakeup_thr_awake(&t_queue, 0);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&t_queue, 1);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_wait_that_ends_without_a_write_does_not_block)
{
    st_wakeup_thr_sleep(&t_queue);
    st_wakeup_thr_awake(&t_queue, 1);
    ck_assert_int_eq(is_readable(), 0);
}
END_TEST

START_TEST(a_ring_that_gets_half_full_nudges_once_until_allowed_again)
{
    while (st_ring_used(&t_queue.ring) <= st_ring_capacity(&t_queue.ring) / 2) {
        st_wakeup_notify(&t_queue);
        ck_assert_int_eq(is_readable(), 0);
        push();
    }
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&t_queue, 1);
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 0);
    st_wakeup_thr_nudge_again(&t_queue);
    st_wakeup_notify(&t_queue);
    ck_assert_int_eq(is_readable(), 1);
}
END_TEST

START_TEST(a_kick_wakes_in_any_state_and_keeps_errno)
{
    for (int i = 0; i < 2; i++) {
        errno = EDOM;
        st_wakeup_kick(&t_queue);
        st_wakeup_kick(&t_queue);
        ck_assert_int_eq(errno, EDOM);
        ck_assert_int_eq(is_readable(), 1);
        st_wakeup_thr_awake(&t_queue, 1);
        ck_assert_int_eq(is_readable(), 0);
        st_wakeup_thr_sleep(&t_queue);
    }
}
END_TEST

START_TEST(a_kick_that_finds_the_counter_full_does_not_block)
{
    uint64_t most = UINT64_MAX - 1; /* eventfd(2): a write beyond would block */
    ck_assert_int_eq(write(t_queue.wake_fd, &most, sizeof(most)), sizeof(most));
    errno = EDOM;
    st_wakeup_kick(&t_queue);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(is_readable(), 1);
}
END_TEST

static int notify_once(void *baton)
{
    (void)baton;
    st_wakeup_notify(&t_queue);
    return 0;
}

START_TEST(a_request_of_another_process_wakes_the_sender)
{
    st_wakeup_thr_sleep(&t_queue);
    ck_assert_int_eq(t_fork_run(notify_once, NULL), 0);
    ck_assert_int_eq(is_readable(), 1);
    st_wakeup_thr_awake(&t_queue, 1);
    ck_assert_int_eq(t_fork_run(notify_once, NULL), 0);
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
        st_wakeup_notify(&t_queue);
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
    st_ring_entry_t entry;
    apr_status_t rv = st_ring_next(&t_queue.ring, cursor, &entry);
    if (rv != APR_SUCCESS) {
        return 0;
    }
    st_ring_release(&t_queue.ring, entry.pos);
    return 1;
}

/* A wake-up that got lost would leave both sides waiting: poll has a deadline only to turn
 * that into a failure. */
START_TEST(no_record_is_slept_through)
{
    _Atomic int taken = 0;
    pthread_t thread;
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&t_queue.ring, &cursor);
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, &taken), 0);
    while (taken < ROUNDS) {
        loiter(taken % 251);
        st_wakeup_thr_sleep(&t_queue);
        int got = take_one(&cursor);
        struct pollfd pfd = {.fd = t_queue.wake_fd, .events = POLLIN};
        int n = got ? 0 : poll(&pfd, 1, 20000);
        ck_assert_msg(got || n == 1, "slept through record %d", taken);
        st_wakeup_thr_awake(&t_queue, n == 1);
        got += take_one(&cursor);
        atomic_fetch_add(&taken, got);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(taken, ROUNDS);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_queue_setup, t_queue_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_sender_that_is_awake_is_not_written_to);
    tcase_add_test(tc, a_sleeping_sender_is_written_to_once);
    tcase_add_test(tc, a_late_write_is_taken_back_by_the_next_wait);
    tcase_add_test(tc, a_wait_that_ends_without_a_write_does_not_block);
    tcase_add_test(tc, a_ring_that_gets_half_full_nudges_once_until_allowed_again);
    tcase_add_test(tc, a_kick_wakes_in_any_state_and_keeps_errno);
    tcase_add_test(tc, a_kick_that_finds_the_counter_full_does_not_block);
    tcase_add_test(tc, a_request_of_another_process_wakes_the_sender);
    tcase_add_test(tc, no_record_is_slept_through);
}

T_MAIN("wakeup", add_cases)
