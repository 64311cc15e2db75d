/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_CIRCUIT_H
#define ST_CIRCUIT_H

/* Whether an endpoint that does not answer is asked again.
 *
 *             failure                    retry_at over: one probe
 *   closed ─────────────► open ──────────────────────────────────► probing
 *     ▲                    ▲              failure                     │ │
 *     │                    └──────────────────────────────────────────┘ │
 *     └─────────────────────────────────────────────────────────────────┘ answer
 *
 * The time until the next probe doubles with each failure, from 1 s to 60 s, with jitter, so
 * that many servers do not come back at once. A sender that dies while probing leaves an open
 * circuit (st_ledger_recover). The state is shared (st_endpoint.h); only the sender changes
 * it. */

#include "st_endpoint.h"
#include "st_id.h"

#define ST_CIRCUIT_DELAY_MIN ST_NS_PER_SEC
#define ST_CIRCUIT_DELAY_MAX ST_ENDPOINT_RETRY_MAX

/* How many envelopes may go out at `now`: -1 any number, 1 a probe (no other is under way and
 * it is time), 0 none. */
int st_circuit_allows(const st_endpoint_t *endpoint, st_ns_t now);

/* An envelope goes out. */
void st_circuit_sent(st_endpoint_t *endpoint);

/* There was an answer: the endpoint is alive. */
void st_circuit_answered(st_endpoint_t *endpoint);

/* There was none, or the server said that it cannot now (502, 503, 504). Failures of envelopes
 * that were under way together count as one.
 * @param sent when the envelope that failed went out @param rng for the jitter */
void st_circuit_failed(st_endpoint_t *endpoint, st_ns_t sent, st_ns_t now, st_rng_t *rng);

/* When something may be sent again; 0: now; INT64_MAX: not before the probe ends. */
st_ns_t st_circuit_due(const st_endpoint_t *endpoint);

#endif /* ST_CIRCUIT_H */
