/* SPDX-License-Identifier: Apache-2.0 */
/* Room in a ring that is nearly full.
 *
 * The ring's tail stands before the oldest record that is not settled. One old record of an
 * endpoint that does not answer would so hold on to everything that was settled behind it:
 * it is moved to the head instead, as a log-structured store is cleaned. */
#include "sender_int.h"

#define LOOKS 256 /* records at the tail that are looked at before one is discarded */

static uint64_t tail_of(const st_ring_t *ring)
{
    st_ring_cursor_t tail;
    st_ring_cursor_init(ring, &tail);
    return tail.pos;
}

static int is_tight(const st_sender_t *sender)
{
    const st_ring_t *ring = &sender->queue->ring;
    return st_ring_used(ring) > st_ring_capacity(ring) / 4 * 3;
}

/* Bytes of records that are not settled, those not yet taken included. */
static uint64_t live_bytes(const st_sender_t *sender, size_t used)
{
    uint64_t tail = tail_of(&sender->queue->ring);
    uint64_t behind = sender->cursor.pos > tail ? sender->cursor.pos - tail : 0;
    return sender->backlog.bytes + (used > behind ? used - behind : 0);
}

/* 1 when the records from the oldest on stand so loosely that moving some of them frees at
 * least twice what they take. */
static int is_loose(const st_sender_t *sender)
{
    const st_bucket_record_t *oldest = sender->backlog.taken.first;
    uint64_t own = 0;
    int looks = 0;
    for (const st_bucket_record_t *r = oldest; r != NULL && looks < LOOKS; r = r->newer) {
        uint64_t next = r->newer != NULL ? r->newer->pos : sender->cursor.pos;
        own += st_bucket_entry_bytes(r->record.len);
        if (next - oldest->pos >= 2 * own) {
            return 1;
        }
        looks++;
    }
    return 0;
}

/* Moving pays when there is free space near the tail, or when most of the ring is. */
static int move_pays(const st_sender_t *sender)
{
    size_t used = st_ring_used(&sender->queue->ring);
    return sender->backlog.taken.first != NULL &&
           (2 * live_bytes(sender, used) < used || is_loose(sender));
}

static void discard(st_sender_t *sender, st_bucket_t *bucket)
{
    st_delivery_discard(sender, bucket, ST_REASON_QUEUE_OVERFLOW);
}

/* Moves the record to the head. If producers have filled the ring meanwhile, its bucket has
 * to go instead. @return 1 when the tail can move on. */
static int move(st_sender_t *sender, st_bucket_record_t *oldest)
{
    st_ring_entry_t entry = {.data = oldest->record.bytes,
                             .len = oldest->record.len,
                             .pos = oldest->pos,
                             .tag = oldest->tag};
    apr_status_t rv = st_ledger_move(sender->queue, &entry);
    if (rv == APR_SUCCESS) {
        st_backlog_move(&sender->backlog, oldest, &entry);
        return 1;
    }
    st_bucket_t *bucket = oldest->bucket;
    if (bucket->place == ST_BUCKET_TAKEN) {
        return 0; /* in flight: its answer will come */
    }
    st_bucket_withdraw(sender->buckets, bucket);
    discard(sender, bucket);
    return 1;
}

/* The endpoint with most bytes in the ring, of those that have a bucket to lose; -1: none. */
static int heaviest(const st_sender_t *sender)
{
    int heaviest = -1;
    size_t most = 0;
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        size_t bytes = st_bucket_ring_bytes(sender->buckets, i);
        int is_empty = st_bucket_is_empty(sender->buckets, i);
        if (!is_empty && bytes > most) {
            most = bytes;
            heaviest = i;
        }
    }
    return heaviest;
}

/* @return 1 when a bucket went. */
static int discard_oldest(st_sender_t *sender)
{
    int lane = heaviest(sender);
    if (lane < 0) {
        return 0;
    }
    discard(sender, st_bucket_take_oldest(sender->buckets, lane));
    return 1;
}

/* Ends: each turn moves a record out of those taken, or discards one at least. */
void st_overflow_make_room(st_sender_t *sender)
{
    int tight = is_tight(sender);
    while (tight) {
        int pays = move_pays(sender);
        int done =
            pays ? move(sender, sender->backlog.taken.first) : discard_oldest(sender);
        if (!done) {
            return;
        }
        tight = is_tight(sender);
    }
}
