/* SPDX-License-Identifier: Apache-2.0 */
/* What is shared about one endpoint: limits, latency, and the last error. */
#include "st_endpoint.h"

#include <stddef.h>

/* How often a reader meets a writer at most before it gives up: a text is written in less than
 * a microsecond, once per failure. */
#define ERROR_TRIES 100

int st_endpoint_is_limited(const st_endpoint_t *endpoint, st_limit_t limit, st_ns_t now)
{
    /* Relaxed, here and below: each word stands alone. */
    st_ns_t until =
        atomic_load_explicit(&endpoint->limited_until[limit], memory_order_relaxed);
    return now < until;
}

static char printable(char c)
{
    return c >= ' ' && c <= '~' ? c : '?';
}

void st_endpoint_error_set(st_endpoint_t *endpoint, const char *text, st_ns_t wall)
{
    /* A sender that died in here has left an odd turn: the next one is odd in any case. */
    unsigned turn = atomic_load_explicit(&endpoint->error_turn, memory_order_relaxed) + 1;
    turn |= 1;
    atomic_store_explicit(&endpoint->error_turn, turn, memory_order_relaxed);
    /* Release, each store: who sees it sees that the turn is odd. Partner: error_copy. */
    size_t i = 0;
    for (; text[i] != '\0' && i < ST_ENDPOINT_ERROR_MAX - 1; i++) {
        atomic_store_explicit(&endpoint->error[i], printable(text[i]),
                              memory_order_release);
    }
    atomic_store_explicit(&endpoint->error[i], '\0', memory_order_release);
    atomic_store_explicit(&endpoint->error_wall, wall, memory_order_release);
    /* Release: who sees the even turn sees the whole text. */
    atomic_store_explicit(&endpoint->error_turn, turn + 1, memory_order_release);
}

/* @return 1 when what was copied is whole. */
static int error_copy(const st_endpoint_t *endpoint, char text[ST_ENDPOINT_ERROR_MAX],
                      st_ns_t *pwall)
{
    /* Acquire, each load: partner of the releases above. */
    unsigned turn = atomic_load_explicit(&endpoint->error_turn, memory_order_acquire);
    for (size_t i = 0; i < ST_ENDPOINT_ERROR_MAX; i++) {
        text[i] = atomic_load_explicit(&endpoint->error[i], memory_order_acquire);
    }
    *pwall = atomic_load_explicit(&endpoint->error_wall, memory_order_acquire);
    unsigned after = atomic_load_explicit(&endpoint->error_turn, memory_order_relaxed);
    return turn == after && turn % 2 == 0;
}

st_ns_t st_endpoint_error_get(const st_endpoint_t *endpoint,
                              char text[ST_ENDPOINT_ERROR_MAX])
{
    for (int i = 0; i < ERROR_TRIES; i++) {
        st_ns_t wall;
        int is_whole = error_copy(endpoint, text, &wall);
        if (is_whole) {
            text[ST_ENDPOINT_ERROR_MAX - 1] = '\0';
            return wall;
        }
    }
    text[0] = '\0';
    return 0;
}

void st_endpoint_latency_add(st_endpoint_t *endpoint, st_ns_t took)
{
    static const st_ns_t bounds_ms[] = ST_ENDPOINT_LATENCY_BOUNDS;
    int i = 0;
    while (i < ST_ENDPOINT_LATENCY_BUCKETS - 1 && took > bounds_ms[i] * ST_NS_PER_MS) {
        i++;
    }
    atomic_fetch_add_explicit(&endpoint->latency[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&endpoint->latency_sum, took, memory_order_relaxed);
    if (took > atomic_load_explicit(&endpoint->latency_max, memory_order_relaxed)) {
        atomic_store_explicit(&endpoint->latency_max, took, memory_order_relaxed);
    }
}

static int is_ahead(const _Atomic st_ns_t *instant, st_ns_t now, st_ns_t most)
{
    st_ns_t value = atomic_load_explicit(instant, memory_order_relaxed);
    return value - now > most;
}

static void circuit_close(st_endpoint_t *endpoint)
{
    atomic_store_explicit(&endpoint->circuit, ST_CIRCUIT_CLOSED, memory_order_relaxed);
    atomic_store_explicit(&endpoint->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&endpoint->retry_at, 0, memory_order_relaxed);
    atomic_store_explicit(&endpoint->failed_at, 0, memory_order_relaxed);
}

void st_endpoint_clocks_check(st_endpoint_t *endpoint, st_ns_t now)
{
    for (int i = 0; i < ST_LIMIT_COUNT; i++) {
        int is_odd = is_ahead(&endpoint->limited_until[i], now, ST_ENDPOINT_LIMIT_MAX);
        if (is_odd) {
            atomic_store_explicit(&endpoint->limited_until[i], 0, memory_order_relaxed);
        }
    }
    int is_odd = is_ahead(&endpoint->retry_at, now, ST_ENDPOINT_RETRY_MAX) ||
                 is_ahead(&endpoint->failed_at, now, 0);
    if (is_odd) {
        circuit_close(endpoint);
    }
}
