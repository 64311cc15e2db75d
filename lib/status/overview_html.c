/* SPDX-License-Identifier: Apache-2.0 */
/* An overview as HTML: a section that may stand in another page, and a page of its own. */
#include "overview_int.h"

#include "st_version.h"

#define KB 1024.0

static const char *html_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (unsigned char)c < 0x20 || c == 0x7f ? " " : NULL;
    }
}

static void text(st_buf_t *out, const char *value)
{
    st_overview_text(out, value, html_escape);
}

/* Tenths of a unit as "12.3 unit". */
static void tenths(st_buf_t *out, uint64_t value, const char *unit)
{
    st_overview_uint(out, value / 10);
    st_buf_add_char(out, '.');
    st_overview_uint(out, value % 10);
    st_buf_add_char(out, ' ');
    st_buf_add_str(out, unit);
}

static void whole(st_buf_t *out, uint64_t value, const char *unit)
{
    st_overview_uint(out, value);
    st_buf_add_char(out, ' ');
    st_buf_add_str(out, unit);
}

/* "1 byte", "2 bytes". */
static void counted(st_buf_t *out, uint64_t count, const char *unit)
{
    whole(out, count, unit);
    if (count != 1) {
        st_buf_add_char(out, 's');
    }
}

static void bytes(st_buf_t *out, uint64_t count)
{
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    if (count < 1024) {
        counted(out, count, "byte");
        return;
    }
    int unit = 0;
    double value = (double)count / KB;
    while (value >= KB && unit < 3) {
        value /= KB;
        unit++;
    }
    tenths(out, (uint64_t)(value * 10), units[unit]);
}

/* As much of a duration as a reader wants to know. */
static void duration(st_buf_t *out, st_ns_t ns)
{
    uint64_t seconds = (uint64_t)(ns / ST_NS_PER_SEC);
    if (ns < ST_NS_PER_SEC) {
        tenths(out, (uint64_t)(ns / (ST_NS_PER_MS / 10)), "ms");
    } else if (seconds < 60) {
        tenths(out, (uint64_t)(ns / (ST_NS_PER_SEC / 10)), "s");
    } else if (seconds < 3600) {
        whole(out, seconds / 60, "min ");
        whole(out, seconds % 60, "s");
    } else if (seconds < 86400) {
        whole(out, seconds / 3600, "h ");
        whole(out, seconds / 60 % 60, "min");
    } else {
        whole(out, seconds / 86400, "d ");
        whole(out, seconds / 3600 % 24, "h");
    }
}

static void row_begin(st_buf_t *out, const char *label)
{
    st_buf_add_lit(out, "<tr><th>");
    st_buf_add_str(out, label);
    st_buf_add_lit(out, "</th><td>");
}

static void row_end(st_buf_t *out)
{
    st_buf_add_lit(out, "</td></tr>\n");
}

static void table_begin(st_buf_t *out)
{
    st_buf_add_lit(out, "<table border=\"1\">\n");
}

static void table_end(st_buf_t *out)
{
    st_buf_add_lit(out, "</table>\n");
}

static void add_queue(st_buf_t *out, const st_overview_t *o)
{
    row_begin(out, "Queue");
    bytes(out, o->ring_used);
    st_buf_add_lit(out, " of ");
    bytes(out, o->ring_capacity);
    st_buf_add_str(out, o->is_file ? ", in a file" : ", in memory");
    if (o->holes != 0) {
        st_buf_add_lit(out, "; ");
        counted(out, o->holes, "hole");
        st_buf_add_lit(out, " (");
        bytes(out, o->hole_bytes);
        st_buf_add_lit(out, ") left by killed processes");
    }
    row_end(out);
}

static void add_sender(st_buf_t *out, const st_overview_t *o)
{
    row_begin(out, "Sender");
    if (o->sender == 0) {
        st_buf_add_lit(out, "none now");
    } else {
        st_buf_add_lit(out, "process ");
        st_overview_uint(out, (uint64_t)o->sender);
        st_buf_add_lit(out, ", last heard of ");
        duration(out, o->sender_age);
        st_buf_add_lit(out, " ago");
    }
    st_buf_add_lit(out, "; begun ");
    counted(out, o->sender_changes, "time");
    if (o->sender_gap_max != 0) {
        st_buf_add_lit(out, ", longest gap ");
        duration(out, o->sender_gap_max);
    }
    row_end(out);
}

