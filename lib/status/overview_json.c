/* SPDX-License-Identifier: Apache-2.0 */
/* An overview as JSON. */
#include "overview_int.h"

#include "st_json.h"
#include "st_version.h"

static void add_seconds(st_buf_t *out, const char *key, st_ns_t duration)
{
    st_json_key(out, key);
    st_json_double(out, st_overview_seconds(duration));
}

static void add_uint(st_buf_t *out, const char *key, uint64_t number)
{
    st_json_key(out, key);
    st_json_uint(out, number);
}

static void add_int(st_buf_t *out, const char *key, int64_t number)
{
    st_json_key(out, key);
    st_json_int(out, number);
}

static void add_bool(st_buf_t *out, const char *key, int truth)
{
    st_json_key(out, key);
    st_json_bool(out, truth);
}

static void add_text(st_buf_t *out, const char *key, const char *text)
{
    st_json_key(out, key);
    if (text == NULL) {
        st_json_raw(out, st_str("null"));
        return;
    }
    st_json_string(out, st_str(text));
}

static void add_time(st_buf_t *out, const char *key, st_ns_t wall)
{
    char text[ST_CLOCK_RFC3339_BYTES];
    st_clock_rfc3339(text, wall);
    add_text(out, key, text);
}

static void add_object(st_buf_t *out, const char *key)
{
    st_json_key(out, key);
    st_json_object_begin(out);
}

static void add_array(st_buf_t *out, const char *key)
{
    st_json_key(out, key);
    st_json_array_begin(out);
}

static void add_queue(st_buf_t *out, const st_overview_t *overview)
{
    add_object(out, "queue");
    add_text(out, "storage", st_overview_storage_text(overview));
    add_uint(out, "bytes", overview->bytes);
    add_uint(out, "capacity", overview->ring_capacity);
    add_uint(out, "used", overview->ring_used);
    add_uint(out, "holes", overview->holes);
    add_uint(out, "hole_bytes", overview->hole_bytes);
    st_json_object_end(out);
}

static void add_sender(st_buf_t *out, const st_overview_t *overview)
{
    add_object(out, "sender");
    if (overview->sender != 0) {
        add_int(out, "pid", overview->sender);
        add_seconds(out, "beat_age_seconds", overview->sender_age);
    } else {
        add_text(out, "pid", NULL);
        add_text(out, "beat_age_seconds", NULL);
    }
    add_uint(out, "changes", overview->sender_changes);
    add_seconds(out, "gap_max_seconds", overview->sender_gap_max);
    st_json_object_end(out);
}

static void add_server(st_buf_t *out, const st_overview_t *overview)
{
    add_object(out, "server");
    add_uint(out, "generation", overview->generation);
    add_queue(out, overview);
    add_sender(out, overview);
    add_object(out, "open_requests");
    add_int(out, "used", overview->open_used);
    add_int(out, "slots", overview->open_slots);
    st_json_object_end(out);
    st_json_object_end(out);
}

static void add_category(st_buf_t *out, const char *name,
                         const st_overview_category_t *category)
{
    add_object(out, name);
    add_uint(out, "created", category->created);
    add_uint(out, "delivered", category->delivered);
    add_uint(out, "waiting", category->waiting);
    add_object(out, "discarded");
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        add_uint(out, st_reason_text((st_reason_t)reason), category->discarded[reason]);
    }
    st_json_object_end(out);
    st_json_object_end(out);
}

static void add_categories(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    add_object(out, "categories");
    for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
        if (st_overview_is_shown(endpoint, (st_category_t)c)) {
            add_category(out, st_category_text((st_category_t)c), &endpoint->category[c]);
        }
    }
    st_json_object_end(out);
    add_uint(out, "waiting_bytes", endpoint->waiting_bytes);
}

static void add_dests(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    add_array(out, "destinations");
    for (int i = 0; i < endpoint->dest_count; i++) {
        st_json_object_begin(out);
        add_text(out, "environment", endpoint->dests[i].environment);
        add_text(out, "release", endpoint->dests[i].release);
        st_json_object_end(out);
    }
    st_json_array_end(out);
}

static void add_limits(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    add_object(out, "limited_seconds");
    for (int limit = 0; limit < ST_LIMIT_COUNT; limit++) {
        add_seconds(out, st_overview_limit_text((st_limit_t)limit),
                    endpoint->limited[limit]);
    }
    st_json_object_end(out);
    add_object(out, "circuit");
    add_text(out, "state", st_overview_circuit_text(endpoint->circuit));
    add_int(out, "failures", endpoint->failures);
    add_seconds(out, "retry_seconds", endpoint->retry_in);
    st_json_object_end(out);
}

static void add_error(st_buf_t *out, const st_overview_t *overview,
                      const st_overview_endpoint_t *endpoint)
{
    if (endpoint->error == NULL) {
        add_text(out, "last_error", NULL);
        return;
    }
    add_object(out, "last_error");
    add_text(out, "text", endpoint->error);
    add_time(out, "time", endpoint->error_wall);
    add_seconds(out, "age_seconds", st_overview_age(overview, endpoint->error_wall));
    st_json_object_end(out);
}

static void add_latency(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    add_object(out, "latency");
    add_uint(out, "count", endpoint->latency_count);
    add_seconds(out, "sum_seconds", endpoint->latency_sum);
    add_seconds(out, "mean_seconds", st_overview_latency_mean(endpoint));
    add_seconds(out, "max_seconds", endpoint->latency_max);
    add_array(out, "buckets");
    for (int i = 0; i < ST_ENDPOINT_LATENCY_BUCKETS; i++) {
        st_json_object_begin(out);
        if (i < ST_ENDPOINT_LATENCY_BUCKETS - 1) {
            add_seconds(out, "up_to_seconds", st_overview_bound_ms(i) * ST_NS_PER_MS);
        } else {
            add_text(out, "up_to_seconds", NULL);
        }
        add_uint(out, "count", endpoint->latency[i]);
        st_json_object_end(out);
    }
    st_json_array_end(out);
    st_json_object_end(out);
}

static void add_endpoint(st_buf_t *out, const st_overview_t *overview,
                         const st_overview_endpoint_t *endpoint)
{
    st_json_object_begin(out);
    add_text(out, "dsn", endpoint->dsn);
    add_dests(out, endpoint);
    add_categories(out, endpoint);
    add_limits(out, endpoint);
    add_error(out, overview, endpoint);
    add_uint(out, "requests", endpoint->requests);
    add_uint(out, "answers", endpoint->answers);
    add_uint(out, "repeated", endpoint->repeated);
    add_uint(out, "bytes", endpoint->bytes);
    add_int(out, "in_flight", endpoint->in_flight);
    add_latency(out, endpoint);
    st_json_object_end(out);
}

void st_overview_json(st_buf_t *out, const st_overview_t *overview)
{
    st_json_object_begin(out);
    add_text(out, "version", ST_VERSION);
    add_time(out, "time", overview->wall);
    add_bool(out, "traced", overview->is_traced);
    add_bool(out, "moving", overview->moving);
    if (overview->is_traced) {
        add_server(out, overview);
    } else {
        add_text(out, "server", NULL);
    }
    add_array(out, "endpoints");
    for (int i = 0; i < overview->endpoint_count; i++) {
        add_endpoint(out, overview, &overview->endpoints[i]);
    }
    st_json_array_end(out);
    st_json_object_end(out);
    st_buf_add_char(out, '\n');
}
