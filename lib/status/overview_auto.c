/* SPDX-License-Identifier: Apache-2.0 */
/* An overview as "Key: value" lines. */
#include "overview_int.h"

#include <stdio.h>
#include "st_version.h"

/* A line must stay one. */
static const char *line_escape(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? " " : NULL;
}

static void add_key(st_buf_t *out, const char *key)
{
    st_buf_add_lit(out, "SentryTrace");
    st_buf_add_str(out, key);
    st_buf_add_lit(out, ": ");
}

static void end_text(st_buf_t *out, const char *text)
{
    st_overview_text(out, text, line_escape);
    st_buf_add_char(out, '\n');
}

static void end_uint(st_buf_t *out, uint64_t number)
{
    st_overview_uint(out, number);
    st_buf_add_char(out, '\n');
}

static void end_seconds(st_buf_t *out, st_ns_t duration)
{
    st_overview_double(out, st_overview_seconds(duration));
    st_buf_add_char(out, '\n');
}

static void add_text(st_buf_t *out, const char *key, const char *text)
{
    add_key(out, key);
    end_text(out, text);
}

static void add_uint(st_buf_t *out, const char *key, uint64_t number)
{
    add_key(out, key);
    end_uint(out, number);
}

static void add_seconds(st_buf_t *out, const char *key, st_ns_t duration)
{
    add_key(out, key);
    end_seconds(out, duration);
}

static void add_server(st_buf_t *out, const st_overview_t *o)
{
    add_uint(out, "Moving", (uint64_t)o->moving);
    add_uint(out, "Generation", o->generation);
    add_text(out, "QueueStorage", st_overview_storage_text(o));
    add_uint(out, "QueueCapacityBytes", o->ring_capacity);
    add_uint(out, "QueueUsedBytes", o->ring_used);
    add_uint(out, "QueueHoles", o->holes);
    add_uint(out, "QueueHoleBytes", o->hole_bytes);
    add_uint(out, "OpenRequests", (uint64_t)o->open_used);
    add_uint(out, "OpenRequestsLimit", (uint64_t)o->open_slots);
    add_uint(out, "SenderPID", (uint64_t)o->sender);
    if (o->sender != 0) {
        add_seconds(out, "SenderBeatAgeSeconds", o->sender_age);
    }
    add_uint(out, "SenderChanges", o->sender_changes);
    add_seconds(out, "SenderGapMaxSeconds", o->sender_gap_max);
    add_uint(out, "Endpoints", (uint64_t)o->endpoint_count);
}

/* Lines about one endpoint. */
typedef struct endpoint_lines_t {
    st_buf_t *out;
    uint64_t number;
} endpoint_lines_t;

/* "SentryTrace[0]Key[index]: "; index NULL: without it. */
static void key_of(const endpoint_lines_t *lines, const char *key, const char *index)
{
    st_buf_add_lit(lines->out, "SentryTrace[");
    st_overview_uint(lines->out, lines->number);
    st_buf_add_char(lines->out, ']');
    st_buf_add_str(lines->out, key);
    if (index != NULL) {
        st_buf_add_char(lines->out, '[');
        st_buf_add_str(lines->out, index);
        st_buf_add_char(lines->out, ']');
    }
    st_buf_add_lit(lines->out, ": ");
}

static void text_of(const endpoint_lines_t *lines, const char *key, const char *text)
{
    key_of(lines, key, NULL);
    end_text(lines->out, text);
}

static void uint_of(const endpoint_lines_t *lines, const char *key, uint64_t number)
{
    key_of(lines, key, NULL);
    end_uint(lines->out, number);
}

static void seconds_of(const endpoint_lines_t *lines, const char *key, st_ns_t duration)
{
    key_of(lines, key, NULL);
    end_seconds(lines->out, duration);
}

static void dests_of(const endpoint_lines_t *lines,
                     const st_overview_endpoint_t *endpoint)
{
    for (int i = 0; i < endpoint->dest_count; i++) {
        const st_overview_dest_t *dest = &endpoint->dests[i];
        char index[12];
        snprintf(index, sizeof(index), "%d", i);
        key_of(lines, "Environment", index);
        end_text(lines->out, dest->environment);
        key_of(lines, "Release", index);
        end_text(lines->out, dest->release != NULL ? dest->release : "");
    }
}