static void add_server(st_buf_t *out, const st_overview_t *o)
{
    table_begin(out);
    row_begin(out, "Version");
    st_buf_add_lit(out, ST_VERSION);
    row_end(out);
    row_begin(out, "Configuration runs");
    st_overview_uint(out, o->generation);
    row_end(out);
    add_queue(out, o);
    add_sender(out, o);
    row_begin(out, "Open requests");
    st_overview_uint(out, (uint64_t)o->open_used);
    st_buf_add_lit(out, " of ");
    st_overview_uint(out, (uint64_t)o->open_slots);
    row_end(out);
    table_end(out);
    if (o->moving) {
        st_buf_add_lit(out, "<p>Numbers changed while they were read: they may not add "
                            "up.</p>\n");
    }
}

static void cell(st_buf_t *out, uint64_t number)
{
    st_buf_add_lit(out, "<td align=\"right\">");
    st_overview_uint(out, number);
    st_buf_add_lit(out, "</td>");
}

static void add_reasons(st_buf_t *out, const st_overview_category_t *category)
{
    const char *separator = "";
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        if (category->discarded[reason] != 0) {
            st_buf_add_str(out, separator);
            st_buf_add_str(out, st_reason_text((st_reason_t)reason));
            st_buf_add_char(out, ' ');
            st_overview_uint(out, category->discarded[reason]);
            separator = ", ";
        }
    }
}

static void add_categories(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    static const char *const names[ST_CATEGORY_COUNT] = {
        [ST_CATEGORY_SPAN] = "Spans", [ST_CATEGORY_TRANSACTION] = "Transactions"};
    table_begin(out);
    st_buf_add_lit(out, "<tr><th></th><th>Created</th><th>Delivered</th><th>Waiting</th>"
                        "<th>Discarded</th><th>because of</th></tr>\n");
    for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
        const st_overview_category_t *category = &endpoint->category[c];
        if (!st_overview_is_shown(endpoint, (st_category_t)c)) {
            continue;
        }
        st_buf_add_lit(out, "<tr><th>");
        st_buf_add_str(out, names[c]);
        st_buf_add_lit(out, "</th>");
        cell(out, category->created);
        cell(out, category->delivered);
        cell(out, category->waiting);
        cell(out, st_overview_discarded(category));
        st_buf_add_lit(out, "<td>");
        add_reasons(out, category);
        row_end(out);
    }
    table_end(out);
}

static void add_dests(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    row_begin(out, "Used by");
    for (int i = 0; i < endpoint->dest_count; i++) {
        const st_overview_dest_t *dest = &endpoint->dests[i];
        st_buf_add_str(out, i > 0 ? "<br />" : "");
        text(out, dest->environment);
        if (dest->release != NULL) {
            st_buf_add_lit(out, ", release ");
            text(out, dest->release);
        }
    }
    row_end(out);
}

static void add_state(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    row_begin(out, "Waiting");
    bytes(out, endpoint->waiting_bytes);
    row_end(out);
    row_begin(out, "Limits");
    const char *separator = "";
    for (int limit = 0; limit < ST_LIMIT_COUNT; limit++) {
        if (endpoint->limited[limit] != 0) {
            st_buf_add_str(out, separator);
            st_buf_add_str(out, st_overview_limit_text((st_limit_t)limit));
            st_buf_add_lit(out, " for ");
            duration(out, endpoint->limited[limit]);
            separator = ", ";
        }
    }
    st_buf_add_str(out, separator[0] == '\0' ? "none" : "");
    row_end(out);
}

