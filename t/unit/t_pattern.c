/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_pattern.h"

#include <fnmatch.h>
#include <string.h>
#include "st_id.h"

static const struct {
    const char *pattern, *name;
    int matches;
} cases[] = {
    {"", "", 0},
    {"", "GET /", 0},
    {"health", "GET /health", 1},
    {"health", "GET /healthz", 1},
    {"Health", "GET /health", 0},
    {"GET /health", "GET /health", 1},
    {"GET /healthz", "GET /health", 0},
    {".", "GET /health", 0},
    {"[h]", "GET /health", 0},
    {"*", "", 1},
    {"*", "GET /", 1},
    {"**", "GET /", 1},
    {"?", "", 0},
    {"?", "x", 1},
    {"?", "xy", 0},
    {"GET /health*", "GET /healthz", 1},
    {"GET /health*", "GET /health", 1},
    {"health*", "GET /health", 0},
    {"*health", "GET /health", 1},
    {"*health", "GET /healthz", 0},
    {"*/health/*", "GET /health/live", 1},
    {"GET /api/*/ping", "GET /api/a/b/ping", 1},
    {"GET /api/?/ping", "GET /api/a/ping", 1},
    {"GET /api/?/ping", "GET /api/ab/ping", 0},
    {"get /*", "GET /x", 0},
    {"*a*b*c*", "xxaxxbxxcxx", 1},
    {"*a*b*c*", "xxaxxcxxbxx", 0},
    {"*aab", "aaaaaab", 1},
    {"a*b?d", "abbbxd", 1},
    {"a*b?d", "abbbd", 1},
    {"a*b?d", "abd", 0},
    {"\\*", "\\anything", 1},
};

START_TEST(pattern_fits_or_not)
{
    ck_assert_int_eq(st_pattern_matches(cases[_i].pattern, cases[_i].name),
                     cases[_i].matches);
}
END_TEST

static void random_text(char *out, size_t max, const char *letters, st_rng_t *rng)
{
    size_t len = st_rng_next(rng) % max;
    for (size_t i = 0; i < len; i++) {
        out[i] = letters[st_rng_next(rng) % strlen(letters)];
    }
    out[len] = '\0';
}

START_TEST(globs_agree_with_fnmatch_and_others_with_strstr)
{
    st_rng_t rng = {.state = 45};
    int matched = 0;
    for (int round = 0; round < 100000; round++) {
        char pattern[8];
        char name[12];
        random_text(pattern, sizeof(pattern), "ab*?", &rng);
        random_text(name, sizeof(name), "ab", &rng);
        int is_glob = strpbrk(pattern, "*?") != NULL;
        int want = is_glob ? fnmatch(pattern, name, 0) == 0
                           : pattern[0] != '\0' && strstr(name, pattern) != NULL;
        ck_assert_msg(st_pattern_matches(pattern, name) == want, "%s in %s", pattern,
                      name);
        matched += want;
    }
    ck_assert_int_gt(matched, 10000);
}
END_TEST

START_TEST(a_pattern_of_many_stars_comes_to_an_end)
{
    char pattern[2001];
    char name[10001];
    for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[sizeof(pattern) - 2] = 'b';
    pattern[sizeof(pattern) - 1] = '\0';
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(st_pattern_matches(pattern, name), 0);
    name[sizeof(name) - 2] = 'b';
    ck_assert_int_eq(st_pattern_matches(pattern, name), 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, pattern_fits_or_not, 0,
                        (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tcase, globs_agree_with_fnmatch_and_others_with_strstr);
    tcase_add_test(tcase, a_pattern_of_many_stars_comes_to_an_end);
}

T_MAIN("pattern", add_cases)
