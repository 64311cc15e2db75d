/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "t_fork.h"
#include "t_queue_small.h"

#define SELF UINT64_C(0x1234500000001)
#define T0   (1000 * ST_NS_PER_SEC)

static int is_wanted(st_ns_t now)
{
    return st_lease_is_wanted(&t_queue, now);
}

static apr_status_t take(st_ns_t now)
{
    return st_lease_take(&t_queue, SELF, now);
}

/* Exit status: 0 it got the lease, 1 another has it, 2 neither. */
static int try_once(void *baton)
{
    (void)baton;
    apr_status_t rv = st_lease_take(&t_queue, SELF + 1, T0);
    if (rv == APR_SUCCESS) {
        return 0;
    }
    return APR_STATUS_IS_EAGAIN(rv) ? 1 : 2;
}

/* Takes the lease, says so to the pipe, and keeps it until killed. */
static int hold(void *baton)
{
    const int *pipe_fds = baton;
    char said = (char)try_once(NULL);
    ssize_t n = write(pipe_fds[1], &said, 1);
    while (n == 1) {
        pause();
    }
    return 3;
}

/* A process that holds the lease. */
static pid_t holder_start(t_fork_fn *run)
{
    int pipe_fds[2];
    char said = -1;
    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid_t pid = t_fork(run, pipe_fds);
    close(pipe_fds[1]);
    ck_assert_int_eq(read(pipe_fds[0], &said, 1), 1);
    ck_assert_int_eq(said, 0);
    close(pipe_fds[0]);
    return pid;
}

START_TEST(a_lease_is_wanted_while_nobody_holds_it)
{
    ck_assert_int_eq(is_wanted(T0), 1);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(is_wanted(T0), 0);
    st_lease_give_back(&t_queue, T0 + 1);
    ck_assert_int_eq(is_wanted(T0 + 1), 1);
}
END_TEST

START_TEST(a_holder_that_falls_silent_is_wanted_to_be_replaced)
{
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(is_wanted(T0 + ST_LEASE_STALE), 0);
    ck_assert_int_eq(is_wanted(T0 + ST_LEASE_STALE + 1), 1);
    st_lease_beat(&t_queue, T0 + ST_LEASE_STALE);
    ck_assert_int_eq(is_wanted(T0 + ST_LEASE_STALE + 1), 0);
    ck_assert_int_eq(is_wanted(T0 + 2 * ST_LEASE_STALE), 0);
    ck_assert_int_eq(is_wanted(T0 + 2 * ST_LEASE_STALE + 1), 1);
}
END_TEST

START_TEST(a_holder_whose_clock_is_of_another_boot_is_silent)
{
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(is_wanted(T0 - ST_NS_PER_MS), 0);
    ck_assert_int_eq(is_wanted(T0 - 10 * ST_LEASE_STALE), 1);
}
END_TEST

START_TEST(one_process_holds_it_at_a_time)
{
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(t_fork_run(try_once, NULL), 1);
    /* That process has closed its copy of the descriptor, which is none of the lock's. */
    ck_assert_int_eq(t_fork_run(try_once, NULL), 1);
    ck_assert_uint_eq(st_queue_lease(&t_queue)->holder, SELF);
    st_lease_give_back(&t_queue, T0);
    ck_assert_int_eq(t_fork_run(try_once, NULL), 0);
}
END_TEST

START_TEST(a_holder_that_is_killed_loses_it)
{
    pid_t pid = holder_start(hold);
    ck_assert_int_eq(APR_STATUS_IS_EAGAIN(take(T0)), 1);
    ck_assert_uint_eq(st_queue_lease(&t_queue)->holder, SELF + 1);
    t_fork_kill(pid);
    ck_assert_uint_eq(st_queue_lease(&t_queue)->holder, SELF + 1);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_uint_eq(st_queue_lease(&t_queue)->holder, SELF);
}
END_TEST

static pid_t *grandchild; /* shared */

static int stay(void *baton)
{
    while (baton == NULL) {
        pause();
    }
    return 0;
}

/* Holds the lease and has a child of its own, as with a CGI program. */
static int hold_with_child(void *baton)
{
    const int *pipe_fds = baton;
    char said = (char)try_once(NULL);
    *grandchild = t_fork(stay, NULL);
    ssize_t n = write(pipe_fds[1], &said, 1);
    return n == 1 ? stay(NULL) : 3;
}

START_TEST(a_child_of_the_holder_does_not_keep_it)
{
    grandchild = (pid_t *)&t_queue.endpoints[0]; /* any shared memory */
    pid_t pid = holder_start(hold_with_child);
    t_fork_kill(pid);
    ck_assert_int_eq(kill(*grandchild, 0), 0);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(kill(*grandchild, SIGKILL), 0);
}
END_TEST

