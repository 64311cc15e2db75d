/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys may have their values sent.
 * https://develop.sentry.dev/sdk/foundations/client/data-collection/ */
#include "st_collect.h"

#include <string.h>

#define LETTERS        26
#define PER_LETTER_MAX 5

const st_collect_t st_collect_default = {.mode = ST_COLLECT_DENY, .terms = NULL};

/* Any key that contains one of these is sensitive. By their first letters, because every header
 * and every pair of a query is looked at. */
static const char *const terms[LETTERS][PER_LETTER_MAX + 1] = {
    ['a' - 'a'] = {"auth"},
    ['b' - 'a'] = {"bearer"},
    ['c' - 'a'] = {"csrf", "credentials"},
    ['i' - 'a'] = {"identity"},
    ['j' - 'a'] = {"jwt"},
    ['k' - 'a'] = {"key"},
    ['p' - 'a'] = {"password", "passwd", "pwd"},
    ['s' - 'a'] = {"secret", "session", "sso", "saml", "sid"},
    ['t' - 'a'] = {"token"},
    ['x' - 'a'] = {"xsrf"},
};

/* Names of cookies that contain one of these are sensitive, too: sessions of frameworks, load
 * balancers and identity providers. */
static const char *const cookie_terms[] = {
    ".sid",      "sessid",   "remember", "oidc",   "pkce",   "nonce",
    "__secure-", "__host-",  "awsalb",   "awselb", "akamai", "__stripe",
    "cognito",   "firebase", "supabase", "sb-",    "mfa",    "2fa",
};

/* Headers that proxies add about the client, and the one with a mail address. */
static const char *const personal_terms[] = {
    "forwarded", "-ip", "-addr", "remote-", "via", "-user", "from",
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* 1 when text[0..len) begins with the term, which is in lower case. */
static int begins_with(const char *text, size_t len, const char *term)
{
    for (size_t i = 0; term[i] != '\0'; i++) {
        if (i == len || lower(text[i]) != term[i]) {
            return 0;
        }
    }
    return 1;
}

int st_collect_key_is_sensitive(st_str_t key)
{
    for (size_t i = 0; i < key.len; i++) {
        char first = lower(key.ptr[i]);
        if (first < 'a' || first > 'z') {
            continue;
        }
        for (const char *const *term = terms[first - 'a']; *term != NULL; term++) {
            if (begins_with(key.ptr + i, key.len - i, *term)) {
                return 1;
            }
        }
    }
    return 0;
}

static int contains_one_of(st_str_t key, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (st_str_contains_nocase(key, list[i])) {
            return 1;
        }
    }
    return 0;
}

static int has_term_of(const st_collect_t *rule, st_str_t key)
{
    return rule->terms != NULL &&
           contains_one_of(key, (const char *const *)(const void *)rule->terms->elts,
                           (size_t)rule->terms->nelts);
}

int st_collect_keeps(const st_collect_t *rule, st_str_t key)
{
    if (rule->mode == ST_COLLECT_OFF || st_collect_key_is_sensitive(key)) {
        return 0;
    }
    return has_term_of(rule, key) == (rule->mode == ST_COLLECT_ALLOW);
}

int st_collect_keeps_cookie(const st_collect_t *rule, st_str_t name)
{
    return st_collect_keeps(rule, name) &&
           !contains_one_of(name, cookie_terms,
                            sizeof(cookie_terms) / sizeof(cookie_terms[0]));
}

int st_collect_keeps_header(const st_collect_t *rule, st_str_t name, int personal)
{
    if (!st_collect_keeps(rule, name) || st_str_contains_nocase(name, "cookie")) {
        return 0;
    }
    return personal || rule->mode == ST_COLLECT_ALLOW ||
           !contains_one_of(name, personal_terms,
                            sizeof(personal_terms) / sizeof(personal_terms[0]));
}
