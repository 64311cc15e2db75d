/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_ENVELOPE_SAMPLE_H
#define T_ENVELOPE_SAMPLE_H

/* A good envelope, written by hand after the protocol pages, and a way to break it in one
 * place: every test of a rule is "this member, this value, that reason". */

#include <apr_strings.h>
#include <string.h>
#include "st_envelope.h"
#include "t.h"

#define T_TRACE "\"6cf173d587eb48568a9b2e12dcfbea52\""

/* The three parts as JSON, brought together as {"header":…,"item":…,"payload":…}. */
static const char t_span_envelope[] =
    "{\"header\":{"
    "\"sent_at\":\"2026-11-21T22:26:45.052Z\","
    "\"dsn\":\"https://e12d836b15bb49d7bbf99e64295d995b@o1.ingest.sentry.io/42\","
    "\"sdk\":{\"name\":\"sentry.httpd\",\"version\":\"0.1.0\"},"
    "\"trace\":{\"trace_id\":" T_TRACE ","
    "\"public_key\":\"e12d836b15bb49d7bbf99e64295d995b\",\"sample_rate\":\"0.25\","
    "\"sample_rand\":\"0.123456\",\"sampled\":\"true\",\"release\":\"shop@1.4.2\","
    "\"environment\":\"production\",\"transaction\":\"GET /api/orders/*\","
    "\"org_id\":\"1\",\"replay_id\":\"00000000000000000000000000000001\"}},"
    "\"item\":{\"type\":\"span\",\"item_count\":2,"
    "\"content_type\":\"application/vnd.sentry.items.span.v2+json\"},"
    "\"payload\":{\"version\":2,\"items\":["
    "{\"trace_id\":" T_TRACE ",\"span_id\":\"f1196292f76e45c0\","
    "\"parent_span_id\":\"438f40bd3b4a41ee\",\"name\":\"mod_auth_basic\",\"status\":"
    "\"ok\","
    "\"is_segment\":false,\"start_timestamp\":1795300000.000412,"
    "\"end_timestamp\":1795300000.001907,\"attributes\":{"
    "\"sentry.op\":{\"type\":\"string\",\"value\":\"middleware\"},"
    "\"process.pid\":{\"type\":\"integer\",\"value\":4711},"
    "\"sentry.exclusive_time\":{\"type\":\"double\",\"value\":1.495,"
    "\"unit\":\"millisecond\"}}},"
    "{\"trace_id\":" T_TRACE ",\"span_id\":\"438f40bd3b4a41ee\","
    "\"name\":\"GET /api/orders/*\",\"status\":\"error\",\"is_segment\":true,"
    "\"start_timestamp\":1795300000.0,\"end_timestamp\":1795300000.052011,"
    "\"links\":[{\"trace_id\":\"00000000000000000000000000000001\","
    "\"span_id\":\"0000000000000001\",\"sampled\":true,"
    "\"attributes\":{\"sentry.link.type\":{\"type\":\"string\","
    "\"value\":\"previous_trace\"}}}],"
    "\"attributes\":{"
    "\"sentry.op\":{\"type\":\"string\",\"value\":\"http.server\"},"
    "\"sentry.is_remote\":{\"type\":\"boolean\",\"value\":false},"
    "\"sentry.client_sample_rate\":{\"type\":\"double\",\"value\":1},"
    "\"sentry.sdk.integrations\":{\"type\":\"array\",\"value\":[\"httpd\"]}}}]}}";

static const char t_report_envelope[] =
    "{\"header\":{},\"item\":{\"type\":\"client_report\"},"
    "\"payload\":{\"timestamp\":\"2026-11-21T22:26:45.052Z\",\"discarded_events\":["
    "{\"reason\":\"sample_rate\",\"category\":\"span\",\"quantity\":11},"
    "{\"reason\":\"sample_rate\",\"category\":\"transaction\",\"quantity\":3},"
    "{\"reason\":\"send_error\",\"category\":\"span\",\"quantity\":1}]}}";

