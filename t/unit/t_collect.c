/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_collect.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>

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

static const st_collect_t *rule_of(st_collect_mode_t mode, const char *term)
{
    st_collect_t *rule = apr_pcalloc(t_pool, sizeof(*rule));
    apr_array_header_t *terms_of = apr_array_make(t_pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(terms_of, const char *) = term;
    rule->mode = mode;
    rule->terms = term != NULL ? terms_of : NULL;
    return rule;
}

static const struct {
    st_collect_mode_t mode;
    const char *term;
    const char *key;
    int is_kept;
} kept[] = {
    {ST_COLLECT_OFF, NULL, "page", 0},        {ST_COLLECT_OFF, "page", "page", 0},
    {ST_COLLECT_DENY, NULL, "page", 1},       {ST_COLLECT_DENY, NULL, "token", 0},
    {ST_COLLECT_DENY, "page", "x-Page-y", 0}, {ST_COLLECT_DENY, "page", "pag", 1},
    {ST_COLLECT_ALLOW, NULL, "page", 0},      {ST_COLLECT_ALLOW, "page", "PAGES", 1},
    {ST_COLLECT_ALLOW, "page", "pag", 0},     {ST_COLLECT_ALLOW, "token", "token", 0},
};

START_TEST(sensitive_terms_count_before_the_rule)
{
    const st_collect_t *rule = rule_of(kept[_i].mode, kept[_i].term);
    ck_assert_int_eq(st_collect_keeps(rule, st_str(kept[_i].key)), kept[_i].is_kept);
}
END_TEST

START_TEST(more_cookies_than_keys_are_sensitive)
{
    static const char *const names[] = {"connect.sid", "PHPSESSID", "__Host-a",
                                        "AWSALB",      "sb-x",      "my_mfa_dev",
                                        "remember_me"};
    const st_collect_t *rule = rule_of(ST_COLLECT_ALLOW, "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(st_collect_keeps_cookie(rule, st_str(names[i])), 0);
    }
    ck_assert_int_eq(st_collect_keeps_cookie(rule, st_str("theme")), 1);
    ck_assert_int_eq(st_collect_keeps(rule, st_str("AWSALB")), 1);
}
END_TEST

START_TEST(headers_about_the_client_are_personal)
{
    static const char *const names[] = {"X-Forwarded-For", "forwarded",    "X-Real-IP",
                                        "Remote-User",     "Via",          "X-End-User",
                                        "X-Remote-Addr",   "CF-Client-IP", "From"};
    const st_collect_t *deny = &st_collect_default;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(st_collect_keeps_header(deny, st_str(names[i]), 0), 0);
        ck_assert_int_eq(st_collect_keeps_header(deny, st_str(names[i]), 1), 1);
    }
    ck_assert_int_eq(st_collect_keeps_header(deny, st_str("User-Agent"), 0), 1);
    const st_collect_t *allow = rule_of(ST_COLLECT_ALLOW, "forwarded");
    ck_assert_int_eq(st_collect_keeps_header(allow, st_str("X-Forwarded-For"), 0), 1);
    ck_assert_int_eq(st_collect_keeps_header(allow, st_str("X-Real-IP"), 0), 0);
}
END_TEST

START_TEST(cookies_are_no_headers)
{
    const st_collect_t *allow = rule_of(ST_COLLECT_ALLOW, "");
    ck_assert_int_eq(st_collect_keeps_header(allow, st_str("Cookie"), 1), 0);
    ck_assert_int_eq(st_collect_keeps_header(allow, st_str("Set-Cookie"), 1), 0);
    ck_assert_int_eq(st_collect_keeps_header(allow, st_str("Accept"), 0), 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, key_with_a_term_is_sensitive_in_any_case, 0, TERMS);
    tcase_add_loop_test(tcase, harmless_key_is_not_sensitive, 0, HARMLESS);
    tcase_add_loop_test(tcase, sensitive_terms_count_before_the_rule, 0,
                        sizeof(kept) / sizeof(kept[0]));
    tcase_add_test(tcase, more_cookies_than_keys_are_sensitive);
    tcase_add_test(tcase, headers_about_the_client_are_personal);
    tcase_add_test(tcase, cookies_are_no_headers);
}

T_MAIN("collect", add_cases)
