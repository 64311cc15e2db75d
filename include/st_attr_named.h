/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ATTR_NAMED_H
#define ST_ATTR_NAMED_H

/* Attributes whose key is known only when they are made: headers, the operator's own ones. Name
 * (the rest of the key) and value are one text, so that they travel like any string:
 *
 *   STRING    name NUL text
 *   STRINGS   name NUL text NUL text ...
 *   others    name NUL and the 8 bytes of the number: int64_t, BOOLEAN 0 or 1, or double */

#include <apr_pools.h>
#include "st_attr.h"

/* Most bytes of a name; longer ones are cut. */
#define ST_ATTR_NAME_MAX 128

/* Each makes such a text in result_pool. The name is not empty and has no NUL.
 * @param count of `texts`, none of which has a NUL */
st_str_t st_attr_named_strings(st_str_t name, const st_str_t *texts, int count,
                               apr_pool_t *result_pool);
st_str_t st_attr_named_int(st_str_t name, int64_t value, apr_pool_t *result_pool);
st_str_t st_attr_named_double(st_str_t name, double value, apr_pool_t *result_pool);

/* 1 when the text has the form that the key's type asks for; numbers are finite. */
int st_attr_named_is_valid(st_attr_key_t key, st_str_t text);

/* The parts of a valid text, borrowed from it. */
void st_attr_named_split(st_str_t text, st_str_t *pname, st_str_t *pvalue);

/* Takes the next text off the value of STRINGS. @return 0 when there is none any more. */
int st_attr_named_next(st_str_t *prest, st_str_t *ptext);

/* The number in the value of the others. */
int64_t st_attr_named_value_int(st_str_t value);
double st_attr_named_value_double(st_str_t value);

#endif /* ST_ATTR_NAMED_H */
