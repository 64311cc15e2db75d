/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "st_id.h"

/* What st_utf8_sequence should say, from the code point instead of from byte ranges. */
static size_t sequence_by_code_point(const unsigned char *s, size_t len)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : 4;
    if (need == 1) {
        return 1;
    }
    if (need > len || (need == 4 && s[0] >> 3 != 30)) {
        return 0;
    }
    uint32_t point = s[0] & (0x7Fu >> need);
    for (size_t i = 1; i < need; i++) {
        if (s[i] >> 6 != 2) {
            return 0;
        }
        point = point << 6 | (s[i] & 0x3Fu);
    }
    int valid =
        point >= lowest[need] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    return valid ? need : 0;
}

static void expect_sequence(const unsigned char *s, size_t len)
{
    size_t want = sequence_by_code_point(s, len);
    size_t got = st_utf8_sequence((const char *)s, len);
    if (got != want) {
        ck_abort_msg("%02x %02x %02x %02x of %zu bytes: %zu instead of %zu", s[0], s[1],
                     s[2], s[3], len, got, want);
    }
}

START_TEST(all_inputs_of_one_to_three_bytes_are_judged_right)
{
    for (uint32_t n = 0; n < UINT32_C(1) << 24; n++) {
        const unsigned char s[4] = {n >> 16 & 0xFF, n >> 8 & 0xFF, n & 0xFF, 0x80};
        expect_sequence(s, 3);
        if ((n & 0xFF) == 0x80) {
            expect_sequence(s, 2);
        }
        if ((n & 0xFFFF) == 0x8080) {
            expect_sequence(s, 1);
        }
    }
}
END_TEST

START_TEST(inputs_of_four_bytes_are_judged_right_around_every_limit)
{
    static const unsigned char edges[] = {0,    0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xED, 0xFF};
    for (unsigned lead = 0xE0; lead <= 0xFF; lead++) {
        for (unsigned second = 0; second <= 0xFF; second++) {
            for (size_t i = 0; i < sizeof(edges) * sizeof(edges); i++) {
                const unsigned char s[4] = {(unsigned char)lead, (unsigned char)second,
                                            edges[i % sizeof(edges)],
                                            edges[i / sizeof(edges)]};
                expect_sequence(s, 4);
                expect_sequence(s, 3);
            }
        }
    }
}
END_TEST

/* The longest prefix, searched for from above. */
static size_t cut_by_search(const char *s, size_t len, size_t max)
{
    for (size_t cut = len < max ? len : max;; cut--) {
        size_t at = 0;
        while (at < cut && at + st_utf8_sequence(s + at, len - at) <= cut) {
            at++;
        }
        if (at == cut) {
            return cut;
        }
    }
}

/* Random text: characters of all lengths, and bytes that are none. */
static size_t random_text(char *out, size_t max, st_rng_t *rng)
{
    static const char *const pieces[] = {
        "a",        "\xC3\xA9",     "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x80", "\xC3",
        "\xE2\x82", "\xF0\x9F\x98", "\xFF",         "\xF4\x8F\xBF\xBF"};
    size_t len = 0;
    size_t want = st_rng_next(rng) % max;
    while (len < want) {
        const char *piece =
            pieces[st_rng_next(rng) % (sizeof(pieces) / sizeof(pieces[0]))];
        size_t n = strlen(piece) < max - len ? strlen(piece) : max - len;
        memcpy(out + len, piece, n);
        len += n;
    }
    return len;
}

START_TEST(cut_is_the_longest_prefix_that_splits_no_character)
{
    st_rng_t rng = {.state = 1};
    for (int round = 0; round < 20000; round++) {
        char s[24];
        size_t len = random_text(s, sizeof(s), &rng);
        for (size_t max = 0; max <= len + 2; max++) {
            size_t want = cut_by_search(s, len, max);
            size_t got = st_utf8_cut(s, len, max);
            if (got != want) {
                ck_abort_msg("round %d: %zu instead of %zu", round, got, want);
            }
        }
    }
}
END_TEST

