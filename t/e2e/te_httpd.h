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

typedef struct te_httpd_t {
    apr_pool_t *pool;
    te_conf_t conf;
    const char *const *env; /* "NAME=value" for the server, NULL-terminated; or NULL */
    const char *root;
    int ports[TE_PORT_COUNT]; /* valid after start; ports[0] is ${PORT} */
    pid_t pid;                /* the parent process; 0 while stopped */
} te_httpd_t;

/* Makes a server root for the test `name` with a document root and what is in te_site.h.
 * Copies nothing: what conf and env point to lives as long as pool. */
te_httpd_t *te_httpd_create(const te_conf_t *conf, const char *const *env,
                            const char *name, apr_pool_t *pool);

/* Starts it on fresh ports and returns when it answers requests. */
void te_httpd_start(te_httpd_t *httpd);

/* Stops it (SIGTERM) and returns when all its processes are gone. */
void te_httpd_stop(te_httpd_t *httpd);

/* The same after the running requests (SIGWINCH). */
void te_httpd_stop_gracefully(te_httpd_t *httpd);

/* Restarts (SIGUSR1: after the running requests; SIGHUP: at once) and returns when the new
 * configuration is in force. Children of the old generation may still be ending. */
void te_httpd_graceful(te_httpd_t *httpd);
void te_httpd_restart(te_httpd_t *httpd);

/* Waits until the process `pid`, a child of the server, is gone. */
void te_httpd_child_gone(te_httpd_t *httpd, pid_t pid);

/* Runs `httpd -t` on the configuration.
 * @param poutput all it said
 * @return its exit code; 0 means the configuration is accepted. */
int te_httpd_configtest(te_httpd_t *httpd, const char **poutput);

/* Removes the server root. The server must be stopped. */
void te_httpd_destroy(te_httpd_t *httpd);

#endif /* TE_HTTPD_H */
