/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_route.h"

#include <apr_strings.h>
#include <string.h>
#include "st_id.h"

static const struct {
    const char *path, *route; /* NULL: none */
} routes[] = {
    {NULL, NULL},
    {"", NULL},
    {"*", NULL},
    {"users/1", NULL},
    {"http://example.com/", NULL},
    {"/", "/"},
    {"//", "/"},
    {"/;x", "/"},
    {"/;x/", "/"},
    /* Words stay. */
    {"/users", "/users"},
    {"/users/", "/users/"},
    {"/index.html", "/index.html"},
    {"/api/v1/users", "/api/v1/users"},
    {"/api/v2beta1/getUserAccountInformation", "/api/v2beta1/getUserAccountInformation"},
    {"/wp-content/themes/twenty-ten/style.css",
     "/wp-content/themes/twenty-ten/style.css"},
    {"/how-to-build-a-house-in-ten-days", "/how-to-build-a-house-in-ten-days"},
    {"/oauth2/callback", "/oauth2/callback"},
    {"/base64decode", "/base64decode"},
    {"/utf8/h264/mp3", "/utf8/h264/mp3"},
    {"/.well-known/acme", "/.well-known/acme"},
    {"/a/b/../c/.", "/a/b/../c/."},
    {"/~user/-", "/~user/-"},
    {"/users:batch", "/users:batch"},
    {"/web-2/jquery-3.6.0.min.js", "/web-2/jquery-3.6.0.min.js"},
    {"/deadbeef/facade/decade", "/deadbeef/facade/decade"},
    /* Numbers, dates, addresses of machines. */
    {"/users/1", "/users/*"},
    {"/users/42/photos/7", "/users/*/photos/*"},
    {"/users/12345678901234567890", "/users/*"},
    {"/-17", "/*"},
    {"/1.5/2,5", "/*/*"},
    {"/2026-11-22", "/*"},
    {"/2026/11/22/post", "/*/*/*/post"},
    {"/12:30:00", "/*"},
    {"/2026-11-22T12:30:00Z", "/*"},
    {"/jan-22-post", "/*"},
    {"/192.168.0.1/x", "/*/x"},
    {"/order-17", "/*"},
    {"/order_17/x", "/*/x"},
    {"/order-7", "/order-7"},
    {"/user12345", "/*"},
    {"/es-419", "/*"},
    /* Hashes, UUIDs, tokens. */
    {"/c/1a2b3c4", "/c/*"},
    {"/c/1A2B3C4", "/c/*"},
    {"/c/1a2b3c", "/c/1a2b3c"},
    {"/c/d41d8cd98f00b204e9800998ecf8427e", "/c/*"},
    {"/c/deadbeefdeadbeef", "/c/*"},
    {"/c/0x1f", "/c/*"},
    {"/c/0xyz", "/c/0xyz"},
    {"/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/*/x"},
    {"/u/550E8400-E29B-41D4-A716-446655440000", "/u/*"},
    {"/u/%7B550e8400-e29b-41d4-a716-446655440000%7D", "/u/*"},
    {"/u/507f1f77bcf86cd799439011", "/u/*"},
    {"/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/*"},
    {"/u/cus_9s6XKzkNRiz8i3", "/u/*"},
    {"/watch/dQw4w9WgXcQ", "/watch/*"},
    {"/t/V1StGXR8_Z5jdHi6B-myT", "/t/*"},
    {"/t/VaStGXRxGZajdHijBkmyT", "/t/*"},
    {"/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "/t/*"},
    {"/t/dGhpcyBpcyBiYXNlNjQ=", "/t/*"},
    {"/getting-started-with-http2", "/*"},
    /* People and texts. */
    {"/u/john.doe@example.com", "/u/*"},
    {"/u/@john", "/u/*"},
    {"/u/john%40example.com", "/u/*"},
    {"/u/john%2540example.com", "/u/*"},
    {"/u/J%C3%BCrgen", "/u/*"},
    {"/u/J\xC3\xBCrgen", "/u/*"},
    {"/search/two%20words", "/search/*"},
    {"/search/a+b", "/search/*"},
    {"/a%2Fb", "/*"},
    {"/a%00b", "/*"},
    {"/a%zz", "/*"},
    {"/%", "/*"},
    {"/%FF%FE", "/*"},
    {"/a%0Ab", "/*"},
    {"/\"quoted\"/<b>", "/*/*"},
    {"/id=5/a$b/(x)", "/*/*/*"},
    /* What is encoded without need is decoded. */
    {"/%75sers/%34%32", "/users/*"},
    {"/user%2dlist", "/user-list"},
    /* Extensions. */
    {"/img/17.png", "/img/*.png"},
    {"/img/17.PNG", "/img/*.PNG"},
    {"/img/photo_20261122.jpeg", "/img/*.jpeg"},
    {"/main.3f2a1b9c.chunk.js", "/*.js"},
    {"/17.unknown", "/*"},
    {"/17.tar.gz", "/*.gz"},
    {"/report.2026", "/*"},
    {"/john.doe", "/john.doe"},
    {"/17.", "/*"},
    {"/.17", "/*"},
    {"/.png", "/.png"},
    {"/two%20words.mp4", "/*.mp4"},
    {"/token.html.12345", "/*"},
    /* Slashes and parameters. */
    {"//users///42//", "/users/*/"},
    {"/users;jsessionid=1A2B3C4D5E/42;v=1/x;", "/users/*/x"},
    {"/users/;x/42", "/users/*"},
};

START_TEST(path_becomes_a_route)
{
    ck_assert_pstr_eq(st_route_from_path(routes[_i].path, t_pool), routes[_i].route);
}
END_TEST

static int is_route_text(const char *route)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789/-_.~:*";
    size_t len = strlen(route);
    return route[0] == '/' && len <= ST_ROUTE_BYTES_MAX && strspn(route, allowed) == len;
}

