/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ATTR_H
#define ST_ATTR_H

/* Attribute keys with their types, and one attribute of a span.
 *
 * The keys are those of Sentry's conventions, @sentry/conventions 0.33.0 (names, types and
 * deprecations carried over as facts); a key that is not listed there does not belong here.
 * Keys that every span carries and that depend on the destination only (release,
 * environment, SDK) are added by the encoder and are not stored per span. */

#include <stdint.h>
#include "st_text.h"

typedef enum {
    ST_TYPE_STRING = 1,
    ST_TYPE_BOOLEAN,
    ST_TYPE_INTEGER,
    ST_TYPE_DOUBLE,
    ST_TYPE_STRINGS, /* an array of strings */
    ST_TYPE_COUNT
} st_attr_type_t;

/* X(NAME, "key", TYPE). The order is part of the record format: append only, and raise
 * ST_RECORD_VERSION when something moves. */
#define ST_ATTR_LIST(X)                                                                  \
    X(HTTP_REQUEST_METHOD, "http.request.method", STRING)                                \
    X(HTTP_REQUEST_BODY_SIZE, "http.request.body.size", INTEGER)                         \
    X(HTTP_RESPONSE_STATUS_CODE, "http.response.status_code", INTEGER)                   \
    X(HTTP_RESPONSE_STATUS_TEXT, "http.response.status_text", STRING)                    \
    X(HTTP_RESPONSE_BODY_SIZE, "http.response.body.size", INTEGER)                       \
    X(HTTP_ROUTE, "http.route", STRING)                                                  \
    X(URL_FULL, "url.full", STRING)                                                      \
    X(URL_SCHEME, "url.scheme", STRING)                                                  \
    X(URL_PATH, "url.path", STRING)                                                      \
    X(URL_QUERY, "url.query", STRING)                                                    \
    X(SERVER_ADDRESS, "server.address", STRING)                                          \
    X(SERVER_PORT, "server.port", INTEGER)                                               \
    X(CLIENT_ADDRESS, "client.address", STRING)                                          \
    X(CLIENT_PORT, "client.port", INTEGER)                                               \
    X(NETWORK_PEER_ADDRESS, "network.peer.address", STRING)                              \
    X(NETWORK_PEER_PORT, "network.peer.port", INTEGER)                                   \
    X(NETWORK_LOCAL_ADDRESS, "network.local.address", STRING)                            \
    X(NETWORK_LOCAL_PORT, "network.local.port", INTEGER)                                 \
    X(NETWORK_PROTOCOL_NAME, "network.protocol.name", STRING)                            \
    X(NETWORK_PROTOCOL_VERSION, "network.protocol.version", STRING)                      \
    X(NETWORK_TRANSPORT, "network.transport", STRING)                                    \
    X(NETWORK_TYPE, "network.type", STRING)                                              \
    X(USER_AGENT_ORIGINAL, "user_agent.original", STRING)                                \
    X(USER_NAME, "user.name", STRING)                                                    \
    X(USER_IP_ADDRESS, "user.ip_address", STRING)                                        \
    X(THREAD_ID, "thread.id", INTEGER)                                                   \
    X(PROCESS_PID, "process.pid", INTEGER)                                               \
    X(MIDDLEWARE_NAME, "middleware.name", STRING)                                        \
    X(SENTRY_EXCLUSIVE_TIME, "sentry.exclusive_time", DOUBLE)                            \
    X(SENTRY_KIND, "sentry.kind", STRING)                                                \
    X(SENTRY_STATUS_MESSAGE, "sentry.status.message", STRING)                            \
    X(SENTRY_SEGMENT_NAME_SOURCE, "sentry.segment.name.source", STRING)                  \
    X(ERROR_TYPE, "error.type", STRING)                                                  \
    X(HTTP_REQUEST_RESEND_COUNT, "http.request.resend_count", INTEGER)                   \
    X(URL_DOMAIN, "url.domain", STRING)                                                  \
    X(URL_PORT, "url.port", INTEGER)                                                     \
    X(THREAD_NAME, "thread.name", STRING)                                                \
    X(HTTP_RESPONSE_SIZE, "http.response.size", INTEGER)                                 \
    X(TLS_PROTOCOL_NAME, "tls.protocol.name", STRING)                                    \
    X(TLS_PROTOCOL_VERSION, "tls.protocol.version", STRING)                              \
    X(HTTP_SERVER_REQUEST_TIME_IN_QUEUE, "http.server.request.time_in_queue", DOUBLE)

/* X(NAME, "how the key begins", TYPE). Attributes of which only the beginning of the key is
 * known here; the rest of it stands in front of the value: st_attr_named.h. Numbered from
 * ST_ATTR_NAMED, under the same rule. */
#define ST_ATTR_NAMED_LIST(X)                                                            \
    X(REQUEST_HEADER, "http.request.header.", STRINGS)                                   \
    X(RESPONSE_HEADER, "http.response.header.", STRINGS)                                 \
    X(OWN_STRING, "", STRING)                                                            \
    X(OWN_BOOLEAN, "", BOOLEAN)                                                          \
    X(OWN_INTEGER, "", INTEGER)                                                          \
    X(OWN_DOUBLE, "", DOUBLE)

#define ST_ATTR_NAMED 0x100

typedef enum {
    ST_ATTR_NONE = 0,
#define ST_ATTR_ENUM(name, key, type) ST_ATTR_##name,
    ST_ATTR_LIST(ST_ATTR_ENUM)
#undef ST_ATTR_ENUM
        ST_ATTR_COUNT,
    ST_ATTR_BEFORE_NAMED = ST_ATTR_NAMED - 1,
#define ST_ATTR_ENUM(name, key, type) ST_ATTR_##name,
    ST_ATTR_NAMED_LIST(ST_ATTR_ENUM)
#undef ST_ATTR_ENUM
        ST_ATTR_NAMED_END
} st_attr_key_t;

/* One typed value. The member of `value` follows from the key's type, and is `str` for all whose
 * key is named; a string is borrowed from the pool of the segment that holds the attribute. */
typedef struct st_attr_t {
    st_attr_key_t key;
    union {
        st_str_t str;
        int64_t integer; /* also BOOLEAN: 0 or 1 */
        double real;
    } value;
} st_attr_t;

/* 1 when `key` is one of ST_ATTR_NAMED_LIST. */
static inline int st_attr_is_named(st_attr_key_t key)
{
    return key >= (st_attr_key_t)ST_ATTR_NAMED && key < ST_ATTR_NAMED_END;
}

/* The key's text, or its beginning when it is named, a static string. `key` must be a real key
 * (not NONE, not COUNT). */
const char *st_attr_key_text(st_attr_key_t key);

/* The key of ST_ATTR_LIST with that text, ST_ATTR_NONE when there is none. */
st_attr_key_t st_attr_find(const char *text);

/* The key's type. `key` must be a real key. */
st_attr_type_t st_attr_key_type(st_attr_key_t key);

/* 1 when the value is kept as text (`str`): strings, and all that is named. */
int st_attr_is_text(st_attr_key_t key);

#endif /* ST_ATTR_H */
