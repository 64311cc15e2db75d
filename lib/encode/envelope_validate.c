/* SPDX-License-Identifier: Apache-2.0 */
/* Which items an envelope may hold, and the rules of those we know
 * (https://develop.sentry.dev/sdk/foundations/envelopes/envelope-items/). */
#include "st_envelope.h"

#include "envelope_check.h"
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#define SPAN_CONTENT_TYPE     "application/vnd.sentry.items.span.v2+json"
#define SPAN_BYTES_MAX        ((size_t)12 * 1024 * 1024)
#define REPORT_BYTES_MAX      ((size_t)4 * 1024)
#define TRANSACTION_BYTES_MAX ((size_t)1024 * 1024)
#define EVENT_ID_DIGITS       32

typedef enum {
    KIND_UNKNOWN,
    KIND_SPAN,
    KIND_TRANSACTION,
    KIND_EVENT,
    KIND_REPORT,
    KIND_OTHER
} item_kind_t;

static item_kind_t item_kind(const char *type)
{
    static const struct {
        const char *type;
        item_kind_t kind;
    } known[] = {
        {"span", KIND_SPAN},          {"client_report", KIND_REPORT},
        {"event", KIND_EVENT},        {"transaction", KIND_TRANSACTION},
        {"feedback", KIND_EVENT},     {"attachment", KIND_OTHER},
        {"session", KIND_OTHER},      {"sessions", KIND_OTHER},
        {"user_report", KIND_OTHER},  {"replay_event", KIND_OTHER},
        {"replay_video", KIND_OTHER}, {"replay_recording", KIND_OTHER},
        {"profile", KIND_OTHER},      {"profile_chunk", KIND_OTHER},
        {"check_in", KIND_OTHER},     {"statsd", KIND_OTHER},
        {"trace_metric", KIND_OTHER}, {"log", KIND_OTHER},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].type, type) == 0) {
            return known[i].kind;
        }
    }
    return KIND_UNKNOWN;
}

/* The payload as an object that is at most `max` bytes long; else the reason why not. */
static int payload_is_valid(st_check_t *check, const st_envelope_item_t *item, size_t max)
{
    if (item->len > max) {
        return st_check_refuse(check, "has %lu bytes; at most %lu are taken",
                               (unsigned long)item->len, (unsigned long)max);
    }
    if (item->json == NULL) {
        json_error_t error;
        json_decref(json_loadb(item->payload, item->len, ST_CHECK_JSON_FLAGS, &error));
        return st_check_refuse(check, "is no JSON: %s",
                               st_check_quote(error.text, check->pool));
    }
    if (!json_is_object(item->json)) {
        return st_check_refuse(check, "is no JSON object");
    }
    return 1;
}

static int span_item_is_valid(st_check_t *check, const st_envelope_item_t *item,
                              json_t *dsc)
{
    const char *content_type =
        st_check_text(json_object_get(item->header, "content_type"));
    check->part = "the span item";
    if (content_type == NULL || strcasecmp(content_type, SPAN_CONTENT_TYPE) != 0) {
        return st_check_refuse(check, "is not of content type " SPAN_CONTENT_TYPE);
    }
    if (dsc == NULL) {
        return st_check_refuse(check, "needs a \"trace\" in the envelope header");
    }
    check->part = "the span container";
    return payload_is_valid(check, item, SPAN_BYTES_MAX) &&
           st_envelope_spans_check(check, item->json,
                                   st_check_text(json_object_get(dsc, "trace_id")),
                                   json_object_get(item->header, "item_count"));
}

static int transaction_item_is_valid(st_check_t *check, const st_envelope_item_t *item,
                                     const json_t *header)
{
    const char *content_type =
        st_check_text(json_object_get(item->header, "content_type"));
    check->part = "the transaction item";
    if (content_type != NULL && strcasecmp(content_type, "application/json") != 0) {
        return st_check_refuse(check, "is not of content type application/json");
    }
    check->part = "the transaction";
    return payload_is_valid(check, item, TRANSACTION_BYTES_MAX) &&
           st_envelope_transaction_check(check, item->json,
                                         json_object_get(header, "event_id"),
                                         json_object_get(header, "trace"));
}

static int report_item_is_valid(st_check_t *check, const st_envelope_item_t *item)
{
    check->part = "the client report";
    return payload_is_valid(check, item, REPORT_BYTES_MAX) &&
           st_envelope_report_check(check, item->json);
}

static int item_is_valid(st_check_t *check, const st_envelope_item_t *item,
                         const json_t *header)
{
    switch (item_kind(item->type)) {
    case KIND_SPAN:
        return span_item_is_valid(check, item, json_object_get(header, "trace"));
    case KIND_TRANSACTION:
        return transaction_item_is_valid(check, item, header);
    case KIND_REPORT:
        return report_item_is_valid(check, item);
    case KIND_UNKNOWN:
        check->part = "the envelope";
        return st_check_refuse(check, "has an item of the unknown type \"%s\"",
                               st_check_quote(item->type, check->pool));
    default:
        return 1;
    }
}

/* Spans, events, transactions and feedback each want an envelope for themselves. */
static int items_fit_together(st_check_t *check, const st_envelope_t *envelope)
{
    const char *first = NULL;
    for (int i = 0; i < envelope->item_count; i++) {
        const char *type = envelope->items[i].type;
        item_kind_t kind = item_kind(type);
        if (kind != KIND_SPAN && kind != KIND_EVENT && kind != KIND_TRANSACTION) {
            continue;
        }
        if (first != NULL) {
            check->part = "the envelope";
            return st_check_refuse(
                check, "holds both \"%s\" and \"%s\"; only one such item may be there",
                first, type);
        }
        first = type;
    }
    return 1;
}

static int header_is_valid(st_check_t *check, const json_t *header)
{
    const json_t *event_id = json_object_get(header, "event_id");
    json_t *dsc = json_object_get(header, "trace");
    check->part = "the envelope header";
    if (event_id != NULL && !st_check_is_id(event_id, EVENT_ID_DIGITS)) {
        return st_check_refuse(check, "has an \"event_id\" that is not 32 hex digits");
    }
    check->part = "the envelope header's \"trace\"";
    return dsc == NULL || st_envelope_dsc_check(check, dsc);
}

apr_status_t st_envelope_validate(const st_envelope_t *envelope, const char **pwhy,
                                  apr_pool_t *result_pool)
{
    st_check_t check = {.pool = result_pool};
    int valid =
        header_is_valid(&check, envelope->header) && items_fit_together(&check, envelope);
    for (int i = 0; valid && i < envelope->item_count; i++) {
        valid = item_is_valid(&check, &envelope->items[i], envelope->header);
    }
    if (!valid) {
        *pwhy = check.why;
        return ST_E_MALFORMED;
    }
    return APR_SUCCESS;
}
