/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_sampling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids as they are made elsewhere: all random, a counter in one half or in both, UUIDs with
 * fixed bits. */
static st_trace_id_t make_id(int kind, st_rng_t *rng, int round)
{
    st_trace_id_t id = st_trace_id_make(rng);
    switch (kind) {
    case 1:
        memset(id.bytes, 0, 8);
        memcpy(id.bytes + 12, &round, sizeof(round));
        memset(id.bytes + 8, 0, 4);
        break;
    case 2:
        memset(id.bytes + 8, 0, 8);
        memcpy(id.bytes, &round, sizeof(round));
        memset(id.bytes + 4, 0, 4);
        break;
    case 4:
        memset(id.bytes, 0, sizeof(id.bytes));
        memcpy(id.bytes, &round, sizeof(round));
        memcpy(id.bytes + 8, &round, sizeof(round));
        break;
    case 3:
        id.bytes[6] = (id.bytes[6] & 0x0F) | 0x40;
        id.bytes[8] = (id.bytes[8] & 0x3F) | 0x80;
        break;
    default:
        break;
    }
    return id;
}

enum { KINDS = 5, CELLS = 100, ROUNDS = 100000 };

/* 100 cells of 1000 expected: chi squared has mean 99 and deviation 14. */
START_TEST(sample_rand_is_uniform)
{
    st_rng_t rng = {.state = 5};
    int cells[CELLS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        st_trace_id_t id = make_id(_i, &rng, round);
        double rand = st_sampling_rand(&id);
        if (!(rand >= 0.0 && rand < 1.0)) {
            ck_abort_msg("%f is outside [0,1)", rand);
        }
        cells[(int)(rand * CELLS)]++;
    }
    double chi_squared = 0.0;
    for (int i = 0; i < CELLS; i++) {
        double off = cells[i] - ROUNDS / CELLS;
        chi_squared += off * off / (ROUNDS / CELLS);
    }
    ck_assert_msg(chi_squared > 50.0 && chi_squared < 170.0, "chi squared is %f",
                  chi_squared);
}
END_TEST

START_TEST(sample_rand_is_what_six_digits_say)
{
    st_rng_t rng = {.state = 6};
    for (int round = 0; round < 20000; round++) {
        st_trace_id_t id = st_trace_id_make(&rng);
        double rand = st_sampling_rand(&id);
        char text[32];
        snprintf(text, sizeof(text), "%.6f", rand);
        ck_assert_uint_eq(strlen(text), 8);
        ck_assert_int_eq(text[0], '0');
        ck_assert(strtod(text, NULL) == rand);
        ck_assert(st_sampling_rand(&id) == rand);
    }
}
END_TEST

START_TEST(every_byte_of_the_trace_id_counts)
{
    const st_trace_id_t id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    double rand = st_sampling_rand(&id);
    for (int i = 0; i < ST_TRACE_ID_BYTES; i++) {
        st_trace_id_t other = id;
        other.bytes[i] ^= 0x40;
        ck_assert(st_sampling_rand(&other) != rand);
    }
}
END_TEST

static const struct {
    double rand;
    double rate;
    int sampled;
} decisions[] = {
    {0.0, 0.0, 0},        {0.0, 0.000001, 1},      {0.0, 5e-324, 1},
    {0.999999, 1.0, 1},   {0.999999, 0.999999, 0}, {0.25, 0.25, 0},
    {0.249999, 0.25, 1},  {0.250001, 0.25, 0},     {0.5, 0.0, 0},
    {0.1, 1.0 / 10.0, 0}, {0.3, 0.1 + 0.2, 1},     {0.0, 1.0, 1},
};

START_TEST(decision_is_strictly_below_the_rate)
{
    ck_assert_int_eq(st_sampling_decide(decisions[_i].rand, decisions[_i].rate),
                     decisions[_i].sampled);
}
END_TEST

/* 100000 draws: 5 standard deviations are at most 791. */
START_TEST(share_of_sampled_traces_is_the_rate)
{
    static const double rates[] = {0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 1.0};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        st_rng_t rng = {.state = 7};
        int sampled = 0;
        for (int round = 0; round < ROUNDS; round++) {
            st_trace_id_t id = st_trace_id_make(&rng);
            sampled += st_sampling_decide(st_sampling_rand(&id), rates[i]);
        }
        double off = sampled - rates[i] * ROUNDS;
        int exact = rates[i] == 0.0 || rates[i] == 1.0;
        ck_assert_msg(exact ? off == 0.0 : off > -791.0 && off < 791.0, "%d at rate %f",
                      sampled, rates[i]);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, sample_rand_is_uniform, 0, KINDS);
    tcase_add_test(tcase, sample_rand_is_what_six_digits_say);
    tcase_add_test(tcase, every_byte_of_the_trace_id_counts);
    tcase_add_loop_test(tcase, decision_is_strictly_below_the_rate, 0,
                        sizeof(decisions) / sizeof(decisions[0]));
    tcase_add_test(tcase, share_of_sampled_traces_is_the_rate);
}

T_MAIN("sampling", add_cases)
