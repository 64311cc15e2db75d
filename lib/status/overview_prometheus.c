/* SPDX-License-Identifier: Apache-2.0 */
/* An overview as metrics in Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). All samples of a metric have
 * to stand together, so each metric goes over all endpoints. Names follow
 * https://prometheus.io/docs/practices/naming/. */
#include "overview_int.h"

#include "metric.h"
#include "st_json.h"
#include "st_version.h"

/* A metric with one sample. */
static void one(st_buf_t *out, const char *name, const char *type, const char *help,
                uint64_t number)
{
    st_metric_t m = st_metric(out, name, type, help);
    st_metric_sample(&m, "");
    st_metric_uint(&m, number);
}

static void one_duration(st_buf_t *out, const char *name, const char *help,
                         st_ns_t duration)
{
    st_metric_t m = st_metric(out, name, "gauge", help);
    st_metric_sample(&m, "");
    st_metric_seconds(&m, duration);
}

static void one_labelled(st_buf_t *out, const char *name, const char *help,
                         const char *key, const char *text)
{
    st_metric_t m = st_metric(out, name, "gauge", help);
    st_metric_sample(&m, "");
    st_metric_label(&m, key, text);
    st_metric_uint(&m, 1);
}

static void add_server(st_buf_t *out, const st_overview_t *o)
{
    one(out, "moving", "gauge",
        "1 when numbers changed while they were read, so that they may not add up.",
        (uint64_t)o->moving);
    one(out, "generation", "gauge", "Configuration runs since the queue was made.",
        o->generation);
    one_labelled(out, "queue_info", "Where the queue is: memory or file.", "storage",
                 st_overview_storage_text(o));
    one(out, "queue_capacity_bytes", "gauge", "What the queue can hold.",
        o->ring_capacity);
    one(out, "queue_used_bytes", "gauge", "What the queue holds.", o->ring_used);
    one(out, "queue_holes_total", "counter",
        "Places in the queue that killed processes left unwritten.", o->holes);
    one(out, "queue_hole_bytes_total", "counter", "Bytes of those places.",
        o->hole_bytes);
    one(out, "open_requests", "gauge", "Traced requests in progress.",
        (uint64_t)o->open_used);
    one(out, "open_requests_limit", "gauge", "How many of them can be known.",
        (uint64_t)o->open_slots);
    one(out, "sender_running", "gauge", "1 when some process sends.", o->sender != 0);
    if (o->sender != 0) {
        one_duration(out, "sender_beat_age_seconds",
                     "Time since the sender was last heard of.", o->sender_age);
    }
    one(out, "sender_changes_total", "counter", "How often a process began to send.",
        o->sender_changes);
    one_duration(out, "sender_gap_max_seconds",
                 "Longest time without a sender between two.", o->sender_gap_max);
}

static void add_dests(st_buf_t *out, const st_overview_t *o)
{
    st_metric_t m =
        st_metric(out, "destination_info", "gauge",
                  "Environments and releases whose spans go to the endpoint.");
    for (int i = 0; i < o->endpoint_count; i++) {
        const st_overview_endpoint_t *endpoint = &o->endpoints[i];
        for (int d = 0; d < endpoint->dest_count; d++) {
            const st_overview_dest_t *dest = &endpoint->dests[d];
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", endpoint->dsn);
            st_metric_label(&m, "environment", dest->environment);
            st_metric_label(&m, "release", dest->release != NULL ? dest->release : "");
            st_metric_uint(&m, 1);
        }
    }
}

typedef uint64_t category_number_fn(const st_overview_category_t *category);

static uint64_t created_of(const st_overview_category_t *category)
{
    return category->created;
}

static uint64_t delivered_of(const st_overview_category_t *category)
{
    return category->delivered;
}

static uint64_t waiting_of(const st_overview_category_t *category)
{
    return category->waiting;
}

