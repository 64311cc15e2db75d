/* SPDX-License-Identifier: Apache-2.0 */
/* Ids from a secret seed, a counter and a mixer. */
#include "st_id.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "st_clock.h"

/* The finalizer of splitmix64: a bijection of 64-bit numbers (Steele, Lea, Flood 2014,
 * "Fast splittable pseudorandom number generators"). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t st_rng_next(st_rng_t *rng)
{
    /* Odd, so that each stream comes through all states (same paper, "gamma"). */
    rng->state += UINT64_C(0x9e3779b97f4a7c15) + 2 * rng->stream;
    return mix(rng->state);
}

void st_id_source_seed(st_id_source_t *source)
{
    ssize_t got = getrandom(source->secret, sizeof(source->secret), GRND_NONBLOCK);
    if (got != (ssize_t)sizeof(source->secret)) {
        source->secret[0] = mix((uint64_t)st_clock_wall());
        source->secret[1] = mix((uint64_t)st_clock_mono() ^ ((uint64_t)getpid() << 40));
    }
    atomic_store_explicit(&source->counter, 0, memory_order_relaxed);
}

st_rng_t st_id_source_rng(st_id_source_t *source)
{
    /* Relaxed: the number only has to be unique, it orders nothing. */
    uint64_t n = atomic_fetch_add_explicit(&source->counter, 1, memory_order_relaxed);
    uint64_t state = mix(mix(n ^ source->secret[0]) ^ source->secret[1]);
    /* With 64 bits alone two of some billion trace ids of a fleet would be equal. */
    return (st_rng_t){.state = state, .stream = mix(state ^ source->secret[0])};
}

st_trace_id_t st_trace_id_make(st_rng_t *rng)
{
    st_trace_id_t id;
    /* Never all zero: two states in a row differ, and only the state 0 gives 0. */
    uint64_t high = st_rng_next(rng);
    uint64_t low = st_rng_next(rng);
    memcpy(id.bytes, &high, sizeof(high));
    memcpy(id.bytes + sizeof(high), &low, sizeof(low));
    return id;
}

st_span_id_t st_span_id_make(st_rng_t *rng)
{
    uint64_t id = st_rng_next(rng);
    return id != 0 ? id : 1;
}

/* The digits of 00 to ff: ids are written for every request, traced or not. */
#define DIGITS(high)                                                                     \
    high "0" high "1" high "2" high "3" high "4" high "5" high "6" high "7" high         \
         "8" high "9" high "a" high "b" high "c" high "d" high "e" high "f"

static void hex_byte(char *out, uint8_t byte)
{
    static const char digits[] = DIGITS("0") DIGITS("1") DIGITS("2") DIGITS("3")
        DIGITS("4") DIGITS("5") DIGITS("6") DIGITS("7") DIGITS("8") DIGITS("9")
            DIGITS("a") DIGITS("b") DIGITS("c") DIGITS("d") DIGITS("e") DIGITS("f");
    memcpy(out, digits + 2 * (size_t)byte, 2);
}

void st_trace_id_hex(char out[ST_TRACE_ID_HEX], const st_trace_id_t *id)
{
    for (int i = 0; i < ST_TRACE_ID_BYTES; i++) {
        hex_byte(out + 2 * i, id->bytes[i]);
    }
}

void st_span_id_hex(char out[ST_SPAN_ID_HEX], st_span_id_t id)
{
    for (int i = 0; i < ST_SPAN_ID_HEX / 2; i++) {
        hex_byte(out + 2 * i, (uint8_t)(id >> (56 - 8 * i)));
    }
}
