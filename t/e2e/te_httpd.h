/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_HTTPD_H
#define TE_HTTPD_H

/* A private httpd: own server root, own ports, own session.
 *
 *   te_httpd_create ─► te_httpd_start ─► graceful, restart, kill ... ─► te_httpd_stop ─┐
 *                          ▲                                                           │
 *                          └───────────────────────────────────────────────────────────┘
 *
 * Each function ends the test with a message when httpd does not do what it says. */

#include <sys/types.h>

#include "te_conf.h"
#include "te_proc.h"

typedef struct te_httpd_t {
    apr_pool_t *pool;
    te_conf_t conf;
    const char *const *env; /* "NAME=value" for the server, NULL-terminated; or NULL */
    const char *root;
    int ports[TE_PORT_COUNT]; /* valid after start; ports[0] is ${PORT} */
    pid_t pid;                /* the parent process; 0 while stopped */
    pid_t orphans;         /* session of the children whose parent was killed; 0: none */
    te_proc_guard_t guard; /* of these */
} te_httpd_t;

/* Makes a server root for the test `name` with a document root and what is in te_site.h.
 * Copies nothing: what conf and env point to lives as long as pool. */
te_httpd_t *te_httpd_create(const te_conf_t *conf, const char *const *env,
                            const char *name, apr_pool_t *pool);

/* Starts it on fresh ports and returns when it answers requests. */
void te_httpd_start(te_httpd_t *httpd);

/* Stops it (SIGTERM) and returns when all its processes are gone. */
void te_httpd_stop(te_httpd_t *httpd);

/* The same without giving the connections time to end: while there is load. */
void te_httpd_stop_under_load(te_httpd_t *httpd);

/* The same after the running requests (SIGWINCH). */
void te_httpd_stop_gracefully(te_httpd_t *httpd);

/* Restarts (SIGUSR1: after the running requests; SIGHUP: at once) and returns when the new
 * configuration is in force. Children of the old generation may still be ending. */
void te_httpd_graceful(te_httpd_t *httpd);
void te_httpd_restart(te_httpd_t *httpd);
void te_httpd_restart_under_load(te_httpd_t *httpd);

/* Replaces text in the configuration file, for the next restart; a start writes it anew. The
 * test ends when the file does not have `from`. */
void te_httpd_conf_edit(te_httpd_t *httpd, const char *from, const char *to);

/* The children that serve requests: an array of pid_t in httpd->pool. */
apr_array_header_t *te_httpd_workers(te_httpd_t *httpd);

/* Waits until the process `pid`, a child of the server, is gone. */
void te_httpd_child_gone(te_httpd_t *httpd, pid_t pid);

/* Sends `signum` to the child `pid`, waits until it is gone, and expects httpd to say so. */
void te_httpd_child_kill(te_httpd_t *httpd, pid_t pid, int signum);

/* Kills the parent process and leaves its children alone. They go on until
 * te_httpd_orphans_end, the server may be started again before that or afterwards. */
void te_httpd_parent_kill(te_httpd_t *httpd);

/* Sends `signum` to what te_httpd_parent_kill has left, and waits until all of it is gone. */
void te_httpd_orphans_end(te_httpd_t *httpd, int signum);

/* Starts it and expects it to refuse: to end by itself, and not with 0. What it said is in
 * the error log or, before that is open, in *poutput. */
void te_httpd_refuses(te_httpd_t *httpd, const char **poutput);

/* Runs `httpd -t` on the configuration.
 * @param poutput all it said
 * @return its exit code; 0 means the configuration is accepted. */
int te_httpd_configtest(te_httpd_t *httpd, const char **poutput);

/* Removes the server root. The server must be stopped. */
void te_httpd_destroy(te_httpd_t *httpd);

#endif /* TE_HTTPD_H */
