/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_term.h"

/* The safe form of `text`, cut to `max`; checks that the columns told are those measured. */
static const char *shown(const char *text, int max, int utf8)
{
    st_buf_t out;
    st_buf_init(&out, 1000000);
    int columns = stc_term_add(&out, st_str(text), max, utf8);
    ck_assert_int_le(columns, max > 0 ? max : 0);
    const char *result = t_text(&out);
    ck_assert_int_eq(stc_term_width(st_str(result), 1), columns);
    st_buf_free(&out);
    return result;
}

START_TEST(control_characters_become_escapes)
{
    ck_assert_str_eq(shown("a\nb\tc\rd", 99, 1), "a\\nb\\tc\\rd");
    ck_assert_str_eq(shown("\x1b]0;pwn\x07", 99, 1), "\\x1b]0;pwn\\a");
    ck_assert_str_eq(shown("\x7f\x01", 99, 1), "\\x7f\\x01");
    /* C1 controls: U+009B is a CSI for some terminals. */
    ck_assert_str_eq(shown("\xc2\x9b"
                           "31m",
                           99, 1),
                     "\\u{9b}31m");
}
END_TEST

START_TEST(zero_byte_becomes_an_escape)
{
    st_buf_t out;
    st_buf_init(&out, 100);
    ck_assert_int_eq(stc_term_add(&out, (st_str_t){"a\0b", 3}, 99, 1), 6);
    ck_assert_str_eq(t_text(&out), "a\\x00b");
    st_buf_free(&out);
}
END_TEST

START_TEST(direction_and_invisible_characters_become_escapes)
{
    ck_assert_str_eq(shown("a\u202eb", 99, 1), "a\\u{202e}b");
    ck_assert_str_eq(shown("a\u2066b", 99, 1), "a\\u{2066}b");
    ck_assert_str_eq(shown("a\u200bb", 99, 1), "a\\u{200b}b");
    ck_assert_str_eq(shown("a\u2028b", 99, 1), "a\\u{2028}b");
}
END_TEST

START_TEST(invalid_utf8_becomes_escapes_byte_by_byte)
{
    ck_assert_str_eq(shown("a\xff\xc3", 99, 1), "a\\xff\\xc3");
    ck_assert_str_eq(shown("\xc0\x80", 99, 1), "\\xc0\\x80");
}
END_TEST

START_TEST(printable_text_stays)
{
    ck_assert_str_eq(shown("GET /a?b=c \\ ~", 99, 1), "GET /a?b=c \\ ~");
    ck_assert_str_eq(shown("Größe 日本 🚀", 99, 1), "Größe 日本 🚀");
}
END_TEST

START_TEST(without_utf8_only_ascii_comes_out)
{
    ck_assert_str_eq(shown("Größe", 99, 0), "Gr\\u{f6}\\u{df}e");
    ck_assert_str_eq(shown("日", 99, 0), "\\u{65e5}");
}
END_TEST

START_TEST(wide_characters_take_two_columns)
{
    ck_assert_int_eq(stc_term_width(st_str("日本"), 1), 4);
    ck_assert_int_eq(stc_term_width(st_str("한"), 1), 2);
    ck_assert_int_eq(stc_term_width(st_str("🚀"), 1), 2);
    ck_assert_int_eq(stc_term_width(st_str("é"), 1), 1);
    ck_assert_int_eq(stc_term_width(st_str("e\u0301"), 1), 1);
    ck_assert_int_eq(stc_term_width(st_str("…├█"), 1), 3);
}
END_TEST

START_TEST(piles_of_combining_marks_are_thinned_out)
{
    st_buf_t zalgo;
    st_buf_init(&zalgo, 10000);
    st_buf_add_char(&zalgo, 'e');
    for (int i = 0; i < 1000; i++) {
        st_buf_add_str(&zalgo, "\u0301");
    }
    const char *result = shown(t_text(&zalgo), 10, 1);
    st_buf_free(&zalgo);
    ck_assert_str_eq(result, "e\u0301\u0301");
}
END_TEST

