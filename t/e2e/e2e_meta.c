/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that carry their trace in <meta> elements, and pages that must not. */

#include "te.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#define META "SentryTraceMeta On\nSentryTraceServerTiming On\n"

#define BEFORE "<!doctype html>\n<html lang=\"en\"><!-- <head> -->\n<head data-x='>'>"
#define AFTER  "<title>a <head></title></head>\n<body><p>Page</p></body></html>\n"
#define PAGE   BEFORE AFTER

#define BIG_BYTES ((size_t)48 << 20)

/* The elements that go with what the Server-Timing header of the same response says. */
static const char *elements_of(const te_reply_t *reply)
{
    const char *timing = te_reply_header(reply, "Server-Timing", te_pool);
    ck_assert_msg(timing != NULL, "no Server-Timing: %s", reply->head);
    const char *trace = strstr(timing, "sentry-trace;desc=\"");
    const char *baggage = strstr(timing, ", baggage;desc=\"");
    ck_assert(trace != NULL && baggage != NULL);
    trace += strlen("sentry-trace;desc=\"");
    baggage += strlen(", baggage;desc=\"");
    return apr_psprintf(te_pool,
                        "<meta name=\"sentry-trace\" content=\"%.*s\"/>\n"
                        "<meta name=\"baggage\" content=\"%.*s\"/>",
                        (int)strcspn(trace, "\""), trace, (int)strcspn(baggage, "\""),
                        baggage);
}

static const char *with_elements(const te_reply_t *reply)
{
    return apr_pstrcat(te_pool, BEFORE, elements_of(reply), AFTER, NULL);
}

/* A request of alice, whose pages no shared cache may store. */
static const te_reply_t *get_private(te_env_t *env, te_request_t request)
{
    request.user = "alice:secret";
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 200);
    ck_assert_ptr_null(reply->why);
    return reply;
}

static te_env_t *start_site(te_mpm_t mpm, const char *conf, const char *name)
{
    te_setup_t setup = {.mpm = mpm,
                        .conf = apr_pstrcat(te_pool, TE_DSN, te_site_conf, META,
                                            "Protocols h2c http/1.1\n", conf, NULL)};
    te_env_t *env = te_env_make(&setup, name);
    te_write(env->httpd->root, "docs/private/page.html", PAGE);
    te_write(env->httpd->root, "docs/private/none.html", "<p>no element at all</p>\n");
    te_write(env->httpd->root, "docs/private/one.shtml",
             "<!--#include virtual=\"/private/page.html\" -->");
    te_env_run(env);
    return env;
}
#define start(mpm, conf) start_site((mpm), (conf), __func__)

START_TEST(page_carries_the_trace_behind_its_head_tag)
{
    te_env_t *env = start(_i, "");
    const te_http_version_t versions[] = {TE_HTTP_1_1, TE_HTTP_1_0, TE_HTTP_2};
    int count = _i == TE_PREFORK ? 2 : 3;
    for (int i = 0; i < count; i++) {
        te_request_t request = {
            .path = "/private/page.html", .version = versions[i], .fresh = 1};
        const te_reply_t *reply = get_private(env, request);
        ck_assert_str_eq(reply->body, with_elements(reply));
        ck_assert_str_eq(te_reply_header(reply, "Content-Length", te_pool),
                         apr_itoa(te_pool, (int)strlen(reply->body)));
        ck_assert_ptr_null(te_reply_header(reply, "ETag", te_pool));
        ck_assert_ptr_null(te_reply_header(reply, "Last-Modified", te_pool));
        ck_assert_str_eq(te_reply_header(reply, "Accept-Ranges", te_pool), "none");
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_ptr_nonnull(
            strstr(reply->body, apr_psprintf(te_pool, "content=\"%s-%s-1\"",
                                             segment->trace_id, segment->span_id)));
    }
    te_finish(env);
}
END_TEST

