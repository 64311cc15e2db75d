/* SPDX-License-Identifier: Apache-2.0 */
/* httpd, Sentry, backend and client, wired together. */

#include "te_env.h"
#include "te_dir.h"
#include "te_log.h"
#include "te_main.h"

#include <check.h>

#include <apr_strings.h>

static const char *const *defines_make(te_env_t *env)
{
    const char **defines = apr_pcalloc(env->pool, 4 * sizeof(*defines));
    defines[0] =
        apr_pstrcat(env->pool, "DSN ", te_sentry_dsn(env->sentry, 42, env->pool), NULL);
    defines[1] = apr_pstrcat(env->pool, "SENTRY ",
                             te_sentry_address(env->sentry, env->pool), NULL);
    defines[2] =
        apr_psprintf(env->pool, "BACKEND 127.0.0.1:%d", te_server_port(env->backend));
    return defines;
}

te_env_t *te_env_make(const te_setup_t *setup, const char *name)
{
    te_env_t *env = apr_pcalloc(te_pool, sizeof(*env));
    env->pool = te_pool;
    env->awaited = -1;
    env->sentry = te_sentry_start(env->pool);
    env->store = env->sentry->store;
    env->backend = te_server_start();
    te_conf_t conf = {.mpm = setup->mpm,
                      .without_module = setup->without_module,
                      .defines = defines_make(env),
                      .text = setup->conf};
    env->httpd = te_httpd_create(&conf, setup->env, name, env->pool);
    env->sentry->log = te_path(env->httpd->root, TE_ENVELOPES, env->pool);
    return env;
}

void te_env_run(te_env_t *env)
{
    te_httpd_start(env->httpd);
    env->client = te_client_create(env->httpd->ports[0], env->pool);
}

te_env_t *te_env_start(te_mpm_t mpm, const char *conf, const char *name)
{
    te_setup_t setup = {.mpm = mpm, .conf = apr_pstrcat(te_pool, TE_DSN, conf, NULL)};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    return env;
}

void te_env_move_sentry(te_env_t *env)
{
    te_sentry_t *old = env->sentry;
    const char *from = te_sentry_address(old, env->pool);
    te_sentry_stop(old);
    te_sentry_check(old);
    env->sentry = te_sentry_start(env->pool);
    env->sentry->log = old->log;
    env->store = env->sentry->store;
    env->httpd->conf.defines = defines_make(env);
    te_httpd_conf_edit(env->httpd, from, te_sentry_address(env->sentry, env->pool));
}

const te_reply_t *te_get(te_env_t *env, const char *path)
{
    return te_client_get(env->client, path);
}

const te_reply_t *te_do(te_env_t *env, const te_request_t *request)
{
    return te_client_do(env->client, request);
}

void te_await(te_env_t *env, int segments)
{
    te_sentry_await_segments(env->sentry, segments);
    env->awaited = segments;
}

void te_close(te_env_t *env)
{
    if (env->httpd->pid != 0) {
        te_client_disconnect(env->client); /* a worker's thread would wait for more */
        te_httpd_stop(env->httpd);
    }
    te_sentry_stop(env->sentry);
    te_sentry_check(env->sentry);
    te_log_check(env->httpd);
    if (env->backend != NULL) {
        te_server_stop(env->backend);
        env->backend = NULL;
    }
    ck_assert_msg(env->awaited < 0 || env->awaited == env->store->segment_count,
                  "%d segments awaited, %d arrived", env->awaited,
                  env->store->segment_count);
}

void te_finish(te_env_t *env)
{
    te_close(env);
    te_httpd_destroy(env->httpd);
}
