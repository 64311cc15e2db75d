/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMED_H
#define NAMED_H

/* Attributes whose key comes with the record (st_attr_named.h), for both renderings. Keys may be
 * what a client chose to call a header: they are escaped like any text. */

#include "st_attr_named.h"
#include "st_json.h"

/* Adds `"key":{"type":"...","value":...}`. */
void st_named_attr_add(st_buf_t *out, const st_attr_t *attr);

/* Adds `"key":value`.
 * @param max most bytes of a text */
void st_named_member_add(st_buf_t *out, const st_attr_t *attr, size_t max);

/* Adds `"name":"text"` for a header; several values are joined by ", ". */
void st_named_header_add(st_buf_t *out, const st_attr_t *attr, size_t max);

/* Adds `"name":"text"` for each of the pairs name=text of a header with cookies. */
void st_named_cookies_add(st_buf_t *out, const st_attr_t *attr, size_t max);

/* 1 when the attribute is the request's header of that name, in lower case. */
int st_named_is_request_header(const st_attr_t *attr, const char *name);

#endif /* NAMED_H */
