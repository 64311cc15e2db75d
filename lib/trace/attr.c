/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind the attribute keys. */
#include "st_attr.h"

#include <string.h>

typedef struct row_t {
    const char *text;
    st_attr_type_t type;
} row_t;

static const row_t keys[ST_ATTR_COUNT] = {
#define ST_ATTR_ROW(name, key, type_) [ST_ATTR_##name] = {key, ST_TYPE_##type_},
    ST_ATTR_LIST(ST_ATTR_ROW)
#undef ST_ATTR_ROW
};

static const row_t named[ST_ATTR_NAMED_END - ST_ATTR_NAMED] = {
#define ST_ATTR_ROW(name, key, type_)                                                    \
    [ST_ATTR_##name - ST_ATTR_NAMED] = {key, ST_TYPE_##type_},
    ST_ATTR_NAMED_LIST(ST_ATTR_ROW)
#undef ST_ATTR_ROW
};

static const row_t *row_of(st_attr_key_t key)
{
    return st_attr_is_named(key) ? &named[key - ST_ATTR_NAMED] : &keys[key];
}

const char *st_attr_key_text(st_attr_key_t key)
{
    return row_of(key)->text;
}

st_attr_key_t st_attr_find(const char *text)
{
    for (int key = ST_ATTR_NONE + 1; key < ST_ATTR_COUNT; key++) {
        if (strcmp(keys[key].text, text) == 0) {
            return (st_attr_key_t)key;
        }
    }
    return ST_ATTR_NONE;
}

st_attr_type_t st_attr_key_type(st_attr_key_t key)
{
    return row_of(key)->type;
}

int st_attr_is_text(st_attr_key_t key)
{
    return st_attr_is_named(key) || keys[key].type == ST_TYPE_STRING;
}
