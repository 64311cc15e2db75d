/* SPDX-License-Identifier: Apache-2.0 */
/* Client reports (https://develop.sentry.dev/sdk/telemetry/client-reports/). Sentry ignores
 * what it does not understand in them, so that losses would stay unknown. */
#include "envelope_check.h"

#include <apr_strings.h>
#include <string.h>

/* The reasons of the page above; the last two are used by Sentry's JavaScript SDK. */
static const char *const reasons[] = {
    "queue_overflow",    "cache_overflow", "ratelimit_backoff",
    "network_error",     "sample_rate",    "before_send",
    "event_processor",   "send_error",     "internal_sdk_error",
    "insufficient_data", "backpressure",   "buffer_overflow",
    "ignored",           "invalid",        "no_parent_span",
    "callback_error",
};

static int reason_is_known(const char *reason)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i], reason) == 0) {
            return 1;
        }
    }
    return 0;
}

/* @param seen object: "reason category" of the entries so far */
static int entry_is_valid(st_check_t *check, const json_t *entry, json_t *seen)
{
    const char *reason = st_check_text(json_object_get(entry, "reason"));
    const json_t *category = json_object_get(entry, "category");
    const json_t *quantity = json_object_get(entry, "quantity");
    if (reason == NULL || !st_check_is_text(category)) {
        return st_check_refuse(check, "has an entry without reason and category");
    }
    if (!reason_is_known(reason)) {
        return st_check_refuse(check, "gives the unknown reason \"%s\"",
                               st_check_quote(reason, check->pool));
    }
    if (!json_is_integer(quantity) || json_integer_value(quantity) <= 0) {
        return st_check_refuse(check, "has a quantity that is no number above 0");
    }
    const char *both =
        apr_pstrcat(check->pool, reason, " ", st_check_text(category), NULL);
    if (json_object_get(seen, both) != NULL) {
        return st_check_refuse(check, "has two entries for \"%s\"",
                               st_check_quote(both, check->pool));
    }
    json_object_set_new(seen, both, json_true());
    return 1;
}

static int timestamp_is_valid(const json_t *timestamp)
{
    st_ns_t ignored;
    return json_is_number(timestamp) || st_check_is_instant(timestamp, &ignored);
}

int st_envelope_report_check(st_check_t *check, const json_t *report)
{
    const json_t *entries = json_object_get(report, "discarded_events");
    if (!timestamp_is_valid(json_object_get(report, "timestamp"))) {
        return st_check_refuse(check, "has no valid \"timestamp\"");
    }
    if (json_array_size(entries) == 0) {
        return st_check_refuse(check, "has no \"discarded_events\"");
    }
    json_t *seen = json_object();
    int valid = 1;
    for (size_t i = 0; valid && i < json_array_size(entries); i++) {
        valid = entry_is_valid(check, json_array_get(entries, i), seen);
    }
    json_decref(seen);
    return valid;
}
