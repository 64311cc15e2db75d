/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_process.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that tells who it is, and then does what it is told; it dies with the test. */
typedef struct child_t {
    pid_t pid;
    st_owner_t owner;
} child_t;

static void *wait_for_ever(void *baton)
{
    for (;;) {
        pause();
    }
    return baton;
}

static void end_at_once(void)
{
    _exit(0);
}

static void wait_to_be_killed(void)
{
    wait_for_ever(NULL);
}

static void end_the_main_thread(void)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, wait_for_ever, NULL);
    if (failed) {
        _exit(1);
    }
    pthread_exit(NULL);
}

static child_t start(void (*act)(void), const char *name)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    child_t child = {.pid = fork()};
    ck_assert_int_ge(child.pid, 0);
    if (child.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, name);
        st_owner_t self = st_process_self();
        ssize_t n = write(fds[1], &self, sizeof(self));
        if (n == sizeof(self)) {
            act();
        }
        _exit(1);
    }
    ck_assert_int_eq(read(fds[0], &child.owner, sizeof(child.owner)),
                     sizeof(child.owner));
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(st_process_pid(child.owner), child.pid);
    return child;
}

static void finish(const child_t *child)
{
    kill(child->pid, SIGKILL);
    ck_assert_int_eq(waitpid(child->pid, NULL, 0), child->pid);
}

/* Until the kernel shows the process in this state; check's timeout is the deadline. */
static void wait_for_state(pid_t pid, char state)
{
    char path[64];
    char shown = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    while (shown != state) {
        char text[1024] = "";
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
        fclose(file);
        shown = strrchr(text, ')')[2];
        sched_yield();
    }
}

START_TEST(process_knows_itself)
{
    st_owner_t self = st_process_self();
    ck_assert_int_eq(st_process_pid(self), getpid());
    ck_assert_uint_ne((uint32_t)self, 0);
    ck_assert_uint_eq(st_process_self(), self);
    ck_assert_int_eq(st_process_is_alive(self), 1);
}
END_TEST

START_TEST(child_is_alive_until_it_ends)
{
    child_t child = start(wait_to_be_killed, "child");
    ck_assert_uint_ne(child.owner, st_process_self());
    ck_assert_int_eq(st_process_is_alive(child.owner), 1);
    finish(&child);
    ck_assert_int_eq(st_process_is_alive(child.owner), 0);
}
END_TEST

START_TEST(stopped_process_is_alive)
{
    child_t child = start(wait_to_be_killed, "child");
    kill(child.pid, SIGSTOP);
    wait_for_state(child.pid, 'T');
    ck_assert_int_eq(st_process_is_alive(child.owner), 1);
    finish(&child);
}
END_TEST

START_TEST(zombie_is_dead)
{
    child_t child = start(end_at_once, "child");
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(st_process_is_alive(child.owner), 0);
    finish(&child);
}
END_TEST

/* The kernel shows it as a zombie, although another thread may still write. */
START_TEST(process_without_its_main_thread_is_alive)
{
    child_t child = start(end_the_main_thread, "child");
    wait_for_state(child.pid, 'Z');
    ck_assert_int_eq(st_process_is_alive(child.owner), 1);
    finish(&child);
    ck_assert_int_eq(st_process_is_alive(child.owner), 0);
}
END_TEST

START_TEST(pid_that_was_given_out_again_is_dead)
{
    st_owner_t self = st_process_self();
    ck_assert_int_eq(st_process_is_alive(self + 1), 0);
    ck_assert_int_eq(st_process_is_alive(self ^ 0x80000000u), 0);
}
END_TEST

START_TEST(process_without_a_start_time_is_known_by_its_pid)
{
    child_t child = start(wait_to_be_killed, "child");
    st_owner_t owner = child.owner & ~(st_owner_t)UINT32_MAX;
    ck_assert_int_eq(st_process_is_alive(owner), 1);
    finish(&child);
    ck_assert_int_eq(st_process_is_alive(owner), 0);
}
END_TEST

START_TEST(process_that_may_not_be_signalled_is_alive)
{
    child_t child = start(wait_to_be_killed, "child");
    pid_t asker = fork();
    ck_assert_int_ge(asker, 0);
    if (asker == 0) {
        /* Run by root, somebody else asks; for others the first process is of somebody else. */
        int is_other = setuid(65534) == 0;
        st_owner_t owner = is_other ? child.owner : (st_owner_t)1 << 32;
        _exit(st_process_is_alive(owner) == 1 ? 17 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(asker, &status, 0), asker);
    ck_assert_int_eq(WEXITSTATUS(status), 17);
    finish(&child);
}
END_TEST

START_TEST(name_of_a_process_may_be_anything)
{
    static const char *const names[] = {") Z 1 1 (", "a b", "((", ")))", " ) Z"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        child_t child = start(wait_to_be_killed, names[i]);
        ck_assert_uint_ne((uint32_t)child.owner, 0);
        ck_assert_int_eq(st_process_is_alive(child.owner), 1);
        ck_assert_int_eq(st_process_is_alive(child.owner + 1), 0);
        finish(&child);
    }
}
END_TEST

START_TEST(what_cannot_be_a_process_is_dead)
{
    ck_assert_int_eq(st_process_is_alive(0), 0);
    ck_assert_int_eq(st_process_is_alive(1), 0);
    ck_assert_int_eq(st_process_is_alive(UINT64_MAX), 0);
    ck_assert_int_eq(st_process_is_alive((st_owner_t)0x80000001 << 32), 0);
    ck_assert_int_eq(st_process_is_alive((st_owner_t)0x7fffffff << 32), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, process_knows_itself);
    tcase_add_test(tcase, child_is_alive_until_it_ends);
    tcase_add_test(tcase, stopped_process_is_alive);
    tcase_add_test(tcase, zombie_is_dead);
    tcase_add_test(tcase, process_without_its_main_thread_is_alive);
    tcase_add_test(tcase, pid_that_was_given_out_again_is_dead);
    tcase_add_test(tcase, process_without_a_start_time_is_known_by_its_pid);
    tcase_add_test(tcase, process_that_may_not_be_signalled_is_alive);
    tcase_add_test(tcase, name_of_a_process_may_be_anything);
    tcase_add_test(tcase, what_cannot_be_a_process_is_dead);
}

T_MAIN("process", add_cases)
