/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_dsn.h"

#include <apr_strings.h>
#include <string.h>
#include "st_id.h"

#define KEY   "0123456789abcdef0123456789abcdef"
#define ZEROS "00000000000000000000000000000000"

static const struct {
    const char *text;
    st_dsn_t
        want; /* kind, url and masked are told by the others or by the columns below */
    const char *url;
    const char *masked;
} good[] = {
    {"https://" KEY "@sentry.example/42",
     {.scheme = "https",
      .host = "sentry.example",
      .port = 443,
      .path = "",
      .project_id = "42"},
     "https://sentry.example/api/42/envelope/",
     "https://0123...@sentry.example/42"},
    {"http://" KEY "@localhost/1",
     {.scheme = "http", .host = "localhost", .port = 80, .path = "", .project_id = "1"},
     "http://localhost/api/1/envelope/",
     "http://0123...@localhost/1"},
    {"HtTpS://" KEY "@Host.Example/1",
     {.scheme = "https",
      .host = "Host.Example",
      .port = 443,
      .path = "",
      .project_id = "1"},
     "https://Host.Example/api/1/envelope/",
     "https://0123...@Host.Example/1"},
    {"http://" KEY "@127.0.0.1:9000/7",
     {.scheme = "http", .host = "127.0.0.1", .port = 9000, .path = "", .project_id = "7"},
     "http://127.0.0.1:9000/api/7/envelope/",
     "http://0123...@127.0.0.1:9000/7"},
    {"https://" KEY "@h:443/7",
     {.scheme = "https", .host = "h", .port = 443, .path = "", .project_id = "7"},
     "https://h/api/7/envelope/",
     "https://0123...@h/7"},
    {"http://" KEY "@h:443/7",
     {.scheme = "http", .host = "h", .port = 443, .path = "", .project_id = "7"},
     "http://h:443/api/7/envelope/",
     "http://0123...@h:443/7"},
    {"https://" KEY "@h:65535/7",
     {.scheme = "https", .host = "h", .port = 65535, .path = "", .project_id = "7"},
     "https://h:65535/api/7/envelope/",
     "https://0123...@h:65535/7"},
    {"https://" KEY ":s3cr3t_X@h/7",
     {.scheme = "https",
      .secret = "s3cr3t_X",
      .host = "h",
      .port = 443,
      .path = "",
      .project_id = "7"},
     "https://h/api/7/envelope/",
     "https://0123...@h/7"},
    {"https://" KEY ":@h/7",
     {.scheme = "https", .host = "h", .port = 443, .path = "", .project_id = "7"},
     "https://h/api/7/envelope/",
     "https://0123...@h/7"},
    {"https://" KEY "@h/a/b-c/d.e_f~/18446744073709551615",
     {.scheme = "https",
      .host = "h",
      .port = 443,
      .path = "/a/b-c/d.e_f~",
      .project_id = "18446744073709551615"},
     "https://h/a/b-c/d.e_f~/api/18446744073709551615/envelope/",
     "https://0123...@h/a/b-c/d.e_f~/18446744073709551615"},
    {"https://" KEY "@h//7",
     {.scheme = "https", .host = "h", .port = 443, .path = "", .project_id = "7"},
     "https://h/api/7/envelope/",
     "https://0123...@h/7"},
    {"https://" KEY "@h/sub///7",
     {.scheme = "https", .host = "h", .port = 443, .path = "/sub", .project_id = "7"},
     "https://h/sub/api/7/envelope/",
     "https://0123...@h/sub/7"},
    {"https://" KEY "@[::1]/7",
     {.scheme = "https", .host = "::1", .port = 443, .path = "", .project_id = "7"},
     "https://[::1]/api/7/envelope/",
     "https://0123...@[::1]/7"},
    {"http://" KEY "@[2001:DAf::aFfF:1.2.3.4]:8080/x/7",
     {.scheme = "http",
      .host = "2001:DAf::aFfF:1.2.3.4",
      .port = 8080,
      .path = "/x",
      .project_id = "7"},
     "http://[2001:DAf::aFfF:1.2.3.4]:8080/x/api/7/envelope/",
     "http://0123...@[2001:DAf::aFfF:1.2.3.4]:8080/x/7"},
    {"https://" KEY "@o447951.ingest.us.sentry.io/45",
     {.scheme = "https",
      .host = "o447951.ingest.us.sentry.io",
      .port = 443,
      .path = "",
      .project_id = "45",
      .org_id = "447951"},
     "https://o447951.ingest.us.sentry.io/api/45/envelope/",
     "https://0123...@o447951.ingest.us.sentry.io/45"},
    {"https://" KEY "@o12x.a_b-c.io/45",
     {.scheme = "https",
      .host = "o12x.a_b-c.io",
      .port = 443,
      .path = "",
      .project_id = "45"},
     "https://o12x.a_b-c.io/api/45/envelope/",
     "https://0123...@o12x.a_b-c.io/45"},
    {"https://" KEY "@o.sentry.io/45",
     {.scheme = "https",
      .host = "o.sentry.io",
      .port = 443,
      .path = "",
      .project_id = "45"},
     "https://o.sentry.io/api/45/envelope/",
     "https://0123...@o.sentry.io/45"},
    {"https://" KEY "@o12/45",
     {.scheme = "https", .host = "o12", .port = 443, .path = "", .project_id = "45"},
     "https://o12/api/45/envelope/",
     "https://0123...@o12/45"},
};

