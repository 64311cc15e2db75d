/* SPDX-License-Identifier: Apache-2.0 */
/* The dynamic sampling context: Sentry takes one it cannot read for a missing one, and then
 * drops all spans without a word
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/dynamic-sampling-context/). */
#include "envelope_check.h"

#include <string.h>
#include "st_id.h"

#define PUBLIC_KEY_LEN 32

/* A number written in a string: *pnumber is set when it is one. */
static int is_number_text(const json_t *json, double *pnumber)
{
    const char *text = st_check_text(json);
    if (text == NULL || text[0] == '\0' ||
        text[strspn(text, "0123456789.eE+-")] != '\0') {
        return 0;
    }
    json_t *number = json_loads(text, JSON_DECODE_ANY, NULL);
    *pnumber = json_number_value(number);
    int is_number = json_is_number(number);
    json_decref(number);
    return is_number;
}

static int rate_is_valid(const json_t *json)
{
    double rate;
    return is_number_text(json, &rate) && rate >= 0.0;
}

static int rand_is_valid(const json_t *json)
{
    double rand;
    return is_number_text(json, &rand) && rand >= 0.0 && rand < 1.0;
}

static int sampled_is_valid(const json_t *json)
{
    const char *text = st_check_text(json);
    return json_is_boolean(json) ||
           (text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0));
}

static int public_key_is_valid(const json_t *json)
{
    const char *text = st_check_text(json);
    if (text == NULL || strlen(text) != PUBLIC_KEY_LEN) {
        return 0;
    }
    for (size_t i = 0; i < PUBLIC_KEY_LEN; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return 0;
        }
    }
    return 1;
}

static int org_id_is_valid(const json_t *json)
{
    const char *text = st_check_text(json);
    return text != NULL && text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int trace_id_is_valid(const json_t *json)
{
    return st_check_is_id(json, ST_TRACE_ID_HEX);
}

static const struct {
    const char *key;
    int required;
    int (*is_valid)(const json_t *json);
    const char *form;
} members[] = {
    {"trace_id", 1, trace_id_is_valid, "32 lower-case hex digits, not all zero"},
    {"public_key", 1, public_key_is_valid, "32 ASCII characters"},
    {"sample_rate", 0, rate_is_valid, "a string holding a number of 0 or more"},
    {"sample_rand", 0, rand_is_valid, "a string holding a number in [0,1)"},
    {"sampled", 0, sampled_is_valid, "\"true\" or \"false\""},
    {"release", 0, st_check_is_text, "a string that is not empty"},
    {"environment", 0, st_check_is_text, "a string that is not empty"},
    {"transaction", 0, st_check_is_text, "a string that is not empty"},
    {"org_id", 0, org_id_is_valid, "a string of digits"},
    {"replay_id", 0, trace_id_is_valid, "32 lower-case hex digits, not all zero"},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static int others_are_strings(st_check_t *check, json_t *dsc)
{
    const char *key;
    json_t *value;
    json_object_foreach(dsc, key, value)
    {
        if (!json_is_string(value) && strcmp(key, "sampled") != 0) {
            return st_check_refuse(
                check, "has a \"%s\" that is no string; all values have to be",
                st_check_quote(key, check->pool));
        }
    }
    return 1;
}

int st_envelope_dsc_check(st_check_t *check, json_t *dsc)
{
    if (!json_is_object(dsc)) {
        return st_check_refuse(check, "is no object");
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const json_t *value = json_object_get(dsc, members[i].key);
        if (value == NULL && members[i].required) {
            return st_check_refuse(check, "has no \"%s\"", members[i].key);
        }
        if (value != NULL && !members[i].is_valid(value)) {
            return st_check_refuse(check, "has a \"%s\" that is not %s", members[i].key,
                                   members[i].form);
        }
    }
    return others_are_strings(check, dsc);
}
