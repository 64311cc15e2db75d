/* SPDX-License-Identifier: Apache-2.0 */
/* From the ring into the buckets. */
#include "sender_int.h"

/* Whose it was cannot be known, nor how many spans: one, of the first endpoint. */
static void reject(st_sender_t *sender, uint64_t pos, const char *why)
{
    st_outlet_t *outlet = &sender->outlets[0];
    st_counters_discarded(outlet->counters, ST_REASON_INTERNAL_SDK_ERROR,
                          ST_CATEGORY_SPAN, 1);
    st_notice_lost(&outlet->notice, ST_NOTICE_RECORD, ST_E_MALFORMED, why, 1,
                   sender->now);
    st_ring_release(sender->options.ring, pos);
}

static void take_in(st_sender_t *sender, const st_record_t *record, uint64_t pos)
{
    const st_dest_t *dest = &sender->options.dests->dests[record->head.dest];
    st_record_span_t segment;
    st_record_span(record, 0, &segment);
    /* Records carry Unix time; how long ago it was is the same on both clocks. */
    st_ns_t ended = sender->now - (sender->wall - segment.end);
    if (dest->lifecycle == ST_LIFECYCLE_STATIC) {
        st_bucket_add_alone(sender->buckets, dest->endpoint, record, pos, ended,
                            sender->now);
    } else {
        st_bucket_add(sender->buckets, dest->endpoint, record, pos, ended, sender->now);
    }
}

static void look_at(st_sender_t *sender, const void *data, size_t len, uint64_t pos)
{
    st_record_t record;
    apr_status_t rv = st_record_open(&record, data, len);
    if (rv != APR_SUCCESS) {
        reject(sender, pos, "it breaks its format");
    } else if (record.head.dest >= sender->options.dests->count) {
        reject(sender, pos, "it names no destination");
    } else {
        take_in(sender, &record, pos);
    }
}

int st_intake_read(st_sender_t *sender)
{
    const void *data;
    size_t len;
    uint64_t pos;
    int count = 0;
    apr_status_t rv =
        st_ring_next(sender->options.ring, &sender->cursor, &data, &len, &pos);
    while (rv == APR_SUCCESS) {
        look_at(sender, data, len, pos);
        count++;
        rv = st_ring_next(sender->options.ring, &sender->cursor, &data, &len, &pos);
    }
    return count;
}
