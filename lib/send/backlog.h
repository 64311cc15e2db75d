/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_BACKLOG_H
#define ST_BACKLOG_H

/* All records that came out of the ring and are not settled, in the order of their positions:
 * the first one is what keeps the ring's tail where it is. A record that is moved to the head
 * of the ring leaves the order until the cursor comes by its new position, where it is then
 * recognised instead of being taken in again. Sender thread only. */

#include "st_bucket.h"

typedef struct st_backlog_list_t {
    st_bucket_record_t *first;
    st_bucket_record_t *last;
} st_backlog_list_t;

/* Zeroed: empty. */
typedef struct st_backlog_t {
    st_backlog_list_t taken;
    st_backlog_list_t moved;
    size_t bytes; /* in the ring, of `taken` */
} st_backlog_t;

/* Adds a record whose position is behind all others of `taken`. */
void st_backlog_add(st_backlog_t *backlog, st_bucket_record_t *record);

/* The record is settled. */
void st_backlog_remove(st_backlog_t *backlog, st_bucket_record_t *record);

/* The record, of `taken`, now stands at `entry`, at the head of the ring. */
void st_backlog_move(st_backlog_t *backlog, st_bucket_record_t *record,
                     const st_ring_entry_t *entry);

/* The cursor came by `pos`. @return 1 when a record was moved there: it is in order again. */
int st_backlog_pass(st_backlog_t *backlog, uint64_t pos);

#endif /* ST_BACKLOG_H */
