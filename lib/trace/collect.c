/* SPDX-License-Identifier: Apache-2.0 */
/* The default deny list, applied to query strings.
 * https://develop.sentry.dev/sdk/foundations/client/data-collection/ */
#include "st_collect.h"

#include <string.h>

/* Any key that contains one of these is sensitive. */
static const char *const terms[] = {
    "auth", "token", "secret",      "session", "password", "passwd",
    "pwd",  "key",   "jwt",         "bearer",  "sso",      "saml",
    "csrf", "xsrf",  "credentials", "sid",     "identity",
};

int st_collect_key_is_sensitive(st_str_t key)
{
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        if (st_str_contains_nocase(key, terms[i])) {
            return 1;
        }
    }
    return 0;
}

/* Percent-decodes up to `max` bytes; what is not an escape stays. */
static size_t percent_decode(char *out, size_t max, const char *in, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < max; i++) {
        int high = in[i] == '%' && len - i > 2 ? st_hex_value(in[i + 1]) : -1;
        int low = high >= 0 ? st_hex_value(in[i + 2]) : -1;
        out[n++] = low >= 0 ? (char)(high * 16 + low) : in[i];
        i += low >= 0 ? 2 : 0;
    }
    return n;
}

#define KEY_BYTES_MAX 256

/* 1 when the pair pair[0..len) has a value that must not leave; *pkey_len is then set. A pair
 * without '=' may be a bare token ("?eyJhbGci..."): it has no key to judge by and stays, as in
 * the SDKs. */
static int pair_is_sensitive(const char *pair, size_t len, size_t *pkey_len)
{
    const char *equals = memchr(pair, '=', len);
    if (equals == NULL) {
        return 0;
    }
    *pkey_len = (size_t)(equals - pair);
    if (*pkey_len + 1 == len) {
        return 0;
    }
    if (*pkey_len > KEY_BYTES_MAX) {
        return 1;
    }
    char key[KEY_BYTES_MAX];
    size_t key_len = percent_decode(key, sizeof(key), pair, *pkey_len);
    return st_collect_key_is_sensitive((st_str_t){key, key_len});
}

/* Appends to out[0..*plen); with out NULL only measures. */
static void put(char *out, size_t *plen, const char *bytes, size_t len)
{
    if (out != NULL) {
        memcpy(out + *plen, bytes, len);
    }
    *plen += len;
}

/* Copies `query` to `out` with values replaced; with out NULL only measures.
 * @return bytes of the result; *pfiltered counts the replaced values. */
static size_t query_filter(char *out, const char *query, int *pfiltered)
{
    size_t n = 0;
    *pfiltered = 0;
    while (*query != '\0') {
        size_t len = strcspn(query, "&;");
        size_t key_len = 0;
        int sensitive = pair_is_sensitive(query, len, &key_len);
        if (sensitive) {
            put(out, &n, query, key_len + 1);
            put(out, &n, ST_FILTERED, strlen(ST_FILTERED));
            ++*pfiltered;
        } else {
            put(out, &n, query, len);
        }
        query += len;
        if (*query != '\0') {
            put(out, &n, query, 1);
            query++;
        }
    }
    return n;
}

const char *st_collect_query(const char *query, apr_pool_t *result_pool)
{
    int filtered;
    size_t len = query_filter(NULL, query, &filtered);
    if (filtered == 0) {
        return query;
    }
    char *out = apr_palloc(result_pool, len + 1);
    query_filter(out, query, &filtered);
    out[len] = '\0';
    return out;
}