static void add_circuit(st_buf_t *out, const st_overview_t *o,
                        const st_overview_endpoint_t *endpoint)
{
    row_begin(out, "Circuit");
    st_buf_add_str(out, st_overview_circuit_text(endpoint->circuit));
    if (endpoint->circuit == ST_CIRCUIT_OPEN) {
        st_buf_add_lit(out, ", next try in ");
        duration(out, endpoint->retry_in);
    }
    if (endpoint->failures != 0) {
        st_buf_add_lit(out, ", ");
        counted(out, (uint64_t)endpoint->failures, "failure");
        st_buf_add_lit(out, " in a row");
    }
    row_end(out);
    if (endpoint->error != NULL) {
        row_begin(out, "Last error");
        text(out, endpoint->error);
        st_buf_add_lit(out, ", ");
        duration(out, st_overview_age(o, endpoint->error_wall));
        st_buf_add_lit(out, " ago");
        row_end(out);
    }
}

static void add_traffic(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    row_begin(out, "Requests");
    st_overview_uint(out, endpoint->requests);
    st_buf_add_lit(out, " with ");
    bytes(out, endpoint->bytes);
    st_buf_add_lit(out, "; ");
    whole(out, endpoint->answers, "answered, ");
    whole(out, endpoint->repeated, "repeated, ");
    whole(out, (uint64_t)endpoint->in_flight, "in flight");
    row_end(out);
}

static void add_latency(st_buf_t *out, const st_overview_endpoint_t *endpoint)
{
    if (endpoint->latency_count == 0) {
        return;
    }
    row_begin(out, "Latency");
    st_buf_add_lit(out, "mean ");
    duration(out, st_overview_latency_mean(endpoint));
    st_buf_add_lit(out, ", max ");
    duration(out, endpoint->latency_max);
    const char *separator = "; ";
    for (int i = 0; i < ST_ENDPOINT_LATENCY_BUCKETS; i++) {
        if (endpoint->latency[i] == 0) {
            continue;
        }
        st_buf_add_str(out, separator);
        if (i < ST_ENDPOINT_LATENCY_BUCKETS - 1) {
            st_buf_add_lit(out, "within ");
            whole(out, (uint64_t)st_overview_bound_ms(i), "ms: ");
        } else {
            st_buf_add_lit(out, "later: ");
        }
        st_overview_uint(out, endpoint->latency[i]);
        separator = ", ";
    }
    row_end(out);
}

static void add_endpoint(st_buf_t *out, const st_overview_t *o,
                         const st_overview_endpoint_t *endpoint)
{
    st_buf_add_lit(out, "<h3>");
    text(out, endpoint->dsn);
    st_buf_add_lit(out, "</h3>\n");
    add_categories(out, endpoint);
    table_begin(out);
    add_dests(out, endpoint);
    add_state(out, endpoint);
    add_circuit(out, o, endpoint);
    add_traffic(out, endpoint);
    add_latency(out, endpoint);
    table_end(out);
}

void st_overview_section(st_buf_t *out, const st_overview_t *overview)
{
    if (!overview->is_traced) {
        st_buf_add_lit(out, "<p>The process that was asked does not trace.</p>\n");
        return;
    }
    add_server(out, overview);
    for (int i = 0; i < overview->endpoint_count; i++) {
        add_endpoint(out, overview, &overview->endpoints[i]);
    }
}

void st_overview_page(st_buf_t *out, const st_overview_t *overview)
{
    char time[ST_CLOCK_RFC3339_BYTES];
    st_clock_rfc3339(time, overview->wall);
    st_buf_add_lit(
        out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
             "<title>Sentry traces</title>\n<style>\n"
             "body { font: 90% sans-serif; margin: 2em }\n"
             "table { border-collapse: collapse; margin: 0 0 1em }\n"
             "th, td { padding: .2em .6em; text-align: left; vertical-align: top }\n"
             "</style>\n</head>\n<body>\n<h1>Sentry traces</h1>\n<p>");
    st_buf_add_str(out, time);
    st_buf_add_lit(out, " (<a href=\"?json\">JSON</a>, <a href=\"?prometheus\">"
                        "Prometheus</a>, <a href=\"?auto\">text</a>)</p>\n");
    st_overview_section(out, overview);
    st_buf_add_lit(out, "</body>\n</html>\n");
}
