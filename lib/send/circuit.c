/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of one endpoint's circuit. All words are written by the sender alone and
 * read by others for display: relaxed throughout. */
#include "st_circuit.h"

#include <limits.h>

#define DOUBLINGS_MAX 6 /* 2^6 s is more than the longest delay */

static int state_of(const st_endpoint_t *endpoint)
{
    return atomic_load_explicit(&endpoint->circuit, memory_order_relaxed);
}

static void state_set(st_endpoint_t *endpoint, st_circuit_state_t state)
{
    atomic_store_explicit(&endpoint->circuit, state, memory_order_relaxed);
}

int st_circuit_allows(const st_endpoint_t *endpoint, st_ns_t now)
{
    int state = state_of(endpoint);
    if (state == ST_CIRCUIT_CLOSED) {
        return -1;
    }
    st_ns_t retry_at = atomic_load_explicit(&endpoint->retry_at, memory_order_relaxed);
    return state == ST_CIRCUIT_OPEN && now >= retry_at;
}

void st_circuit_sent(st_endpoint_t *endpoint)
{
    if (state_of(endpoint) == ST_CIRCUIT_OPEN) {
        state_set(endpoint, ST_CIRCUIT_PROBING);
    }
}

void st_circuit_answered(st_endpoint_t *endpoint)
{
    if (state_of(endpoint) == ST_CIRCUIT_CLOSED) {
        return;
    }
    state_set(endpoint, ST_CIRCUIT_CLOSED);
    atomic_store_explicit(&endpoint->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&endpoint->retry_at, 0, memory_order_relaxed);
}

/* From 1 s to 2 s after the first failure; each further one doubles both, up to 30 and 60 s. */
static st_ns_t delay_draw(int failures, st_rng_t *rng)
{
    int doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    st_ns_t least = ST_CIRCUIT_DELAY_MIN << doublings;
    if (least > ST_CIRCUIT_DELAY_MAX / 2) {
        least = ST_CIRCUIT_DELAY_MAX / 2;
    }
    return least + (st_ns_t)(st_rng_next(rng) % (uint64_t)(least + 1));
}

void st_circuit_failed(st_endpoint_t *endpoint, st_ns_t sent, st_ns_t now, st_rng_t *rng)
{
    st_ns_t failed_at = atomic_load_explicit(&endpoint->failed_at, memory_order_relaxed);
    if (failed_at > 0 && sent <= failed_at) {
        return; /* it was under way when that one failed, and says nothing new */
    }
    int failures = atomic_load_explicit(&endpoint->failures, memory_order_relaxed);
    failures += failures < INT_MAX;
    atomic_store_explicit(&endpoint->failures, failures, memory_order_relaxed);
    atomic_store_explicit(&endpoint->failed_at, now, memory_order_relaxed);
    atomic_store_explicit(&endpoint->retry_at, now + delay_draw(failures, rng),
                          memory_order_relaxed);
    state_set(endpoint, ST_CIRCUIT_OPEN);
}

st_ns_t st_circuit_due(const st_endpoint_t *endpoint)
{
    switch (state_of(endpoint)) {
    case ST_CIRCUIT_CLOSED:
        return 0;
    case ST_CIRCUIT_PROBING:
        return INT64_MAX;
    default:
        return atomic_load_explicit(&endpoint->retry_at, memory_order_relaxed);
    }
}
