/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_tally.h"

static const stc_style_t plain = {.width = 100, .utf8 = 1};

static const char *shown(stc_tally_t *tally, const stc_style_t *style)
{
    st_buf_t out;
    st_buf_init(&out, 100000);
    stc_tally_show(tally, &out, style);
    const char *text = t_text(&out);
    st_buf_free(&out);
    return text;
}

START_TEST(nothing_counted_shows_nothing)
{
    ck_assert_str_eq(shown(stc_tally_create("discarded", t_pool), &plain), "");
}
END_TEST

START_TEST(counts_add_up_per_label_and_unit)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    stc_tally_add(tally, st_str("sample_rate"), st_str("span"), 5);
    stc_tally_add(tally, st_str("queue_overflow"), st_str("span"), 1);
    stc_tally_add(tally, st_str("sample_rate"), st_str("span"), 7);
    stc_tally_add(tally, st_str("sample_rate"), st_str("transaction"), 2);
    ck_assert_str_eq(shown(tally, &plain),
                     "discarded: sample_rate 12 spans, queue_overflow 1 span, "
                     "sample_rate 2 transactions\n");
}
END_TEST

START_TEST(showing_starts_again_at_nothing)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    stc_tally_add(tally, st_str("a"), st_str("span"), 5);
    ck_assert_str_eq(shown(tally, &plain), "discarded: a 5 spans\n");
    ck_assert_str_eq(shown(tally, &plain), "");
    stc_tally_add(tally, st_str("a"), st_str("span"), 1);
    ck_assert_str_eq(shown(tally, &plain), "discarded: a 1 span\n");
}
END_TEST

START_TEST(labels_are_copied_and_made_safe)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    char label[] = "a\x1b[31m";
    stc_tally_add(tally, st_str(label), st_str("span"), 1);
    memset(label, 'z', sizeof(label) - 1);
    ck_assert_str_eq(shown(tally, &plain), "discarded: a\\x1b[31m 1 span\n");
}
END_TEST

START_TEST(too_many_labels_are_counted_together)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    for (int i = 0; i < 1000; i++) {
        stc_tally_add(tally, st_str(apr_psprintf(t_pool, "reason%d", i)), st_str("span"),
                      1);
    }
    const char *text = shown(tally, &plain);
    ck_assert_ptr_nonnull(strstr(text, "reason31 1 span"));
    ck_assert_ptr_null(strstr(text, "reason32 "));
    ck_assert_ptr_nonnull(strstr(text, ", other 968 items\n"));
}
END_TEST

START_TEST(sums_do_not_wrap)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    stc_tally_add(tally, st_str("a"), st_str("span"), UINT64_MAX - 1);
    stc_tally_add(tally, st_str("a"), st_str("span"), 5);
    ck_assert_str_eq(shown(tally, &plain), "discarded: a 18446744073709551615 spans\n");
}
END_TEST

START_TEST(colours_surround_the_line)
{
    stc_tally_t *tally = stc_tally_create("discarded", t_pool);
    stc_tally_add(tally, st_str("a"), st_str("span"), 1);
    const stc_style_t coloured = {.width = 100, .utf8 = 1, .colour = 1};
    ck_assert_str_eq(shown(tally, &coloured), "\033[2mdiscarded: a 1 span\033[0m\n");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, nothing_counted_shows_nothing);
    tcase_add_test(tcase, counts_add_up_per_label_and_unit);
    tcase_add_test(tcase, showing_starts_again_at_nothing);
    tcase_add_test(tcase, labels_are_copied_and_made_safe);
    tcase_add_test(tcase, too_many_labels_are_counted_together);
    tcase_add_test(tcase, sums_do_not_wrap);
    tcase_add_test(tcase, colours_surround_the_line);
}

T_MAIN("tally", add_cases)