START_TEST(page_without_a_head_tag_stays_as_it_is)
{
    te_env_t *env = start(_i, "");
    te_request_t request = {.path = "/private/none.html"};
    const te_reply_t *reply = get_private(env, request);
    ck_assert_str_eq(reply->body, "<p>no element at all</p>\n");
    ck_assert_ptr_nonnull(te_reply_header(reply, "ETag", te_pool));
    ck_assert_str_eq(te_reply_header(reply, "Accept-Ranges", te_pool), "bytes");
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(page_that_includes_make_carries_it_once)
{
    te_env_t *env = start(_i, "");
    te_request_t request = {.path = "/private/one.shtml"};
    const te_reply_t *reply = get_private(env, request);
    ck_assert_str_eq(reply->body, with_elements(reply));
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(compressed_page_carries_it_inside)
{
    static const char *const gzip_wanted[] = {"Accept-Encoding: gzip", NULL};
    te_env_t *env = start(_i, "<Location /private>\nAddOutputFilterByType DEFLATE "
                              "text/html\n</Location>\n");
    te_request_t request = {
        .path = "/private/page.html", .headers = gzip_wanted, .digest = 1};
    const te_reply_t *reply = get_private(env, request);
    ck_assert_str_eq(te_reply_header(reply, "Content-Encoding", te_pool), "gzip");
    const char *expected = with_elements(reply);
    ck_assert_uint_eq(reply->inflated_len, strlen(expected));
    ck_assert_uint_eq(reply->crc,
                      crc32(0, (const Bytef *)expected, (uInt)strlen(expected)));
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(head_of_a_page_is_as_long_as_the_page)
{
    te_env_t *env = start(_i, "");
    te_request_t request = {.path = "/private/page.html"};
    const te_reply_t *page = get_private(env, request);
    request.method = "HEAD";
    const te_reply_t *head = get_private(env, request);
    ck_assert_uint_eq(head->len, 0);
    ck_assert_str_eq(te_reply_header(head, "Content-Length", te_pool),
                     te_reply_header(page, "Content-Length", te_pool));
    ck_assert_ptr_null(te_reply_header(head, "ETag", te_pool));
    te_await(env, 2);
    te_finish(env);
}
END_TEST

START_TEST(part_of_a_page_is_cut_from_the_file)
{
    static const char *const range[] = {"Range: bytes=2-8", NULL};
    te_env_t *env = start(_i, "");
    te_request_t request = {
        .path = "/private/page.html", .headers = range, .user = "alice:secret"};
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 206);
    ck_assert_str_eq(reply->body, "doctype");
    static const char *const known[] = {"If-None-Match: *", NULL};
    request.headers = known;
    reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 304);
    ck_assert_ptr_nonnull(te_reply_header(reply, "ETag", te_pool));
    te_await(env, 2);
    te_finish(env);
}
END_TEST

/* A page of zeroes whose head tag ends at `at`. */
static void big_page_make(const char *root, size_t at)
{
    int fd = open(te_path(root, "docs/private/big.html", te_pool),
                  O_CREAT | O_WRONLY | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)BIG_BYTES), 0);
    ck_assert_int_eq(pwrite(fd, "<head>", 6, (off_t)at - 6), 6);
    ck_assert_int_eq(close(fd), 0);
}

static uLong crc_of_zeroes(uLong crc, size_t count)
{
    static const Bytef zeroes[65536];
    for (; count > sizeof(zeroes); count -= sizeof(zeroes)) {
        crc = crc32(crc, zeroes, sizeof(zeroes));
    }
    return crc32(crc, zeroes, (uInt)count);
}

/* CRC-32 of the big page with `elements` behind its head tag. */
static uint32_t big_page_crc(size_t at, const char *elements)
{
    uLong crc = crc_of_zeroes(0, at - 6);
    crc = crc32(crc, (const Bytef *)"<head>", 6);
    crc = crc32(crc, (const Bytef *)elements, (uInt)strlen(elements));
    return (uint32_t)crc_of_zeroes(crc, BIG_BYTES - at);
}

START_TEST(tag_within_the_first_64_kb_of_a_large_page_is_found)
{
    static const size_t places[] = {6, 8000, 8195, 65536, 65537};
    te_env_t *env = start(_i, "");
    for (int i = 0; i < 5; i++) {
        big_page_make(env->httpd->root, places[i]);
        te_request_t request = {.path = "/private/big.html", .digest = 1};
        const te_reply_t *reply = get_private(env, request);
        const char *elements = places[i] <= 65536 ? elements_of(reply) : "";
        ck_assert_uint_eq(reply->len, BIG_BYTES + strlen(elements));
        ck_assert_uint_eq(reply->crc, big_page_crc(places[i], elements));
    }
    te_await(env, 5);
    te_finish(env);
}
END_TEST

