/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_target.h"

#include <string.h>

static const struct {
    const char *url;
    const char *protocol;
    const char *version;
    const char *host;
    unsigned port;
    const char *full;
    st_answer_t answer;
} targets[] = {
    {"http://a.example/x", "http", NULL, "a.example", 80, "http://a.example/x",
     ST_ANSWER_HTTP},
    {"HTTPS://a.example:8443", "http", NULL, "a.example", 8443, "https://a.example:8443",
     ST_ANSWER_HTTP},
    {"h2c://a:81/x?y=1", "http", "2", "a", 81, "http://a:81/x?y=1", ST_ANSWER_HTTP},
    {"h2://a/", "http", "2", "a", 443, "https://a/", ST_ANSWER_HTTP},
    {"ws://a/chat", "websocket", NULL, "a", 80, "ws://a/chat", ST_ANSWER_HTTP},
    {"wss://a/chat", "websocket", NULL, "a", 443, "wss://a/chat", ST_ANSWER_HTTP},
    {"fcgi://127.0.0.1/srv/x.php", "fastcgi", NULL, "127.0.0.1", 8000,
     "fcgi://127.0.0.1/srv/x.php", ST_ANSWER_GATEWAY},
    {"ajp://a/", "ajp", NULL, "a", 8009, "ajp://a/", ST_ANSWER_GATEWAY},
    {"scgi://a:4001/", "scgi", NULL, "a", 4001, "scgi://a:4001/", ST_ANSWER_GATEWAY},
    {"uwsgi://a/x", "uwsgi", NULL, "a", 0, "uwsgi://a/x", ST_ANSWER_GATEWAY},
    {"ftp://a/f", "ftp", NULL, "a", 21, "ftp://a/f", ST_ANSWER_NONE},
    {"gopher://a:70/f", NULL, NULL, "a", 70, "gopher://a:70/f", ST_ANSWER_NONE},
    {"http://[::1]:8080/x", "http", NULL, "::1", 8080, "http://[::1]:8080/x",
     ST_ANSWER_HTTP},
    {"http://[fe80::1%25eth0]/", "http", NULL, "fe80::1%25eth0", 80,
     "http://[fe80::1%25eth0]/", ST_ANSWER_HTTP},
    {"http://joe:hush@a/x", "http", NULL, "a", 80, "http://a/x", ST_ANSWER_HTTP},
    {"http://joe@hush@a:81/x", "http", NULL, "a", 81, "http://a:81/x", ST_ANSWER_HTTP},
    {"http://a/x@y:1/z", "http", NULL, "a", 80, "http://a/x@y:1/z", ST_ANSWER_HTTP},
    {"http://a?q=b@c", "http", NULL, "a", 80, "http://a?q=b@c", ST_ANSWER_HTTP},
    {"http://a/x?token=1&b=2", "http", NULL, "a", 80, "http://a/x?token=[Filtered]&b=2",
     ST_ANSWER_HTTP},
    {"http://a/x?u=http://b?token=1", "http", NULL, "a", 80,
     "http://a/x?u=http://b?token=[Filtered]", ST_ANSWER_HTTP},
    {"a.example:443", NULL, NULL, "a.example", 443, NULL, ST_ANSWER_NONE},
    {"[::1]:443", NULL, NULL, "::1", 443, NULL, ST_ANSWER_NONE},
    {"", NULL, NULL, "", 0, NULL, ST_ANSWER_NONE},
    {"http://", "http", NULL, "", 80, "http://", ST_ANSWER_HTTP},
    {"http://[::1", "http", NULL, "::", 80, "http://[::1", ST_ANSWER_HTTP},
    {"http://a:/", "http", NULL, "a", 80, "http://a:/", ST_ANSWER_HTTP},
    {"http://a:x1/", "http", NULL, "a", 80, "http://a:x1/", ST_ANSWER_HTTP},
    {"http://a:65535/", "http", NULL, "a", 65535, "http://a:65535/", ST_ANSWER_HTTP},
    {"http://a:65536/", "http", NULL, "a", 80, "http://a:65536/", ST_ANSWER_HTTP},
    {"http://a:99999999999999999999/", "http", NULL, "a", 80,
     "http://a:99999999999999999999/", ST_ANSWER_HTTP},
};

