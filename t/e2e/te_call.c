/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of backends, seen from both sides. */

#include "te_call.h"
#include "te_main.h"
#include "te_wait.h"

#include <check.h>

#include <apr_strings.h>

#define VALUE_BYTES 9000

const char *te_backend_header(te_env_t *env, int i, const char *name)
{
    char value[VALUE_BYTES];
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_message_count(env->backend) <= i) {
        ck_assert_msg(te_tick(deadline), "the backend has not been asked");
    }
    const te_message_t *message = te_server_message(env->backend, i);
    return apr_pstrdup(env->pool, te_message_header(message, name, value, sizeof(value)));
}

const te_span_t *te_only_segment(te_env_t *env)
{
    te_await(env, 1);
    return te_segment(env->store, 0);
}

const te_span_t *te_only_call(te_env_t *env)
{
    const te_span_t *segment = te_only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, "http.client", NULL), 1);
    return te_span_find(env->store, segment, "http.client", NULL);
}

const char *te_sentry_trace_of(const te_span_t *span)
{
    return apr_psprintf(te_pool, "%s-%s-1", span->trace_id, span->span_id);
}