START_TEST(script_that_pauses_within_the_tag_is_not_held_back)
{
    te_env_t *env = start(_i, "");
    te_write(
        env->httpd->root, "cgi/slow",
        "#!/bin/sh\nprintf 'Content-Type: text/html\\r\\nCache-Control: private\\r\\n"
        "\\r\\n<html><he'\n"
        "while [ ! -f \"${SCRIPT_FILENAME%/*}/go\" ]; do sleep 0.02; done\n"
        "printf 'ad><title>x</title>'\n");
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /cgi/slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char bytes[4096];
    size_t len = 0;
    do {
        size_t got = te_raw_receive(fd, bytes + len, sizeof(bytes) - 1 - len);
        ck_assert_uint_gt(got, 0);
        len += got;
        bytes[len] = '\0';
    } while (strstr(bytes, "<html><he") == NULL);
    te_write(env->httpd->root, "cgi/go", "");
    const char *rest = te_raw_receive_all(fd, te_pool);
    close(fd);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const char *expected =
        apr_psprintf(te_pool, "ad><meta name=\"sentry-trace\" content=\"%s-%s-1\"/>",
                     segment->trace_id, segment->span_id);
    ck_assert_msg(strstr(rest, expected) != NULL, "no %s in %s", expected, rest);
    ck_assert_ptr_nonnull(strstr(rest, "\"/><title>x</title>"));
    te_finish(env);
}
END_TEST

typedef struct answer_t {
    int status;
    const char *headers; /* of the backend */
    int carries;
} answer_t;

#define HTML "Content-Type: text/html\r\n"

static const answer_t answers[] = {
    {200, HTML "Cache-Control: private\r\n", 1},
    {200, "Content-Type: TEXT/HTML;charset=utf-8\r\nCache-Control: no-store\r\n", 1},
    {200, HTML "Content-Encoding: identity\r\nCache-Control: private\r\n", 1},
    {200, HTML, 0},
    {200, HTML "Cache-Control: public\r\n", 0},
    {200, HTML "Cache-Control: max-age=60\r\n", 0},
    {200, HTML "Cache-Control: private\r\nSurrogate-Control: max-age=9\r\n", 0},
    {200, HTML "Cache-Control: private, no-transform\r\n", 0},
    {200, HTML "Cache-Control: private\r\nContent-Encoding: gzip\r\n", 0},
    {200, HTML "Cache-Control: private\r\nContent-Range: bytes 0-9/10\r\n", 0},
    {200, "Content-Type: text/plain\r\nCache-Control: private\r\n", 0},
    {200, "Content-Type: text/htmlx\r\nCache-Control: private\r\n", 0},
    {200, "Content-Type: application/xhtml+xml\r\nCache-Control: private\r\n", 0},
    {201, HTML "Cache-Control: private\r\n", 0},
    {404, HTML "Cache-Control: private\r\n", 0},
    {500, HTML "Cache-Control: private\r\n", 0},
};

#define ANSWER_COUNT (int)(sizeof(answers) / sizeof(*answers))

START_TEST(only_whole_plain_private_pages_carry_it)
{
    te_env_t *env = start(TE_EVENT, "");
    for (int i = 0; i < ANSWER_COUNT; i++) {
        te_answer_t answer = {
            .status = answers[i].status,
            .headers = apr_pstrcat(te_pool, answers[i].headers, "ETag: \"1\"\r\n", NULL),
            .body = PAGE};
        te_server_answer_next(env->backend, &answer);
        const te_reply_t *reply = te_get(env, "/backend/x");
        ck_assert_int_eq(reply->status, answers[i].status);
        ck_assert_msg((strcmp(reply->body, PAGE) != 0) == answers[i].carries, "%d: %s", i,
                      answers[i].headers);
        ck_assert_int_eq(te_reply_header(reply, "ETag", te_pool) == NULL,
                         answers[i].carries);
        if (answers[i].carries) {
            ck_assert_str_eq(reply->body, with_elements(reply));
        }
    }
    te_await(env, ANSWER_COUNT);
    te_finish(env);
}
END_TEST

