/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of envelopes (https://develop.sentry.dev/sdk/foundations/envelopes/).
 *
 *   header "\n" *( item-header "\n" payload "\n" )        the last "\n" may be missing
 *
 * Only the newline separates; a carriage return is data. */
#include "st_envelope.h"

#include "envelope_check.h"
#include "st_text.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

typedef struct reader_t {
    const char *bytes;
    size_t len;
    size_t at;
    const char *why;
    apr_pool_t *pool;
} reader_t;

static apr_status_t json_drop(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

/* Ties a new reference (or NULL) to the pool. */
static json_t *json_keep(json_t *json, apr_pool_t *pool)
{
    if (json != NULL) {
        apr_pool_cleanup_register(pool, json, json_drop, apr_pool_cleanup_null);
    }
    return json;
}

/* Takes the next line, without its newline; the last one may have none. */
static st_str_t line_take(reader_t *reader)
{
    st_str_t line = {reader->bytes + reader->at, reader->len - reader->at};
    const char *newline = memchr(line.ptr, '\n', line.len);
    if (newline == NULL) {
        reader->at = reader->len;
        return line;
    }
    line.len = (size_t)(newline - line.ptr);
    reader->at += line.len + 1;
    return line;
}

/* Takes a header line. `what` names it in the reason.
 * @return an object that lives as long as the pool, or NULL with reader->why. */
static json_t *header_take(reader_t *reader, const char *what)
{
    st_str_t line = line_take(reader);
    if (line.len == 0) {
        reader->why =
            apr_psprintf(reader->pool, "there is a blank line where %s should be", what);
        return NULL;
    }
    json_error_t error;
    json_t *json = json_keep(json_loadb(line.ptr, line.len, ST_CHECK_JSON_FLAGS, &error),
                             reader->pool);
    if (json == NULL) {
        reader->why = apr_psprintf(reader->pool, "%s is no JSON: %s", what,
                                   st_check_quote(error.text, reader->pool));
        return NULL;
    }
    if (!json_is_object(json) || line.ptr[line.len - 1] != '}') {
        reader->why = apr_psprintf(reader->pool,
                                   "%s is not one JSON object that ends its line", what);
        return NULL;
    }
    return json;
}

static int sent_at_is_valid(reader_t *reader, const json_t *header)
{
    const json_t *sent_at = json_object_get(header, "sent_at");
    st_ns_t ignored;
    if (sent_at == NULL || st_check_is_instant(sent_at, &ignored)) {
        return 1;
    }
    reader->why = "the envelope header's \"sent_at\" is no RFC 3339 time";
    return 0;
}

/* Finds the end of the payload that starts at reader->at, by the header's length or else by the
 * next newline.
 * @return 1, or 0 with reader->why. */
static int payload_take(reader_t *reader, st_envelope_item_t *item)
{
    const json_t *length = json_object_get(item->header, "length");
    size_t left = reader->len - reader->at;
    item->payload = reader->bytes + reader->at;
    if (length == NULL) {
        item->len = line_take(reader).len;
        return 1;
    }
    json_int_t value = json_integer_value(length);
    if (!json_is_integer(length) || value < 0 || value > UINT32_MAX) {
        reader->why = "an item's \"length\" is no number of bytes";
        return 0;
    }
    item->len = (size_t)value;
    if (item->len > left) {
        reader->why = apr_psprintf(
            reader->pool, "an item's \"length\" is %lu, but only %lu bytes follow",
            (unsigned long)item->len, (unsigned long)left);
        return 0;
    }
    reader->at += item->len;
    if (reader->at < reader->len && reader->bytes[reader->at] != '\n') {
        reader->why = apr_psprintf(
            reader->pool, "no newline follows the %lu bytes of an item's payload",
            (unsigned long)item->len);
        return 0;
    }
    reader->at += reader->at < reader->len;
    return 1;
}

static int item_take(reader_t *reader, st_envelope_item_t *item)
{
    item->type = st_check_text(json_object_get(item->header, "type"));
    if (item->type == NULL) {
        reader->why = "an item's \"type\" is no string";
        return 0;
    }
    if (!payload_take(reader, item)) {
        return 0;
    }
    item->json = json_keep(
        json_loadb(item->payload, item->len, ST_CHECK_JSON_FLAGS | JSON_DECODE_ANY, NULL),
        reader->pool);
    return 1;
}

/* Takes items until the input ends or another envelope starts. */
static int items_take(reader_t *reader, apr_array_header_t *items)
{
    while (reader->at < reader->len) {
        size_t line_at = reader->at;
        json_t *header = header_take(reader, "an item header");
        if (header == NULL) {
            return 0;
        }
        if (json_object_get(header, "type") == NULL) {
            reader->at = line_at;
            return 1;
        }
        st_envelope_item_t *item = apr_array_push(items);
        *item = (st_envelope_item_t){.header = header};
        if (!item_take(reader, item)) {
            return 0;
        }
    }
    return 1;
}

apr_status_t st_envelope_parse(st_envelope_t **penvelope, const char **pwhy,
                               const char *bytes, size_t len, apr_pool_t *result_pool)
{
    if (len == 0) {
        return APR_EOF;
    }
    reader_t reader = {.bytes = bytes, .len = len, .pool = result_pool};
    st_envelope_t *envelope = apr_pcalloc(result_pool, sizeof(*envelope));
    apr_array_header_t *items =
        apr_array_make(result_pool, 2, sizeof(st_envelope_item_t));
    envelope->header = header_take(&reader, "the envelope header");
    if (envelope->header == NULL || !sent_at_is_valid(&reader, envelope->header) ||
        !items_take(&reader, items)) {
        *pwhy = reader.why;
        return ST_E_MALFORMED;
    }
    envelope->items = (st_envelope_item_t *)items->elts;
    envelope->item_count = items->nelts;
    envelope->used = reader.at;
    *penvelope = envelope;
    return APR_SUCCESS;
}
