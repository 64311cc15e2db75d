/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SAMPLING_H
#define ST_SAMPLING_H

/* The head decision (wire: https://develop.sentry.dev/sdk/telemetry/traces/#sampling).
 * Pure functions: same trace id and rate, same answer, in every process. */

#include <stddef.h>
#include "st_id.h"

#define ST_SAMPLING_HALVINGS_MAX 10
#define ST_SAMPLING_RAND_BYTES   9 /* "0.123456" with its terminating zero */

/* sample_rand of a trace that starts here: deterministic from the trace id, in [0,1), with
 * exactly six decimal digits of precision, so that the value sent is the value compared. */
double st_sampling_rand(const st_trace_id_t *trace_id);

/* The same within [low, high), for a trace whose head sent no sample_rand but a rate and a
 * decision: again six digits, deterministic from the trace id.
 * @param low, high in [0,1]
 * @return -1.0 when no number of six digits lies in there. */
double st_sampling_rand_within(const st_trace_id_t *trace_id, double low, double high);

/* Writes sample_rand as "0." and six digits, cut and not rounded, so that rand < rate still
 * holds of what is sent. @return 1; 0 when it is not in [0,1): nothing is written. */
int st_sampling_rand_text(char out[ST_SAMPLING_RAND_BYTES], double sample_rand);

/* 1 when sample_rand < rate (strictly: rate 0 samples nothing, rate 1 everything). */
int st_sampling_decide(double sample_rand, double rate);

/* Backpressure (https://develop.sentry.dev/sdk/telemetry/traces/backpressure/): own decisions,
 * never inherited ones, use `rate` halved that many times. What st_sampling_decide takes at
 * the rate itself but not at the halved one is discarded as `backpressure`. */
double st_sampling_rate_halved(double rate, int halvings);

/* The number of halvings after a check: one more when pressed, up to the maximum, else 0. */
int st_sampling_halvings_next(int halvings, int is_pressed);

#endif /* ST_SAMPLING_H */
