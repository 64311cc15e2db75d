/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the end of the <head> tag, in one piece and in many. */
#include "st_head_scan.h"

#include <string.h>
#include "t.h"

#define LIMIT 65536

/* "^" marks where the tag ends and is not part of the page; without it there is no head. */
static const char *const pages[] = {
    "<head>^",
    "<html><head>^<title>x</title></head>",
    "<!doctype html>\n<html lang=en>\n<head>^\n",
    "<HTML><HEAD>^",
    "<HeAd\n>^",
    "<head/>^",
    "<head lang=\"de\">^",
    "<head data-x=\"a>b\" data-y='c>d'>^",
    "<head data-x=a\"b>^c\">",
    "<head a\"b>^c\">",
    "<head data-x = \"a>b\">^",
    "<head data-x=>^ \">",
    "<head =\">^\">",
    "<head a/b='>' >^",
    "<head x=\"1\"y='>'>^",
    "<html data-x=\"<head>\"><head>^",
    "<html data-x='<head>'><head>^",
    "<html data-x=<head>nothing",
    "<!-- <head> --><head>^",
    "<!-- -- > <head> --><head>^",
    "<!-- --!><head>^",
    "<!-- --!-><head>--><head>^",
    "<!-- ---><head>^",
    "<!--><head>^",
    "<!---><head>^",
    "<!----><head>^",
    "<!-----><head>^",
    "<!--a-b--c--><head>^",
    "<!-a><head>^",
    "<!><head>^",
    "<!x><head>^",
    "<!-><head>^",
    "<!--[if IE]><html><head><![endif]--><head>^",
    "<![CDATA[ <head> ]]><head>^",
    "<?xml version=\"1.0\"?><head>^",
    "</><head>^",
    "</head><head>^",
    "</p title=\"<head>\"><head>^",
    "</ head><head>^",
    "<header><p>",
    "<header></header><head>^",
    "<heading><hea><headd><head-x><head>^",
    "<abcdefghijklmnopqrstuvwxyz><head>^",
    "a < b << <3 <head>^",
    "<<head>^",
    "<script>var a = '<head>';</script><head>^",
    "<script src=\"a>b\">\"<head>\"</script><head>^",
    "<script>1 </scrip> </scriptx> <head> </SCRIPT ><head>^",
    "<script></script x=\"<head>\"><head>^",
    "<script></</script><head>^",
    "<script><</script/><head>^",
    "<script/><head></script><head>^",
    "<style>/* <head> */</style><head>^",
    "<title><head></title><head>^",
    "<textarea><head></textarea><head>^",
    "<noframes><head></noframes><head>^",
    "<script>var a = '<head>';",
    "<body><head>",
    "<body",
    "<frameset><head>",
    "<plaintext><head>",
    "<head",
    "<head data-x=\">",
    "<head data-x='>",
    "<",
    "<!",
    "<!--",
    "<!-- <head>",
    "plain text",
    "",
};

typedef struct page_t {
    char text[256];
    size_t len;
    long end; /* -1: no head */
} page_t;

static void page_read(page_t *page, const char *marked)
{
    const char *mark = strchr(marked, '^');
    page->len = strlen(marked) - (mark != NULL);
    page->end = mark != NULL ? mark - marked : -1;
    size_t before = mark != NULL ? (size_t)(mark - marked) : page->len;
    ck_assert_uint_lt(page->len, sizeof(page->text));
    memcpy(page->text, marked, before);
    memcpy(page->text + before, marked + strlen(marked) - (page->len - before),
           page->len - before);
}

/* Feeds a piece from memory of exactly its size. @return the position in it, or -1 */
static long piece_feed(st_head_scan_t *scan, const char *bytes, size_t len)
{
    char *piece = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(piece);
    memcpy(piece, bytes, len);
    size_t end = (size_t)-1;
    st_head_result_t result = st_head_scan_feed(scan, piece, len, &end);
    free(piece);
    ck_assert_int_eq(result == ST_HEAD_FOUND, end != (size_t)-1);
    return result == ST_HEAD_FOUND ? (long)end : -1;
}

/* The page in three pieces, cut at a and b. @return the position in it, or -1 */
static long pieces_feed(const page_t *page, size_t a, size_t b)
{
    const size_t cuts[] = {0, a, b, page->len};
    st_head_scan_t scan;
    st_head_scan_init(&scan, LIMIT);
    for (int i = 0; i < 3; i++) {
        long end = piece_feed(&scan, page->text + cuts[i], cuts[i + 1] - cuts[i]);
        if (end >= 0) {
            return (long)cuts[i] + end;
        }
    }
    return -1;
}

