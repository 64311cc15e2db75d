/* SPDX-License-Identifier: Apache-2.0 */
/* A private httpd. */

#include "te_httpd.h"
#include "te_dir.h"
#include "te_log.h"
#include "te_port.h"
#include "te_proc.h"
#include "te_sanitizer.h"
#include "te_site.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <apr_strings.h>

#define START_ATTEMPTS 5
#define ENV_MAX        16
#define SETTLE_SEC     2

te_httpd_t *te_httpd_create(const te_conf_t *conf, const char *const *env,
                            const char *name, apr_pool_t *pool)
{
    te_httpd_t *httpd = apr_pcalloc(pool, sizeof(*httpd));
    httpd->pool = pool;
    httpd->conf = *conf;
    httpd->env = env;
    httpd->root =
        te_dir_make(apr_pstrcat(pool, name, ".", te_mpm_name(conf->mpm), NULL), pool);
    te_dir_sub(httpd->root, "docs");
    te_dir_spool(httpd->root, "logs");
    te_dir_spool(httpd->root, "run");
    te_dir_spool(httpd->root, "spool");
    te_site_make(httpd->root);
    return httpd;
}

static const char *output_path(te_httpd_t *httpd)
{
    return te_path(httpd->root, "logs/output", httpd->pool);
}

/* The test's own LD_PRELOAD, as it stands in its environment; or NULL. */
static const char *own_preload(const te_httpd_t *httpd)
{
    for (int i = 0; httpd->env != NULL && httpd->env[i] != NULL; i++) {
        if (strncmp(httpd->env[i], "LD_PRELOAD=", 11) == 0) {
            return httpd->env[i];
        }
    }
    return NULL;
}

/* The server's environment: the test's, and a sanitizer's, which takes the test's preload
 * over. */
static const char *const *server_env(te_httpd_t *httpd)
{
    const char **env = apr_pcalloc(httpd->pool, ENV_MAX * sizeof(*env));
    const char *own = own_preload(httpd);
    int n =
        te_sanitizer_env(env, own != NULL ? own + 11 : NULL, httpd->root, httpd->pool);
    int taken_over = n > 0;
    for (int i = 0; httpd->env != NULL && httpd->env[i] != NULL; i++) {
        ck_assert_int_lt(n, ENV_MAX - 1);
        if (!taken_over || httpd->env[i] != own) {
            env[n++] = httpd->env[i];
        }
    }
    return env;
}

static void conf_write(te_httpd_t *httpd)
{
    te_port_find(httpd->ports, TE_PORT_COUNT);
    te_write(httpd->root, "httpd.conf",
             te_conf_render(&httpd->conf, httpd->root, httpd->ports, httpd->pool));
}

/* One question. @return 1 when something that looks like HTTP came back. */
static int answers(int port)
{
    static const char question[] = "GET /te-ready HTTP/1.0\r\n\r\n";
    int fd = te_port_connect(port);
    if (fd < 0) {
        return 0;
    }
    struct timeval patience = {.tv_sec = TE_PATIENCE_SEC};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    char reply[5] = "";
    ssize_t sent = send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL);
    ssize_t got = sent > 0 ? recv(fd, reply, sizeof(reply), MSG_WAITALL) : 0;
    close(fd);
    return got == (ssize_t)sizeof(reply) && memcmp(reply, "HTTP/", 5) == 0;
}

static int generations(te_httpd_t *httpd)
{
    return te_log_count(httpd, "resuming normal operations");
}

/* Another server may answer on a port we did not get: ours has to say that it runs, too. */
static int is_ready(te_httpd_t *httpd, int generations_before)
{
    return generations(httpd) > generations_before && answers(httpd->ports[0]);
}

/* One attempt. @return 1 ready, 0 it ended because a port was taken. */
static int start_once(te_httpd_t *httpd)
{
    conf_write(httpd);
    unlink(output_path(httpd));
    int before = generations(httpd);
    const char *conf = te_path(httpd->root, "httpd.conf", httpd->pool);
    const char *argv[] = {TE_HTTPD_BIN, "-DFOREGROUND", "-d", httpd->root,
                          "-f",         conf,           NULL};
    httpd->pid = te_proc_start(&(te_command_t){
        .argv = argv, .env = server_env(httpd), .output = output_path(httpd)});
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (!is_ready(httpd, before)) {
        ck_assert_msg(te_tick(deadline), "httpd does not answer: %s", httpd->root);
        int code = te_proc_wait(httpd->pid, 0);
        if (code < 0) {
            continue;
        }
        httpd->pid = 0;
        const char *said = te_read(output_path(httpd), NULL, httpd->pool);
        ck_assert_msg(strstr(said, "AH00072") != NULL, "httpd ended with %d: %s", code,
                      said);
        unlink(te_path(httpd->root, "logs/error_log", httpd->pool));
        return 0;
    }
    return 1;
}

void te_httpd_start(te_httpd_t *httpd)
{
    ck_assert_int_eq(httpd->pid, 0);
    for (int i = 0; i < START_ATTEMPTS; i++) {
        if (start_once(httpd)) {
            return;
        }
    }
    ck_abort_msg("httpd found no free port in %d attempts", START_ATTEMPTS);
}

/* Waits for the end of the parent and then of everything it started. */
static void await_end(te_httpd_t *httpd, const char *how)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    int code = te_proc_wait(httpd->pid, deadline);
    ck_assert_msg(code == 0, "httpd ended with %d after %s", code, how);
    while (te_proc_session_count(httpd->pid) > 0) {
        ck_assert_msg(te_tick(deadline), "processes of httpd remain after %s", how);
    }
    httpd->pid = 0;
}

