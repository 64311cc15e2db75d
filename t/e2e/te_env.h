/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_ENV_H
#define TE_ENV_H

/* What nearly every test needs, wired together: a private httpd with the module, a fake Sentry
 * that its DSN points to, a backend for mod_proxy, and a client.
 *
 *   client ─► httpd ─► backend
 *               └────► sentry ─► store
 *
 *   te_env_t *env = te_start(TE_EVENT, "SentryTraceSampleRate 1\n");
 *   ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
 *   te_await(env, 1);
 *   ck_assert_str_eq(te_segment(env->store, 0)->name, "GET");
 *   te_finish(env);
 *
 * In the configuration ${DSN} is the DSN (project 42), ${SENTRY} and ${BACKEND} are host:port. */

#include "te_http.h"
#include "te_httpd.h"
#include "te_sentry.h"

/* Directives that most tests start with. */
#define TE_DSN "SentryTraceDSN ${DSN}\nSentryTraceFlush 100ms\n"

typedef struct te_setup_t {
    te_mpm_t mpm;
    const char *conf; /* the test's lines; TE_DSN is not added */
    int without_module;
    const char *const *env; /* "NAME=value", NULL-terminated; or NULL */
} te_setup_t;

typedef struct te_env_t {
    apr_pool_t *pool;
    te_sentry_t *sentry;
    te_store_t *store; /* the Sentry's */
    te_server_t *backend;
    te_httpd_t *httpd;
    te_client_t *client; /* of ${PORT}; NULL before the first start */
    int awaited;         /* segments that te_await saw; -1: it was not called */
} te_env_t;

/* Makes everything, but httpd is not started yet. */
te_env_t *te_env_make(const te_setup_t *setup, const char *name);

/* Starts httpd, again after it was stopped. */
void te_env_run(te_env_t *env);

/* Both, with TE_DSN in front of the lines. */
te_env_t *te_env_start(te_mpm_t mpm, const char *conf, const char *name);
#define te_start(mpm, conf) te_env_start((mpm), (conf), __func__)

/* The fake Sentry goes away and comes back on another port, with an empty store. The next start,
 * restart or graceful restart of httpd finds it there. */
void te_env_move_sentry(te_env_t *env);

/* GET over the client's connection. */
const te_reply_t *te_get(te_env_t *env, const char *path);

/* Any request. */
const te_reply_t *te_do(te_env_t *env, const te_request_t *request);

/* Waits for that many segments in all. te_finish then fails when more arrive. */
void te_await(te_env_t *env, int segments);

/* Stops httpd if it runs, so that everything was delivered or counted; checks error log,
 * envelopes and trees; stops the fake servers. The store stays for further questions. */
void te_close(te_env_t *env);

/* te_close, and the traces of the test go away: call it at the end of every test. */
void te_finish(te_env_t *env);

#endif /* TE_ENV_H */
