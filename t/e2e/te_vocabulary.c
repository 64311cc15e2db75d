/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys, types and operations spans may have. */

#include "te_vocabulary.h"

#include <string.h>

#include <apr_strings.h>

/* Keys of Sentry's conventions that a web server has something to say about, without those that
 * are deprecated there and those that Sentry sets itself. A key that ends with a dot is followed by
 * a name. Facts from @sentry/conventions 0.33.0. */
static const struct {
    const char *key;
    const char *type;
} keys[] = {
    {"client.address", "string"},
    {"client.port", "integer"},
    {"error.type", "string"},
    {"http.request.body.size", "integer"},
    {"http.request.header.", "array"},
    {"http.request.method", "string"},
    {"http.request.resend_count", "integer"},
    {"http.response.body.size", "integer"},
    {"http.response.header.", "array"},
    {"http.response.header.content-length", "string"},
    {"http.response.size", "integer"},
    {"http.response.status_code", "integer"},
    {"http.response.status_text", "string"},
    {"http.route", "string"},
    {"http.server.request.time_in_queue", "double"},
    {"middleware.name", "string"},
    {"network.local.address", "string"},
    {"network.local.port", "integer"},
    {"network.peer.address", "string"},
    {"network.peer.port", "integer"},
    {"network.protocol.name", "string"},
    {"network.protocol.version", "string"},
    {"network.transport", "string"},
    {"network.type", "string"},
    {"process.command_args", "array"},
    {"process.executable.name", "string"},
    {"process.pid", "integer"},
    {"sentry.client_sample_rate", "double"},
    {"sentry.dist", "string"},
    {"sentry.environment", "string"},
    {"sentry.exclusive_time", "double"},
    {"sentry.kind", "string"},
    {"sentry.op", "string"},
    {"sentry.origin", "string"},
    {"sentry.platform", "string"},
    {"sentry.release", "string"},
    {"sentry.sdk.integrations", "array"},
    {"sentry.sdk.name", "string"},
    {"sentry.sdk.version", "string"},
    {"sentry.segment.id", "string"},
    {"sentry.segment.name", "string"},
    {"sentry.segment.name.source", "string"},
    {"sentry.status.message", "string"},
    {"sentry.trace_lifecycle", "string"},
    {"server.address", "string"},
    {"server.port", "integer"},
    {"thread.id", "integer"},
    {"thread.name", "string"},
    {"tls.protocol.name", "string"},
    {"tls.protocol.version", "string"},
    {"url.domain", "string"},
    {"url.full", "string"},
    {"url.path", "string"},
    {"url.port", "integer"},
    {"url.query", "string"},
    {"url.scheme", "string"},
    {"url.template", "string"},
    {"user.email", "string"},
    {"user.id", "string"},
    {"user.ip_address", "string"},
    {"user.name", "string"},
    {"user_agent.original", "string"},
};

/* Operations of the same conventions that fit a server or a module of it. */
static const char *const ops[] = {
    "cache",    "cache.get", "cache.put",   "db",          "db.query",   "file",
    "function", "handler",   "http.client", "http.server", "middleware", "router",
    "rpc",      "serialize", "subprocess",  "template",    "websocket",
};

/* What tests call attributes of an operator's own. */
static const char own_prefix[] = "te.";

static int begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The type that the conventions give a key; NULL: they do not know it. */
static const char *type_of(const char *key)
{
    const char *type = NULL;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t len = strlen(keys[i].key);
        if (strcmp(keys[i].key, key) == 0 && key[len - 1] != '.') {
            return keys[i].type;
        }
        if (keys[i].key[len - 1] == '.' && begins_with(key, keys[i].key) &&
            key[len] != '\0') {
            type = keys[i].type;
        }
    }
    return type;
}

static int op_is_known(const char *op)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        if (op != NULL && strcmp(ops[i], op) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *te_vocabulary_check(json_t *attributes, apr_pool_t *pool)
{
    const char *key;
    json_t *attribute;
    json_object_foreach(attributes, key, attribute)
    {
        const char *type = json_string_value(json_object_get(attribute, "type"));
        const char *wanted = type_of(key);
        if (begins_with(key, own_prefix)) {
            continue;
        }
        if (wanted == NULL) {
            return apr_psprintf(pool, "the conventions have no attribute \"%s\"", key);
        }
        if (type == NULL || strcmp(type, wanted) != 0) {
            return apr_psprintf(pool, "the attribute \"%s\" is %s instead of %s", key,
                                type, wanted);
        }
    }
    const json_t *op = json_object_get(json_object_get(attributes, "sentry.op"), "value");
    if (!op_is_known(json_string_value(op))) {
        return apr_psprintf(pool, "the conventions have no operation \"%s\"",
                            json_string_value(op));
    }
    return NULL;
}
