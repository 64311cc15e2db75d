/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_CALL_H
#define TE_CALL_H

/* Calls of backends: their spans, and what the backends were told. */

#include "te_env.h"

/* Loads the module NAME from a test's lines, unless it is compiled in. */
#define TE_LOAD(name)                                                                    \
    "<IfModule !" name "_module>\nLoadModule " name "_module ${MODULES}/mod_" name       \
    ".so\n</IfModule>\n"

/* A header of request i that env->backend answered, in env->pool, waiting for it; NULL when it
 * has none. */
const char *te_backend_header(te_env_t *env, int i, const char *name);

/* Waits for the test's only segment. */
const te_span_t *te_only_segment(te_env_t *env);

/* The same, and gives its only proxied call. */
const te_span_t *te_only_call(te_env_t *env);

/* What the header sentry-trace says of a sampled span, in te_pool. */
const char *te_sentry_trace_of(const te_span_t *span);

#endif /* TE_CALL_H */
