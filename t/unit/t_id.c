/* SPDX-License-Identifier: Apache-2.0 */
/* Linked with --wrap=getrandom, so that the kernel can be without random bytes. */
#include "t.h"
#include "st_id.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

ssize_t __real_getrandom(void *bytes, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);

/* How many bytes the kernel gives; negative: as many as it has. */
static ssize_t kernel_gives = -1;

ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    if (kernel_gives < 0) {
        return __real_getrandom(bytes, len, flags);
    }
    memset(bytes, 0x5A, (size_t)kernel_gives);
    return kernel_gives > 0 ? kernel_gives : -1;
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

START_TEST(generator_is_splitmix64)
{
    /* The first numbers of the reference implementation for the seed 1234567. */
    static const uint64_t want[] = {UINT64_C(6457827717110365317),
                                    UINT64_C(3203168211198807973),
                                    UINT64_C(9817491932198370423)};
    st_rng_t rng = {.state = 1234567};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        ck_assert_uint_eq(st_rng_next(&rng), want[i]);
    }
}
END_TEST

START_TEST(span_id_is_never_zero)
{
    st_rng_t rng = {.state = 0 - GOLDEN}; /* the next number is 0 */
    st_rng_t same = rng;
    ck_assert_uint_eq(st_rng_next(&same), 0);
    ck_assert_uint_ne(st_span_id_make(&rng), 0);
}
END_TEST

#define THREADS 4
#define DRAWS   250000

typedef struct drawn_t {
    uint64_t trace[2];
    uint64_t span;
} drawn_t;

typedef struct drawer_t {
    st_id_source_t *source;
    drawn_t *out;
} drawer_t;

static void *draw(void *baton)
{
    drawer_t *drawer = baton;
    for (int i = 0; i < DRAWS; i++) {
        st_rng_t rng = st_id_source_rng(drawer->source);
        st_trace_id_t trace = st_trace_id_make(&rng);
        memcpy(drawer->out[i].trace, trace.bytes, sizeof(trace.bytes));
        drawer->out[i].span = st_span_id_make(&rng);
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Fails when a number is 0 or stands twice. */
static void expect_distinct(uint64_t *numbers, size_t count)
{
    qsort(numbers, count, sizeof(*numbers), by_number);
    ck_assert_uint_ne(numbers[0], 0);
    for (size_t i = 1; i < count; i++) {
        if (numbers[i] == numbers[i - 1]) {
            ck_abort_msg("%llx stands twice", (unsigned long long)numbers[i]);
        }
    }
}

START_TEST(a_million_ids_of_several_threads_are_distinct)
{
    st_id_source_t source;
    st_id_source_seed(&source);
    drawn_t *drawn = calloc(THREADS * DRAWS, sizeof(*drawn));
    uint64_t *numbers = calloc(THREADS * DRAWS, sizeof(*numbers));
    pthread_t threads[THREADS];
    drawer_t drawers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        drawers[i] = (drawer_t){&source, drawn + i * DRAWS};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, draw, &drawers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    /* The halves alone are distinct already, but for a chance of one in ten million. */
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < THREADS * DRAWS; i++) {
            numbers[i] = part < 2 ? drawn[i].trace[part] : drawn[i].span;
        }
        expect_distinct(numbers, THREADS * DRAWS);
    }
    free(numbers);
    free(drawn);
}
END_TEST

START_TEST(ids_of_one_generator_are_distinct)
{
    st_id_source_t source;
    st_id_source_seed(&source);
    st_rng_t rng = st_id_source_rng(&source);
    uint64_t *numbers = calloc(DRAWS, sizeof(*numbers));
    for (int i = 0; i < DRAWS; i++) {
        numbers[i] = st_span_id_make(&rng);
    }
    expect_distinct(numbers, DRAWS);
    free(numbers);
}
END_TEST

START_TEST(sources_give_different_ids)
{
    uint64_t numbers[1000];
    for (int i = 0; i < 1000; i++) {
        st_id_source_t source;
        st_id_source_seed(&source);
        st_rng_t rng = st_id_source_rng(&source);
        numbers[i] = st_rng_next(&rng);
    }
    expect_distinct(numbers, 1000);
}
END_TEST

START_TEST(sources_differ_when_the_kernel_has_no_random_bytes)
{
    /* What it gives in part is no secret either. */
    for (kernel_gives = 0; kernel_gives < 16; kernel_gives += 5) {
        uint64_t numbers[1000];
        for (int i = 0; i < 1000; i++) {
            st_id_source_t source = {.secret = {0, 0}};
            st_id_source_seed(&source);
            st_rng_t rng = st_id_source_rng(&source);
            numbers[i] = st_rng_next(&rng);
            ck_assert_uint_ne(source.secret[0], source.secret[1]);
        }
        expect_distinct(numbers, 1000);
    }
}
END_TEST