START_TEST(a_long_route_ends_with_a_star)
{
    char path[1000] = "";
    for (int i = 0; i < 40; i++) {
        strcat(path, "/segment");
    }
    const char *route = st_route_from_path(path, t_pool);
    ck_assert(is_route_text(route));
    ck_assert_uint_gt(strlen(route), ST_ROUTE_BYTES_MAX - 10);
    ck_assert_str_eq(route + strlen(route) - 10, "/segment/*");
    ck_assert_int_eq(strncmp(path, route, strlen(route) - 1), 0);
}
END_TEST

START_TEST(every_length_around_the_limit_is_handled)
{
    for (size_t len = 1; len <= 2 * ST_ROUTE_BYTES_MAX; len++) {
        char *path = apr_palloc(t_pool, len + 1);
        memset(path, 'x', len);
        path[0] = '/';
        path[len] = '\0';
        const char *route = st_route_from_path(path, t_pool);
        ck_assert(is_route_text(route));
        ck_assert_str_eq(route, len <= ST_ROUTE_BYTES_MAX - 2 ? path : "/*");
        /* Many short ones. */
        for (size_t i = 0; i < len; i += 2) {
            path[i] = '/';
        }
        route = st_route_from_path(path, t_pool);
        ck_assert(is_route_text(route));
        ck_assert_int_eq(strcmp(route, path) == 0, len <= ST_ROUTE_BYTES_MAX - 1);
    }
}
END_TEST

START_TEST(any_path_gives_a_clean_and_stable_route)
{
    static const char *const pieces[] = {
        "/",   "/",   "/",           "a",   "users",    "17",   ".",
        "png", "%41", "%zz",         "%2F", "\xC3\xA9", "\xFF", "@",
        ";",   "-",   "dQw4w9WgXcQ", "~",   "%00",      "*",    ":"};
    st_rng_t rng = {.state = 43};
    for (int round = 0; round < 20000; round++) {
        char path[600] = "/";
        for (uint64_t n = st_rng_next(&rng) % 50; n > 0; n--) {
            strcat(path,
                   pieces[st_rng_next(&rng) % (sizeof(pieces) / sizeof(pieces[0]))]);
        }
        const char *route = st_route_from_path(path, t_pool);
        ck_assert_msg(is_route_text(route), "%s from %s", route, path);
        ck_assert_msg(strstr(apr_pstrcat(t_pool, route, "/", NULL), "/17/") == NULL,
                      "%s from %s", route, path);
        if (round % 100 == 0) {
            apr_pool_clear(t_pool);
        }
    }
}
END_TEST

/* Names made of 64 letters, as random ids are. */
START_TEST(random_tokens_are_told_from_words)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    st_rng_t rng = {.state = 44};
    int missed = 0;
    for (int round = 0; round < 10000; round++) {
        char path[] = "/ssssssssssssssssssssss";
        for (size_t i = 1; i < sizeof(path) - 1; i++) {
            path[i] = letters[st_rng_next(&rng) % 64];
        }
        missed += strcmp(st_route_from_path(path, t_pool), "/*") != 0;
    }
    /* Some happen to look like camel case. */
    ck_assert_msg(missed < 100, "%d of 10000 were taken for words", missed);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, path_becomes_a_route, 0, COUNT(routes));
    tcase_add_test(tcase, a_long_route_ends_with_a_star);
    tcase_add_test(tcase, every_length_around_the_limit_is_handled);
    tcase_add_test(tcase, any_path_gives_a_clean_and_stable_route);
    tcase_add_test(tcase, random_tokens_are_told_from_words);
}

T_MAIN("route", add_cases)
