/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_sampling.h"

#include <math.h>
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

static const struct {
    double low, high;
    int possible;
} intervals[] = {
    {0.0, 1.0, 1},
    {0.0, 0.25, 1},
    {0.25, 1.0, 1},
    {0.0, 0.000001, 1},
    {0.999999, 1.0, 1},
    {0.1, 0.100001, 1},
    {0.3, 0.1 + 0.2, 1},
    {0.29, 0.290001, 1},
    {0.0, 1e-9, 1},
    {0.0, 5e-324, 1},
    {0.5, 0.5, 0},
    {0.0, 0.0, 0},
    {1.0, 1.0, 0},
    {0.9999991, 1.0, 0},
    {0.1000001, 0.1000009, 0},
    {0.1 + 0.2, 0.300001, 0},
    {0.6, 0.4, 0},
};

START_TEST(sample_rand_lies_in_the_interval_with_six_digits)
{
    st_rng_t rng = {.state = 8};
    for (int round = 0; round < 2000; round++) {
        st_trace_id_t id = st_trace_id_make(&rng);
        double rand = st_sampling_rand_within(&id, intervals[_i].low, intervals[_i].high);
        if (!intervals[_i].possible) {
            ck_assert(rand == -1.0);
            continue;
        }
        char text[32];
        snprintf(text, sizeof(text), "%.6f", rand);
        ck_assert(rand >= intervals[_i].low && rand < intervals[_i].high);
        ck_assert(strtod(text, NULL) == rand);
        ck_assert(st_sampling_rand_within(&id, intervals[_i].low, intervals[_i].high) ==
                  rand);
    }
}
END_TEST

START_TEST(every_step_of_an_interval_is_hit_and_none_beside_it)
{
    st_rng_t rng = {.state = 9};
    for (int micros = 0; micros < 1000000; micros += 1009) {
        double low = (double)micros / 1e6;
        double high = (double)(micros + 2) / 1e6;
        unsigned seen = 0;
        for (int round = 0; round < 64; round++) {
            st_trace_id_t id = st_trace_id_make(&rng);
            double rand = st_sampling_rand_within(&id, low, high);
            ck_assert(rand == low || rand == (double)(micros + 1) / 1e6);
            seen |= rand == low ? 1u : 2u;
        }
        ck_assert_uint_eq(seen, 3);
    }
}
END_TEST

START_TEST(the_whole_interval_gives_the_usual_sample_rand)
{
    st_rng_t rng = {.state = 10};
    for (int round = 0; round < 1000; round++) {
        st_trace_id_t id = st_trace_id_make(&rng);
        ck_assert(st_sampling_rand_within(&id, 0.0, 1.0) == st_sampling_rand(&id));
    }
}
END_TEST

static const struct {
    double rand;
    const char *text; /* NULL: not written */
} texts[] = {
    {0.0, "0.000000"},
    {0.000001, "0.000001"},
    {0.123456, "0.123456"},
    {0.29, "0.290000"},
    {0.999999, "0.999999"},
    {0.9999996, "0.999999"},
    {0.99999999999, "0.999999"},
    {0.2499999, "0.249999"},
    {0.5029357428, "0.502935"},
    {1.0, NULL},
    {1.5, NULL},
    {-0.1, NULL},
    {-1.0, NULL},
    {NAN, NULL},
};

START_TEST(sample_rand_is_written_with_six_digits_and_never_rounded_up)
{
    char text[ST_SAMPLING_RAND_BYTES] = "unset";
    int written = st_sampling_rand_text(text, texts[_i].rand);
    ck_assert_int_eq(written, texts[_i].text != NULL);
    ck_assert_str_eq(text, texts[_i].text != NULL ? texts[_i].text : "unset");
}
END_TEST

START_TEST(every_six_digit_number_is_written_as_it_is)
{
    for (int micros = 0; micros < 1000000; micros++) {
        char text[ST_SAMPLING_RAND_BYTES];
        char want[32];
        st_sampling_rand_text(text, (double)micros / 1e6);
        snprintf(want, sizeof(want), "0.%06d", micros);
        if (strcmp(text, want) != 0) {
            ck_abort_msg("%s instead of %s", text, want);
        }
    }
}
END_TEST

START_TEST(pressure_halves_the_rate_step_by_step_and_relief_restores_it)
{
    int halvings = 0;
    double rate = 0.8;
    ck_assert(st_sampling_rate_halved(rate, 0) == rate);
    for (int check = 1; check <= 15; check++) {
        halvings = st_sampling_halvings_next(halvings, 1);
        rate = check <= ST_SAMPLING_HALVINGS_MAX ? rate / 2 : rate;
        ck_assert(st_sampling_rate_halved(0.8, halvings) == rate);
    }
    ck_assert_int_eq(halvings, ST_SAMPLING_HALVINGS_MAX);
    ck_assert_int_eq(st_sampling_halvings_next(halvings, 0), 0);
    ck_assert_int_eq(st_sampling_halvings_next(0, 0), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, sample_rand_lies_in_the_interval_with_six_digits, 0,
                        sizeof(intervals) / sizeof(intervals[0]));
    tcase_add_test(tcase, every_step_of_an_interval_is_hit_and_none_beside_it);
    tcase_add_test(tcase, the_whole_interval_gives_the_usual_sample_rand);
    tcase_add_loop_test(tcase,
                        sample_rand_is_written_with_six_digits_and_never_rounded_up, 0,
                        sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, every_six_digit_number_is_written_as_it_is);
    tcase_add_test(tcase, pressure_halves_the_rate_step_by_step_and_relief_restores_it);
    tcase_add_loop_test(tcase, sample_rand_is_uniform, 0, KINDS);
    tcase_add_test(tcase, sample_rand_is_what_six_digits_say);
    tcase_add_test(tcase, every_byte_of_the_trace_id_counts);
    tcase_add_loop_test(tcase, decision_is_strictly_below_the_rate, 0,
                        sizeof(decisions) / sizeof(decisions[0]));
    tcase_add_test(tcase, share_of_sampled_traces_is_the_rate);
}

T_MAIN("sampling", add_cases)
