/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP status to span status.
 * The table is the one of Sentry's SDKs:
 * https://develop.sentry.dev/sdk/telemetry/traces/span-protocol/#status */
#include "st_status.h"

#include <string.h>

st_status_t st_status_from_http(int http_status)
{
    return http_status >= 100 && http_status < 400 ? ST_STATUS_OK : ST_STATUS_ERROR;
}

static const char *client_error_message(int http_status)
{
    switch (http_status) {
    case 401:
        return "unauthenticated";
    case 403:
        return "permission_denied";
    case 404:
        return "not_found";
    case 409:
        return "already_exists";
    case 413:
        return "failed_precondition";
    case 429:
        return "resource_exhausted";
    case 499:
        return "cancelled";
    default:
        return "invalid_argument";
    }
}

const char *st_status_message(int http_status)
{
    if (st_status_from_http(http_status) == ST_STATUS_OK) {
        return "ok";
    }
    if (http_status >= 400 && http_status < 500) {
        return client_error_message(http_status);
    }
    switch (http_status) {
    case 501:
        return "unimplemented";
    case 503:
        return "unavailable";
    case 504:
        return "deadline_exceeded";
    default:
        return "internal_error";
    }
}

int st_status_is_rich(st_str_t text)
{
    static const char *const known[] = {
        "ok",
        "cancelled",
        "unknown",
        "unknown_error",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal_error",
        "unavailable",
        "data_loss",
        "unauthenticated",
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i]) == text.len && memcmp(known[i], text.ptr, text.len) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *st_status_text(st_status_t status)
{
    return status == ST_STATUS_OK ? "ok" : "error";
}