static const char t_transaction_envelope[] =
    "{\"header\":{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\","
    "\"trace\":{\"trace_id\":" T_TRACE ","
    "\"public_key\":\"e12d836b15bb49d7bbf99e64295d995b\"}},"
    "\"item\":{\"type\":\"transaction\"},"
    "\"payload\":{\"type\":\"transaction\","
    "\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"platform\":\"c\","
    "\"release\":\"shop@1.4.2\",\"environment\":\"production\","
    "\"server_name\":\"web-1\",\"dist\":\"7\","
    "\"sdk\":{\"name\":\"sentry.httpd\",\"version\":\"0.1.0\"},"
    "\"transaction\":\"GET /api/orders/*\",\"transaction_info\":{\"source\":\"route\"},"
    "\"start_timestamp\":1795300000.0,\"timestamp\":1795300000.052011,"
    "\"tags\":{\"http.status_code\":\"503\"},"
    "\"request\":{\"method\":\"GET\",\"url\":\"https://shop.example.com/api/orders/17\","
    "\"query_string\":\"token=[Filtered]\",\"headers\":{\"Accept\":\"text/html\"},"
    "\"env\":{\"SERVER_PORT\":\"443\"}},"
    "\"user\":{\"id\":7,\"username\":\"alice\",\"ip_address\":\"192.0.2.7\"},"
    "\"measurements\":{\"ttfb\":{\"value\":1.5,\"unit\":\"millisecond\"}},"
    "\"contexts\":{\"trace\":{\"type\":\"trace\",\"trace_id\":" T_TRACE ","
    "\"span_id\":\"438f40bd3b4a41ee\",\"op\":\"http.server\",\"status\":\"unavailable\","
    "\"origin\":\"auto.http.httpd\",\"data\":{\"http.request.method\":\"GET\","
    "\"server.port\":443,\"sentry.exclusive_time\":2,"
    "\"http.request.header.accept\":[\"text/html\"]}},"
    "\"response\":{\"type\":\"response\",\"status_code\":503,\"body_size\":299}},"
    "\"spans\":[{\"trace_id\":" T_TRACE ",\"span_id\":\"f1196292f76e45c0\","
    "\"parent_span_id\":\"438f40bd3b4a41ee\",\"op\":\"middleware\","
    "\"description\":\"mod_auth_basic\",\"status\":\"ok\",\"origin\":\"auto.http.httpd\","
    "\"start_timestamp\":1795300000.000412,\"timestamp\":1795300000.001907,"
    "\"data\":{\"middleware.name\":\"mod_auth_basic\",\"process.pid\":4711}}]}}";

/* One way to break a rule. Steps of `path` end at '/'; a number is an index. */
typedef struct t_break_t {
    const char *path;
    const char *json; /* what stands there instead; NULL: nothing */
    const char *why;  /* part of the reason that has to be given; NULL: it is legal */
} t_break_t;

static json_t *t_step(json_t *json, const char *step)
{
    json_t *next = json_is_array(json) ? json_array_get(json, (size_t)atoi(step))
                                       : json_object_get(json, step);
    ck_assert_msg(next != NULL, "the sample has no \"%s\"", step);
    return next;
}

/* Puts `json` (NULL: nothing) where `path` leads. */
static void t_patch(json_t *at, const char *path, const char *json)
{
    char *rest = apr_pstrdup(t_pool, path);
    for (char *slash = strchr(rest, '/'); slash != NULL; slash = strchr(rest, '/')) {
        *slash = '\0';
        at = t_step(at, rest);
        rest = slash + 1;
    }
    if (json == NULL) {
        ck_assert_int_eq(json_object_del(at, rest), 0);
        return;
    }
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ck_assert_msg(value != NULL, "the test's own %s is no JSON", json);
    int rv = json_is_array(at) ? json_array_set_new(at, (size_t)atoi(rest), value)
                               : json_object_set_new(at, rest, value);
    ck_assert_int_eq(rv, 0);
}

static inline const char *t_dump(json_t *whole, const char *part)
{
    char *text = json_dumps(json_object_get(whole, part), JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_ptr_nonnull(text);
    const char *copy = apr_pstrdup(t_pool, text);
    free(text);
    return copy;
}

/* Reads and validates the bytes.
 * @return NULL when all is well, else the reason. */
static inline const char *t_verdict(const char *bytes, size_t len)
{
    st_envelope_t *envelope = NULL;
    const char *why = NULL;
    apr_status_t rv = st_envelope_parse(&envelope, &why, bytes, len, t_pool);
    if (rv == APR_SUCCESS) {
        ck_assert_uint_eq(envelope->used, len);
        rv = st_envelope_validate(envelope, &why, t_pool);
    }
    if (rv == APR_SUCCESS) {
        return NULL;
    }
    ck_assert_int_eq(rv, ST_E_MALFORMED);
    ck_assert_ptr_nonnull(why);
    return why;
}

/* The verdict has to be the one the break announces. */
static inline void t_expect_verdict(const char *bytes, const t_break_t *broken)
{
    const char *why = t_verdict(bytes, strlen(bytes));
    if (broken->why == NULL) {
        ck_assert_msg(why == NULL, "%s = %s was refused: %s", broken->path, broken->json,
                      why);
        return;
    }
    ck_assert_msg(why != NULL, "%s = %s was taken", broken->path, broken->json);
    ck_assert_msg(strstr(why, broken->why) != NULL, "%s = %s: \"%s\" does not say \"%s\"",
                  broken->path, broken->json, why, broken->why);
}

/* Breaks the sample in one place and looks at the verdict. */
static inline void t_expect_break(const char *sample, const t_break_t *broken)
{
    json_error_t error;
    json_t *whole = json_loads(sample, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(whole != NULL, "%s", error.text);
    t_patch(whole, broken->path, broken->json);
    t_expect_verdict(apr_pstrcat(t_pool, t_dump(whole, "header"), "\n",
                                 t_dump(whole, "item"), "\n", t_dump(whole, "payload"),
                                 "\n", NULL),
                     broken);
    json_decref(whole);
}

#endif /* T_ENVELOPE_SAMPLE_H */
