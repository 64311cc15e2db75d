/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes whose key comes with the record, as JSON. */
#include "named.h"

#include <string.h>

#define KEY_BYTES_MAX (ST_ATTR_NAME_MAX + 32)
#define TEXT_MAX      8192

/* Adds `"text":`. */
static void text_key_add(st_buf_t *out, st_str_t text)
{
    st_json_string(out, text);
    st_buf_add_lit(out, ":");
}

/* Adds the whole key, the attribute's name with what comes before it. */
static void key_add(st_buf_t *out, const st_attr_t *attr, st_str_t name)
{
    char key[KEY_BYTES_MAX];
    const char *prefix = st_attr_key_text(attr->key);
    size_t len = strlen(prefix);
    memcpy(key, prefix, len);
    memcpy(key + len, name.ptr, name.len);
    text_key_add(out, (st_str_t){key, len + name.len});
}

static void texts_add(st_buf_t *out, st_str_t texts, size_t max)
{
    st_str_t text;
    st_json_array_begin(out);
    while (st_attr_named_next(&texts, &text)) {
        st_json_string(out, st_str_cut(text, max));
    }
    st_json_array_end(out);
}

static void value_add(st_buf_t *out, const st_attr_t *attr, st_str_t value, size_t max)
{
    switch (st_attr_key_type(attr->key)) {
    case ST_TYPE_STRING:
        st_json_string(out, st_str_cut(value, max));
        break;
    case ST_TYPE_STRINGS:
        texts_add(out, value, max);
        break;
    case ST_TYPE_BOOLEAN:
        st_json_bool(out, st_attr_named_value_int(value) != 0);
        break;
    case ST_TYPE_DOUBLE:
        st_json_double(out, st_attr_named_value_double(value));
        break;
    default:
        st_json_int(out, st_attr_named_value_int(value));
        break;
    }
}

/* An empty text is no attribute. */
static int split(const st_attr_t *attr, st_str_t *pname, st_str_t *pvalue)
{
    st_attr_named_split(attr->value.str, pname, pvalue);
    return pvalue->len > 0;
}

static const char *type_opening(st_attr_key_t key)
{
    static const char *const openings[ST_TYPE_COUNT] = {
        [ST_TYPE_STRING] = "{\"type\":\"string\",\"value\":",
        [ST_TYPE_BOOLEAN] = "{\"type\":\"boolean\",\"value\":",
        [ST_TYPE_INTEGER] = "{\"type\":\"integer\",\"value\":",
        [ST_TYPE_DOUBLE] = "{\"type\":\"double\",\"value\":",
        [ST_TYPE_STRINGS] = "{\"type\":\"array\",\"value\":",
    };
    return openings[st_attr_key_type(key)];
}

void st_named_attr_add(st_buf_t *out, const st_attr_t *attr)
{
    st_str_t name, value;
    if (!split(attr, &name, &value)) {
        return;
    }
    key_add(out, attr, name);
    st_json_raw(out, st_str(type_opening(attr->key)));
    value_add(out, attr, value, TEXT_MAX);
    st_json_object_end(out);
}

void st_named_member_add(st_buf_t *out, const st_attr_t *attr, size_t max)
{
    st_str_t name, value;
    if (split(attr, &name, &value)) {
        key_add(out, attr, name);
        value_add(out, attr, value, max);
    }
}

/* Appends to text[0..*plen) what fits. */
static void text_append(char *text, size_t *plen, st_str_t more)
{
    more = st_str_cut(more, TEXT_MAX - *plen);
    memcpy(text + *plen, more.ptr, more.len);
    *plen += more.len;
}

void st_named_header_add(st_buf_t *out, const st_attr_t *attr, size_t max)
{
    st_str_t name, value, part;
    char text[TEXT_MAX];
    size_t len = 0;
    if (!split(attr, &name, &value)) {
        return;
    }
    for (int i = 0; st_attr_named_next(&value, &part); i++) {
        text_append(text, &len, st_str(i > 0 ? ", " : ""));
        text_append(text, &len, part);
    }
    text_key_add(out, name);
    st_json_string(out, st_str_cut((st_str_t){text, len}, max));
}

void st_named_cookies_add(st_buf_t *out, const st_attr_t *attr, size_t max)
{
    st_str_t name, value, pair;
    if (!split(attr, &name, &value)) {
        return;
    }
    while (st_attr_named_next(&value, &pair)) {
        const char *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
        if (equals == NULL || equals == pair.ptr) {
            continue;
        }
        size_t len = (size_t)(equals - pair.ptr);
        text_key_add(out, st_str_cut((st_str_t){pair.ptr, len}, max));
        st_json_string(out, st_str_cut((st_str_t){equals + 1, pair.len - len - 1}, max));
    }
}

int st_named_is_request_header(const st_attr_t *attr, const char *name)
{
    st_str_t is, value;
    if (attr->key != ST_ATTR_REQUEST_HEADER) {
        return 0;
    }
    st_attr_named_split(attr->value.str, &is, &value);
    return is.len == strlen(name) && memcmp(is.ptr, name, is.len) == 0;
}