START_TEST(long_text_is_cut_with_an_ellipsis)
{
    ck_assert_str_eq(shown("abcdef", 6, 1), "abcdef");
    ck_assert_str_eq(shown("abcdef", 5, 1), "abcd…");
    ck_assert_str_eq(shown("abcdef", 5, 0), "ab...");
    ck_assert_str_eq(shown("abcdef", 1, 1), "…");
    ck_assert_str_eq(shown("abcdef", 2, 0), "..");
    ck_assert_str_eq(shown("abcdef", 0, 1), "");
    ck_assert_str_eq(shown("abcdef", -3, 1), "");
}
END_TEST

START_TEST(cutting_splits_neither_wide_characters_nor_escapes)
{
    ck_assert_str_eq(shown("日本語", 4, 1), "日…");
    ck_assert_str_eq(shown("日本語", 5, 1), "日本…");
    ck_assert_str_eq(shown("a\x1b\x1b\x1b", 7, 1), "a\\x1b…");
}
END_TEST

START_TEST(padding_of_nothing_or_less_adds_nothing)
{
    st_buf_t out;
    st_buf_init(&out, 100);
    stc_term_pad(&out, -5);
    stc_term_pad(&out, 0);
    ck_assert_uint_eq(out.len, 0);
    stc_term_pad(&out, 3);
    ck_assert_str_eq(t_text(&out), "   ");
    st_buf_free(&out);
}
END_TEST

static const struct {
    apr_interval_time_t duration;
    const char *text;
} durations[] = {
    {-5, "0 µs"},
    {0, "0 µs"},
    {999, "999 µs"},
    {1000, "1.00 ms"},
    {1004, "1.00 ms"},
    {1005, "1.01 ms"},
    {9994, "9.99 ms"},
    {9995, "10.0 ms"},
    {99949, "99.9 ms"},
    {99950, "100 ms"},
    {999499, "999 ms"},
    {999500, "1.00 s"},
    {9994999, "9.99 s"},
    {9995000, "10.0 s"},
    {59949999, "59.9 s"},
    {59950000, "1m00s"},
    {185000000, "3m05s"},
    {APR_TIME_C(3599499999), "59m59s"},
    {APR_TIME_C(3599500000), "1h00m"},
    {APR_TIME_C(25920000000), "7h12m"},
    {APR_TIME_C(359999000000), "99h59m"},
    {APR_TIME_C(360000000000), "4d"},
    {APR_TIME_C(253402300799000000), "2932896d"},
};

START_TEST(durations_have_sensible_units)
{
    char text[STC_DURATION_BYTES];
    int columns = stc_term_duration(text, durations[_i].duration, 1);
    ck_assert_str_eq(text, durations[_i].text);
    ck_assert_int_eq(columns, stc_term_width(st_str(text), 1));
    ck_assert_int_le(columns, STC_DURATION_COLUMNS);
}
END_TEST

START_TEST(microseconds_are_us_without_utf8)
{
    char text[STC_DURATION_BYTES];
    ck_assert_int_eq(stc_term_duration(text, 7, 0), 4);
    ck_assert_str_eq(text, "7 us");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, control_characters_become_escapes);
    tcase_add_test(tcase, zero_byte_becomes_an_escape);
    tcase_add_test(tcase, direction_and_invisible_characters_become_escapes);
    tcase_add_test(tcase, invalid_utf8_becomes_escapes_byte_by_byte);
    tcase_add_test(tcase, printable_text_stays);
    tcase_add_test(tcase, without_utf8_only_ascii_comes_out);
    tcase_add_test(tcase, wide_characters_take_two_columns);
    tcase_add_test(tcase, piles_of_combining_marks_are_thinned_out);
    tcase_add_test(tcase, long_text_is_cut_with_an_ellipsis);
    tcase_add_test(tcase, cutting_splits_neither_wide_characters_nor_escapes);
    tcase_add_test(tcase, padding_of_nothing_or_less_adds_nothing);
    tcase_add_loop_test(tcase, durations_have_sensible_units, 0,
                        sizeof(durations) / sizeof(durations[0]));
    tcase_add_test(tcase, microseconds_are_us_without_utf8);
}

T_MAIN("term", add_cases)