START_TEST(cut_text_is_the_text_or_its_start)
{
    st_str_t text = st_str("a\xC3\xA4z");
    ck_assert_uint_eq(st_str_cut(text, 4).len, 4);
    ck_assert_uint_eq(st_str_cut(text, 3).len, 3);
    ck_assert_uint_eq(st_str_cut(text, 2).len, 1);
    ck_assert_ptr_eq(st_str_cut(text, 2).ptr, text.ptr);
    ck_assert_uint_eq(st_str_cut(st_str(NULL), 0).len, 0);
}
END_TEST

START_TEST(view_of_null_is_empty)
{
    ck_assert_uint_eq(st_str(NULL).len, 0);
    ck_assert_uint_eq(st_str("").len, 0);
    ck_assert_uint_eq(st_str("abc").len, 3);
    ck_assert_int_eq(st_str_contains_nocase(st_str(NULL), ""), 1);
    ck_assert_int_eq(st_str_contains_nocase(st_str(NULL), "a"), 0);
}
END_TEST

START_TEST(search_agrees_with_strcasestr)
{
    static const char letters[] = "aAbBzZ@[`{-";
    static const char *const needles[] = {"",    "a",  "b",   "ab",  "ba",    "aab",
                                          "zab", "z-", "[@`", "b{a", "abzabz"};
    st_rng_t rng = {.state = 2};
    for (int round = 0; round < 20000; round++) {
        char s[16];
        size_t len = st_rng_next(&rng) % (sizeof(s) - 1);
        for (size_t i = 0; i < len; i++) {
            s[i] = letters[st_rng_next(&rng) % (sizeof(letters) - 1)];
        }
        s[len] = '\0';
        for (size_t i = 0; i < sizeof(needles) / sizeof(needles[0]); i++) {
            int want = strcasestr(s, needles[i]) != NULL;
            t_assert(st_str_contains_nocase((st_str_t){s, len}, needles[i]) == want);
        }
    }
}
END_TEST

START_TEST(search_stays_within_the_length)
{
    const char text[] = {'x', 't', 'o', 'k', 'e', 'n'};
    ck_assert_int_eq(st_str_contains_nocase((st_str_t){text, 6}, "token"), 1);
    ck_assert_int_eq(st_str_contains_nocase((st_str_t){text, 5}, "token"), 0);
    ck_assert_int_eq(st_str_contains_nocase((st_str_t){"a\0TOKEN", 7}, "token"), 1);
}
END_TEST

static const struct {
    const char *text;
    double rate;
} good_rates[] = {{"0", 0.0},      {"0.0", 0.0},      {"1", 1.0},    {"1.0", 1.0},
                  {"1.000", 1.0},  {"0.25", 0.25},    {".5", 0.5},   {"1e-3", 0.001},
                  {"1E-3", 1e-3},  {"10e-1", 1.0},    {"+0.5", 0.5}, {"00.5", 0.5},
                  {"0.5e0", 0.5},  {"0.1", 0.1},      {"1.", 1.0},   {"-0", 0.0},
                  {"1e-400", 0.0}, {"5e-324", 5e-324}};

START_TEST(rate_is_accepted)
{
    double rate = -1.0;
    ck_assert_int_eq(st_rate_parse(&rate, good_rates[_i].text), APR_SUCCESS);
    ck_assert(rate == good_rates[_i].rate);
    /* "-0" would go out as it is, and a negative rate is refused by Sentry. */
    ck_assert_int_eq(signbit(rate), 0);
}
END_TEST

