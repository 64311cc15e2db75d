/* SPDX-License-Identifier: Apache-2.0 */
/* Typed attributes (https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/). Sentry
 * keeps the span and blanks an attribute that breaks these rules. */
#include "envelope_check.h"

#include <string.h>
#include "st_attr.h"

/* The kind of an array element; numbers are one kind, whole or not. */
static int element_kind(const json_t *json)
{
    if (json_is_number(json)) {
        return JSON_REAL;
    }
    return json_is_boolean(json) ? JSON_TRUE : (int)json_typeof(json);
}

int st_check_is_array(const json_t *json)
{
    if (!json_is_array(json)) {
        return 0;
    }
    int kind = JSON_NULL;
    size_t i;
    json_t *element;
    json_array_foreach(json, i, element)
    {
        int this_kind = element_kind(element);
        if (this_kind == JSON_OBJECT || this_kind == JSON_ARRAY) {
            return 0;
        }
        if (kind != JSON_NULL && this_kind != JSON_NULL && kind != this_kind) {
            return 0;
        }
        kind = this_kind != JSON_NULL ? this_kind : kind;
    }
    return 1;
}

static int boolean_is_valid(const json_t *json)
{
    return json_is_boolean(json);
}

static int integer_is_valid(const json_t *json)
{
    return json_is_integer(json);
}

static int double_is_valid(const json_t *json)
{
    return json_is_number(json);
}

static const struct {
    const char *type;
    int (*is_valid)(const json_t *json);
    const char *form;
} types[] = {
    {"string", st_check_is_text, "a string that is not empty"},
    {"boolean", boolean_is_valid, "true or false"},
    {"integer", integer_is_valid, "a whole number"},
    {"double", double_is_valid, "a number"},
    {"array", st_check_is_array, "an array of strings, of numbers or of booleans"},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static int value_is_of_type(st_check_t *check, const char *key, const json_t *attr)
{
    const char *type = st_check_text(json_object_get(attr, "type"));
    if (type == NULL) {
        return st_check_refuse(check, "has an attribute \"%s\" without \"type\"",
                               st_check_quote(key, check->pool));
    }
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(types[i].type, type) != 0) {
            continue;
        }
        if (types[i].is_valid(json_object_get(attr, "value"))) {
            return 1;
        }
        return st_check_refuse(check,
                               "has an attribute \"%s\" of type %s whose value is not %s",
                               st_check_quote(key, check->pool), type, types[i].form);
    }
    return st_check_refuse(check, "has an attribute \"%s\" of the unknown type \"%s\"",
                           st_check_quote(key, check->pool),
                           st_check_quote(type, check->pool));
}

static int members_are_known(st_check_t *check, const char *key, const json_t *attr)
{
    const json_t *unit = json_object_get(attr, "unit");
    size_t known = 2;
    if (unit != NULL) {
        if (!st_check_is_text(unit)) {
            return st_check_refuse(check,
                                   "has an attribute \"%s\" whose unit is no string",
                                   st_check_quote(key, check->pool));
        }
        known++;
    }
    if (json_object_size(attr) > known) {
        return st_check_refuse(
            check, "has an attribute \"%s\" with more than type, value and unit",
            st_check_quote(key, check->pool));
    }
    return 1;
}

static int attr_is_valid(st_check_t *check, const char *key, const json_t *attr)
{
    if (key[0] == '\0') {
        return st_check_refuse(check, "has an attribute without a key");
    }
    if (!json_is_object(attr)) {
        return st_check_refuse(
            check, "has an attribute \"%s\" that is no object of type and value",
            st_check_quote(key, check->pool));
    }
    const json_t *value = json_object_get(attr, "value");
    if (value == NULL || json_is_null(value)) {
        return st_check_refuse(check, "has an attribute \"%s\" without \"value\"",
                               st_check_quote(key, check->pool));
    }
    return value_is_of_type(check, key, attr) && members_are_known(check, key, attr);
}

int st_envelope_attrs_check(st_check_t *check, json_t *attrs)
{
    if (attrs == NULL) {
        return 1;
    }
    if (!json_is_object(attrs)) {
        return st_check_refuse(check, "has \"attributes\" that are no object");
    }
    const char *key;
    json_t *attr;
    json_object_foreach(attrs, key, attr)
    {
        if (!attr_is_valid(check, key, attr)) {
            return 0;
        }
    }
    return 1;
}