static void expect_str(const char *got, const char *want)
{
    if (want == NULL) {
        ck_assert_ptr_null(got);
    } else {
        ck_assert_str_eq(got, want);
    }
}

START_TEST(dsn_is_taken_apart)
{
    st_dsn_t *dsn = NULL;
    const char *why = NULL;
    apr_status_t rv = st_dsn_parse(&dsn, &why, good[_i].text, t_pool);
    ck_assert_int_eq(rv, APR_SUCCESS);
    ck_assert_ptr_null(why);
    ck_assert_int_eq(dsn->kind, ST_DSN_HTTP);
    ck_assert_str_eq(dsn->public_key, KEY);
    ck_assert_uint_eq(dsn->port, good[_i].want.port);
    expect_str(dsn->scheme, good[_i].want.scheme);
    expect_str(dsn->secret, good[_i].want.secret);
    expect_str(dsn->host, good[_i].want.host);
    expect_str(dsn->path, good[_i].want.path);
    expect_str(dsn->project_id, good[_i].want.project_id);
    expect_str(dsn->org_id, good[_i].want.org_id);
    expect_str(dsn->url, good[_i].url);
    expect_str(dsn->masked, good[_i].masked);
}
END_TEST

static const struct {
    const char *text;
    const char *path;
} files[] = {
    {"file:/tmp/x", "/tmp/x"},
    {"file:/x", "/x"},
    {"file:///tmp/x", "/tmp/x"},
    {"FILE:/tmp/x y", "/tmp/x y"},
    {"file:/tmp/a:b@c?d#e", "/tmp/a:b@c?d#e"},
};

START_TEST(file_dsn_names_an_absolute_path)
{
    st_dsn_t *dsn = NULL;
    const char *why = NULL;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, files[_i].text, t_pool), APR_SUCCESS);
    ck_assert_int_eq(dsn->kind, ST_DSN_FILE);
    ck_assert_str_eq(dsn->url, files[_i].path);
    ck_assert_str_eq(dsn->public_key, ZEROS);
    ck_assert_str_eq(dsn->masked, apr_pstrcat(t_pool, "file:", files[_i].path, NULL));
    ck_assert_str_eq(dsn->path, "");
    ck_assert_ptr_null(dsn->scheme);
    ck_assert_ptr_null(dsn->secret);
}
END_TEST

