/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with a trace, or starting one. */
#include "st_continue.h"

#include <string.h>
#include "st_baggage.h"
#include "st_dsc.h"
#include "st_sampling.h"

/* The table of st_continue.h. */
static int org_agrees(const char *incoming, const char *own, int is_strict)
{
    int has_own = own != NULL && own[0] != '\0';
    if (incoming != NULL && has_own) {
        return strcmp(incoming, own) == 0;
    }
    return !is_strict || (incoming == NULL && !has_own);
}

/* A number of the context in [0,1], or -1.0. */
static double number_of(const char *dsc, const char *key, apr_pool_t *pool)
{
    const char *text = st_dsc_get(dsc, key, pool);
    double number;
    if (text == NULL) {
        return -1.0;
    }
    apr_status_t rv = st_rate_parse(&number, text);
    return rv == APR_SUCCESS ? number : -1.0;
}

/* A sample_rand with which the head would have decided as it did
 * (https://develop.sentry.dev/sdk/telemetry/traces/#propagated-random-value). */
static double rand_fitting(const st_continue_t *decision)
{
    const st_parent_t *parent = &decision->parent;
    if (decision->sample_rate < 0.0 || parent->sampled == ST_SAMPLED_UNKNOWN) {
        return st_sampling_rand(&parent->trace_id);
    }
    double low = parent->sampled ? 0.0 : decision->sample_rate;
    double high = parent->sampled ? decision->sample_rate : 1.0;
    return st_sampling_rand_within(&parent->trace_id, low, high);
}

static void sampling_read(st_continue_t *decision, apr_pool_t *pool)
{
    decision->sample_rate = number_of(decision->dsc, "sample_rate", pool);
    decision->sample_rand = number_of(decision->dsc, "sample_rand", pool);
    if (decision->sample_rand >= 0.0) {
        return;
    }
    char text[ST_SAMPLING_RAND_BYTES];
    decision->sample_rand = rand_fitting(decision);
    if (decision->dsc[0] != '\0' && st_sampling_rand_text(text, decision->sample_rand)) {
        decision->dsc = st_dsc_set(decision->dsc, "sample_rand", text, pool);
    }
}

void st_continue_decide(st_continue_t *decision, const char *sentry_trace,
                        const char *baggage, const char *org_id, int is_strict,
                        apr_pool_t *result_pool)
{
    st_baggage_t parts;
    st_baggage_parse(&parts, baggage, result_pool);
    *decision = (st_continue_t){
        .sample_rand = -1.0, .sample_rate = -1.0, .foreign = parts.foreign};
    if (sentry_trace == NULL) {
        return;
    }
    apr_status_t rv = st_parent_parse(&decision->parent, sentry_trace);
    if (rv != APR_SUCCESS) {
        return;
    }
    const char *incoming = st_dsc_get(parts.sentry, "org_id", result_pool);
    if (!org_agrees(incoming, org_id, is_strict)) {
        return;
    }
    decision->continues = 1;
    decision->dsc = parts.sentry;
    sampling_read(decision, result_pool);
}

void st_continue_apply(const st_continue_t *decision, st_segment_t *seg)
{
    if (!decision->continues) {
        return;
    }
    seg->trace_id = decision->parent.trace_id;
    seg->parent_span_id = decision->parent.span_id;
    seg->parent_sampled = decision->parent.sampled;
    seg->sample_rand = decision->sample_rand;
    seg->sample_rate = -1.0;
    seg->dsc = decision->dsc;
}
