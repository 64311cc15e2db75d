/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_parent.h"

#include <regex.h>
#include <string.h>

#define TRACE "771a43a4192642f0b136d5159a501700"
#define SPAN  "1e2f3a4b5c6d7e8f"
#define ZERO  "0000000000000000"

static const struct {
    const char *header;
    const char *span; /* NULL: none */
    int sampled;
} good[] = {
    {TRACE "-" SPAN "-1", SPAN, 1},
    {TRACE "-" SPAN "-0", SPAN, 0},
    {TRACE "-" SPAN, SPAN, ST_SAMPLED_UNKNOWN},
    {TRACE "-" SPAN "-", SPAN, ST_SAMPLED_UNKNOWN},
    {" \t" TRACE "-" SPAN "-1 \t", SPAN, 1},
    {TRACE, NULL, ST_SAMPLED_UNKNOWN},
    {TRACE "-", NULL, ST_SAMPLED_UNKNOWN},
    {TRACE "--", NULL, ST_SAMPLED_UNKNOWN},
    {TRACE "-1", NULL, 1},
    {TRACE "--0", NULL, 0},
    {TRACE SPAN "1", SPAN, 1},
    {TRACE SPAN, SPAN, ST_SAMPLED_UNKNOWN},
    {TRACE "0", NULL, 0},
    {"," TRACE "-" SPAN "-1", SPAN, 1},
    {" , ,\t, " TRACE "-" SPAN "-1", SPAN, 1},
    {TRACE "-" SPAN "-1,garbage", SPAN, 1},
    {TRACE "-" SPAN "-1, " TRACE "-" SPAN "-0", SPAN, 1},
    {TRACE "-0000000000000001-1", "0000000000000001", 1},
    {"00000000000000000000000000000001-" SPAN "-1", SPAN, 1},
};

START_TEST(header_is_read)
{
    st_parent_t parent;
    char hex[ST_SPAN_ID_HEX + 1] = "";
    ck_assert_int_eq(st_parent_parse(&parent, good[_i].header), APR_SUCCESS);
    ck_assert_int_eq(parent.sampled, good[_i].sampled);
    if (good[_i].span == NULL) {
        ck_assert_uint_eq(parent.span_id, 0);
        return;
    }
    st_span_id_hex(hex, parent.span_id);
    ck_assert_str_eq(hex, good[_i].span);
}
END_TEST

START_TEST(every_byte_of_the_ids_is_read)
{
    st_parent_t parent;
    char hex[ST_TRACE_ID_HEX + 1] = "";
    ck_assert_int_eq(st_parent_parse(&parent, TRACE "-" SPAN "-1"), APR_SUCCESS);
    st_trace_id_hex(hex, &parent.trace_id);
    ck_assert_str_eq(hex, TRACE);
    ck_assert_uint_eq(parent.span_id, UINT64_C(0x1e2f3a4b5c6d7e8f));
}
END_TEST

static const char *const bad[] = {
    "",
    " ",
    ",",
    ", ,\t",
    "-",
    "1",
    "0",
    SPAN,
    "-" SPAN "-1",
    SPAN "-1",
    "771A43A4192642F0B136D5159A501700-" SPAN "-1",
    TRACE "-1E2F3A4B5C6D7E8F-1",
    TRACE "-" SPAN "-2",
    TRACE "-" SPAN "-true",
    TRACE "-" SPAN "-01",
    TRACE "-" SPAN "-1-",
    TRACE "-" SPAN "--1",
    TRACE "---",
    TRACE "-" SPAN "-1;x",
    TRACE " - " SPAN,
    TRACE "-" SPAN "-1 x",
    "x" TRACE "-" SPAN "-1",
    TRACE "-1e2f3a4b5c6d7e8-1",
    TRACE "-1e2f3a4b5c6d7e8f0-1",
    "771a43a4192642f0b136d5159a50170-" SPAN "-1",
    "771a43a4192642f0b136d5159a5017000-" SPAN "-1",
    "771a43a4-1926-42f0-b136-d5159a501700-" SPAN "-1",
    "771a43a4192642f0b136d5159a50170g-" SPAN "-1",
    ZERO ZERO "-" SPAN "-1",
    TRACE "-" ZERO "-1",
    ZERO ZERO "-" ZERO "-0",
    "00-" TRACE "-" SPAN "-01",
    "garbage," TRACE "-" SPAN "-1",
    "\n" TRACE "-" SPAN "-1",
    TRACE "-" SPAN "-1\r\n",
    "\xC3\xA9" TRACE,
};

