/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_term.h"
#include "stc_trace.h"
#include "stc_waterfall.h"

#include <time.h>

static void setup(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
}

static const char *drawn_as(const t_span_t *spans, int count, stc_style_t style)
{
    stc_trace_t *trace = stc_trace_create(T_TRACE_ID, t_pool);
    for (int i = 0; i < count; i++) {
        const char *why;
        json_t *json = t_span_json(&spans[i]);
        ck_assert_int_eq(stc_trace_add(trace, &why, json), APR_SUCCESS);
        json_decref(json);
    }
    stc_trace_arrange(trace);
    st_buf_t out;
    st_buf_init(&out, 100000000);
    stc_waterfall_add(&out, trace, &style);
    const char *text = t_text(&out);
    st_buf_free(&out);
    return text;
}

static const char *drawn(const t_span_t *spans, int count, int width, int utf8)
{
    return drawn_as(spans, count, (stc_style_t){.width = width, .utf8 = utf8});
}

/* No line is wider than it may be, ends in a space, or holds a control character. */
static void expect_fits(const char *text, int width)
{
    int lines = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        const char *line = apr_pstrmemdup(t_pool, text, len);
        ck_assert_int_le(stc_term_width(st_str(line), 1), width);
        ck_assert(len == 0 || line[len - 1] != ' ');
        ck_assert_uint_eq(strcspn(line, "\x1b\x07\r\t"), len);
        text += len + 1;
        lines++;
    }
    ck_assert_int_ge(lines, 4);
}

static const t_span_t request[] = {
    {.id = 1,
     .name = "GET",
     .op = "http.server",
     .error = "unavailable",
     .path = "/api/orders/17",
     .status = 503,
     .end = 52300,
     .is_segment = 1},
    {.id = 2,
     .parent = 1,
     .name = "proxy-server",
     .op = "handler",
     .error = "unavailable",
     .start = 2100,
     .end = 51500},
    {.id = 3,
     .parent = 2,
     .name = "GET orders.internal",
     .op = "http.client",
     .error = "unavailable",
     .start = 2300,
     .end = 40000},
    {.id = 4,
     .parent = 2,
     .name = "DEFLATE",
     .op = "middleware",
     .start = 40100,
     .end = 51400,
     .own_ms = 8.91},
    {.id = 5,
     .parent = 4,
     .name = "CORE",
     .op = "middleware",
     .start = 49000,
     .end = 51390,
     .own_ms = 2.39},
    {.id = 6,
     .parent = 99,
     .name = "LOST",
     .op = "middleware",
     .start = 20000,
     .end = 20000},
    {.id = 7,
     .parent = 3,
     .name = "GET",
     .op = "http.server",
     .path = "/orders/17",
     .start = 10000,
     .end = 35000,
     .is_segment = 1},
};

#define REQUEST request, (int)(sizeof(request) / sizeof(request[0]))

/* Pictures: a line stays a line. */
/* clang-format off */
static const char request_at_110[] =
    "GET  /api/orders/17  503  52.3 ms  2026-11-21 22:26:40.000\n"
    "trace 0123456789abcdef0123456789abcdef, 7 spans, 2 segments\n"
    "GET                      http.server ███████████████████████████████████  52.3 ms                ✗ unavailable\n"
    "├ proxy-server           handler      █████████████████████████████████   49.4 ms                ✗ unavailable\n"
    "│ ├ GET orders.internal  http.client  ▐████████████████████████▌          37.7 ms                ✗ unavailable\n"
    "│ │ └ GET  /orders/17    http.server       ▐████████████████              25.0 ms\n"
    "│ └ DEFLATE              middleware                            ▐███████   11.3 ms   8.91 ms own\n"
    "│   └ CORE               middleware                                  ▐█   2.39 ms   2.39 ms own\n"
    "└ ? LOST                 middleware               ▏                          0 µs\n"
    "\n";

static const char request_in_ascii[] =
    "GET  /api/orders/17  503  52.3 ms  2026-11-21 22:26:40.000\n"
    "trace 0123456789abcdef0123456789abcdef, 7 spans, 2 segments\n"
    "GET                     http.server ################  52.3 ms                ! unavailable\n"
    "+ proxy-server          handler     ###############   49.4 ms                ! unavailable\n"
    "| + GET orders.inte...  http.client ############      37.7 ms                ! unavailable\n"
    "| | ` GET  /orders/17   http.server    #######        25.0 ms\n"
    "| ` DEFLATE             middleware              ###   11.3 ms   8.91 ms own\n"
    "|   ` CORE              middleware                #   2.39 ms   2.39 ms own\n"
    "` ? LOST                middleware        |              0 us\n"
    "\n";