static int same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

START_TEST(url_is_read_in_the_words_of_the_conventions)
{
    st_target_t target;
    st_target_read(&target, targets[_i].url, &st_collect_default, t_pool);
    const char *url = targets[_i].url;
    ck_assert_msg(same_text(target.protocol, targets[_i].protocol), "%s: protocol %s",
                  url, target.protocol);
    ck_assert_msg(same_text(target.version, targets[_i].version), "%s: version %s", url,
                  target.version);
    ck_assert_str_eq(target.host, targets[_i].host);
    ck_assert_uint_eq(target.port, targets[_i].port);
    ck_assert_msg(same_text(target.url, targets[_i].full), "%s: %s", url, target.url);
    ck_assert_int_eq(target.answer, targets[_i].answer);
}
END_TEST

static const struct {
    const char *url;
    const char *scheme;
    const char *path;
    const char *query;
} parts[] = {
    {"h2c://a:81/x/y?y=1", "http", "/x/y", "y=1"},
    {"http://joe:hush@a/x?token=1&b=2", "http", "/x", "token=[Filtered]&b=2"},
    {"https://a", "https", "", NULL},
    {"https://a?", "https", "", ""},
    {"gopher://a/1", "gopher", "/1", NULL},
    {"a.example:443", NULL, NULL, NULL},
};

START_TEST(parts_of_the_url_are_told)
{
    st_target_t target;
    st_target_read(&target, parts[_i].url, &st_collect_default, t_pool);
    ck_assert_pstr_eq(target.scheme, parts[_i].scheme);
    ck_assert_pstr_eq(target.path, parts[_i].path);
    ck_assert_pstr_eq(target.query, parts[_i].query);
}
END_TEST

static const struct {
    const char *url;
    int is_dsn;
} calls[] = {
    {"https://o1.ingest.example/api/42/envelope/", 1},
    {"https://O1.Ingest.Example/other", 1},
    {"h2://o1.ingest.example:443/", 1},
    {"o1.ingest.example:443", 1},
    {"http://o1.ingest.example/", 0},
    {"https://o1.ingest.example:444/", 0},
    {"https://ingest.example/", 0},
    {"https://o1.ingest.example.org/", 0},
    {"", 0},
};

START_TEST(calls_to_the_host_of_a_dsn_are_recognised)
{
    st_dsn_t *dsn;
    const char *why;
    st_target_t target;
    ck_assert_int_eq(
        st_dsn_parse(&dsn, &why,
                     "https://0123456789abcdef0123456789abcdef@o1.ingest.example/42",
                     t_pool),
        APR_SUCCESS);
    st_target_read(&target, calls[_i].url, &st_collect_default, t_pool);
    ck_assert_msg(st_target_is_dsn(&target, dsn) == calls[_i].is_dsn, "%s",
                  calls[_i].url);
}
END_TEST

START_TEST(nothing_is_called_at_a_file)
{
    st_dsn_t *dsn;
    const char *why;
    st_target_t target;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, "file:/tmp/spans", t_pool), APR_SUCCESS);
    st_target_read(&target, "", &st_collect_default, t_pool);
    ck_assert_int_eq(st_target_is_dsn(&target, dsn), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, parts_of_the_url_are_told, 0,
                        sizeof(parts) / sizeof(parts[0]));
    tcase_add_loop_test(tcase, url_is_read_in_the_words_of_the_conventions, 0,
                        sizeof(targets) / sizeof(*targets));
    tcase_add_loop_test(tcase, calls_to_the_host_of_a_dsn_are_recognised, 0,
                        sizeof(calls) / sizeof(*calls));
    tcase_add_test(tcase, nothing_is_called_at_a_file);
}

T_MAIN("target", add_cases)
