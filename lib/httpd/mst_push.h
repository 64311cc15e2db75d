/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_PUSH_H
#define MST_PUSH_H

/* What of a request gets into the shared queue: a slot among the open requests while it runs, so
 * that its end is told of if its child dies; its record when it has ended. */

struct mst_req_t;
struct mst_child_t;
struct st_open_slot_t;

/* Enters a request that begins. @return its slot; NULL when there is no free one. */
struct st_open_slot_t *mst_push_slot_take(const struct mst_req_t *req,
                                          const struct mst_child_t *child);

/* Writes down which trace it belongs to now. */
void mst_push_slot_update(struct mst_req_t *req);

/* The request is over, or nobody wants to know of it. Its child being stopped, the slot stays: a
 * request that is still open then is cut off. */
void mst_push_slot_free(struct mst_req_t *req);

/* Counts and queues a closed segment: every span of it ends in exactly one counter. Wakes the
 * sender, and takes its place where nobody has it. */
void mst_push(struct mst_req_t *req, struct mst_child_t *child);

#endif /* MST_PUSH_H */
