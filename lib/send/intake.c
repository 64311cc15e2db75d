/* SPDX-License-Identifier: Apache-2.0 */
/* From the ring into the buckets. */
#include "sender_int.h"

#define READ_MAX    20000 /* records of one call: what the sender is alive for must go on */
#define STUCK_DELAY (50 * ST_NS_PER_MS)

static int is_known(const st_dest_table_t *dests, unsigned dest)
{
    return dest < (unsigned)dests->count && dests->dests[dest].dsn != NULL;
}

/* The destination may be newer than our table. */
static int is_known_by_now(st_sender_t *sender, unsigned dest)
{
    st_dest_table_t dests;
    st_queue_dests(sender->queue, &dests, sender->scratch);
    int known = is_known(&dests, dest);
    apr_pool_clear(sender->scratch);
    return known;
}

/* Where a record that names no destination is counted cannot be known: with one endpoint it
 * was there; with several the sum over all is right. */
static int endpoint_of(const st_sender_t *sender, unsigned dest)
{
    int known = is_known(&sender->dests, dest);
    return known ? sender->dests.dests[dest].endpoint : 0;
}

static void reject(st_sender_t *sender, const st_ring_entry_t *entry, const char *why)
{
    int endpoint = endpoint_of(sender, entry->tag.dest);
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    st_queue_tag_count(entry->tag, quantity);
    st_ledger_settle(sender->queue, entry->pos, endpoint, ST_REASON_INTERNAL_SDK_ERROR,
                     quantity);
    st_notice_lost(&sender->outlets[endpoint].notice, ST_NOTICE_RECORD, ST_E_MALFORMED,
                   why, quantity[ST_CATEGORY_SPAN], sender->now);
}

static void take_in(st_sender_t *sender, const st_ring_entry_t *entry,
                    const st_record_t *record)
{
    st_record_span_t segment;
    st_record_span(record, 0, &segment);
    /* Records carry Unix time; how long ago it was is the same on both clocks. */
    st_ns_t ended = sender->now - (sender->wall - segment.end);
    int endpoint = endpoint_of(sender, entry->tag.dest);
    st_bucket_record_t *copy =
        st_bucket_add(sender->buckets, endpoint, entry, record, ended, sender->now);
    st_backlog_add(&sender->backlog, copy);
}

/* The tag is what is counted, so the record has to be the one it speaks of, and go as its
 * destination wants it. */
static int is_tagged(const st_sender_t *sender, const st_ring_tag_t *tag,
                     const st_record_t *record)
{
    int is_static = sender->dests.dests[tag->dest].lifecycle == ST_LIFECYCLE_STATIC;
    return record->head.dest == tag->dest &&
           (uint32_t)record->head.span_count == tag->spans &&
           tag->flags == (is_static ? ST_QUEUE_TAG_TRANSACTION : 0);
}

static void look_at(st_sender_t *sender, const st_ring_entry_t *entry)
{
    st_record_t record;
    int known = is_known(&sender->dests, entry->tag.dest);
    apr_status_t rv = st_record_open(&record, entry->data, entry->len);
    if (rv != APR_SUCCESS) {
        reject(sender, entry, "it breaks its format");
    } else if (!known) {
        reject(sender, entry, "it names no destination");
    } else if (!is_tagged(sender, &entry->tag, &record)) {
        reject(sender, entry, "it is not what its tag says");
    } else {
        take_in(sender, entry, &record);
    }
}

/* Takes the next entry, unless it is the successor's: indexes may mean other destinations when
 * a new generation has begun. */
static apr_status_t entry_next(st_sender_t *sender, st_ring_entry_t *entry)
{
    st_ring_t *ring = &sender->queue->ring;
    st_ring_cursor_t before = sender->cursor;
    apr_status_t rv = st_ring_next(ring, &sender->cursor, entry);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    int known = is_known(&sender->dests, entry->tag.dest);
    if (!known) {
        sender->is_stale = is_known_by_now(sender, entry->tag.dest);
    }
    if (sender->is_stale || st_queue_generation(sender->queue) != sender->generation) {
        sender->cursor = before;
        return APR_EOF;
    }
    return APR_SUCCESS;
}

/* Looks whether the cursor stands on a hole, not at once and not all the time: a producer that
 * is only slow takes microseconds. @return 1 when it was one, and is passed */
static int hole_pass(st_sender_t *sender)
{
    int stuck = st_ring_is_stuck(&sender->queue->ring, &sender->cursor);
    if (!stuck) {
        sender->stuck_until = 0;
        return 0;
    }
    int is_new = sender->stuck_until == 0 || sender->stuck_at != sender->cursor.pos;
    if (!is_new && sender->now < sender->stuck_until) {
        return 0;
    }
    int passed = is_new ? 0 : st_ledger_hole_skip(sender->queue, &sender->cursor);
    sender->stuck_until = sender->now + STUCK_DELAY;
    sender->stuck_at = sender->cursor.pos;
    return passed;
}

int st_intake_read(st_sender_t *sender)
{
    int count = 0;
    while (!sender->closing && count < READ_MAX) {
        st_ring_entry_t entry;
        apr_status_t rv = entry_next(sender, &entry);
        if (rv == APR_SUCCESS) {
            int moved = st_backlog_pass(&sender->backlog, entry.pos);
            if (!moved) {
                look_at(sender, &entry);
            }
            count++;
            continue;
        }
        int passed = rv == APR_EAGAIN ? hole_pass(sender) : 0;
        if (!passed) {
            break;
        }
    }
    return count;
}
