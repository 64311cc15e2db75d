/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SAMPLING_H
#define ST_SAMPLING_H

/* The head decision (wire: https://develop.sentry.dev/sdk/telemetry/traces/#sampling).
 * Pure functions: same trace id and rate, same answer, in every process. */

#include "st_id.h"

/* sample_rand of a trace that starts here: deterministic from the trace id, in [0,1), with
 * exactly six decimal digits of precision, so that the value sent is the value compared. */
double st_sampling_rand(const st_trace_id_t *trace_id);

/* 1 when sample_rand < rate (strictly: rate 0 samples nothing, rate 1 everything). */
int st_sampling_decide(double sample_rand, double rate);

#endif /* ST_SAMPLING_H */
