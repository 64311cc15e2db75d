/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_SAMPLER_H
#define MST_SAMPLER_H

/* Whether a request is recorded. In this order:
 *
 *   1. it is ignored                                     no, and says so to who comes after
 *   2. a rule with an expression that holds              the rule's rate
 *   3. whoever called decided, and is believed           the caller's decision
 *   4. the plain rate
 *
 * Rates are halved while spans find no room in the queue or Sentry limits us (own decisions only)
 * (https://develop.sentry.dev/sdk/telemetry/traces/#sampling). */

#include "mst_private.h"
#include <ap_expr.h>

struct mst_req_t;
struct mst_child_t;

/* A line SentryTraceSampleRate with expr=. */
typedef struct mst_rate_rule_t {
    double rate;
    const ap_expr_info_t *expr;
} mst_rate_rule_t;

/* Decides for a request whose configuration is final. Unsampled: req->reason says why. */
void mst_sampler_decide(struct mst_req_t *req, request_rec *r, struct mst_child_t *child);

#endif /* MST_SAMPLER_H */
