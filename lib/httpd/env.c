/* SPDX-License-Identifier: Apache-2.0 */
/* Environment fallbacks, checked like directives. */
#include "mst_env.h"

#include <apr_strings.h>
#include <stdlib.h>
#include "mst_value.h"

static struct {
    const st_dsn_t *dsn;
    const char *environment;
    const char *release;
    int lifecycle;
    double sample_rate;
} env = {.lifecycle = -1, .sample_rate = -1.0};

static apr_status_t env_forget(void *unused)
{
    env.dsn = NULL;
    env.environment = NULL;
    env.release = NULL;
    env.lifecycle = -1;
    env.sample_rate = -1.0;
    return APR_SUCCESS;
}

/* An empty variable is the same as none, as in Sentry's SDKs. */
static const char *env_value(const char *name, apr_pool_t *p)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? apr_pstrdup(p, value) : NULL;
}

const char *mst_env_read(apr_pool_t *pconf)
{
    env_forget(NULL);
    apr_pool_cleanup_register(pconf, NULL, env_forget, apr_pool_cleanup_null);
    const char *dsn = env_value("SENTRY_DSN", pconf);
    const char *rate = env_value("SENTRY_TRACES_SAMPLE_RATE", pconf);
    const char *lifecycle = env_value("SENTRY_TRACE_LIFECYCLE", pconf);
    env.environment = env_value("SENTRY_ENVIRONMENT", pconf);
    env.release = env_value("SENTRY_RELEASE", pconf);
    const char *problem = NULL;
    if (dsn != NULL) {
        problem = mst_value_dsn(&env.dsn, "SENTRY_DSN", dsn, pconf);
    }
    if (problem == NULL && rate != NULL) {
        problem =
            mst_value_rate(&env.sample_rate, "SENTRY_TRACES_SAMPLE_RATE", rate, pconf);
    }
    if (problem == NULL && lifecycle != NULL) {
        problem = mst_value_lifecycle(&env.lifecycle, "SENTRY_TRACE_LIFECYCLE", lifecycle,
                                      pconf);
    }
    if (problem == NULL && env.environment != NULL) {
        problem = mst_value_environment("SENTRY_ENVIRONMENT", env.environment, pconf);
    }
    if (problem == NULL && env.release != NULL) {
        problem = mst_value_release("SENTRY_RELEASE", env.release, pconf);
    }
    return problem;
}

const st_dsn_t *mst_env_dsn(void)
{
    return env.dsn;
}

const char *mst_env_environment(void)
{
    return env.environment;
}

const char *mst_env_release(void)
{
    return env.release;
}

int mst_env_lifecycle(void)
{
    return env.lifecycle;
}

double mst_env_sample_rate(void)
{
    return env.sample_rate;
}