static int byte_lock(int byte)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(t_queue.fd, F_SETLK, &lock);
}

/* Exit status 1: byte 1 is locked by another process. */
static int byte_1_try(void *baton)
{
    (void)baton;
    return byte_lock(1) == -1 && (errno == EAGAIN || errno == EACCES);
}

START_TEST(other_bytes_of_the_file_are_not_its_business)
{
    ck_assert_int_eq(byte_lock(1), 0);
    ck_assert_int_eq(t_fork_run(try_once, NULL), 0);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    st_lease_give_back(&t_queue, T0);
    ck_assert_int_eq(t_fork_run(byte_1_try, NULL), 1);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_locked_is_an_error)
{
    st_queue_t broken = t_queue;
    broken.fd = -1;
    ck_assert_int_eq(st_lease_take(&broken, SELF, T0), EBADF);
    ck_assert_uint_eq(st_queue_lease(&t_queue)->holder, 0);
}
END_TEST

START_TEST(time_without_a_holder_is_measured_from_the_giving_back)
{
    const st_lease_shm_t *lease = st_queue_lease(&t_queue);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    ck_assert_int_eq(lease->gap_max, 0);
    ck_assert_int_eq(lease->given_at, 0);
    st_lease_give_back(&t_queue, T0 + 10);
    ck_assert_int_eq(lease->given_at, T0 + 10);
    ck_assert_int_eq(take(T0 + 50), APR_SUCCESS);
    ck_assert_int_eq(lease->gap_max, 40);
    st_lease_give_back(&t_queue, T0 + 60);
    ck_assert_int_eq(take(T0 + 61), APR_SUCCESS);
    ck_assert_int_eq(lease->gap_max, 40);
    ck_assert_uint_eq(lease->taken, 3);
}
END_TEST

START_TEST(time_without_a_holder_after_a_crash_is_not_known)
{
    const st_lease_shm_t *lease = st_queue_lease(&t_queue);
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    st_lease_give_back(&t_queue, T0 + 10);
    ck_assert_int_eq(t_fork_run(try_once, NULL), 0);
    ck_assert_int_eq(take(T0 + 1000), APR_SUCCESS);
    ck_assert_int_eq(lease->gap_max, 0);
    ck_assert_uint_eq(lease->taken, 3);
}
END_TEST

#define THREADS 2
#define BEATS   20000

static _Atomic st_ns_t now_shared;

/* @return not NULL when a holder that beats was taken for silent. */
static void *look(void *baton)
{
    st_ns_t now = 0;
    while (now < T0 + BEATS) {
        now = atomic_load_explicit(&now_shared, memory_order_acquire);
        if (is_wanted(now)) {
            return baton;
        }
    }
    return NULL;
}

START_TEST(threads_may_look_while_the_holder_beats)
{
    pthread_t threads[THREADS];
    ck_assert_int_eq(take(T0), APR_SUCCESS);
    atomic_store(&now_shared, T0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look, &t_queue), 0);
    }
    for (int i = 1; i <= BEATS; i++) {
        st_lease_beat(&t_queue, T0 + i);
        atomic_store_explicit(&now_shared, T0 + i, memory_order_release);
    }
    for (int i = 0; i < THREADS; i++) {
        void *wanted;
        ck_assert_int_eq(pthread_join(threads[i], &wanted), 0);
        ck_assert_ptr_null(wanted);
    }
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, t_queue_setup, t_queue_teardown);
    tcase_add_test(tc, a_lease_is_wanted_while_nobody_holds_it);
    tcase_add_test(tc, a_holder_that_falls_silent_is_wanted_to_be_replaced);
    tcase_add_test(tc, a_holder_whose_clock_is_of_another_boot_is_silent);
    tcase_add_test(tc, one_process_holds_it_at_a_time);
    tcase_add_test(tc, a_holder_that_is_killed_loses_it);
    tcase_add_test(tc, a_child_of_the_holder_does_not_keep_it);
    tcase_add_test(tc, other_bytes_of_the_file_are_not_its_business);
    tcase_add_test(tc, a_descriptor_that_cannot_be_locked_is_an_error);
    tcase_add_test(tc, time_without_a_holder_is_measured_from_the_giving_back);
    tcase_add_test(tc, time_without_a_holder_after_a_crash_is_not_known);
    tcase_add_test(tc, threads_may_look_while_the_holder_beats);
}

T_MAIN("lease", add_cases)
