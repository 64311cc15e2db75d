/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_STATUS_H
#define ST_STATUS_H

/* Span status from an HTTP status code. */

#include "st_text.h"

typedef enum { ST_STATUS_OK = 0, ST_STATUS_ERROR = 1, ST_STATUS_COUNT } st_status_t;

/* ERROR from 400 up and for anything outside 100..599, else OK (the mapping of Sentry's SDKs:
 * https://develop.sentry.dev/sdk/telemetry/traces/opentelemetry/#span-status). */
st_status_t st_status_from_http(int http_status);

/* The rich status an SDK would give, as a static string: "not_found", "unavailable"...;
 * "ok" where st_status_from_http says OK. */
const char *st_status_message(int http_status);

/* 1 when `text` is one of the rich statuses, which transactions and the spans in them have
 * (https://develop.sentry.dev/sdk/data-model/event-payloads/span/). */
int st_status_is_rich(st_str_t text);

/* "ok" or "error", a static string. */
const char *st_status_text(st_status_t status);

#endif /* ST_STATUS_H */