static const struct {
    const char *text;
    const char *why;
} bad[] = {
    {"", "has no scheme (http://, https:// or file:/)"},
    {"sentry.example/1", "has no scheme (http://, https:// or file:/)"},
    {"https:/" KEY "@h/1", "has no scheme (http://, https:// or file:/)"},
    {KEY "@h/1", "has no scheme (http://, https:// or file:/)"},
    {"ftp://" KEY "@h/1", "has a scheme other than http, https and file"},
    {"://" KEY "@h/1", "has a scheme other than http, https and file"},
    {" https://" KEY "@h/1", "has a scheme other than http, https and file"},
    {"httpss://" KEY "@h/1", "has a scheme other than http, https and file"},
    {"https://", "has no public key before the host"},
    {"https://h/1", "has no public key before the host"},
    {"https://h/1@" KEY, "has no public key before the host"},
    {"https://" KEY, "has no public key before the host"},
    {"https://@h/1", "has a public key that is not 32 letters and digits"},
    {"https://:secret@h/1", "has a public key that is not 32 letters and digits"},
    {"https://abc@h/1", "has a public key that is not 32 letters and digits"},
    {"https://" KEY "0@h/1", "has a public key that is not 32 letters and digits"},
    {"https://0123456789abcdef0123456789abcde-@h/1",
     "has a public key that is not 32 letters and digits"},
    {"https://0123456789abcdef0123456789abcd\xC3\xA9@h/1",
     "has a public key that is not 32 letters and digits"},
    {"https://" KEY ":a-b@h/1",
     "has a secret with characters other than letters and digits"},
    {"https://" KEY ":a:b@h/1",
     "has a secret with characters other than letters and digits"},
    {"https://" KEY "@h", "has no project id after the host"},
    {"https://" KEY "@", "has no project id after the host"},
    {"https://" KEY "@h:80", "has no project id after the host"},
    {"https://" KEY "@/1", "has no valid host"},
    {"https://" KEY "@:80/1", "has no valid host"},
    {"https://" KEY "@a@b/1", "has no valid host"},
    {"https://" KEY "@h h/1", "has no valid host"},
    {"https://" KEY "@h%2f/1", "has no valid host"},
    {"https://" KEY "@h?x/1", "has no valid host"},
    {"https://" KEY "@[]/1", "has no valid host"},
    {"https://" KEY "@[fe80::1%25eth0]/1", "has no valid host"},
    {"https://" KEY "@[::1/1", "has an IPv6 address without closing bracket"},
    {"https://" KEY "@[::1]x/1", "has something between host and project id"},
    {"https://" KEY "@[::1][::2]/1", "has something between host and project id"},
    {"https://" KEY "@::1/1", "has no valid host"},
    {"https://" KEY "@h:/1", "has a port that is not a number"},
    {"https://" KEY "@h:http/1", "has a port that is not a number"},
    {"https://" KEY "@h:+80/1", "has a port that is not a number"},
    {"https://" KEY "@h:-1/1", "has a port that is not a number"},
    {"https://" KEY "@h:80:81/1", "has a port that is not a number"},
    {"https://" KEY "@h:000080/1", "has a port that is not a number"},
    {"https://" KEY "@[::1]:/1", "has a port that is not a number"},
    {"https://" KEY "@h:0/1", "has a port outside 1 to 65535"},
    {"https://" KEY "@h:65536/1", "has a port outside 1 to 65535"},
    {"https://" KEY "@h/", "has no project id at its end"},
    {"https://" KEY "@h/1/", "has no project id at its end"},
    {"https://" KEY "@h/abc", "has a project id that is not a number"},
    {"https://" KEY "@h/1a", "has a project id that is not a number"},
    {"https://" KEY "@h/1?x=y", "has a project id that is not a number"},
    {"https://" KEY "@h/1#x", "has a project id that is not a number"},
    {"https://" KEY "@h/1 ", "has a project id that is not a number"},
    {"https://" KEY "@h/-1", "has a project id that is not a number"},
    {"https://" KEY "@h/123456789012345678901", "has a project id that is not a number"},
    {"https://" KEY "@h/18446744073709551616", "has a project id that is not a number"},
    {"https://" KEY "@h/a b/1", "has a path with characters that need escaping"},
    {"https://" KEY "@h/a%20b/1", "has a path with characters that need escaping"},
    {"https://" KEY "@h/a\"b/1", "has a path with characters that need escaping"},
    {"https://" KEY "@h/a?b/1", "has a path with characters that need escaping"},
    {"file:", "names no absolute path after file:"},
    {"file:x", "names no absolute path after file:"},
    {"file:/", "names no absolute path after file:"},
    {"file:./x", "names no absolute path after file:"},
    {"file:///", "names no absolute path after file:"},
    {"file://host/x", "names no absolute path after file:"},
};

START_TEST(malformed_dsn_is_refused_with_a_reason)
{
    st_dsn_t *dsn = NULL;
    const char *why = NULL;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, bad[_i].text, t_pool), ST_E_MALFORMED);
    ck_assert_ptr_null(dsn);
    expect_str(why, bad[_i].why);
}
END_TEST

/* Valid and broken ones: neither reason nor masked form says key or secret. */
START_TEST(key_and_secret_are_never_repeated)
{
    static const char from[] = "https://" KEY ":topsecret@h.example:81/p/9";
    st_rng_t rng = {.state = 9};
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(from)];
        memcpy(text, from, sizeof(from));
        /* Damage behind the secret, or nothing. */
        size_t at = strlen("https://" KEY ":topsecret");
        at += st_rng_next(&rng) % (sizeof(from) - 1 - at);
        text[at] = (char)(1 + st_rng_next(&rng) % 255);
        st_dsn_t *dsn = NULL;
        const char *why = NULL;
        apr_status_t rv = st_dsn_parse(&dsn, &why, text, t_pool);
        const char *said = rv == APR_SUCCESS ? dsn->masked : why;
        t_assert(said != NULL);
        t_assert(strstr(said, "topsecret") == NULL);
        t_assert(strstr(said, "01234") == NULL);
        t_assert((rv == APR_SUCCESS) == (dsn != NULL));
        accepted += rv == APR_SUCCESS;
    }
    ck_assert_int_gt(accepted, 0);
    ck_assert_int_lt(accepted, 20000);
}
END_TEST

START_TEST(result_keeps_nothing_of_the_callers_text)
{
    char text[] = "https://" KEY ":secret@h/p/7";
    st_dsn_t *dsn = NULL;
    const char *why = NULL;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    memset(text, '#', sizeof(text) - 1);
    ck_assert_str_eq(dsn->public_key, KEY);
    ck_assert_str_eq(dsn->secret, "secret");
    ck_assert_str_eq(dsn->host, "h");
    ck_assert_str_eq(dsn->path, "/p");
    ck_assert_str_eq(dsn->project_id, "7");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, dsn_is_taken_apart, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, file_dsn_names_an_absolute_path, 0,
                        sizeof(files) / sizeof(files[0]));
    tcase_add_loop_test(tcase, malformed_dsn_is_refused_with_a_reason, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, key_and_secret_are_never_repeated);
    tcase_add_test(tcase, result_keeps_nothing_of_the_callers_text);
}

T_MAIN("dsn", add_cases)
