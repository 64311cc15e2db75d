/* SPDX-License-Identifier: Apache-2.0 */
/* Head sampling from the trace id. */
#include "st_sampling.h"

#include <string.h>

#define STEPS UINT64_C(1000000) /* six decimal digits */

double st_sampling_rand(const st_trace_id_t *trace_id)
{
    uint64_t halves[2];
    memcpy(halves, trace_id->bytes, sizeof(halves));
    /* Ids of other SDKs need not be uniform in any part: mix all of it. */
    st_rng_t rng = {.state = halves[0] ^ (halves[1] * UINT64_C(0x9e3779b97f4a7c15))};
    return (double)(st_rng_next(&rng) % STEPS) / (double)STEPS;
}

int st_sampling_decide(double sample_rand, double rate)
{
    return sample_rand < rate;
}
