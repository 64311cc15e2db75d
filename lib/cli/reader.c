/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes out of a stream, and finding the way back after damage. */
#include "stc_reader.h"

#include "st_buf.h"
#include <string.h>

#define ROOM_MIN    ((size_t)64 * 1024)
#define PENDING_MAX ((size_t)64 * 1024 * 1024)
#define BUFFER_MAX  (4 * PENDING_MAX)

struct stc_reader_t {
    stc_reader_events_t events;
    st_buf_t pending;  /* what was fed and is not done with */
    size_t at;         /* bytes of it that are done with */
    stc_place_t place; /* of pending.data[at] */
    apr_pool_t *scratch_pool;
};

static apr_status_t pending_free(void *reader)
{
    st_buf_free(&((stc_reader_t *)reader)->pending);
    return APR_SUCCESS;
}

stc_reader_t *stc_reader_create(const stc_reader_events_t *events, apr_pool_t *pool)
{
    stc_reader_t *reader = apr_pcalloc(pool, sizeof(*reader));
    reader->events = *events;
    st_buf_init(&reader->pending, BUFFER_MAX);
    apr_pool_cleanup_register(pool, reader, pending_free, apr_pool_cleanup_null);
    apr_pool_create(&reader->scratch_pool, pool);
    stc_reader_reset(reader);
    return reader;
}

void stc_reader_reset(stc_reader_t *reader)
{
    st_buf_clear(&reader->pending);
    reader->at = 0;
    reader->place = (stc_place_t){.offset = 0, .line = 1};
}

char *stc_reader_room(stc_reader_t *reader, size_t *psize)
{
    st_buf_t *pending = &reader->pending;
    /* Doubling: a long envelope is not looked at again for every few bytes. */
    *psize = pending->len > ROOM_MIN ? pending->len : ROOM_MIN;
    return st_buf_reserve(pending, *psize);
}

void stc_reader_fed(stc_reader_t *reader, size_t len)
{
    reader->pending.len += len;
}

stc_place_t stc_place_after(stc_place_t place, const char *bytes, size_t len)
{
    const char *end = bytes + len;
    place.offset += (apr_off_t)len;
    const char *newline = memchr(bytes, '\n', len);
    while (newline != NULL) {
        place.line++;
        newline = memchr(newline + 1, '\n', (size_t)(end - newline - 1));
    }
    return place;
}

static void advance(stc_reader_t *reader, size_t len)
{
    reader->place =
        stc_place_after(reader->place, reader->pending.data + reader->at, len);
    reader->at += len;
}

/* Length of the first line, with its newline when it has one. */
static size_t line_len(const char *bytes, size_t len)
{
    const char *newline = memchr(bytes, '\n', len);
    return newline != NULL ? (size_t)(newline - bytes) + 1 : len;
}

/* Payloads are JSON objects without "type" as well; so only keys that belong into an envelope
 * header count (https://develop.sentry.dev/sdk/foundations/envelopes/). */
static int object_is_envelope_header(const json_t *object)
{
    static const char *const known[] = {"event_id", "sent_at", "dsn", "sdk", "trace"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        count += json_object_get(object, known[i]) != NULL;
    }
    return json_is_object(object) && count == json_object_size(object);
}

/* 1 when the line is an envelope header and an item header, or nothing, follows. */
static int starts_envelope(const char *bytes, size_t len)
{
    size_t first = line_len(bytes, len);
    if (bytes[0] != '{') {
        return 0;
    }
    json_t *header = json_loadb(bytes, first, 0, NULL);
    int is_header = object_is_envelope_header(header);
    json_decref(header);
    if (!is_header || first == len) {
        return is_header;
    }
    json_t *item =
        json_loadb(bytes + first, line_len(bytes + first, len - first), 0, NULL);
    int has_type = json_is_string(json_object_get(item, "type"));
    json_decref(item);
    return has_type;
}

/* Distance to the next line that starts an envelope, after the first one; 0: none. */
static size_t resume_find(const char *bytes, size_t len)
{
    size_t at = line_len(bytes, len);
    while (at < len) {
        if (starts_envelope(bytes + at, len - at)) {
            return at;
        }
        at += line_len(bytes + at, len - at);
    }
    return 0;
}

