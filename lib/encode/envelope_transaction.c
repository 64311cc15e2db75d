/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions (https://develop.sentry.dev/sdk/data-model/event-payloads/transaction/). */
#include "envelope_check.h"

#include <string.h>

#define EVENT_ID_DIGITS 32

#define COUNT(words) (sizeof(words) / sizeof((words)[0]))

/* Other texts become "other". */
static const char *const platforms[] = {
    "as3",    "c",    "cfml",       "cocoa",  "csharp", "elixir", "go",
    "groovy", "java", "javascript", "native", "node",   "objc",   "other",
    "perl",   "php",  "python",     "ruby",   "haskell"};

static const char *const sources[] = {"custom", "url",       "route",
                                      "view",   "component", "task"};

/* Texts of an event, with the number of characters that Sentry keeps. */
static const struct {
    const char *key;
    int max;
} texts[] = {
    {"transaction", 200}, {"release", 200}, {"environment", 64},
    {"server_name", 256}, {"dist", 64},
};

static int texts_are_valid(st_check_t *check, const json_t *transaction)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        const json_t *text = st_check_optional(transaction, texts[i].key);
        if (text != NULL && !st_check_is_short(text, (size_t)texts[i].max)) {
            return st_check_refuse(check, "has no text of 1 to %d characters as \"%s\"",
                                   texts[i].max, texts[i].key);
        }
    }
    return 1;
}

static int text_is(const json_t *text, const char *what)
{
    return st_check_text(text) != NULL && strcmp(st_check_text(text), what) == 0;
}

static int ids_are_valid(st_check_t *check, const json_t *transaction,
                         const json_t *event_id)
{
    const json_t *own = json_object_get(transaction, "event_id");
    if (!st_check_is_id(event_id, EVENT_ID_DIGITS)) {
        return st_check_refuse(check, "needs an \"event_id\" in the envelope header");
    }
    if (own == NULL || !text_is(own, st_check_text(event_id))) {
        return st_check_refuse(
            check, "has another \"event_id\" than the envelope header, or none");
    }
    return 1;
}

static int facts_are_valid(st_check_t *check, const json_t *transaction)
{
    const char *platform = st_check_text(json_object_get(transaction, "platform"));
    const json_t *info = json_object_get(transaction, "transaction_info");
    if (!text_is(json_object_get(transaction, "type"), "transaction")) {
        return st_check_refuse(check, "does not say \"type\":\"transaction\"");
    }
    if (json_object_get(transaction, "transaction") == NULL) {
        return st_check_refuse(check, "has no name as \"transaction\"");
    }
    if (!st_check_is_one_of(st_check_text(json_object_get(info, "source")), sources,
                            COUNT(sources))) {
        return st_check_refuse(check, "has no known \"source\" in \"transaction_info\"");
    }
    if (!st_check_is_one_of(platform, platforms, COUNT(platforms))) {
        return st_check_refuse(check, "has no known \"platform\"");
    }
    return 1;
}

/* Whether each of these is missing or of that JSON type. */
static int are_missing_or(const json_t *object, const char *const *keys, size_t count,
                          json_type type)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *member = st_check_optional(object, keys[i]);
        if (member != NULL && json_typeof(member) != type) {
            return 0;
        }
    }
    return 1;
}

static int request_is_valid(st_check_t *check, const json_t *request)
{
    static const char *const words[] = {"method", "url", "fragment", "protocol"};
    static const char *const objects[] = {"headers", "env"};
    if (request == NULL) {
        return 1;
    }
    if (!json_is_object(request) ||
        !are_missing_or(request, words, COUNT(words), JSON_STRING) ||
        !are_missing_or(request, objects, COUNT(objects), JSON_OBJECT)) {
        return st_check_refuse(check, "has a \"request\" of the wrong form");
    }
    return 1;
}

static int user_is_valid(st_check_t *check, const json_t *user)
{
    static const char *const words[] = {"username", "email", "ip_address"};
    if (user == NULL) {
        return 1;
    }
    if (!json_is_object(user) ||
        !are_missing_or(user, words, COUNT(words), JSON_STRING)) {
        return st_check_refuse(check, "has a \"user\" of the wrong form");
    }
    return 1;
}

static int sdk_is_valid(st_check_t *check, const json_t *sdk)
{
    if (sdk != NULL && (!st_check_is_text(json_object_get(sdk, "name")) ||
                        !st_check_is_text(json_object_get(sdk, "version")))) {
        return st_check_refuse(check, "has no name and version in \"sdk\"");
    }
    return 1;
}

static int is_whole_or_missing(const json_t *json)
{
    return json == NULL || (json_is_integer(json) && json_integer_value(json) >= 0);
}

static int response_is_valid(st_check_t *check, const json_t *response)
{
    if (response == NULL) {
        return 1;
    }
    if (!json_is_object(response) ||
        !is_whole_or_missing(json_object_get(response, "status_code")) ||
        !is_whole_or_missing(json_object_get(response, "body_size"))) {
        return st_check_refuse(check, "has a \"response\" of the wrong form");
    }
    return 1;
}

static int measurements_are_valid(st_check_t *check, json_t *measurements)
{
    const char *key;
    json_t *value;
    if (measurements != NULL && !json_is_object(measurements)) {
        return st_check_refuse(check, "has \"measurements\" that are no object");
    }
    json_object_foreach(measurements, key, value)
    {
        if (!json_is_number(json_object_get(value, "value")) ||
            !json_is_string(json_object_get(value, "unit"))) {
            return st_check_refuse(check,
                                   "has a measurement \"%s\" without value or unit",
                                   st_check_quote(key, check->pool));
        }
    }
    return 1;
}

/* Everything but ids, trace context and spans. */
static int members_are_valid(st_check_t *check, json_t *transaction)
{
    static const char *const known[] = {"type",
                                        "event_id",
                                        "platform",
                                        "release",
                                        "environment",
                                        "server_name",
                                        "dist",
                                        "sdk",
                                        "transaction",
                                        "transaction_info",
                                        "start_timestamp",
                                        "timestamp",
                                        "tags",
                                        "request",
                                        "user",
                                        "contexts",
                                        "spans",
                                        "measurements",
                                        "breadcrumbs",
                                        "extra",
                                        "level",
                                        "logger",
                                        "modules",
                                        "fingerprint",
                                        "_meta"};
    json_t *contexts = json_object_get(transaction, "contexts");
    return st_check_times(check, transaction, "start_timestamp", "timestamp") &&
           facts_are_valid(check, transaction) && texts_are_valid(check, transaction) &&
           st_envelope_tags_check(check, st_check_optional(transaction, "tags")) &&
           request_is_valid(check, st_check_optional(transaction, "request")) &&
           user_is_valid(check, st_check_optional(transaction, "user")) &&
           sdk_is_valid(check, st_check_optional(transaction, "sdk")) &&
           response_is_valid(check, st_check_optional(contexts, "response")) &&
           measurements_are_valid(check,
                                  st_check_optional(transaction, "measurements")) &&
           st_check_members(check, transaction, known, COUNT(known));
}

int st_envelope_transaction_check(st_check_t *check, json_t *transaction,
                                  const json_t *event_id, const json_t *dsc)
{
    json_t *trace = json_object_get(json_object_get(transaction, "contexts"), "trace");
    if (!ids_are_valid(check, transaction, event_id) ||
        !members_are_valid(check, transaction)) {
        return 0;
    }
    check->part = "the trace context";
    if (!st_envelope_trace_check(check, trace, dsc)) {
        return 0;
    }
    check->part = "the transaction";
    return st_envelope_children_check(check, json_object_get(transaction, "spans"),
                                      trace);
}
