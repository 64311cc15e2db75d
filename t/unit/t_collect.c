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

static char *upper_case(const char *text)
{
    char *copy = apr_pstrdup(t_pool, text);
    for (char *c = copy; *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
    return copy;
}

START_TEST(key_with_a_term_is_sensitive_in_any_case)
{
    const char *upper = upper_case(terms[_i]);
    const char *const keys[] = {
        terms[_i],
        upper,
        apr_pstrcat(t_pool, "my_", terms[_i], NULL),
        apr_pstrcat(t_pool, upper, "2", NULL),
        apr_pstrcat(t_pool, "x-", terms[_i], "-y", NULL),
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_int_eq(st_collect_key_is_sensitive(st_str(keys[i])), 1);
    }
    st_str_t cut = {terms[_i], strlen(terms[_i]) - 1};
    ck_assert_int_eq(st_collect_key_is_sensitive(cut), 0);
}
END_TEST

START_TEST(harmless_key_is_not_sensitive)
{
    ck_assert_int_eq(st_collect_key_is_sensitive(st_str(harmless[_i])), 0);
}
END_TEST

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
    {"a=%74oken%3Dx", NULL},
    /* What is no escape is text. */
    {"%=1&%7=2&%zz=3&%7g=4&100%=5", NULL},
    {"to%ken=1", NULL},
    {"%2574oken=1", NULL},
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
    const char *got = st_collect_query(queries[_i].query, t_pool);
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
        ck_assert_str_eq(st_collect_query(query, t_pool), want);
        ck_assert_ptr_eq(st_collect_query(empty, t_pool), empty);
        memcpy(key + len - 5, "token", 5);
        query = apr_pstrcat(t_pool, key, "=v", NULL);
        want = apr_pstrcat(t_pool, key, "=[Filtered]", NULL);
        ck_assert_str_eq(st_collect_query(query, t_pool), want);
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
        const char *got = st_collect_query(made.query, pool);
        ck_assert_str_eq(got, made.want);
        ck_assert_ptr_null(strstr(got, "LEAK"));
        ck_assert_str_eq(st_collect_query(got, pool), got);
        apr_pool_destroy(pool);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, key_with_a_term_is_sensitive_in_any_case, 0, TERMS);
    tcase_add_loop_test(tcase, harmless_key_is_not_sensitive, 0, HARMLESS);
    tcase_add_loop_test(tcase, query_is_filtered, 0,
                        sizeof(queries) / sizeof(queries[0]));
    tcase_add_test(tcase, value_of_a_very_long_key_is_filtered);
    tcase_add_test(tcase, no_sensitive_value_survives_and_all_else_stays);
}

T_MAIN("collect", add_cases)