static const char hostile_at_80[] =
    "GET\\x1b[2J\\r\\nfake line  /\\u{202e}\\x1b[31m  10 µs  2026-11-21 22:26:40.000\n"
    "trace 0123456789abcdef0123456789abcdef, 2 spans\n"
    "GET\\x1b[2J\\r\\nfake line    \\x1b]0;x\\a █████████████████    10 µs  ✗ \\x1b[5mbad\\n\n"
    "└ 日本語のとても長い名前…             ████████▌             5 µs\n"
    "\n";

static const char skewed_at_80[] =
    "GET  1.20 ms  2026-11-21 22:26:40.000\n"
    "trace 0123456789abcdef0123456789abcdef, 4 spans\n"
    "GET                     ███████████              400 µs\n"
    "├ before     ███████████                         400 µs\n"
    "├ after                            ███████████   400 µs\n"
    "└ backwards                                  ▏     0 µs  ✗ ends before it starts\n"
    "\n";
/* clang-format on */

START_TEST(request_is_drawn_with_lines_and_blocks)
{
    ck_assert_str_eq(drawn(REQUEST, 110, 1), request_at_110);
}
END_TEST

START_TEST(request_is_drawn_in_ascii)
{
    ck_assert_str_eq(drawn(REQUEST, 90, 0), request_in_ascii);
}
END_TEST

START_TEST(columns_give_way_on_narrow_terminals)
{
    ck_assert_str_eq(drawn(REQUEST, 60, 1),
                     "GET  /api/orders/17  503  52.3 ms  2026-11-21 22:26:40.000\n"
                     "trace 0123456789abcdef0123456789abcdef, 7 spans, 2 segments\n"
                     "GET                   ██████████████  52.3 ms  ✗ unavailable\n"
                     "├ proxy-server        ▐████████████▌  49.4 ms  ✗ unavailable\n"
                     "│ ├ GET orders.inte…  ▐█████████▌     37.7 ms  ✗ unavailable\n"
                     "│ │ └ GET  /orders/…    ▐██████       25.0 ms\n"
                     "│ └ DEFLATE                     ▐██▌  11.3 ms\n"
                     "│   └ CORE                         ▌  2.39 ms\n"
                     "└ ? LOST                   ▏             0 µs\n"
                     "\n");
    ck_assert_str_eq(drawn(REQUEST, 40, 1), "GET  /api/o…  503  52.3 ms  22:26:40.000\n"
                                            "trace 0123456789abcdef0123456789abcdef,…\n"
                                            "GET              ███████████  52.3 ms  ✗\n"
                                            "├ proxy-server   ██████████▌  49.4 ms  ✗\n"
                                            "│ ├ GET orders…  ████████     37.7 ms  ✗\n"
                                            "│ │ └ GET  /or…    █████      25.0 ms\n"
                                            "│ └ DEFLATE              ██▌  11.3 ms\n"
                                            "│   └ CORE                 ▌  2.39 ms\n"
                                            "└ ? LOST             ▏           0 µs\n"
                                            "\n");
}
END_TEST

START_TEST(colours_surround_names_and_bars)
{
    ck_assert_str_eq(
        drawn_as(request + 3, 1, (stc_style_t){.width = 60, .utf8 = 1, .colour = 1}),
        "\033[1m(no segment)\033[0m  11.3 ms  2026-11-21 22:26:40.040\n"
        "\033[2mtrace 0123456789abcdef0123456789abcdef, 1 span\033[0m\n"
        "? DEFLATE  middleware \033[36m█████████████████████████████\033[0m  11.3 ms\n"
        "\n");
}
END_TEST

START_TEST(fits_every_width)
{
    for (int width = STC_WIDTH_MIN; width <= 300; width++) {
        expect_fits(drawn(REQUEST, width, 1), width);
        expect_fits(drawn(REQUEST, width, 0), width);
    }
    expect_fits(drawn(REQUEST, STC_WIDTH_MAX, 1), STC_WIDTH_MAX);
}
END_TEST

START_TEST(hostile_names_are_made_safe)
{
    const t_span_t spans[] = {
        {.id = 1,
         .name = "GET\x1b[2J\r\nfake line",
         .op = "\x1b]0;x\x07",
         .path = "/\u202e\x1b[31m",
         .error = "\x1b[5mbad\n",
         .end = 10,
         .is_segment = 1},
        {.id = 2, .parent = 1, .name = "日本語のとても長い名前です", .end = 5},
    };
    for (int width = STC_WIDTH_MIN; width <= 200; width++) {
        expect_fits(drawn(spans, 2, width, 1), width);
        expect_fits(drawn(spans, 2, width, 0), width);
    }
    ck_assert_str_eq(drawn(spans, 2, 80, 1), hostile_at_80);
}
END_TEST