/* 1 when there are items and the payload of each is JSON: none of them can be half an item. */
static int envelope_is_whole(const st_envelope_t *envelope)
{
    for (int i = 0; i < envelope->item_count; i++) {
        if (envelope->items[i].json == NULL) {
            return 0;
        }
    }
    return envelope->item_count > 0;
}

/* An envelope that is whole in itself may have lost its end to the damage behind it: parsing
 * goes on into that. Finds the longest run of items, each header and payload a line, that is
 * an envelope.
 * @return it, or NULL */
static st_envelope_t *salvage(stc_reader_t *reader, const char *bytes, size_t len)
{
    st_envelope_t *found = NULL;
    size_t end = line_len(bytes, len);
    while (end < len) {
        end += line_len(bytes + end, len - end);
        end += end < len ? line_len(bytes + end, len - end) : 0;
        st_envelope_t *envelope;
        const char *why;
        apr_status_t rv =
            st_envelope_parse(&envelope, &why, bytes, end, reader->scratch_pool);
        if (rv != APR_SUCCESS || envelope->used != end || !envelope_is_whole(envelope)) {
            break;
        }
        found = envelope;
    }
    return found;
}

static void envelope_tell(stc_reader_t *reader, const st_envelope_t *envelope)
{
    const char *bytes = reader->pending.data + reader->at;
    reader->events.envelope(envelope, bytes, reader->place, reader->events.baton);
    advance(reader, envelope->used);
}

/* What is at hand cannot be parsed. Skips it when it is known where to go on, or that nothing
 * will follow.
 * @return 1 when something was done, 0 to wait. */
static int damage_skip(stc_reader_t *reader, const char *why, stc_reader_state_t state)
{
    const char *bytes = reader->pending.data + reader->at;
    size_t len = reader->pending.len - reader->at;
    size_t skip = resume_find(bytes, len);
    int is_known = skip > 0 || state == STC_READER_END || len >= PENDING_MAX;
    if (!is_known && state == STC_READER_MORE) {
        return 0;
    }
    size_t damaged = skip > 0 ? skip : len;
    st_envelope_t *salvaged = salvage(reader, bytes, damaged);
    if (salvaged != NULL) {
        envelope_tell(reader, salvaged);
        return 1;
    }
    if (!is_known) {
        return 0;
    }
    stc_place_t resumed = stc_place_after(reader->place, bytes, damaged);
    if (skip == 0) {
        resumed.line = 0;
    }
    reader->events.damaged(reader->place, resumed, why, reader->events.baton);
    advance(reader, damaged);
    return 1;
}

/* 1 when an envelope that ends where the bytes end may be taken for complete. */
static int last_counts(const st_envelope_t *envelope, const char *bytes,
                       stc_reader_state_t state)
{
    if (state == STC_READER_END) {
        return 1;
    }
    return state == STC_READER_QUIET && envelope_is_whole(envelope) &&
           bytes[envelope->used - 1] == '\n';
}

/* @return 1 when something was done, 0 when nothing is to be done for now. */
static int drain_one(stc_reader_t *reader, stc_reader_state_t state)
{
    const char *bytes = reader->pending.data + reader->at;
    size_t len = reader->pending.len - reader->at;
    if (len == 0) {
        return 0;
    }
    st_envelope_t *envelope;
    const char *why = NULL;
    apr_status_t rv =
        st_envelope_parse(&envelope, &why, bytes, len, reader->scratch_pool);
    if (rv != APR_SUCCESS) {
        return damage_skip(reader, why, state);
    }
    if (envelope->used == len && !last_counts(envelope, bytes, state)) {
        return len < PENDING_MAX ? 0 : damage_skip(reader, "it is too long", state);
    }
    envelope_tell(reader, envelope);
    return 1;
}

void stc_reader_drain(stc_reader_t *reader, stc_reader_state_t state)
{
    int more = 1;
    while (more) {
        more = drain_one(reader, state);
        apr_pool_clear(reader->scratch_pool);
    }
    st_buf_t *pending = &reader->pending;
    if (reader->at > 0) {
        pending->len -= reader->at;
        memmove(pending->data, pending->data + reader->at, pending->len);
        reader->at = 0;
    }
}
