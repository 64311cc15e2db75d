/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_PROC_H
#define TE_PROC_H

/* Processes that a test starts, and what /proc says of them.
 *
 * Each gets a session of its own (prefork signals its whole process group), no descriptors but
 * 0 to 2, no SENTRY_ or proxy variables of the caller, and SIGTERM when the test's process ends,
 * whichever way: a failed test leaves no server behind. */

#include <sys/types.h>

#include <apr_pools.h>
#include <apr_tables.h>

#include "te_wait.h"

typedef struct te_command_t {
    const char *const *argv; /* NULL-terminated; argv[0] is an absolute path */
    const char *const *env; /* "NAME=value" to add or replace, NULL-terminated; or NULL */
    const char *output;     /* file that stdout and stderr are appended to */
} te_command_t;

/* Starts a command; the process has not necessarily reached its program yet. @return pid */
pid_t te_proc_start(const te_command_t *command);

/* Waits for a process that te_proc_start started, and reaps it.
 * @return exit code, 128 + signal, or -1 when it still runs at the deadline. */
int te_proc_wait(pid_t pid, te_deadline_t deadline);

/* Runs a program to its end.
 * @param poutput all it said, in pool
 * @param output the file that takes it meanwhile; emptied first
 * @return exit code as te_proc_wait. */
int te_run(const char **poutput, const char *const *argv, const char *const *env,
           const char *output, apr_pool_t *pool);

/* Kills the whole process group `group` when the caller's process ends, whichever way. */
typedef struct te_proc_guard_t {
    pid_t pid;
    int fd; /* end of a pipe; its closing tells the guard */
} te_proc_guard_t;
te_proc_guard_t te_proc_guard(pid_t group);

/* Sends the guard away: the group is gone. */
void te_proc_guard_end(te_proc_guard_t guard);

/* Living processes (no zombies) whose session is `session`. */
int te_proc_session_count(pid_t session);

/* Living children of `pid`: an array of pid_t in pool. */
apr_array_header_t *te_proc_children(pid_t pid, apr_pool_t *pool);

/* Threads of `pid`, all or those called `name`; 0 when it is gone. */
int te_proc_thread_count(pid_t pid);
int te_proc_thread_count_of(pid_t pid, const char *name);

/* 1 while `pid` is a living process, no zombie. */
int te_proc_lives(pid_t pid);

#endif /* TE_PROC_H */