START_TEST(trace_without_duration_is_drawn_as_moments)
{
    const t_span_t spans[] = {
        {.id = 1, .name = "GET", .op = "http.server", .is_segment = 1},
        {.id = 2, .parent = 1, .name = "x", .op = "handler"},
    };
    ck_assert_str_eq(drawn(spans, 2, 60, 1),
                     "GET  0 µs  2026-11-21 22:26:40.000\n"
                     "trace 0123456789abcdef0123456789abcdef, 2 spans\n"
                     "GET  http.server ▏                                      0 µs\n"
                     "└ x  handler     ▏                                      0 µs\n"
                     "\n");
}
END_TEST

START_TEST(skewed_clocks_and_backwards_spans_stay_on_the_scale)
{
    const t_span_t spans[] = {
        {.id = 1, .name = "GET", .start = 400, .end = 800, .is_segment = 1},
        {.id = 2, .parent = 1, .name = "before", .start = 0, .end = 400},
        {.id = 3, .parent = 1, .name = "after", .start = 800, .end = 1200},
        {.id = 4, .parent = 1, .name = "backwards", .start = 1200, .end = 100},
    };
    ck_assert_str_eq(drawn(spans, 4, 80, 1), skewed_at_80);
}
END_TEST

START_TEST(trace_without_a_segment_says_so)
{
    const t_span_t spans[] = {{.id = 2, .parent = 1, .name = "x", .end = 7}};
    ck_assert_str_eq(drawn(spans, 1, 60, 1),
                     "(no segment)  7 µs  2026-11-21 22:26:40.000\n"
                     "trace 0123456789abcdef0123456789abcdef, 1 span\n"
                     "? x  ██████████████████████████████████████████████     7 µs\n"
                     "\n");
}
END_TEST

START_TEST(repeated_spans_are_told)
{
    const t_span_t spans[] = {{.id = 1, .name = "x", .end = 7, .is_segment = 1},
                              {.id = 1, .name = "x", .end = 7, .is_segment = 1}};
    ck_assert_ptr_nonnull(strstr(drawn(spans, 2, 80, 1), ", 1 span, 1 repeated\n"));
}
END_TEST

START_TEST(deep_trees_tell_the_depth_as_a_number)
{
    static t_span_t spans[500];
    for (int i = 0; i < 500; i++) {
        spans[i] = (t_span_t){.id = i + 1,
                              .parent = i,
                              .name = "call",
                              .op = "function",
                              .start = i,
                              .end = 1000 - i,
                              .is_segment = i == 0};
    }
    const char *text = drawn(spans, 500, 80, 1);
    expect_fits(text, 80);
    ck_assert_ptr_nonnull(strstr(text, "»499 call"));
    ck_assert_ptr_nonnull(strstr(text, "└ call"));
}
END_TEST

START_TEST(thousand_spans_take_a_line_each)
{
    static t_span_t spans[1000];
    for (int i = 0; i < 1000; i++) {
        spans[i] = (t_span_t){.id = i + 1,
                              .parent = i == 0 ? 0 : 1 + (i - 1) / 10,
                              .name = "n",
                              .start = i,
                              .end = 2000,
                              .is_segment = i == 0};
    }
    const char *text = drawn(spans, 1000, 100, 1);
    expect_fits(text, 100);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    ck_assert_int_eq(lines, 1000 + 3);
}
END_TEST

START_TEST(start_is_told_in_local_time)
{
    setenv("TZ", "XYZ-05:30", 1);
    tzset();
    ck_assert_ptr_nonnull(strstr(drawn(REQUEST, 80, 1), "2026-11-22 03:56:40.000"));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, request_is_drawn_with_lines_and_blocks);
    tcase_add_test(tcase, request_is_drawn_in_ascii);
    tcase_add_test(tcase, columns_give_way_on_narrow_terminals);
    tcase_add_test(tcase, colours_surround_names_and_bars);
    tcase_add_test(tcase, fits_every_width);
    tcase_add_test(tcase, hostile_names_are_made_safe);
    tcase_add_test(tcase, trace_without_duration_is_drawn_as_moments);
    tcase_add_test(tcase, skewed_clocks_and_backwards_spans_stay_on_the_scale);
    tcase_add_test(tcase, trace_without_a_segment_says_so);
    tcase_add_test(tcase, repeated_spans_are_told);
    tcase_add_test(tcase, deep_trees_tell_the_depth_as_a_number);
    tcase_add_test(tcase, thousand_spans_take_a_line_each);
    tcase_add_test(tcase, start_is_told_in_local_time);
}

T_MAIN("waterfall", add_cases)
