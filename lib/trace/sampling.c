/* SPDX-License-Identifier: Apache-2.0 */
/* Head sampling from the trace id. */
#include "st_sampling.h"

#include <string.h>

#define STEPS  UINT64_C(1000000) /* six decimal digits */
#define DIGITS 6

static uint64_t mixed(const st_trace_id_t *trace_id)
{
    uint64_t halves[2];
    memcpy(halves, trace_id->bytes, sizeof(halves));
    /* Ids of other SDKs need not be uniform in any part: mix all of it. */
    st_rng_t rng = {.state = halves[0] ^ (halves[1] * UINT64_C(0x9e3779b97f4a7c15))};
    return st_rng_next(&rng);
}

double st_sampling_rand(const st_trace_id_t *trace_id)
{
    return (double)(mixed(trace_id) % STEPS) / (double)STEPS;
}

/* The first step that is not below `number`, which is in [0,1]. */
static uint64_t step_from(double number)
{
    uint64_t step = (uint64_t)(number * (double)STEPS);
    /* The product is rounded: look at the neighbours. */
    while (step > 0 && (double)(step - 1) / (double)STEPS >= number) {
        step--;
    }
    while ((double)step / (double)STEPS < number) {
        step++;
    }
    return step;
}

double st_sampling_rand_within(const st_trace_id_t *trace_id, double low, double high)
{
    uint64_t first = step_from(low);
    uint64_t end = step_from(high);
    if (first >= end) {
        return -1.0;
    }
    return (double)(first + mixed(trace_id) % (end - first)) / (double)STEPS;
}

int st_sampling_rand_text(char out[ST_SAMPLING_RAND_BYTES], double sample_rand)
{
    if (!(sample_rand >= 0.0 && sample_rand < 1.0)) {
        return 0;
    }
    /* A ten-thousandth of the last digit makes up for decimals that no double hits. */
    uint32_t micros = (uint32_t)(sample_rand * (double)STEPS + 1e-4);
    micros = micros < STEPS ? micros : STEPS - 1;
    memcpy(out, "0.", 2);
    for (int at = 1 + DIGITS; at > 1; at--) {
        out[at] = (char)('0' + micros % 10);
        micros /= 10;
    }
    out[2 + DIGITS] = '\0';
    return 1;
}

int st_sampling_decide(double sample_rand, double rate)
{
    return sample_rand < rate;
}

double st_sampling_rate_halved(double rate, int halvings)
{
    return rate / (double)(1 << halvings);
}

int st_sampling_halvings_next(int halvings, int is_pressed)
{
    if (!is_pressed) {
        return 0;
    }
    return halvings < ST_SAMPLING_HALVINGS_MAX ? halvings + 1 : halvings;
}