/* The keys of a category. */
typedef struct category_keys_t {
    const char *created;
    const char *delivered;
    const char *waiting;
    const char *discarded;
} category_keys_t;

static void category_of(const endpoint_lines_t *lines, const category_keys_t *keys,
                        const st_overview_category_t *category)
{
    uint_of(lines, keys->created, category->created);
    uint_of(lines, keys->delivered, category->delivered);
    uint_of(lines, keys->waiting, category->waiting);
    uint_of(lines, keys->discarded, st_overview_discarded(category));
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        if (category->discarded[reason] != 0) {
            key_of(lines, keys->discarded, st_reason_text((st_reason_t)reason));
            end_uint(lines->out, category->discarded[reason]);
        }
    }
}

static void categories_of(const endpoint_lines_t *lines,
                          const st_overview_endpoint_t *endpoint)
{
    static const category_keys_t keys[ST_CATEGORY_COUNT] = {
        [ST_CATEGORY_SPAN] = {"SpansCreated", "SpansDelivered", "SpansWaiting",
                              "SpansDiscarded"},
        [ST_CATEGORY_TRANSACTION] = {"TransactionsCreated", "TransactionsDelivered",
                                     "TransactionsWaiting", "TransactionsDiscarded"},
    };
    for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
        if (st_overview_is_shown(endpoint, (st_category_t)c)) {
            category_of(lines, &keys[c], &endpoint->category[c]);
        }
    }
    uint_of(lines, "WaitingBytes", endpoint->waiting_bytes);
}

static void limits_of(const endpoint_lines_t *lines,
                      const st_overview_endpoint_t *endpoint)
{
    for (int limit = 0; limit < ST_LIMIT_COUNT; limit++) {
        key_of(lines, "LimitedSeconds", st_overview_limit_text((st_limit_t)limit));
        end_seconds(lines->out, endpoint->limited[limit]);
    }
    text_of(lines, "CircuitState", st_overview_circuit_text(endpoint->circuit));
    uint_of(lines, "CircuitFailures", (uint64_t)endpoint->failures);
    seconds_of(lines, "CircuitRetrySeconds", endpoint->retry_in);
}

static void traffic_of(const endpoint_lines_t *lines,
                       const st_overview_endpoint_t *endpoint)
{
    uint_of(lines, "Requests", endpoint->requests);
    uint_of(lines, "Answers", endpoint->answers);
    uint_of(lines, "Repeated", endpoint->repeated);
    uint_of(lines, "Bytes", endpoint->bytes);
    uint_of(lines, "InFlight", (uint64_t)endpoint->in_flight);
    uint_of(lines, "LatencyCount", endpoint->latency_count);
    seconds_of(lines, "LatencyMeanSeconds", st_overview_latency_mean(endpoint));
    seconds_of(lines, "LatencyMaxSeconds", endpoint->latency_max);
}

static void add_endpoint(st_buf_t *out, const st_overview_t *o, int i)
{
    const st_overview_endpoint_t *endpoint = &o->endpoints[i];
    endpoint_lines_t lines = {.out = out, .number = (uint64_t)i};
    text_of(&lines, "DSN", endpoint->dsn);
    dests_of(&lines, endpoint);
    categories_of(&lines, endpoint);
    limits_of(&lines, endpoint);
    if (endpoint->error != NULL) {
        text_of(&lines, "LastError", endpoint->error);
        seconds_of(&lines, "LastErrorAgeSeconds",
                   st_overview_age(o, endpoint->error_wall));
    }
    traffic_of(&lines, endpoint);
}

void st_overview_auto(st_buf_t *out, const st_overview_t *overview)
{
    add_text(out, "Version", ST_VERSION);
    add_uint(out, "Enabled", (uint64_t)overview->is_traced);
    if (!overview->is_traced) {
        return;
    }
    add_server(out, overview);
    for (int i = 0; i < overview->endpoint_count; i++) {
        add_endpoint(out, overview, i);
    }
}
