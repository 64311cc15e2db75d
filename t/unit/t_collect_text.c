/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_collect.h"

#include <apr_strings.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "st_id.h"

static const char *const terms[] = {
    "auth", "token", "secret",      "session", "password", "passwd",
    "pwd",  "key",   "jwt",         "bearer",  "sso",      "saml",
    "csrf", "xsrf",  "credentials", "sid",     "identity",
};

static const char *const harmless[] = {
    "q",   "page", "sort",   "lang", "filter", "utm_source",
    "a[]", "toke", "se.t",   "",     "to-ken", "ke",
    "pw",  "x1",   "toKe_n", "j wt", "id",     "\xC3\xA9t\xC3\xA9",
    "0",
};

enum {
    TERMS = sizeof(terms) / sizeof(terms[0]),
    HARMLESS = sizeof(harmless) / sizeof(harmless[0])
};

static const struct {
    const char *query;
    const char *want; /* NULL: as it is */
} queries[] = {
    {"", NULL},
    {"a=1&b=2", NULL},
    {"token=abc", "token=[Filtered]"},
    {"a=1&token=abc&b=2", "a=1&token=[Filtered]&b=2"},
    {"ToKeN=abc", "ToKeN=[Filtered]"},
    {"%74oken=abc", "%74oken=[Filtered]"},
    {"%74%4F%6b%65%6E=abc", "%74%4F%6b%65%6E=[Filtered]"},
    {"tok%65n=abc", "tok%65n=[Filtered]"},
    {"%61uth=abc", "%61uth=[Filtered]"},
    {"t%6Fken=abc", "t%6Fken=[Filtered]"},
    {"t%6fken=abc", "t%6fken=[Filtered]"},
    {"%6Awt=abc", "%6Awt=[Filtered]"},
    {"%6awt=abc", "%6awt=[Filtered]"},
    {"toke%6e=abc", "toke%6e=[Filtered]"},
    {"user%5Bpassword%5D=abc", "user%5Bpassword%5D=[Filtered]"},
    {"user[password]=abc", "user[password]=[Filtered]"},
    {"token=a&token=b&token=c", "token=[Filtered]&token=[Filtered]&token=[Filtered]"},
    {"a=1;token=abc;b=2", "a=1;token=[Filtered];b=2"},
    {"a=1;token=abc&b=2", "a=1;token=[Filtered]&b=2"},
    {"token=a=b=c", "token=[Filtered]"},
    {"token=%26%3B%3D", "token=[Filtered]"},
    {"token==", "token=[Filtered]"},
    {"token=a?b#c/d", "token=[Filtered]"},
    {"%2574oken=abc", "%2574oken=[Filtered]"},
    /* Pairs in values. */
    {"a=%74oken%3Dx", "a=%74oken%3D[Filtered]"},
    {"a=token=x", "a=token=[Filtered]"},
    {"next=/b?token=x%26y&c=1", "next=/b?token=[Filtered]&c=1"},
    {"next=%2Fb%3Ftoken%3Dx%26c%3D1&d=2", "next=%2Fb%3Ftoken%3D[Filtered]%26c%3D1&d=2"},
    {"n=%3Ftoken%3Dx%2526y%26c%3D1", "n=%3Ftoken%3D[Filtered]%26c%3D1"},
    {"n=%253Fjwt%253Dx%2526c%253D1", "n=%253Fjwt%253D[Filtered]%2526c%253D1"},
    /* User and password. */
    {"n=http://u:p@h/", "n=http://h/"},
    {"n=http%3A%2F%2Fu%3Ap%40h%2F&a=b@c", "n=http%3A%2F%2Fh%2F&a=b@c"},
    {"n=http%253A%252F%252Fu%253Ap%2540h", "n=http%253A%252F%252Fh"},
    {"n=//u@h@i/a@b", "n=//i/a@b"},
    {"mail=a@b", NULL},
    {"n=http://h/a@b", NULL},
    {"n=http://h&m=a@b", NULL},
    /* Nothing to hide. */
    {"token=", NULL},
    {"token=&a=1", NULL},
    {"token", NULL},
    {"token&a=1", NULL},
    {"=abc", NULL},
    {"=", NULL},
    {"&", NULL},
    {"&&;;&", NULL},
    {"&=&=&", NULL},
    {"a=1&&b=2;", NULL},
    {"a=token", NULL},
    /* What is no escape is text. */
    {"%=1&%7=2&%zz=3&%7g=4&100%=5", NULL},
    {"to%ken=1", NULL},
    {"to+ken=1", NULL},
    {"%74oke%6=1", NULL},
    {"%00token%00=1", "%00token%00=[Filtered]"},
    {"%token=1", "%token=[Filtered]"},
    {"%7token=1", "%7token=[Filtered]"},
    {"&token=1&", "&token=[Filtered]&"},
    {"token=[Filtered]", "token=[Filtered]"},
};