/* Gives httpd the time to finish with the connections that its clients have closed. A worker
 * of event that is just destroying one when SIGTERM comes crashes the child (2.4.71: the main
 * thread goes through the sockets of all workers without a lock). Clients that stay connected
 * are not waited for long. */
static void settle(te_httpd_t *httpd)
{
    te_deadline_t deadline = te_deadline(SETTLE_SEC);
    while (te_port_connections(httpd->ports[0]) > 0 && te_tick(deadline)) {
    }
    te_tick(deadline);
}

void te_httpd_stop_under_load(te_httpd_t *httpd)
{
    ck_assert_int_eq(kill(httpd->pid, SIGTERM), 0);
    await_end(httpd, "stop");
}

void te_httpd_stop(te_httpd_t *httpd)
{
    settle(httpd);
    te_httpd_stop_under_load(httpd);
}

void te_httpd_stop_gracefully(te_httpd_t *httpd)
{
    ck_assert_int_eq(kill(httpd->pid, SIGWINCH), 0);
    await_end(httpd, "graceful-stop");
}

static void restart_by(te_httpd_t *httpd, int signum)
{
    int before = generations(httpd);
    ck_assert_int_eq(kill(httpd->pid, signum), 0);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (!is_ready(httpd, before)) {
        ck_assert_msg(te_tick(deadline), "no restart after signal %d", signum);
    }
}

void te_httpd_graceful(te_httpd_t *httpd)
{
    restart_by(httpd, SIGUSR1);
}

void te_httpd_restart_under_load(te_httpd_t *httpd)
{
    restart_by(httpd, SIGHUP);
}

void te_httpd_restart(te_httpd_t *httpd)
{
    settle(httpd);
    te_httpd_restart_under_load(httpd);
}

void te_httpd_conf_edit(te_httpd_t *httpd, const char *from, const char *to)
{
    const char *path = te_path(httpd->root, "httpd.conf", httpd->pool);
    const char *rest = te_read(path, NULL, httpd->pool);
    const char *at = rest != NULL ? strstr(rest, from) : NULL;
    ck_assert_msg(at != NULL, "%s has no %s", path, from);
    const char *text = "";
    for (; at != NULL; at = strstr(rest, from)) {
        text = apr_psprintf(httpd->pool, "%s%.*s%s", text, (int)(at - rest), rest, to);
        rest = at + strlen(from);
    }
    te_write(httpd->root, "httpd.conf", apr_pstrcat(httpd->pool, text, rest, NULL));
}

/* The daemon of mod_cgid is a child, too: it has one thread, as on prefork all have, where it
 * is not loaded. */
apr_array_header_t *te_httpd_workers(te_httpd_t *httpd)
{
    apr_array_header_t *children = te_proc_children(httpd->pid, httpd->pool);
    apr_array_header_t *workers = apr_array_make(httpd->pool, 8, sizeof(pid_t));
    for (int i = 0; i < children->nelts; i++) {
        pid_t pid = APR_ARRAY_IDX(children, i, pid_t);
        if (httpd->conf.mpm == TE_PREFORK || te_proc_thread_count(pid) > 1) {
            APR_ARRAY_PUSH(workers, pid_t) = pid;
        }
    }
    return workers;
}

void te_httpd_child_gone(te_httpd_t *httpd, pid_t pid)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_proc_lives(pid)) {
        ck_assert_msg(te_tick(deadline), "child %d of httpd remains", (int)pid);
    }
}

void te_httpd_child_kill(te_httpd_t *httpd, pid_t pid, int signum)
{
    te_log_allow("exit signal");
    te_log_allow("children are killed successively");
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(kill(pid, signum), 0);
    te_httpd_child_gone(httpd, pid);
}

void te_httpd_parent_kill(te_httpd_t *httpd)
{
    ck_assert_int_eq(httpd->orphans, 0);
    httpd->orphans = httpd->pid; /* they stay in its session and group */
    httpd->guard = te_proc_guard(httpd->orphans);
    ck_assert_int_eq(kill(httpd->pid, SIGKILL), 0);
    ck_assert_int_eq(te_proc_wait(httpd->pid, te_deadline(TE_PATIENCE_SEC)),
                     128 + SIGKILL);
    httpd->pid = 0;
    te_log_allow("AH00098"); /* the next one finds the file with its pid */
}

void te_httpd_orphans_end(te_httpd_t *httpd, int signum)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    kill(-httpd->orphans, signum); /* fails when they have ended by themselves */
    while (te_proc_session_count(httpd->orphans) > 0) {
        ck_assert_msg(te_tick(deadline), "orphans of httpd remain");
    }
    te_proc_guard_end(httpd->guard);
    httpd->orphans = 0;
}

void te_httpd_refuses(te_httpd_t *httpd, const char **poutput)
{
    conf_write(httpd);
    const char *conf = te_path(httpd->root, "httpd.conf", httpd->pool);
    const char *argv[] = {TE_HTTPD_BIN, "-DFOREGROUND", "-d", httpd->root,
                          "-f",         conf,           NULL};
    int code = te_run(poutput, argv, server_env(httpd), output_path(httpd), httpd->pool);
    ck_assert_msg(code > 0 && code < 128, "httpd ended with %d: %s", code, *poutput);
}

int te_httpd_configtest(te_httpd_t *httpd, const char **poutput)
{
    conf_write(httpd);
    const char *conf = te_path(httpd->root, "httpd.conf", httpd->pool);
    const char *argv[] = {TE_HTTPD_BIN, "-t", "-d", httpd->root, "-f", conf, NULL};
    return te_run(poutput, argv, server_env(httpd), output_path(httpd), httpd->pool);
}

void te_httpd_destroy(te_httpd_t *httpd)
{
    ck_assert_int_eq(httpd->pid, 0);
    te_dir_remove(httpd->root);
}