START_TEST(secret_is_what_the_kernel_gives)
{
    kernel_gives = 16;
    st_id_source_t source = {.counter = 77};
    st_id_source_seed(&source);
    ck_assert_uint_eq(source.secret[0], UINT64_C(0x5A5A5A5A5A5A5A5A));
    ck_assert_uint_eq(source.secret[1], UINT64_C(0x5A5A5A5A5A5A5A5A));
    ck_assert_uint_eq(source.counter, 0);
}
END_TEST

/* Undoes z ^= z >> shift. */
static uint64_t unshift(uint64_t z, int shift)
{
    uint64_t x = z;
    for (int known = shift; known < 64; known += shift) {
        x = z ^ (x >> shift);
    }
    return x;
}

/* The number whose product with `odd` is 1 (Newton). */
static uint64_t inverse(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 6; i++) {
        x *= 2 - odd * x;
    }
    return x;
}

/* The state from which the generator gave this number. */
static uint64_t state_of(uint64_t number)
{
    uint64_t z = unshift(number, 31) * inverse(UINT64_C(0x94d049bb133111eb));
    z = unshift(z, 27) * inverse(UINT64_C(0xbf58476d1ce4e5b9));
    return unshift(z, 30);
}

/* A trace id has 128 bits, and not 64 that are said in another way once more: otherwise two of
 * 4 billion requests of a fleet share their trace with good probability. */
START_TEST(halves_of_a_trace_id_are_independent)
{
    st_rng_t plain = {.state = 77};
    ck_assert_uint_eq(state_of(st_rng_next(&plain)), 77 + GOLDEN);
    st_id_source_t source;
    st_id_source_seed(&source);
    uint64_t steps[1000];
    for (int i = 0; i < 1000; i++) {
        st_rng_t rng = st_id_source_rng(&source);
        st_trace_id_t id = st_trace_id_make(&rng);
        uint64_t half[2];
        memcpy(half, id.bytes, sizeof(half));
        steps[i] = state_of(half[1]) - state_of(half[0]);
    }
    expect_distinct(steps, 1000);
}
END_TEST

/* Each of the 192 bits is set about half the time: 6 standard deviations of 100000 draws. */
START_TEST(every_bit_is_drawn_fairly)
{
    enum { ROUNDS = 100000, SLACK = 949 };
    int ones[192] = {0};
    st_id_source_t source = {.secret = {1, 2}};
    for (int round = 0; round < ROUNDS; round++) {
        st_rng_t rng = st_id_source_rng(&source);
        st_trace_id_t trace = st_trace_id_make(&rng);
        uint64_t part[3];
        memcpy(part, trace.bytes, sizeof(trace.bytes));
        part[2] = st_span_id_make(&rng);
        for (int bit = 0; bit < 192; bit++) {
            ones[bit] += (part[bit / 64] >> bit % 64) & 1;
        }
    }
    for (int bit = 0; bit < 192; bit++) {
        ck_assert_int_ge(ones[bit], ROUNDS / 2 - SLACK);
        ck_assert_int_le(ones[bit], ROUNDS / 2 + SLACK);
    }
}
END_TEST

START_TEST(hex_is_lower_case_most_significant_first_and_unterminated)
{
    char out[ST_TRACE_ID_HEX + 1];
    memset(out, '#', sizeof(out));
    st_span_id_hex(out, UINT64_C(0x0123456789abcdef));
    ck_assert_mem_eq(out, "0123456789abcdef#", ST_SPAN_ID_HEX + 1);
    st_span_id_hex(out, 1);
    ck_assert_mem_eq(out, "0000000000000001#", ST_SPAN_ID_HEX + 1);
    st_span_id_hex(out, UINT64_MAX);
    ck_assert_mem_eq(out, "ffffffffffffffff#", ST_SPAN_ID_HEX + 1);
    const st_trace_id_t id = {{0x00, 0x01, 0x10, 0x7f, 0x80, 0xff, 0xab, 0xcd, 0xef, 0x12,
                               0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}};
    st_trace_id_hex(out, &id);
    ck_assert_mem_eq(out, "0001107f80ffabcdef123456789abcde#", ST_TRACE_ID_HEX + 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, generator_is_splitmix64);
    tcase_add_test(tcase, span_id_is_never_zero);
    tcase_add_test(tcase, a_million_ids_of_several_threads_are_distinct);
    tcase_add_test(tcase, ids_of_one_generator_are_distinct);
    tcase_add_test(tcase, sources_give_different_ids);
    tcase_add_test(tcase, sources_differ_when_the_kernel_has_no_random_bytes);
    tcase_add_test(tcase, secret_is_what_the_kernel_gives);
    tcase_add_test(tcase, halves_of_a_trace_id_are_independent);
    tcase_add_test(tcase, every_bit_is_drawn_fairly);
    tcase_add_test(tcase, hex_is_lower_case_most_significant_first_and_unterminated);
}

T_MAIN("id", add_cases)
