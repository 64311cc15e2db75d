/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_CACHE_CONTROL_H
#define ST_CACHE_CONTROL_H

/* What a response's Cache-Control says about shared caches
 * (https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2). Pure functions. */

#include "st_error.h"

typedef struct st_cache_control_t {
    int is_malformed;     /* a quoted value without its end: nothing can be relied on */
    int is_private;       /* for the whole response; private="field" is not */
    int is_public;        /* also with a value, which has no meaning */
    int has_shared_age;   /* s-maxage */
    int has_no_store;     /* without a value */
    int has_no_transform; /* also with a value */
    int has_must_understand;
    int has_must_revalidate;
} st_cache_control_t;

/* Reads a Cache-Control header; several lines are joined with commas.
 * @param header zero-terminated, or NULL: there is none */
void st_cache_control_parse(st_cache_control_t *control, const char *header);

/* 1 when no shared cache may store the response, whatever else it says. In doubt 0:
 *   - `private` or `no-store` count as they stand, not with a value, not beside `public` or
 *     `s-maxage`; no-store not beside `must-understand`, which may switch it off (5.2.2.3)
 *   - the answer to a request with Authorization counts unless `public`, `s-maxage` or
 *     `must-revalidate` allow to store it all the same (section 3.5)
 * `no-cache` and `max-age=0` only ask to validate what was stored; a status, a method or Vary
 * may forbid to store in some caches, but others are free to know better. */
int st_cache_control_is_unshared(const st_cache_control_t *control, int is_authorized);

#endif /* ST_CACHE_CONTROL_H */