START_TEST(head_is_found_wherever_the_page_is_cut)
{
    page_t page;
    page_read(&page, pages[_i]);
    for (size_t a = 0; a <= page.len; a++) {
        for (size_t b = a; b <= page.len; b++) {
            long end = pieces_feed(&page, a, b);
            ck_assert_msg(end == page.end, "%s cut at %zu and %zu: %ld", pages[_i], a, b,
                          end);
        }
    }
}
END_TEST

START_TEST(head_is_found_byte_by_byte)
{
    page_t page;
    page_read(&page, pages[_i]);
    st_head_scan_t scan;
    st_head_scan_init(&scan, LIMIT);
    long found = -1;
    for (size_t i = 0; i < page.len && found < 0; i++) {
        found = piece_feed(&scan, page.text + i, 1) == 1 ? (long)i + 1 : -1;
    }
    ck_assert_int_eq(found, page.end);
}
END_TEST

START_TEST(head_within_the_limit_is_found_and_not_behind_it)
{
    static const char text[] = "<html><head>";
    size_t len = sizeof(text) - 1;
    for (size_t limit = 0; limit < len + 3; limit++) {
        st_head_scan_t scan;
        size_t end = 0;
        st_head_scan_init(&scan, limit);
        st_head_result_t result = st_head_scan_feed(&scan, text, len, &end);
        ck_assert_int_eq(result, limit >= len ? ST_HEAD_FOUND : ST_HEAD_NONE);
    }
}
END_TEST

START_TEST(limit_counts_all_pieces)
{
    st_head_scan_t scan;
    size_t end;
    st_head_scan_init(&scan, 10);
    ck_assert_int_eq(st_head_scan_feed(&scan, "12345", 5, &end), ST_HEAD_MORE);
    ck_assert_int_eq(st_head_scan_feed(&scan, "", 0, &end), ST_HEAD_MORE);
    ck_assert_int_eq(st_head_scan_feed(&scan, "6789", 4, &end), ST_HEAD_MORE);
    ck_assert_int_eq(st_head_scan_feed(&scan, "<head>", 6, &end), ST_HEAD_NONE);
    ck_assert_int_eq(st_head_scan_feed(&scan, "<head>", 6, &end), ST_HEAD_NONE);
}
END_TEST

START_TEST(only_the_first_head_is_found)
{
    st_head_scan_t scan;
    size_t end = 0;
    st_head_scan_init(&scan, LIMIT);
    ck_assert_int_eq(st_head_scan_feed(&scan, "<head>", 6, &end), ST_HEAD_FOUND);
    ck_assert_uint_eq(end, 6);
    ck_assert_int_eq(st_head_scan_feed(&scan, "<head>", 6, &end), ST_HEAD_NONE);
}
END_TEST

START_TEST(body_ends_the_search_at_once)
{
    st_head_scan_t scan;
    size_t end = 0;
    st_head_scan_init(&scan, LIMIT);
    ck_assert_int_eq(st_head_scan_feed(&scan, "<html><body>", 12, &end), ST_HEAD_NONE);
}
END_TEST

START_TEST(zero_and_high_bytes_are_text)
{
    static const char text[] = "\0\xff<he\0ad>\x80<\0><head\0></p><head>";
    st_head_scan_t scan;
    size_t end = 0;
    st_head_scan_init(&scan, LIMIT);
    ck_assert_int_eq(st_head_scan_feed(&scan, text, sizeof(text) - 1, &end),
                     ST_HEAD_FOUND);
    ck_assert_uint_eq(end, sizeof(text) - 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    int count = (int)(sizeof(pages) / sizeof(*pages));
    tcase_add_loop_test(tcase, head_is_found_wherever_the_page_is_cut, 0, count);
    tcase_add_loop_test(tcase, head_is_found_byte_by_byte, 0, count);
    tcase_add_test(tcase, head_within_the_limit_is_found_and_not_behind_it);
    tcase_add_test(tcase, limit_counts_all_pieces);
    tcase_add_test(tcase, only_the_first_head_is_found);
    tcase_add_test(tcase, body_ends_the_search_at_once);
    tcase_add_test(tcase, zero_and_high_bytes_are_text);
}

T_MAIN("head_scan", add_cases)
