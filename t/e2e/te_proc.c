/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, awaiting and counting processes. */

#include "te_proc.h"
#include "te_dir.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What /proc/PID/stat says. */
typedef struct proc_stat_t {
    char state;
    int parent;
    int group;
    int session;
} proc_stat_t;

static int is_wanted(const char *entry, const char *const *env)
{
    size_t name_len = strcspn(entry, "=") + 1;
    int of_proxy = name_len > 6 && strncasecmp(entry + name_len - 7, "_proxy=", 7) == 0;
    if (of_proxy || strncmp(entry, "SENTRY_", 7) == 0) {
        return 0;
    }
    for (int i = 0; env != NULL && env[i] != NULL; i++) {
        if (strncmp(entry, env[i], name_len) == 0) {
            return 0;
        }
    }
    return 1;
}

/* The caller's environment with `env` laid over it; malloc, not freed by the child. */
static const char **environment_make(const char *const *env)
{
    int count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    int more = 0;
    while (env != NULL && env[more] != NULL) {
        more++;
    }
    const char **merged = calloc((size_t)(count + more + 1), sizeof(*merged));
    ck_assert_ptr_nonnull(merged);
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (is_wanted(environ[i], env)) {
            merged[n++] = environ[i];
        }
    }
    for (int i = 0; i < more; i++) {
        merged[n++] = env[i];
    }
    return merged;
}

/* In the child of a process with threads: only what is async-signal-safe. */
static void become(const te_command_t *command, const char **envp, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(126); /* the test ended before we could notice */
    }
    setsid();
    int in = open("/dev/null", O_RDONLY);
    int out = open(command->output, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(126);
    }
    syscall(SYS_close_range, 3U, ~0U, 0U);
    execve(command->argv[0], (char *const *)command->argv, (char *const *)envp);
    _exit(127);
}

pid_t te_proc_start(const te_command_t *command)
{
    const char **envp = environment_make(command->env);
    pid_t parent = getpid();
    pid_t pid = fork();
    ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        become(command, envp, parent);
    }
    free(envp);
    return pid;
}

int te_proc_wait(pid_t pid, te_deadline_t deadline)
{
    int status = 0;
    pid_t rc = waitpid(pid, &status, WNOHANG);
    while (rc == 0 && te_tick(deadline)) {
        rc = waitpid(pid, &status, WNOHANG);
    }
    if (rc == 0) {
        return -1;
    }
    ck_assert_msg(rc == pid, "waitpid %d: %s", (int)pid, strerror(errno));
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int te_run(const char **poutput, const char *const *argv, const char *const *env,
           const char *output, apr_pool_t *pool)
{
    unlink(output);
    pid_t pid =
        te_proc_start(&(te_command_t){.argv = argv, .env = env, .output = output});
    int code = te_proc_wait(pid, te_deadline(TE_PATIENCE_SEC));
    *poutput = te_read(output, NULL, pool);
    ck_assert_ptr_nonnull(*poutput);
    return code;
}

/* In the child of a process with threads: only what is async-signal-safe. */
static void guard_run(pid_t group, int fd)
{
    char byte;
    setsid(); /* what ends the test may end its group */
    ssize_t got = read(fd, &byte, 1);
    if (got == 0) {
        kill(-group, SIGKILL);
    }
    _exit(0);
}

te_proc_guard_t te_proc_guard(pid_t group)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    te_proc_guard_t guard = {.pid = fork(), .fd = fds[1]};
    ck_assert_msg(guard.pid >= 0, "fork: %s", strerror(errno));
    if (guard.pid == 0) {
        close(fds[1]);
        guard_run(group, fds[0]);
    }
    close(fds[0]);
    return guard;
}

void te_proc_guard_end(te_proc_guard_t guard)
{
    ck_assert_int_eq(write(guard.fd, "", 1), 1);
    close(guard.fd);
    ck_assert_int_eq(te_proc_wait(guard.pid, te_deadline(TE_PATIENCE_SEC)), 0);
}

/* Reads the numbers of `pid`. @return 0 when there is no such process. */
static int proc_stat(proc_stat_t *out, int pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    char line[1024];
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *after_name = strrchr(line, ')');
    return after_name != NULL && sscanf(after_name + 1, " %c %d %d %d", &out->state,
                                        &out->parent, &out->group, &out->session) == 4;
}

/* Calls `see` for every living process. */
static void each_process(void (*see)(void *baton, int pid, const proc_stat_t *stat),
                         void *baton)
{
    DIR *proc = opendir("/proc");
    ck_assert_ptr_nonnull(proc);
    struct dirent *entry;
    while ((entry = readdir(proc)) != NULL) {
        proc_stat_t stat;
        int pid = isdigit((unsigned char)entry->d_name[0])
                      ? (int)strtol(entry->d_name, NULL, 10)
                      : 0;
        if (pid > 0 && proc_stat(&stat, pid) && stat.state != 'Z' && stat.state != 'X') {
            see(baton, pid, &stat);
        }
    }
    closedir(proc);
}

typedef struct session_count_t {
    pid_t session;
    int count;
} session_count_t;

static void see_session(void *baton, int pid, const proc_stat_t *stat)
{
    session_count_t *seen = baton;
    seen->count += stat->session == seen->session;
}

int te_proc_session_count(pid_t session)
{
    session_count_t seen = {.session = session};
    each_process(see_session, &seen);
    return seen.count;
}

typedef struct child_list_t {
    pid_t parent;
    apr_array_header_t *pids;
} child_list_t;

static void see_child(void *baton, int pid, const proc_stat_t *stat)
{
    child_list_t *list = baton;
    if (stat->parent == list->parent) {
        APR_ARRAY_PUSH(list->pids, pid_t) = pid;
    }
}

apr_array_header_t *te_proc_children(pid_t pid, apr_pool_t *pool)
{
    child_list_t list = {.parent = pid, .pids = apr_array_make(pool, 8, sizeof(pid_t))};
    each_process(see_child, &list);
    return list.pids;
}

/* 1 when a thread is called `name`; NULL: whatever. */
static int is_called(pid_t pid, const char *thread, const char *name)
{
    char path[320];
    char comm[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)pid, thread);
    FILE *file = name != NULL ? fopen(path, "re") : NULL;
    if (file != NULL) {
        (void)!fscanf(file, "%31[^\n]", comm);
        fclose(file);
    }
    return name == NULL || strcmp(comm, name) == 0;
}

int te_proc_thread_count_of(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) {
        return 0;
    }
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL) {
        count += isdigit((unsigned char)entry->d_name[0]) != 0 &&
                 is_called(pid, entry->d_name, name);
    }
    closedir(tasks);
    return count;
}

int te_proc_thread_count(pid_t pid)
{
    return te_proc_thread_count_of(pid, NULL);
}

int te_proc_lives(pid_t pid)
{
    proc_stat_t stat;
    return proc_stat(&stat, (int)pid) && stat.state != 'Z' && stat.state != 'X';
}