START_TEST(query_is_filtered)
{
    const char *got = st_collect_query(&st_collect_default, queries[_i].query, t_pool);
    if (queries[_i].want == NULL) {
        ck_assert_ptr_eq(got, queries[_i].query);
    } else {
        ck_assert_str_eq(got, queries[_i].want);
    }
}
END_TEST

/* A key too long to be looked at counts as sensitive; an empty value has nothing to hide. */
START_TEST(value_of_a_very_long_key_is_filtered)
{
    for (int len = 250; len <= 300; len++) {
        char *key = apr_pcalloc(t_pool, (apr_size_t)len + 1);
        memset(key, 'a', (size_t)len);
        const char *query = apr_pstrcat(t_pool, key, "=v", NULL);
        const char *empty = apr_pstrcat(t_pool, key, "=", NULL);
        const char *want =
            len > 256 ? apr_pstrcat(t_pool, key, "=[Filtered]", NULL) : query;
        ck_assert_str_eq(st_collect_query(&st_collect_default, query, t_pool), want);
        ck_assert_ptr_eq(st_collect_query(&st_collect_default, empty, t_pool), empty);
        memcpy(key + len - 5, "token", 5);
        query = apr_pstrcat(t_pool, key, "=v", NULL);
        want = apr_pstrcat(t_pool, key, "=[Filtered]", NULL);
        ck_assert_str_eq(st_collect_query(&st_collect_default, query, t_pool), want);
    }
}
END_TEST

/* A query being made up, and what is to become of it. */
typedef struct made_t {
    char query[4096];
    char want[4096];
    size_t query_len;
    size_t want_len;
} made_t;

static void made_add(made_t *made, const char *text, const char *want)
{
    made->query_len += (size_t)snprintf(
        made->query + made->query_len, sizeof(made->query) - made->query_len, "%s", text);
    made->want_len += (size_t)snprintf(made->want + made->want_len,
                                       sizeof(made->want) - made->want_len, "%s", want);
}

/* Adds a key, some of its characters in upper case or percent-encoded. */
static void made_add_key(made_t *made, const char *key, st_rng_t *rng)
{
    for (; *key != '\0'; key++) {
        char text[4] = {*key};
        uint64_t how = st_rng_next(rng) % 4;
        if (how == 0 || strchr("&;=%", *key) != NULL) {
            snprintf(text, sizeof(text), "%%%02X", (unsigned char)*key);
        } else if (how == 1) {
            text[0] = (char)toupper((unsigned char)*key);
        }
        made_add(made, text, text);
    }
}

static void made_add_pair(made_t *made, st_rng_t *rng)
{
    static const char *const values[] = {"v", "a=b", "%26", "token", "?x", "[Filtered]"};
    int sensitive = st_rng_next(rng) % 2 == 0;
    const char *value = values[st_rng_next(rng) % (sizeof(values) / sizeof(values[0]))];
    made_add_key(made, harmless[st_rng_next(rng) % HARMLESS], rng);
    made_add(made, ".", ".");
    if (sensitive) {
        made_add_key(made, terms[st_rng_next(rng) % TERMS], rng);
        made_add(made, "=LEAK", "=" ST_FILTERED);
        made_add(made, value, "");
    } else {
        made_add(made, "=", "=");
        made_add(made, value, value);
    }
    if (st_rng_next(rng) % 2 == 0) {
        made_add(made, "&", "&");
    } else {
        made_add(made, ";", ";");
    }
}

