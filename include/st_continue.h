/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_CONTINUE_H
#define ST_CONTINUE_H

/* Whether a request goes on with the trace that its headers name
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/#strict-trace-continuation).
 * Pure decision: who may be believed is settled before.
 *
 *   incoming org   own org    usual      strict
 *   A              A          continue   continue
 *   none           none       continue   continue
 *   A              B          new        new
 *   A              none       continue   new
 *   none           A          continue   new
 *
 * Without a readable sentry-trace header a new trace starts, and Sentry's part of the baggage
 * is ignored; so does whoever starts anew for the organisation's sake. */

#include <apr_pools.h>
#include "st_parent.h"
#include "st_segment.h"

typedef struct st_continue_t {
    int continues;       /* 0: a new trace; all but `foreign` is then unset */
    st_parent_t parent;  /* what sentry-trace says; span_id may be 0 */
    const char *dsc;     /* frozen, in baggage form; "" when the baggage had none */
    double sample_rand;  /* of the trace; -1.0 when it cannot be known */
    double sample_rate;  /* that the head applied; -1.0 when unknown */
    const char *foreign; /* other members of the baggage, never NULL */
} st_continue_t;

/* Decides. The context is frozen as received; only a sample_rand that is missing from it or
 * unusable is put in, because the whole trace has to use the same one. An empty one stays
 * empty.
 * @param sentry_trace, baggage header values, lines joined with commas; NULL: not sent
 * @param org_id own organisation, NULL or "": unknown
 * Strings are in result_pool, or static when empty. Never fails. */
void st_continue_decide(st_continue_t *decision, const char *sentry_trace,
                        const char *baggage, const char *org_id, int is_strict,
                        apr_pool_t *result_pool);

/* Makes the segment part of the trace that continues: trace id, parent, parent's decision,
 * sample_rand and frozen context. Nothing when a new trace starts. The decision's strings
 * must live as long as the segment. Before the first child is added. */
void st_continue_apply(const st_continue_t *decision, st_segment_t *seg);

#endif /* ST_CONTINUE_H */
