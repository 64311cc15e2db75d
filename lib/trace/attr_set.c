/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that replace each other. */
#include "st_attr_set.h"

_Static_assert(ST_ATTR_COUNT <= 64, "st_segment_t.attrs_fixed has one bit a key");

static st_attr_t *attr_find(st_attr_t *attrs, int count, st_attr_key_t key)
{
    for (int i = 0; i < count; i++) {
        if (attrs[i].key == key) {
            return &attrs[i];
        }
    }
    return NULL;
}

/* The attribute of that key in the segment or a child, or NULL. */
static st_attr_t *attr_of(st_segment_t *seg, int span, st_attr_key_t key)
{
    if (span == ST_SPAN_SEGMENT) {
        return attr_find(seg->attrs, seg->attr_count, key);
    }
    return attr_find(seg->spans[span].attrs, seg->spans[span].attr_count, key);
}

static int can_keep(const st_segment_t *seg, int span)
{
    return seg->sampled && span != ST_SPAN_NONE;
}

/* The attribute, added with a value to be replaced when it is new; NULL when full. */
static st_attr_t *attr_make(st_segment_t *seg, int span, st_attr_key_t key)
{
    if (attr_of(seg, span, key) == NULL) {
        if (span == ST_SPAN_SEGMENT) {
            st_segment_attr_int(seg, key, 0);
        } else {
            st_span_attr_int(seg, span, key, 0);
        }
    }
    if (span == ST_SPAN_SEGMENT) {
        seg->attrs_fixed |= UINT64_C(1) << key;
    }
    return attr_of(seg, span, key);
}

int st_attr_set_str(st_segment_t *seg, int span, st_attr_key_t key, const char *value)
{
    if (!can_keep(seg, span) || value == NULL || value[0] == '\0') {
        return 0;
    }
    st_attr_t *attr = attr_make(seg, span, key);
    if (attr == NULL) {
        return 0;
    }
    attr->value.str = st_str(value);
    return 1;
}

int st_attr_set_int(st_segment_t *seg, int span, st_attr_key_t key, int64_t value)
{
    st_attr_t *attr = can_keep(seg, span) ? attr_make(seg, span, key) : NULL;
    if (attr == NULL) {
        return 0;
    }
    attr->value.integer = value;
    return 1;
}

int st_attr_set_double(st_segment_t *seg, int span, st_attr_key_t key, double value)
{
    st_attr_t *attr = can_keep(seg, span) ? attr_make(seg, span, key) : NULL;
    if (attr == NULL) {
        return 0;
    }
    attr->value.real = value;
    return 1;
}
