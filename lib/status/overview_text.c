/* SPDX-License-Identifier: Apache-2.0 */
/* Words, numbers and texts of an overview. */
#include "overview_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "st_json.h"
#include "st_text.h"

int st_overview_bound_ms(int i)
{
    static const int bounds[ST_ENDPOINT_LATENCY_BUCKETS - 1] = ST_ENDPOINT_LATENCY_BOUNDS;
    return bounds[i];
}

const char *st_overview_circuit_text(st_circuit_state_t circuit)
{
    switch (circuit) {
    case ST_CIRCUIT_CLOSED:
        return "closed";
    case ST_CIRCUIT_OPEN:
        return "open";
    case ST_CIRCUIT_PROBING:
        return "probing";
    default:
        return "unknown";
    }
}

const char *st_overview_limit_text(st_limit_t limit)
{
    static const char *const texts[ST_LIMIT_COUNT] = {
        [ST_LIMIT_SPAN] = "span",
        [ST_LIMIT_TRANSACTION] = "transaction",
        [ST_LIMIT_REPORT] = "report",
    };
    return texts[limit];
}

const char *st_overview_storage_text(const st_overview_t *overview)
{
    return overview->is_file ? "file" : "memory";
}

st_ns_t st_overview_age(const st_overview_t *overview, st_ns_t wall)
{
    return wall < overview->wall ? overview->wall - wall : 0;
}

st_ns_t st_overview_latency_mean(const st_overview_endpoint_t *endpoint)
{
    if (endpoint->latency_count == 0) {
        return 0;
    }
    return (st_ns_t)((uint64_t)endpoint->latency_sum / endpoint->latency_count);
}

double st_overview_seconds(st_ns_t duration)
{
    return (double)(duration / ST_NS_PER_US) / 1e6;
}

void st_overview_uint(st_buf_t *out, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64, number);
    st_buf_add(out, text, (size_t)len);
}

void st_overview_double(st_buf_t *out, double number)
{
    char text[ST_JSON_NUMBER_BYTES];
    st_buf_add(out, text, st_json_double_text(text, number));
}

/* Length of what stands as it is at the start of s[0..len). */
static size_t plain_run(const char *s, size_t len, st_overview_escape_fn *escape)
{
    size_t at = 0;
    while (at < len) {
        size_t sequence = st_utf8_sequence(s + at, len - at);
        if (sequence == 0 || (sequence == 1 && escape(s[at]) != NULL)) {
            break;
        }
        at += sequence;
    }
    return at;
}

void st_overview_text(st_buf_t *out, const char *text, st_overview_escape_fn *escape)
{
    size_t len = strlen(text);
    size_t at = 0;
    while (at < len) {
        size_t run = plain_run(text + at, len - at, escape);
        st_buf_add(out, text + at, run);
        at += run;
        if (at == len) {
            return;
        }
        if (st_utf8_sequence(text + at, len - at) == 0) {
            st_buf_add_lit(out, "\xEF\xBF\xBD");
        } else {
            st_buf_add_str(out, escape(text[at]));
        }
        at++;
    }
}
