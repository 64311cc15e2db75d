/* SPDX-License-Identifier: Apache-2.0 */
/* Name and value of an attribute in one text. */
#include "st_attr_named.h"

#include <math.h>
#include <string.h>

/* Room for the name, its NUL and `more` bytes, which *pvalue then points to. */
static st_str_t text_make(st_str_t name, size_t more, char **pvalue, apr_pool_t *pool)
{
    name = st_str_cut(name, ST_ATTR_NAME_MAX);
    char *text = apr_palloc(pool, name.len + 1 + more);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    *pvalue = text + name.len + 1;
    return (st_str_t){text, name.len + 1 + more};
}

st_str_t st_attr_named_strings(st_str_t name, const st_str_t *texts, int count,
                               apr_pool_t *result_pool)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        bytes += texts[i].len + (i > 0);
    }
    char *to;
    st_str_t made = text_make(name, bytes, &to, result_pool);
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            *to++ = '\0';
        }
        if (texts[i].len > 0) {
            memcpy(to, texts[i].ptr, texts[i].len);
        }
        to += texts[i].len;
    }
    return made;
}

st_str_t st_attr_named_int(st_str_t name, int64_t value, apr_pool_t *result_pool)
{
    char *to;
    st_str_t made = text_make(name, sizeof(value), &to, result_pool);
    memcpy(to, &value, sizeof(value));
    return made;
}

st_str_t st_attr_named_double(st_str_t name, double value, apr_pool_t *result_pool)
{
    char *to;
    st_str_t made = text_make(name, sizeof(value), &to, result_pool);
    memcpy(to, &value, sizeof(value));
    return made;
}

int st_attr_named_is_valid(st_attr_key_t key, st_str_t text)
{
    const char *end = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;
    if (end == NULL || end == text.ptr) {
        return 0;
    }
    st_str_t name, value;
    st_attr_named_split(text, &name, &value);
    switch (st_attr_key_type(key)) {
    case ST_TYPE_STRING:
    case ST_TYPE_STRINGS:
        return name.len <= ST_ATTR_NAME_MAX;
    case ST_TYPE_DOUBLE:
        return value.len == sizeof(double) && isfinite(st_attr_named_value_double(value));
    default:
        return value.len == sizeof(int64_t);
    }
}

void st_attr_named_split(st_str_t text, st_str_t *pname, st_str_t *pvalue)
{
    size_t len = strnlen(text.ptr, text.len);
    size_t skip = len < text.len ? len + 1 : len;
    *pname = (st_str_t){text.ptr, len};
    *pvalue = (st_str_t){text.ptr + skip, text.len - skip};
}

int st_attr_named_next(st_str_t *prest, st_str_t *ptext)
{
    if (prest->len == 0) {
        return 0;
    }
    st_attr_named_split(*prest, ptext, prest);
    return 1;
}

int64_t st_attr_named_value_int(st_str_t value)
{
    int64_t number;
    memcpy(&number, value.ptr, sizeof(number));
    return number;
}

double st_attr_named_value_double(st_str_t value)
{
    double number;
    memcpy(&number, value.ptr, sizeof(number));
    return number;
}
