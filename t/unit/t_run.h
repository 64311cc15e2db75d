/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_RUN_H
#define T_RUN_H

/* Running the command sentry-trace that was built, in a directory of its own. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "t_cli.h"

/* Longest time for anything to happen. */
#define T_RUN_DEADLINE_SEC 30

typedef struct t_run_t {
    pid_t pid;
    int out; /* read end of its stdout; -1: closed */
    int err;
    st_buf_t out_text;
    st_buf_t err_text;
} t_run_t;

static char t_dir[64];

/* Makes the directory, below the build directory; the test's files go there. */
static inline void t_dir_make(void)
{
    strcpy(t_dir, "t_run_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t_dir));
}

/* The path of a file in it, in t_pool. */
static inline const char *t_path(const char *name)
{
    return apr_psprintf(t_pool, "%s/%s", t_dir, name);
}

/* Removes the directory with the files named. */
static inline void t_dir_remove(const char *const *names)
{
    for (; *names != NULL; names++) {
        unlink(t_path(*names));
    }
    ck_assert_int_eq(rmdir(t_dir), 0);
}

/* Appends to a file, or replaces its content. */
static inline void t_file_write(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline void t_run_child(char *const *argv, int out, int err)
{
    const char *dir = getenv("top_builddir");
    char program[4096];
    snprintf(program, sizeof(program), "%s/sentry-trace", dir != NULL ? dir : ".");
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    unsetenv("COLUMNS");
    unsetenv("NO_COLOR");
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(program, argv);
    _exit(127);
}

/* Starts `sentry-trace` with these arguments, NULL at the end. */
static inline void t_run_start(t_run_t *run, const char *const *arguments)
{
    char *argv[16] = {(char *)(uintptr_t) "sentry-trace"};
    for (int i = 0; arguments[i] != NULL; i++) {
        ck_assert_int_lt(i, 14);
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    int out[2];
    int err[2];
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    run->pid = fork();
    ck_assert_int_ge(run->pid, 0);
    if (run->pid == 0) {
        t_run_child(argv, out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    run->out = out[0];
    run->err = err[0];
    st_buf_init(&run->out_text, 100000000);
    st_buf_init(&run->err_text, 100000000);
}

/* Reads what is there. @return 0 at the end of the output. */
static inline int t_run_take(int fd, st_buf_t *text)
{
    char *room = st_buf_reserve(text, 65536);
    ck_assert_ptr_nonnull(room);
    ssize_t n = read(fd, room, 65536);
    ck_assert_int_ge(n, 0);
    text->len += (size_t)n;
    return n > 0;
}

/* Reads for a while from whatever speaks first. @return 0 when both outputs ended. */
static inline int t_run_read(t_run_t *run)
{
    struct pollfd fds[] = {{.fd = run->out, .events = POLLIN},
                           {.fd = run->err, .events = POLLIN}};
    poll(fds, 2, 100);
    if (fds[0].revents != 0 && !t_run_take(run->out, &run->out_text)) {
        close(run->out);
        run->out = -1;
    }
    if (fds[1].revents != 0 && !t_run_take(run->err, &run->err_text)) {
        close(run->err);
        run->err = -1;
    }
    return run->out >= 0 || run->err >= 0;
}

/* Reads until one of the outputs contains `text`; fails after the deadline. */
static inline void t_run_expect(t_run_t *run, const char *text)
{
    time_t deadline = time(NULL) + T_RUN_DEADLINE_SEC;
    while (strstr(t_text(&run->out_text), text) == NULL &&
           strstr(t_text(&run->err_text), text) == NULL) {
        int more = t_run_read(run);
        ck_assert_msg(more && time(NULL) < deadline, "no \"%s\" in: %s%s", text,
                      t_text(&run->out_text), t_text(&run->err_text));
    }
}

/* Reads to the end and waits for it. @return the exit status, or 1000 + signal. */
static inline int t_run_finish(t_run_t *run)
{
    time_t deadline = time(NULL) + T_RUN_DEADLINE_SEC;
    while (t_run_read(run)) {
        if (time(NULL) >= deadline) {
            kill(run->pid, SIGKILL);
        }
    }
    int status;
    ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline void t_run_free(t_run_t *run)
{
    st_buf_free(&run->out_text);
    st_buf_free(&run->err_text);
}

/* Runs it to its end. @return the exit status; both outputs in t_pool. */
static inline int t_run(const char **pout, const char **perr,
                        const char *const *arguments)
{
    t_run_t run;
    t_run_start(&run, arguments);
    int status = t_run_finish(&run);
    *pout = t_text(&run.out_text);
    *perr = t_text(&run.err_text);
    t_run_free(&run);
    return status;
}

#define T_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif /* T_RUN_H */