static const char *const bad_rates[] = {
    "",     " ",     " 1",   "1 ",   "0.5\n",   "\t0.5",     "0,5",      "0.5,",
    "x",    "on",    "nan",  "NaN",  "inf",     "-inf",      "infinity", "0x1",
    "0x1p", "1p0",   "-1",   "-0.1", "-1e-9",   "1.0000001", "2",        "100",
    "1e1",  "1e400", "--0",  "+-0",  "0.5.5",   "1e",        "1e-",      "e5",
    ".",    "-",     "+",    "50%",  "1/2",     "0.5f",      "0.5 0.5",  "0.5;",
    "0_1",  "1e0e0", "true", "0b1",  "\xC2\xBD"};

START_TEST(rate_is_refused_and_untouched)
{
    double rate = 0.75;
    ck_assert_int_eq(st_rate_parse(&rate, bad_rates[_i]), ST_E_MALFORMED);
    ck_assert(rate == 0.75);
}
END_TEST

static const struct {
    const char *text;
    double number;
} parsed[] = {{"0", 0.0},       {"60", 60.0},   {"1.5", 1.5},        {".5", 0.5},
              {"2.", 2.0},      {"-3", -3.0},   {"+3", 3.0},         {"1e3", 1000.0},
              {"2.5E-1", 0.25}, {"-0.5", -0.5}, {"1e999", HUGE_VAL}, {"007", 7.0}};

START_TEST(number_is_parsed)
{
    double number;
    ck_assert_int_eq(st_number_parse(&number, parsed[_i].text), APR_SUCCESS);
    ck_assert(number == parsed[_i].number);
}
END_TEST

static const char *const no_numbers[] = {"",    " ",   " 1",  "1 ", "x",  "nan", "inf",
                                         "0x1", "1,5", "--1", "1e", "e5", ".",   "1s"};

START_TEST(no_number_is_refused_and_untouched)
{
    double number = 0.75;
    ck_assert_int_eq(st_number_parse(&number, no_numbers[_i]), ST_E_MALFORMED);
    ck_assert(number == 0.75);
}
END_TEST

static const struct {
    double number;
    const char *text;
} numbers[] = {{0.0, "0"},
               {1.0, "1"},
               {0.1, "0.1"},
               {0.25, "0.25"},
               {0.001, "0.001"},
               {1.0 / 3.0, "0.3333333333333333"},
               {-2.5, "-2.5"},
               {123456.0, NULL},
               {0.1 + 0.2, "0.30000000000000004"},
               {1e300, "1e+300"},
               {5e-324, "5e-324"},
               {DBL_MAX, "1.7976931348623157e+308"},
               {DBL_MIN, NULL},
               {1e15, NULL},
               {9007199254740993.0, NULL},
               {0.052341, "0.052341"}};

START_TEST(number_is_written_with_few_digits)
{
    char out[32];
    size_t len = st_number_write(out, sizeof(out), numbers[_i].number);
    ck_assert_uint_eq(len, strlen(out));
    ck_assert(strtod(out, NULL) == numbers[_i].number);
    if (numbers[_i].text != NULL) {
        ck_assert_str_eq(out, numbers[_i].text);
    }
}
END_TEST

/* Significant digits of a written number. */
static int digits_of(const char *text)
{
    int digits = 0;
    int zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '.' || *text == '-' || (*text == '0' && digits == 0)) {
            continue;
        }
        digits++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return digits - zeros;
}

static double random_double(st_rng_t *rng, int round)
{
    if (round % 4 == 0) {
        return (double)(st_rng_next(rng) % 1000000) / 1e6;
    }
    if (round % 4 == 1) {
        return (double)(st_rng_next(rng) % 1000000000) / 1e6;
    }
    union {
        uint64_t bits;
        double real;
    } any = {.bits = st_rng_next(rng)};
    if (round % 64 == 2) {
        any.bits &= UINT64_C(0x800FFFFFFFFFFFFF); /* subnormal */
    }
    return isfinite(any.real) ? any.real : 0.5;
}

