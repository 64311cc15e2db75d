/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_ENV_H
#define MST_ENV_H

/* Values from the environment of the server process, for what no directive sets: SENTRY_DSN,
 * SENTRY_ENVIRONMENT, SENTRY_RELEASE, SENTRY_TRACES_SAMPLE_RATE, SENTRY_TRACE_LIFECYCLE. Read
 * once per configuration run, before requests; constant afterwards. */

#include "mst_private.h"
#include "st_dsn.h"

/* Reads and checks the environment; what it keeps lives in pconf and is forgotten with it.
 * @return NULL, or a sentence that names variable, value and what is allowed. */
const char *mst_env_read(apr_pool_t *pconf);

/* The values, or NULL / -1 / -1.0 when not in the environment. */
const st_dsn_t *mst_env_dsn(void);
const char *mst_env_environment(void);
const char *mst_env_release(void);
int mst_env_lifecycle(void); /* st_lifecycle_t */
double mst_env_sample_rate(void);

#endif /* MST_ENV_H */
