/* SPDX-License-Identifier: Apache-2.0 */
/* A fake Sentry for hours. */

#include "soak_sentry.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "st_envelope.h"

soak_sentry_t *soak_sentry_start(int project, apr_pool_t *pool)
{
    soak_sentry_t *sentry = apr_pcalloc(pool, sizeof(*sentry));
    sentry->project = project;
    sentry->server = te_server_start();
    te_server_expect_kills(sentry->server);
    return sentry;
}

static void span_take(soak_sentry_t *sentry, const json_t *span)
{
    const char *id = json_string_value(json_object_get(span, "span_id"));
    if (soak_set_add(&sentry->ids, strtoull(id, NULL, 16))) {
        sentry->accepted++;
        sentry->segments += json_is_true(json_object_get(span, "is_segment"));
    } else {
        sentry->repeats++;
    }
}

static int reason_of(const char *text)
{
    int reason = 0;
    while (reason < ST_REASON_COUNT &&
           strcmp(st_reason_text((st_reason_t)reason), text) != 0) {
        reason++;
    }
    ck_assert_msg(reason < ST_REASON_COUNT, "a client report gives the reason %s", text);
    return reason;
}

/* @return spans it tells of. */
static uint64_t report_take(soak_sentry_t *sentry, const json_t *report)
{
    uint64_t sum = 0;
    size_t i;
    json_t *entry;
    sentry->reports++;
    json_array_foreach(json_object_get(report, "discarded_events"), i, entry)
    {
        uint64_t quantity =
            (uint64_t)json_integer_value(json_object_get(entry, "quantity"));
        const char *reason = json_string_value(json_object_get(entry, "reason"));
        const char *category = json_string_value(json_object_get(entry, "category"));
        ck_assert_str_eq(category, st_category_text(ST_CATEGORY_SPAN));
        sentry->told[reason_of(reason)] += quantity;
        sum += quantity;
    }
    return sum;
}

/* @return spans that it tells of, as a report. */
static uint64_t item_take(soak_sentry_t *sentry, const st_envelope_item_t *item)
{
    if (strcmp(item->type, "client_report") == 0) {
        return report_take(sentry, item->json);
    }
    ck_assert_str_eq(item->type, "span");
    const json_t *spans = json_object_get(item->json, "items");
    size_t i;
    json_t *span;
    json_array_foreach(spans, i, span)
    {
        span_take(sentry, span);
    }
    return 0;
}

static uint64_t envelope_take(soak_sentry_t *sentry, const te_message_t *message,
                              apr_pool_t *scratch)
{
    st_envelope_t *envelope;
    const char *why = "";
    apr_status_t rv =
        st_envelope_parse(&envelope, &why, message->body, message->len, scratch);
    if (rv == APR_SUCCESS) {
        rv = st_envelope_validate(envelope, &why, scratch);
    }
    ck_assert_msg(rv == APR_SUCCESS, "project %d: bad envelope: %s: %s", sentry->project,
                  why, message->body);
    uint64_t quantity = 0;
    for (int i = 0; message->accepted && i < envelope->item_count; i++) {
        quantity += item_take(sentry, &envelope->items[i]);
    }
    return quantity;
}

static void connection_note(soak_sentry_t *sentry, int number, uint64_t quantity)
{
    soak_connection_t *connection = &sentry->connections[number % SOAK_CONNECTIONS];
    if (connection->number != number) {
        *connection = (soak_connection_t){.number = number};
    }
    sentry->unsure += quantity - connection->last[connection->next];
    connection->last[connection->next] = quantity;
    connection->next = (connection->next + 1) % SOAK_FLIGHT;
}

static void message_take(soak_sentry_t *sentry, const te_message_t *message,
                         apr_pool_t *scratch)
{
    char path[64];
    snprintf(path, sizeof(path), "/api/%d/envelope/", sentry->project);
    ck_assert_str_eq(message->path, path);
    sentry->requests++;
    uint64_t quantity = envelope_take(sentry, message, scratch);
    if (message->accepted) {
        connection_note(sentry, message->connection, quantity);
    }
}

void soak_sentry_collect(soak_sentry_t *sentry, apr_pool_t *scratch)
{
    const char *failure = te_server_failure(sentry->server);
    ck_assert_msg(failure == NULL, "project %d: %s", sentry->project, failure);
    te_message_t *message = te_server_take(sentry->server);
    while (message != NULL) {
        apr_pool_t *pool;
        ck_assert_int_eq(apr_pool_create(&pool, scratch), APR_SUCCESS);
        message_take(sentry, message, pool);
        apr_pool_destroy(pool);
        te_message_free(message);
        message = te_server_take(sentry->server);
    }
}

uint64_t soak_sentry_told(const soak_sentry_t *sentry)
{
    uint64_t sum = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += sentry->told[reason];
    }
    return sum;
}

void soak_sentry_stop(soak_sentry_t *sentry)
{
    te_server_stop(sentry->server);
    soak_set_free(&sentry->ids);
}
