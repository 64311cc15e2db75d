/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_FORK_H
#define T_FORK_H

/* Processes of a test. */

#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longest time for another process to get somewhere. */
#define T_FORK_DEADLINE_SEC 30

/* What a child does; its exit status. It makes no assertions. */
typedef int t_fork_fn(void *baton);

static pid_t t_fork(t_fork_fn *run, void *baton)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(T_FORK_DEADLINE_SEC); /* it does not outlive a test that failed */
        _exit(run(baton));
    }
    return pid;
}

/* Waits for its end. @return its exit status; -1 when a signal ended it. */
static int t_fork_join(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int t_fork_run(t_fork_fn *run, void *baton)
{
    return t_fork_join(t_fork(run, baton));
}

static inline void t_fork_kill(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(t_fork_join(pid), -1);
}

#endif /* T_FORK_H */
