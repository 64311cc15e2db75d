/* SPDX-License-Identifier: Apache-2.0 */
/* Overviews as HTML. */
#include "t_html.h"
#include "t_overview_sample.h"

#define HOSTILE "</td><script>\"&'\\x #evil{} 1   \xEF\xBF\xBD\xc3\xa9"

/* The text without tags and with its entities resolved. */
static const char *text_of(const char *html)
{
    static const char *const entities[][2] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};
    char *text = apr_pcalloc(t_pool, strlen(html) + 1);
    size_t len = 0;
    for (const char *at = html; *at != '\0';) {
        if (*at == '<') {
            at = strchr(at, '>') + 1;
            continue;
        }
        text[len] = *at;
        size_t step = 1;
        for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
            if (strncmp(at, entities[i][0], strlen(entities[i][0])) == 0) {
                text[len] = entities[i][1][0];
                step = strlen(entities[i][0]);
            }
        }
        len++;
        at += step;
    }
    return text;
}

static const char *section_of(const st_overview_t *overview)
{
    const char *html = t_written(st_overview_section, overview);
    const char *why = t_html_check(html, t_pool);
    ck_assert_msg(why == NULL, "%s", why);
    return text_of(html);
}

static void expect(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in %s", part, text);
}

START_TEST(page_is_well_formed)
{
    const char *html = t_written(st_overview_page, &t_overview);
    const char *why = t_html_check(html, t_pool);
    ck_assert_msg(why == NULL, "%s", why);
    ck_assert_int_eq(strncmp(html, "<!DOCTYPE html>\n<html", 21), 0);
    expect(html, "</body>\n</html>\n");
    expect(html, "2026-11-21T22:28:10.000Z");
}
END_TEST

START_TEST(hostile_texts_are_escaped)
{
    const char *text = section_of(&t_overview);
    expect(text, "production, release shop@1.4.2" HOSTILE);
    expect(text, "Last error" HOSTILE ", 1 min 30 s ago");
    expect(text, "file:/var/spool/" HOSTILE);
}
END_TEST

START_TEST(numbers_are_there_in_words)
{
    static const char *const parts[] = {
        "Spans10080713sample_rate 4, queue_overflow 9",
        "Transactions2110",
        "4.3 KB of 8.0 MB, in a file; 2 holes (1.5 KB) left by",
        "process 4711, last heard of 120.0 ms ago; begun 6 times, longest gap 900.0 ms",
        "Open requests3 of 400",
        "Limitsspan for 2.5 s",
        "Circuitopen, next try in 1.2 s, 3 failures in a row",
        "Requests21 with 120.5 KB; 20 answered, 2 repeated, 1 in flight",
        "Latencymean 2.0 s, max 31.0 s; within 1 ms: 1, within 5 ms: 2, ",
        "within 5000 ms: 4, later: 1",
        "Waiting4.0 KB",
        "Waiting0 bytes",
        "Limitsnone",
    };
    const char *text = section_of(&t_overview);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        expect(text, parts[i]);
    }
    ck_assert_ptr_null(strstr(text, "may not add up"));
}
END_TEST

START_TEST(durations_and_sizes_are_rounded_to_what_matters)
{
    st_overview_t overview = t_overview;
    overview.sender_age = 3723 * ST_NS_PER_SEC;
    overview.sender_gap_max = 180000 * ST_NS_PER_SEC;
    overview.ring_used = 1;
    overview.ring_capacity = UINT64_C(4) * 1024 * 1024 * 1024;
    overview.moving = 1;
    overview.sender_changes = 1;
    const char *text = section_of(&overview);
    expect(text, "last heard of 1 h 2 min ago");
    expect(text, "begun 1 time, longest gap 2 d 2 h");
    expect(text, "1 byte of 4.0 GB");
    expect(text, "may not add up");
}
END_TEST

START_TEST(server_without_a_sender_says_so)
{
    st_overview_t overview = t_overview;
    overview.sender = 0;
    expect(section_of(&overview), "Sendernone now");
}
END_TEST

START_TEST(process_that_does_not_trace_says_so)
{
    expect(section_of(&t_overview_none), "does not trace");
}
END_TEST

START_TEST(checker_finds_what_is_not_well_formed)
{
    static const char *const malformed[] = {
        "<p>", "</p>", "<p><a></p></a>", "<script></script>", "a & b", "a > b", "\x01",
    };
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
        ck_assert_msg(t_html_check(malformed[i], t_pool) != NULL, "%s", malformed[i]);
    }
    ck_assert_ptr_null(t_html_check("<p>a &amp; b<br />\n</p>", t_pool));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, page_is_well_formed);
    tcase_add_test(tcase, hostile_texts_are_escaped);
    tcase_add_test(tcase, numbers_are_there_in_words);
    tcase_add_test(tcase, durations_and_sizes_are_rounded_to_what_matters);
    tcase_add_test(tcase, server_without_a_sender_says_so);
    tcase_add_test(tcase, process_that_does_not_trace_says_so);
    tcase_add_test(tcase, checker_finds_what_is_not_well_formed);
}

T_MAIN("overview_html", add_cases)
