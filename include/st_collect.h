/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_COLLECT_H
#define ST_COLLECT_H

/* What may leave: values of sensitive keys become "[Filtered]", their keys stay
 * (https://develop.sentry.dev/sdk/foundations/client/data-collection/).
 *
 * A rule says for one kind of pairs (headers, cookies, a query) what else is filtered, or
 * whether they are collected at all. The sensitive terms count in every mode. */

#include <apr_pools.h>
#include <apr_tables.h>
#include "st_text.h"

#define ST_FILTERED "[Filtered]"

typedef enum {
    ST_COLLECT_OFF = 0, /* nothing */
    ST_COLLECT_DENY,    /* values of keys that contain a term are filtered */
    ST_COLLECT_ALLOW    /* values of keys that contain no term are filtered */
} st_collect_mode_t;

typedef struct st_collect_t {
    st_collect_mode_t mode;
    const apr_array_header_t *terms; /* of const char *, lower case; NULL: none */
} st_collect_t;

/* Nothing but the sensitive terms is filtered. */
extern const st_collect_t st_collect_default;

/* 1 when the key contains one of the sensitive terms, in any case. */
int st_collect_key_is_sensitive(st_str_t key);

/* 1 when the rule lets the value of that key through; always 0 when the mode is OFF. */
int st_collect_keeps(const st_collect_t *rule, st_str_t key);

/* The same for the name of a cookie, of which more are sensitive. */
int st_collect_keeps_cookie(const st_collect_t *rule, st_str_t name);

/* The same for the name of a header. Cookies are no header here: never kept.
 * @param personal 0: addresses and names that proxies add are filtered, too, unless the rule
 *        allows them by name */
int st_collect_keeps_header(const st_collect_t *rule, st_str_t name, int personal);

/* The query string (without '?') with values replaced that `rule`, not OFF, does not let
 * through, and without user and password of URLs in it. Keys are percent-decoded for the
 * comparison, everything else keeps its spelling. Pairs end at '&' or ';', and values are looked
 * through for pairs of their own (a URL in a query), also encoded ones. A key of more than 256
 * bytes counts as sensitive.
 * @return `query` itself when nothing had to be replaced, else a copy in result_pool. */
const char *st_collect_query(const st_collect_t *rule, const char *query,
                             apr_pool_t *result_pool);

/* Any text that may have URLs or pairs in it, like the value of a header: as above, where
 * `rule` is for what follows a '?' and only sensitive keys count elsewhere. Credentials
 * ("Bearer ...") are filtered as a whole. With the mode OFF queries are left out. */
const char *st_collect_text(const st_collect_t *rule, const char *text,
                            apr_pool_t *result_pool);

#endif /* ST_COLLECT_H */