START_TEST(no_sensitive_value_survives_and_all_else_stays)
{
    st_rng_t rng = {.state = 8};
    for (int round = 0; round < 5000; round++) {
        made_t made = {.query_len = 0};
        int pairs = (int)(st_rng_next(&rng) % 12);
        for (int i = 0; i < pairs; i++) {
            made_add_pair(&made, &rng);
        }
        apr_pool_t *pool;
        ck_assert_int_eq(apr_pool_create(&pool, t_pool), APR_SUCCESS);
        const char *got = st_collect_query(&st_collect_default, made.query, pool);
        ck_assert_str_eq(got, made.want);
        ck_assert_ptr_null(strstr(got, "LEAK"));
        ck_assert_str_eq(st_collect_query(&st_collect_default, got, pool), got);
        apr_pool_destroy(pool);
    }
}
END_TEST

static const struct {
    const char *text;
    const char *want; /* NULL: as it is */
} texts[] = {
    {"text/html,application/xml;q=0.9,*/*;q=0.8", NULL},
    {"max-age=3600, public", NULL},
    {"Mozilla/5.0 (X11; Linux x86_64)", NULL},
    {"", NULL},
    {"http://u:p@h/a?b=1&token=x", "http://h/a?b=1&token=[Filtered]"},
    {"https://h/#access_token=x&b=1", "https://h/#access_token=[Filtered]&b=1"},
    {"0; url=http://u:p@h/?sid=x", "0; url=http://h/?sid=[Filtered]"},
    {"</a?token=x,y>; rel=preload", "</a?token=[Filtered]>; rel=preload"},
    {"session=x,other=1", "session=[Filtered],other=1"},
    {"a; token=\"x y\"; b=1", "a; token=[Filtered]; b=1"},
    {"a; token=\"x y", "a; token=[Filtered]"},
    {"/a?jwt=x /b?c=1", "/a?jwt=[Filtered] /b?c=1"},
    {"Bearer abc", "[Filtered]"},
    {"basic YTpi", "[Filtered]"},
    {"Basics of a=b", NULL},
};

START_TEST(text_is_filtered)
{
    const char *got = st_collect_text(&st_collect_default, texts[_i].text, t_pool);
    if (texts[_i].want == NULL) {
        ck_assert_ptr_eq(got, texts[_i].text);
    } else {
        ck_assert_str_eq(got, texts[_i].want);
    }
}
END_TEST

START_TEST(rules_are_for_what_follows_a_question_mark)
{
    apr_array_header_t *allowed = apr_array_make(t_pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(allowed, const char *) = "page";
    const st_collect_t allow = {.mode = ST_COLLECT_ALLOW, .terms = allowed};
    const st_collect_t off = {.mode = ST_COLLECT_OFF};
    ck_assert_str_eq(st_collect_text(&allow, "a=1; /x?page=2&b=3", t_pool),
                     "a=1; /x?page=2&b=[Filtered]");
    ck_assert_str_eq(st_collect_query(&allow, "a=1&page=2", t_pool),
                     "a=[Filtered]&page=2");
    ck_assert_str_eq(st_collect_text(&off, "a=1; </x?page=2>; b=3", t_pool),
                     "a=1; </x>; b=3");
    ck_assert_str_eq(st_collect_text(&off, "/x?y", t_pool), "/x");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, query_is_filtered, 0,
                        sizeof(queries) / sizeof(queries[0]));
    tcase_add_test(tcase, value_of_a_very_long_key_is_filtered);
    tcase_add_test(tcase, no_sensitive_value_survives_and_all_else_stays);
    tcase_add_loop_test(tcase, text_is_filtered, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, rules_are_for_what_follows_a_question_mark);
}

T_MAIN("collect_text", add_cases)
