/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_style.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int terminal; /* the inner end of a pseudo terminal */
static int outer;
static int file;

static void setup(void)
{
    outer = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(outer, 0);
    ck_assert_int_eq(grantpt(outer), 0);
    ck_assert_int_eq(unlockpt(outer), 0);
    terminal = open(ptsname(outer), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    file = open("/dev/null", O_WRONLY);
    ck_assert_int_ge(file, 0);
    unsetenv("COLUMNS");
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
}

static void teardown(void)
{
    close(terminal);
    close(outer);
    close(file);
}

static int width_of_terminal(int columns)
{
    const struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = 25};
    ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
    return stc_style_detect(terminal, 0, STC_COLOUR_NEVER).width;
}

static int width_of_file(const char *columns)
{
    if (columns != NULL) {
        setenv("COLUMNS", columns, 1);
    }
    return stc_style_detect(file, 0, STC_COLOUR_NEVER).width;
}

START_TEST(width_is_the_terminals)
{
    ck_assert_int_eq(width_of_terminal(123), 123);
    setenv("COLUMNS", "77", 1);
    ck_assert_int_eq(width_of_terminal(123), 123);
    ck_assert_int_eq(width_of_terminal(0), 77);
}
END_TEST

START_TEST(width_stays_within_its_limits)
{
    ck_assert_int_eq(width_of_terminal(10), STC_WIDTH_MIN);
    ck_assert_int_eq(width_of_terminal(5000), STC_WIDTH_MAX);
}
END_TEST

START_TEST(without_a_terminal_columns_count)
{
    ck_assert_int_eq(width_of_file(NULL), STC_WIDTH_DEFAULT);
    ck_assert_int_eq(width_of_file("120"), 120);
    ck_assert_int_eq(width_of_file("5"), STC_WIDTH_MIN);
    ck_assert_int_eq(width_of_file("12x"), STC_WIDTH_DEFAULT);
    ck_assert_int_eq(width_of_file(""), STC_WIDTH_DEFAULT);
    ck_assert_int_eq(width_of_file("-1"), STC_WIDTH_DEFAULT);
    ck_assert_int_eq(width_of_file("99999999999999999999"), STC_WIDTH_DEFAULT);
}
END_TEST

START_TEST(asked_width_beats_the_terminal)
{
    ck_assert_int_eq(stc_style_detect(terminal, 66, STC_COLOUR_NEVER).width, 66);
}
END_TEST

START_TEST(colours_are_for_terminals_that_want_them)
{
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_AUTO).colour, 1);
    ck_assert_int_eq(stc_style_detect(file, 0, STC_COLOUR_AUTO).colour, 0);
    setenv("TERM", "dumb", 1);
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_AUTO).colour, 0);
    unsetenv("TERM");
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_AUTO).colour, 0);
}
END_TEST

START_TEST(no_color_counts_unless_empty_or_overridden)
{
    setenv("NO_COLOR", "1", 1);
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_AUTO).colour, 0);
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_ALWAYS).colour, 1);
    setenv("NO_COLOR", "", 1);
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_AUTO).colour, 1);
    ck_assert_int_eq(stc_style_detect(terminal, 0, STC_COLOUR_NEVER).colour, 0);
}
END_TEST

START_TEST(utf8_is_the_locales)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C"));
    ck_assert_int_eq(stc_style_detect(file, 0, STC_COLOUR_NEVER).utf8, 0);
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    ck_assert_int_eq(stc_style_detect(file, 0, STC_COLOUR_NEVER).utf8, 1);
}
END_TEST

START_TEST(paint_appears_only_with_colours)
{
    stc_style_t style = {.colour = 0};
    st_buf_t out;
    st_buf_init(&out, 100);
    stc_style_begin(&out, &style, STC_PAINT_ERROR);
    stc_style_end(&out, &style);
    ck_assert_uint_eq(out.len, 0);
    style.colour = 1;
    stc_style_begin(&out, &style, STC_PAINT_ERROR);
    stc_style_end(&out, &style);
    ck_assert_str_eq(t_text(&out), "\033[31m\033[0m");
    st_buf_free(&out);
}
END_TEST

START_TEST(operations_have_their_colours)
{
    ck_assert_int_eq(stc_style_paint_of_op(st_str("http.server")), STC_PAINT_SERVER);
    ck_assert_int_eq(stc_style_paint_of_op(st_str("handler")), STC_PAINT_HANDLER);
    ck_assert_int_eq(stc_style_paint_of_op(st_str("middleware")), STC_PAINT_MIDDLEWARE);
    ck_assert_int_eq(stc_style_paint_of_op(st_str("http.client")), STC_PAINT_CLIENT);
    ck_assert_int_eq(stc_style_paint_of_op(st_str("handlers")), STC_PAINT_OTHER);
    ck_assert_int_eq(stc_style_paint_of_op(st_str("")), STC_PAINT_OTHER);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, width_is_the_terminals);
    tcase_add_test(tcase, width_stays_within_its_limits);
    tcase_add_test(tcase, without_a_terminal_columns_count);
    tcase_add_test(tcase, asked_width_beats_the_terminal);
    tcase_add_test(tcase, colours_are_for_terminals_that_want_them);
    tcase_add_test(tcase, no_color_counts_unless_empty_or_overridden);
    tcase_add_test(tcase, utf8_is_the_locales);
    tcase_add_test(tcase, paint_appears_only_with_colours);
    tcase_add_test(tcase, operations_have_their_colours);
}

T_MAIN("style", add_cases)