START_TEST(numbers_come_back_and_no_shorter_form_would)
{
    regex_t json;
    ck_assert_int_eq(
        regcomp(&json, "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED),
        0);
    st_rng_t rng = {.state = 3};
    for (int round = 0; round < 20000; round++) {
        double number = random_double(&rng, round);
        char out[32];
        char shorter[64];
        size_t len = st_number_write(out, sizeof(out), number);
        ck_assert_uint_eq(len, strlen(out));
        ck_assert_int_eq(regexec(&json, out, 0, NULL, 0), 0);
        ck_assert(strtod(out, NULL) == number);
        int digits = digits_of(out);
        snprintf(shorter, sizeof(shorter), "%.*e", digits > 1 ? digits - 2 : 0, number);
        ck_assert_msg(digits < 2 || strtod(shorter, NULL) != number, "%s: %s is enough",
                      out, shorter);
    }
    regfree(&json);
}
END_TEST

START_TEST(writing_leaves_the_locale_of_the_thread_alone)
{
    locale_t own = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
    ck_assert(own != NULL);
    locale_t before = uselocale(own);
    char out[32];
    st_number_write(out, sizeof(out), 0.25);
    ck_assert(uselocale(before) == own);
    freelocale(own);
}
END_TEST

/* Locales with a decimal comma; a machine without them runs this in "C". */
static const char *const locales[] = {"C", "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                      "de_DE"};

START_TEST(numbers_do_not_depend_on_the_locale)
{
    setlocale(LC_ALL, locales[_i]);
    double rate = 0.0;
    ck_assert_int_eq(st_rate_parse(&rate, "0.25"), APR_SUCCESS);
    ck_assert(rate == 0.25);
    ck_assert_int_eq(st_rate_parse(&rate, "0,25"), ST_E_MALFORMED);
    char before[32];
    char after[32];
    char out[32];
    snprintf(before, sizeof(before), "%.2f", 0.25);
    st_number_write(out, sizeof(out), 0.25);
    ck_assert_str_eq(out, "0.25");
    snprintf(after, sizeof(after), "%.2f", 0.25);
    ck_assert_str_eq(after, before);
    setlocale(LC_ALL, "C");
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

START_TEST(hex_digits_of_either_case_have_a_value)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    for (int c = -128; c < 128; c++) {
        const char *at = c != 0 ? strchr(digits, c) : NULL;
        int expected = at != NULL ? (int)((at - digits) % 16) : -1;
        ck_assert_int_eq(st_hex_value((char)c), expected);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, hex_digits_of_either_case_have_a_value);
    tcase_add_test(tcase, all_inputs_of_one_to_three_bytes_are_judged_right);
    tcase_add_test(tcase, inputs_of_four_bytes_are_judged_right_around_every_limit);
    tcase_add_test(tcase, cut_is_the_longest_prefix_that_splits_no_character);
    tcase_add_test(tcase, cut_text_is_the_text_or_its_start);
    tcase_add_test(tcase, view_of_null_is_empty);
    tcase_add_test(tcase, search_agrees_with_strcasestr);
    tcase_add_test(tcase, search_stays_within_the_length);
    tcase_add_loop_test(tcase, rate_is_accepted, 0, COUNT(good_rates));
    tcase_add_loop_test(tcase, rate_is_refused_and_untouched, 0, COUNT(bad_rates));
    tcase_add_loop_test(tcase, number_is_parsed, 0, COUNT(parsed));
    tcase_add_loop_test(tcase, no_number_is_refused_and_untouched, 0, COUNT(no_numbers));
    tcase_add_loop_test(tcase, number_is_written_with_few_digits, 0, COUNT(numbers));
    tcase_add_test(tcase, numbers_come_back_and_no_shorter_form_would);
    tcase_add_test(tcase, writing_leaves_the_locale_of_the_thread_alone);
    tcase_add_loop_test(tcase, numbers_do_not_depend_on_the_locale, 0, COUNT(locales));
}

T_MAIN("text", add_cases)