/* Samples of one number of each endpoint and category. */
static void add_category(const st_overview_t *o, st_metric_t m, category_number_fn *of)
{
    for (int i = 0; i < o->endpoint_count; i++) {
        const st_overview_endpoint_t *endpoint = &o->endpoints[i];
        for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
            if (!st_overview_is_shown(endpoint, (st_category_t)c)) {
                continue;
            }
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", endpoint->dsn);
            st_metric_label(&m, "category", st_category_text((st_category_t)c));
            st_metric_uint(&m, of(&endpoint->category[c]));
        }
    }
}

static void add_created(st_buf_t *out, const st_overview_t *o)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        category_number_fn *of;
    } metrics[] = {
        {"spans_created_total", "counter", "Spans (transactions) that were made.",
         created_of},
        {"spans_delivered_total", "counter",
         "Spans (transactions) that the endpoint has accepted.", delivered_of},
        {"spans_waiting", "gauge", "Spans (transactions) that wait to be sent.",
         waiting_of},
    };
    for (size_t n = 0; n < sizeof(metrics) / sizeof(*metrics); n++) {
        add_category(o, st_metric(out, metrics[n].name, metrics[n].type, metrics[n].help),
                     metrics[n].of);
    }
}

static void category_discarded(st_metric_t *m, const st_overview_endpoint_t *endpoint,
                               st_category_t category)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        st_metric_sample(m, "");
        st_metric_label(m, "dsn", endpoint->dsn);
        st_metric_label(m, "category", st_category_text(category));
        st_metric_label(m, "reason", st_reason_text((st_reason_t)reason));
        st_metric_uint(m, endpoint->category[category].discarded[reason]);
    }
}

static void add_discarded(st_buf_t *out, const st_overview_t *o)
{
    st_metric_t m = st_metric(out, "spans_discarded_total", "counter",
                              "Spans (transactions) that were not delivered, and why.");
    for (int i = 0; i < o->endpoint_count; i++) {
        for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
            if (st_overview_is_shown(&o->endpoints[i], (st_category_t)c)) {
                category_discarded(&m, &o->endpoints[i], (st_category_t)c);
            }
        }
    }
}

typedef uint64_t endpoint_number_fn(const st_overview_endpoint_t *endpoint);

#define OF(member)                                                                       \
    static uint64_t member##_of(const st_overview_endpoint_t *endpoint)                  \
    {                                                                                    \
        return (uint64_t)endpoint->member;                                               \
    }
OF(waiting_bytes)
OF(failures)
OF(retry_in)
OF(requests)
OF(answers)
OF(repeated)
OF(bytes)
OF(in_flight)
OF(latency_max)

