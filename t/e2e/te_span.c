/* SPDX-License-Identifier: Apache-2.0 */
/* Finding spans in a store, and what they say. */

#include "te_store.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include <apr_strings.h>

const te_span_t *te_segment(const te_store_t *store, int i)
{
    int seen = 0;
    for (int k = 0; k < te_store_count(store); k++) {
        const te_span_t *span = te_store_span(store, k);
        if (span->is_segment && seen++ == i) {
            return span;
        }
    }
    ck_abort_msg("there are %d segments, no number %d", seen, i);
    return NULL;
}

const te_span_t *te_segment_with(const te_store_t *store, const char *key,
                                 const char *value)
{
    const te_span_t *found = NULL;
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        const char *own = span->is_segment ? te_span_attr_str(span, key) : NULL;
        if (own != NULL && strcmp(own, value) == 0) {
            ck_assert_msg(found == NULL, "several segments with %s %s", key, value);
            found = span;
        }
    }
    ck_assert_msg(found != NULL, "no segment with %s %s", key, value);
    return found;
}

const te_span_t *te_segment_of(const te_store_t *store, const char *path)
{
    return te_segment_with(store, "url.path", path);
}

static int matches(const te_span_t *span, const te_span_t *segment, const char *op,
                   const char *name)
{
    return strcmp(span->trace_id, segment->trace_id) == 0 &&
           (op == NULL || strcmp(span->op, op) == 0) &&
           (name == NULL || strcmp(span->name, name) == 0);
}

int te_span_count(const te_store_t *store, const te_span_t *segment, const char *op,
                  const char *name)
{
    int count = 0;
    for (int i = 0; i < te_store_count(store); i++) {
        count += matches(te_store_span(store, i), segment, op, name);
    }
    return count;
}

const te_span_t *te_span_find(const te_store_t *store, const te_span_t *segment,
                              const char *op, const char *name)
{
    for (int i = 0; i < te_store_count(store); i++) {
        if (matches(te_store_span(store, i), segment, op, name)) {
            return te_store_span(store, i);
        }
    }
    ck_abort_msg("no span %s %s", op != NULL ? op : "", name != NULL ? name : "");
    return NULL;
}

static const te_span_t *by_id(const te_store_t *store, const char *trace_id,
                              const char *span_id)
{
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        if (strcmp(span->span_id, span_id) == 0 &&
            strcmp(span->trace_id, trace_id) == 0) {
            return span;
        }
    }
    return NULL;
}

const te_span_t *te_span_parent(const te_store_t *store, const te_span_t *span)
{
    ck_assert_msg(span->parent_id != NULL, "%s has no parent", span->name);
    const te_span_t *parent = by_id(store, span->trace_id, span->parent_id);
    ck_assert_msg(parent != NULL, "the parent of %s is missing", span->name);
    return parent;
}

/* The value of an attribute of the type named; NULL when there is none. */
static const json_t *attr_value(const te_span_t *span, const char *key, const char *type)
{
    ck_assert_msg(span->attributes != NULL, "%s kept no attributes", span->name);
    const json_t *attribute = json_object_get(span->attributes, key);
    if (attribute == NULL) {
        return NULL;
    }
    ck_assert_str_eq(json_string_value(json_object_get(attribute, "type")), type);
    return json_object_get(attribute, "value");
}

const char *te_span_attr_str(const te_span_t *span, const char *key)
{
    return json_string_value(attr_value(span, key, "string"));
}

long te_span_attr_int(const te_span_t *span, const char *key)
{
    const json_t *value = attr_value(span, key, "integer");
    return value != NULL ? (long)json_integer_value(value) : -1;
}

double te_span_attr_double(const te_span_t *span, const char *key)
{
    const json_t *value = attr_value(span, key, "double");
    return value != NULL ? json_number_value(value) : NAN;
}

const char *te_span_attr_list(const te_store_t *store, const te_span_t *span,
                              const char *key)
{
    const json_t *value = attr_value(span, key, "array");
    const char *text = "";
    size_t i;
    json_t *element;
    if (value == NULL) {
        return NULL;
    }
    json_array_foreach(value, i, element)
    {
        text = apr_pstrcat(store->pool, text, i > 0 ? "|" : "",
                           json_string_value(element), NULL);
    }
    return text;
}

int te_span_attr_bool(const te_span_t *span, const char *key)
{
    const json_t *value = attr_value(span, key, "boolean");
    return value != NULL ? json_is_true(value) : -1;
}