START_TEST(malformed_header_is_refused_and_nothing_is_touched)
{
    st_parent_t parent, before;
    memset(&parent, 0xA5, sizeof(parent));
    before = parent;
    ck_assert_int_eq(st_parent_parse(&parent, bad[_i]), ST_E_MALFORMED);
    ck_assert_mem_eq(&parent, &before, sizeof(parent));
}
END_TEST

/* The expression that Sentry's SDKs read the header with, and what it leaves to say. */
static int expected(const regex_t *regex, const char *header)
{
    regmatch_t groups[4];
    if (regexec(regex, header, 4, groups, 0) != 0 || groups[1].rm_so < 0) {
        return 0;
    }
    const char *trace = header + groups[1].rm_so;
    const char *span = header + groups[2].rm_so;
    return strspn(trace, "0") < ST_TRACE_ID_HEX &&
           (groups[2].rm_so < 0 || strspn(span, "0") < ST_SPAN_ID_HEX);
}

/* One of the pieces, often the one that belongs there. */
static const char *random_piece(st_rng_t *rng, const char *usual)
{
    static const char *const pieces[] = {"",   "-", "--",  "1",  "0",  "2", " ",
                                         "\t", "a", TRACE, SPAN, ZERO, "F"};
    uint64_t pick = st_rng_next(rng) % 40;
    return pick < sizeof(pieces) / sizeof(pieces[0]) ? pieces[pick] : usual;
}

START_TEST(reading_agrees_with_the_expression_of_the_sdks)
{
    regex_t regex;
    st_rng_t rng = {.state = 41};
    int accepted = 0;
    ck_assert_int_eq(regcomp(&regex,
                             "^[ \t]*([0-9a-f]{32})?-?([0-9a-f]{16})?-?([01])?[ \t]*$",
                             REG_EXTENDED),
                     0);
    for (int round = 0; round < 50000; round++) {
        static const char *const usual[] = {"", TRACE, "-", SPAN, "-", "1", ""};
        char header[300] = "";
        for (int i = 0; i < 7; i++) {
            strcat(header, random_piece(&rng, usual[i]));
        }
        st_parent_t parent;
        int got = st_parent_parse(&parent, header) == APR_SUCCESS;
        ck_assert_msg(got == expected(&regex, header), "\"%s\": %d", header, got);
        accepted += got;
    }
    ck_assert_int_gt(accepted, 1000);
    ck_assert_int_lt(accepted, 49000);
    regfree(&regex);
}
END_TEST

static const struct {
    int sampled;
    const char *text, *w3c;
} written[] = {
    {1, TRACE "-" SPAN "-1", "00-" TRACE "-" SPAN "-01"},
    {0, TRACE "-" SPAN "-0", "00-" TRACE "-" SPAN "-00"},
    {ST_SAMPLED_UNKNOWN, TRACE "-" SPAN, "00-" TRACE "-" SPAN "-00"},
};

START_TEST(what_is_written_is_exact_and_can_be_read)
{
    st_parent_t parent, again;
    ck_assert_int_eq(st_parent_parse(&parent, written[_i].text), APR_SUCCESS);
    char text[ST_PARENT_BYTES];
    size_t len =
        st_parent_write(text, &parent.trace_id, parent.span_id, written[_i].sampled);
    ck_assert_str_eq(text, written[_i].text);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_int_eq(st_parent_parse(&again, text), APR_SUCCESS);
    ck_assert_int_eq(again.sampled, written[_i].sampled);
    char w3c[ST_PARENT_W3C_BYTES];
    len = st_parent_write_w3c(w3c, &parent.trace_id, parent.span_id, written[_i].sampled);
    ck_assert_str_eq(w3c, written[_i].w3c);
    ck_assert_uint_eq(len, strlen(w3c));
    /* Both fill their room exactly. */
    ck_assert_uint_eq(sizeof(w3c), strlen(w3c) + 1);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, header_is_read, 0, COUNT(good));
    tcase_add_test(tcase, every_byte_of_the_ids_is_read);
    tcase_add_loop_test(tcase, malformed_header_is_refused_and_nothing_is_touched, 0,
                        COUNT(bad));
    tcase_add_test(tcase, reading_agrees_with_the_expression_of_the_sdks);
    tcase_add_loop_test(tcase, what_is_written_is_exact_and_can_be_read, 0,
                        COUNT(written));
}

T_MAIN("parent", add_cases)