START_TEST(page_that_is_to_be_stored_after_all_is_made_private)
{
    te_env_t *env =
        start(_i, "<Location /backend>\nHeader set Cache-Control \"public, max-age=60\"\n"
                  "Header always set CDN-Cache-Control max-age=60\n</Location>\n");
    te_answer_t page = {.headers = HTML "Cache-Control: private\r\n", .body = PAGE};
    te_server_answer_next(env->backend, &page);
    const te_reply_t *reply = te_get(env, "/backend/x");
    ck_assert_ptr_nonnull(strstr(reply->body, "<meta name=\"sentry-trace\""));
    ck_assert_str_eq(te_reply_header(reply, "Cache-Control", te_pool), "private");
    ck_assert_ptr_null(te_reply_header(reply, "CDN-Cache-Control", te_pool));
    te_answer_t text = {.headers =
                            "Content-Type: text/plain\r\nCache-Control: private\r\n",
                        .body = PAGE};
    te_server_answer_next(env->backend, &text);
    reply = te_get(env, "/backend/x");
    ck_assert_str_eq(reply->body, PAGE);
    ck_assert_str_eq(te_reply_header(reply, "Cache-Control", te_pool),
                     "public, max-age=60");
    te_await(env, 2);
    te_finish(env);
}
END_TEST

START_TEST(page_that_httpd_itself_may_store_stays_as_it_is)
{
    te_env_t *env = start(_i, "CacheStorePrivate On\n"
                              "Header set Cache-Control \"private, max-age=60\" early\n");
    te_write(env->httpd->root, "docs/cached/page.html", PAGE);
    te_write(env->httpd->root, "docs/page.html", PAGE);
    ck_assert_str_eq(te_get(env, "/cached/page.html")->body, PAGE);
    ck_assert_str_eq(te_get(env, "/cached/page.html")->body, PAGE);
    const te_reply_t *reply = te_get(env, "/page.html");
    ck_assert_str_eq(reply->body, with_elements(reply));
    te_await(env, 3);
    te_finish(env);
}
END_TEST

START_TEST(context_of_a_client_is_text_in_the_page)
{
    static const char *const headers[] = {
        "sentry-trace: 771a43a4192642f0b136d5159a501700-1e2f3a4b5c6d7e8f-1",
        "baggage: sentry-trace_id=771a43a4192642f0b136d5159a501700,"
        "sentry-environment=\"><script>alert(1)</script>&",
        NULL};
    te_env_t *env = start(TE_EVENT, "");
    te_request_t request = {.path = "/private/page.html", .headers = headers};
    const te_reply_t *reply = get_private(env, request);
    ck_assert_ptr_nonnull(
        strstr(reply->body,
               "<meta name=\"sentry-trace\" content=\"771a43a4192642f0b136d5159a5017"
               "00-"));
    ck_assert_ptr_null(strstr(reply->body, "<script>"));
    const char *behind = strstr(reply->body, "<meta name=\"baggage\" content=\"");
    ck_assert_ptr_nonnull(behind);
    behind += strlen("<meta name=\"baggage\" content=\"");
    behind += strcspn(behind, "\"");
    ck_assert_str_eq(behind, "\"/>" AFTER);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(page_stays_as_it_is_unless_it_is_on)
{
    te_env_t *env = start(_i, "<Location /private>\nSentryTraceMeta Off\n</Location>\n");
    te_request_t request = {.path = "/private/page.html"};
    const te_reply_t *reply = get_private(env, request);
    ck_assert_str_eq(reply->body, PAGE);
    ck_assert_ptr_nonnull(te_reply_header(reply, "ETag", te_pool));
    te_await(env, 1);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, page_carries_the_trace_behind_its_head_tag);
    te_add_per_mpm(tcase, page_without_a_head_tag_stays_as_it_is);
    te_add_per_mpm(tcase, page_that_includes_make_carries_it_once);
    te_add_per_mpm(tcase, compressed_page_carries_it_inside);
    te_add_per_mpm(tcase, head_of_a_page_is_as_long_as_the_page);
    te_add_per_mpm(tcase, part_of_a_page_is_cut_from_the_file);
    te_add_per_mpm(tcase, tag_within_the_first_64_kb_of_a_large_page_is_found);
    te_add_per_mpm(tcase, script_that_pauses_within_the_tag_is_not_held_back);
    tcase_add_test(tcase, only_whole_plain_private_pages_carry_it);
    te_add_per_mpm(tcase, page_that_is_to_be_stored_after_all_is_made_private);
    te_add_per_mpm(tcase, page_that_httpd_itself_may_store_stays_as_it_is);
    tcase_add_test(tcase, context_of_a_client_is_text_in_the_page);
    te_add_per_mpm(tcase, page_stays_as_it_is_unless_it_is_on);
}

int main(void)
{
    return te_main("e2e_meta", add_cases);
}
