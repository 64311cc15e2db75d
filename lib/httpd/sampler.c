/* SPDX-License-Identifier: Apache-2.0 */
/* The decision on one request. */
#include "mst_sampler.h"

#include <apr_strings.h>
#include "mst_child.h"
#include "mst_config.h"
#include "mst_dests.h"
#include "mst_expr.h"
#include "mst_incoming.h"
#include "mst_request.h"
#include "st_dsc.h"
#include "st_sampling.h"
#include "st_text.h"

#define PRESSURE_CHECK_INTERVAL                                                          \
    (10 *                                                                                \
     ST_NS_PER_SEC) /* https://develop.sentry.dev/sdk/telemetry/traces/backpressure/ */

#define RATE_BYTES 40

/* Spans of this endpoint were dropped for want of room since somebody looked last, or Sentry
 * takes no more for now. How full the queue is does not matter: an endpoint that does not answer
 * fills it up to where the sender makes room, which is no reason for others to send less. */
static int is_pressed(mst_pressure_t *pressure, const st_endpoint_t *endpoint,
                      st_limit_t limit, st_ns_t now)
{
    uint64_t dropped = st_counters_get_discarded(
        &endpoint->counters, ST_REASON_QUEUE_OVERFLOW, ST_CATEGORY_SPAN);
    uint64_t before =
        atomic_exchange_explicit(&pressure->dropped, dropped, memory_order_relaxed);
    return dropped != before || st_endpoint_is_limited(endpoint, limit, now);
}

/* How often rates are halved now. Whoever comes first after the interval looks. */
static int halvings_now(mst_child_t *child, const st_dest_t *dest, st_ns_t now)
{
    int index = dest->endpoint;
    mst_pressure_t *pressure = &child->pressure[index];
    /* Relaxed: a thread that sees the old number for a moment decides by the old number. */
    int halvings = atomic_load_explicit(&pressure->halvings, memory_order_relaxed);
    st_ns_t checked = atomic_load_explicit(&pressure->checked, memory_order_relaxed);
    if (now - checked < PRESSURE_CHECK_INTERVAL ||
        !atomic_compare_exchange_strong_explicit(&pressure->checked, &checked, now,
                                                 memory_order_relaxed,
                                                 memory_order_relaxed)) {
        return halvings;
    }
    int is_under =
        is_pressed(pressure, &child->queue.endpoints[index], mst_dest_limit(dest), now);
    halvings = st_sampling_halvings_next(halvings, is_under);
    atomic_store_explicit(&pressure->halvings, halvings, memory_order_relaxed);
    return halvings;
}

static void refuse(mst_req_t *req, st_reason_t reason)
{
    req->reason = reason;
    st_segment_unsample(req->seg);
}

/* A context that came from elsewhere gets the rate that was applied here, nothing else. */
static void rate_note(st_segment_t *seg, double rate)
{
    seg->sample_rate = rate;
    if (seg->dsc != NULL && seg->dsc[0] != '\0') {
        char text[RATE_BYTES];
        size_t len = st_number_write(text, sizeof(text) - 1, rate);
        text[len] = '\0';
        seg->dsc = st_dsc_set(seg->dsc, "sample_rate", text, seg->pool);
    }
}

/* Our own decision. */
static void decide_by_rate(mst_req_t *req, mst_child_t *child, double rate)
{
    st_segment_t *seg = req->seg;
    if (seg->sample_rand < 0.0) {
        seg->sample_rand = st_sampling_rand(&seg->trace_id);
    }
    if (!st_sampling_decide(seg->sample_rand, rate)) {
        rate_note(seg, rate);
        refuse(req, ST_REASON_SAMPLE_RATE);
        return;
    }
    const st_dest_t *dest = &mst_dests()->dests[req->dest];
    int halvings = halvings_now(child, dest, seg->start);
    double halved = st_sampling_rate_halved(rate, halvings);
    rate_note(seg, halved);
    if (!st_sampling_decide(seg->sample_rand, halved)) {
        refuse(req, ST_REASON_BACKPRESSURE);
    }
}

static const mst_rate_rule_t *rule_that_holds(request_rec *r)
{
    const apr_array_header_t *rules = mst_conf_rate_rules(r);
    for (int i = 0; rules != NULL && i < rules->nelts; i++) {
        const mst_rate_rule_t *rule = &APR_ARRAY_IDX(rules, i, mst_rate_rule_t);
        if (mst_expr_holds(rule->expr, r)) {
            return rule;
        }
    }
    return NULL;
}

void mst_sampler_decide(mst_req_t *req, request_rec *r, mst_child_t *child)
{
    st_segment_t *seg = req->seg;
    seg->sample_rate = -1.0;
    if (!mst_incoming_continues(req)) {
        seg->sample_rand = st_sampling_rand(&seg->trace_id);
    }
    if (mst_ignore_request(r)) {
        refuse(req, ST_REASON_IGNORED);
        return;
    }
    const mst_rate_rule_t *rule = rule_that_holds(r);
    if (rule != NULL) {
        decide_by_rate(req, child, rule->rate);
    } else if (seg->parent_sampled == ST_SAMPLED_UNKNOWN) {
        decide_by_rate(req, child, mst_conf_sample_rate(r));
    } else if (seg->parent_sampled == 0) {
        refuse(req, ST_REASON_SAMPLE_RATE);
    }
}
