/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes made by hand. */

#include "te_sample.h"

#include <string.h>

#include <apr_strings.h>

#define HEADER                                                                           \
    "{\"trace\":{\"trace_id\":\"" TE_SAMPLE_TRACE "\",\"public_key\":\"" TE_SAMPLE_TRACE \
    "\"}}\n"

const char te_sample_report[] =
    "{}\n{\"type\":\"client_report\"}\n{\"timestamp\":1795300000,\"discarded_events\":["
    "{\"reason\":\"sample_rate\",\"category\":\"span\",\"quantity\":4},"
    "{\"reason\":\"sample_rate\",\"category\":\"transaction\",\"quantity\":2}]}\n";

const char te_sample_transaction[] =
    "{\"event_id\":\"" TE_SAMPLE_EVENT "\"}\n{\"type\":\"transaction\"}\n"
    "{\"type\":\"transaction\",\"event_id\":\"" TE_SAMPLE_EVENT "\",\"platform\":\"c\","
    "\"transaction\":\"GET /a\",\"transaction_info\":{\"source\":\"url\"},"
    "\"start_timestamp\":1795300000.0,\"timestamp\":1795300001.5,\"contexts\":{\"trace\":"
    "{"
    "\"trace_id\":\"" TE_SAMPLE_TRACE "\",\"span_id\":\"1111111111111111\","
    "\"op\":\"http.server\",\"status\":\"ok\",\"data\":{\"url.path\":\"/a\"}}},"
    "\"spans\":[{\"trace_id\":\"" TE_SAMPLE_TRACE "\",\"span_id\":\"2222222222222222\","
    "\"parent_span_id\":\"1111111111111111\",\"description\":\"CORE\","
    "\"op\":\"middleware\",\"status\":\"ok\",\"start_timestamp\":1795300000.5,"
    "\"timestamp\":1795300001.0,\"data\":{\"sentry.exclusive_time\":2}}]}\n";

const char *te_sample_spans(const char *child_trace, int item_count, apr_pool_t *pool)
{
    const char *payload = apr_psprintf(
        pool,
        "{\"version\":2,\"items\":[{\"trace_id\":\"" TE_SAMPLE_TRACE "\",\"span_id\":"
        "\"1111111111111111\",\"name\":\"GET\",\"status\":\"ok\",\"is_segment\":true,"
        "\"start_timestamp\":1795300000.0,\"end_timestamp\":1795300001.5,\"attributes\":{"
        "\"sentry.op\":{\"type\":\"string\",\"value\":\"http.server\"},\"url.path\":{"
        "\"type\":\"string\",\"value\":\"/a\"}}},{\"trace_id\":\"%s\",\"span_id\":"
        "\"2222222222222222\",\"parent_span_id\":\"1111111111111111\",\"name\":\"CORE\","
        "\"status\":\"ok\",\"is_segment\":false,\"start_timestamp\":1795300000.5,"
        "\"end_timestamp\":1795300001.0,\"attributes\":{\"sentry.op\":{\"type\":"
        "\"string\",\"value\":\"middleware\"}}}]}",
        child_trace);
    return apr_psprintf(pool,
                        HEADER "{\"type\":\"span\",\"item_count\":%d,\"content_type\":"
                               "\"application/vnd.sentry.items.span.v2+json\","
                               "\"length\":%" APR_SIZE_T_FMT "}\n%s\n",
                        item_count, strlen(payload), payload);
}