/* Metrics with one sample per endpoint. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    endpoint_number_fn *of;
    int is_duration;
} endpoint_metrics[] = {
    {"waiting_bytes", "gauge", "Bytes in the queue that wait.", waiting_bytes_of, 0},
    {"circuit_failures", "gauge", "How often in a row the endpoint did not answer.",
     failures_of, 0},
    {"circuit_retry_seconds", "gauge", "Time until the endpoint is tried again.",
     retry_in_of, 1},
    {"requests_total", "counter", "Envelopes handed to the network.", requests_of, 0},
    {"answers_total", "counter", "Envelopes that were answered, with any status.",
     answers_of, 0},
    {"requests_repeated_total", "counter", "Envelopes that had been sent before.",
     repeated_of, 0},
    {"request_bytes_total", "counter", "Bytes of envelopes before compression.", bytes_of,
     0},
    {"requests_in_flight", "gauge", "Envelopes without an answer yet.", in_flight_of, 0},
    {"answer_max_seconds", "gauge", "Longest time from an envelope to its answer.",
     latency_max_of, 1},
};

static void add_endpoints(st_buf_t *out, const st_overview_t *o)
{
    for (size_t n = 0; n < sizeof(endpoint_metrics) / sizeof(*endpoint_metrics); n++) {
        st_metric_t m = st_metric(out, endpoint_metrics[n].name, endpoint_metrics[n].type,
                                  endpoint_metrics[n].help);
        for (int i = 0; i < o->endpoint_count; i++) {
            uint64_t number = endpoint_metrics[n].of(&o->endpoints[i]);
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", o->endpoints[i].dsn);
            if (endpoint_metrics[n].is_duration) {
                st_metric_seconds(&m, (st_ns_t)number);
            } else {
                st_metric_uint(&m, number);
            }
        }
    }
}

static void add_limits(st_buf_t *out, const st_overview_t *o)
{
    st_metric_t m =
        st_metric(out, "limited_seconds", "gauge",
                  "For how much longer the endpoint wants nothing of that kind.");
    for (int i = 0; i < o->endpoint_count; i++) {
        for (int limit = 0; limit < ST_LIMIT_COUNT; limit++) {
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", o->endpoints[i].dsn);
            st_metric_label(&m, "limit", st_overview_limit_text((st_limit_t)limit));
            st_metric_seconds(&m, o->endpoints[i].limited[limit]);
        }
    }
}

static void add_circuits(st_buf_t *out, const st_overview_t *o)
{
    static const st_circuit_state_t states[] = {ST_CIRCUIT_CLOSED, ST_CIRCUIT_OPEN,
                                                ST_CIRCUIT_PROBING};
    st_metric_t m = st_metric(out, "circuit_state", "gauge",
                              "1 for the state that the endpoint's circuit is in.");
    for (int i = 0; i < o->endpoint_count; i++) {
        for (size_t s = 0; s < sizeof(states) / sizeof(*states); s++) {
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", o->endpoints[i].dsn);
            st_metric_label(&m, "state", st_overview_circuit_text(states[s]));
            st_metric_uint(&m, o->endpoints[i].circuit == states[s]);
        }
    }
}

static void add_errors(st_buf_t *out, const st_overview_t *o)
{
    st_metric_t m = st_metric(out, "last_error_timestamp_seconds", "gauge",
                              "When sending last failed.");
    for (int i = 0; i < o->endpoint_count; i++) {
        if (o->endpoints[i].error != NULL) {
            st_metric_sample(&m, "");
            st_metric_label(&m, "dsn", o->endpoints[i].dsn);
            st_metric_seconds(&m, o->endpoints[i].error_wall);
        }
    }
}

/* The label of bucket `i`. */
static void label_bound(st_metric_t *m, int i)
{
    char text[ST_JSON_NUMBER_BYTES + 1] = "+Inf";
    if (i < ST_ENDPOINT_LATENCY_BUCKETS - 1) {
        text[st_json_double_text(text, st_overview_bound_ms(i) / 1e3)] = '\0';
    }
    st_metric_label(m, "le", text);
}

/* The samples of one endpoint's histogram; each bucket counts what the smaller ones do. */
static void histogram(st_metric_t *m, const st_overview_endpoint_t *endpoint)
{
    uint64_t count = 0;
    for (int i = 0; i < ST_ENDPOINT_LATENCY_BUCKETS; i++) {
        count += endpoint->latency[i];
        st_metric_sample(m, "_bucket");
        st_metric_label(m, "dsn", endpoint->dsn);
        label_bound(m, i);
        st_metric_uint(m, count);
    }
    st_metric_sample(m, "_sum");
    st_metric_label(m, "dsn", endpoint->dsn);
    st_metric_seconds(m, endpoint->latency_sum);
    st_metric_sample(m, "_count");
    st_metric_label(m, "dsn", endpoint->dsn);
    st_metric_uint(m, count);
}

static void add_latency(st_buf_t *out, const st_overview_t *o)
{
    st_metric_t m = st_metric(out, "answer_seconds", "histogram",
                              "Time from handing over an envelope to its answer.");
    for (int i = 0; i < o->endpoint_count; i++) {
        histogram(&m, &o->endpoints[i]);
    }
}

void st_overview_prometheus(st_buf_t *out, const st_overview_t *overview)
{
    one_labelled(out, "build_info", "The module's version.", "version", ST_VERSION);
    one(out, "enabled", "gauge", "1 when the process that was asked traces.",
        (uint64_t)overview->is_traced);
    if (!overview->is_traced) {
        return;
    }
    add_server(out, overview);
    add_dests(out, overview);
    add_created(out, overview);
    add_discarded(out, overview);
    add_limits(out, overview);
    add_circuits(out, overview);
    add_endpoints(out, overview);
    add_errors(out, overview);
    add_latency(out, overview);
}
