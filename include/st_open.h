/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_OPEN_H
#define ST_OPEN_H

/* The requests in progress, in memory shared by all children, so that those of a child which
 * dies can be told of.
 *
 *           take              publish            reserved            done
 *   free ─────────► filling ─────────► open ───────────────► pushing ─────► free
 *
 * A slot also is its request's claim on the ring (st_ring.h): while the record of the request
 * is being written, the slot says where. Each step is one atomic store of one process, so
 * whenever the process is killed the slot tells how far it was:
 *
 *   filling            nothing is known yet: forgotten
 *   open               no record was reserved: aborted
 *   pushing, a hole    what the record would have held is lost: aborted
 *   pushing, written   the record stands in the ring, or came out of it: nothing is lost
 *
 * Once the tail is beyond a hole, the ring cannot tell it from a record. So whoever passes a
 * hole says so to the slots (st_open_lost), which are open again then. */

#include <stdatomic.h>
#include <stdint.h>
#include "st_clock.h"
#include "st_id.h"
#include "st_process.h"
#include "st_ring.h"

#define ST_OPEN_METHOD_MAX 16 /* with their terminating zeros; longer ones are cut */
#define ST_OPEN_PATH_MAX   256
#define ST_OPEN_HOST_MAX   64

typedef enum { ST_OPEN_FILLING = 0, ST_OPEN_OPEN, ST_OPEN_PUSHING } st_open_phase_t;

/* One request. Filled by its process between take and publish; `dest` and ids may be set again
 * by it while open (one writer; a reader that comes in between sees either). */
typedef struct st_open_slot_t {
    _Alignas(64) _Atomic st_owner_t owner; /* 0: free */
    _Atomic int phase;                     /* st_open_phase_t */
    st_ring_claim_t claim;
    uint16_t dest;
    st_trace_id_t trace_id;
    st_span_id_t span_id;
    st_span_id_t parent; /* 0: none */
    st_ns_t start;       /* Unix time */
    char method[ST_OPEN_METHOD_MAX];
    char path[ST_OPEN_PATH_MAX];
    char host[ST_OPEN_HOST_MAX];
} st_open_slot_t;

typedef struct st_open_t {
    st_open_slot_t *slots;
    int count;
} st_open_t;

/* Takes a free slot, in phase FILLING. @param hint where to look first; any number that
 * differs between threads
 * @return the slot; NULL when none of the ST_OPEN_LOOKS slots from there on is free. Any
 *         thread, lock-free. */
#define ST_OPEN_LOOKS 1024
st_open_slot_t *st_open_take(const st_open_t *open, st_owner_t self, unsigned hint);

/* FILLING -> OPEN, and OPEN -> PUSHING: when the ring has reserved the record's place, before
 * anything is written there. The owner. */
void st_open_publish(st_open_slot_t *slot);
void st_open_push(st_open_slot_t *slot);

/* Any phase -> free. The owner, or the sender once the owner is dead. */
void st_open_free(st_open_slot_t *slot);

/* Copies text into a member, cut at a UTF-8 boundary, terminated. NULL counts as "". */
void st_open_text(char *out, size_t size, const char *text);

/* st_ring_claimed_fn, with a `const st_open_t` as baton: 1 when the process of a slot that
 * claims `pos` is alive. Looks at all slots, and at processes only where `pos` is claimed. */
int st_open_claimed(uint64_t pos, const void *baton);

/* The ring has passed a hole at from..to: slots of dead processes that were pushing there go
 * back to OPEN. Sender only. */
void st_open_lost(const st_open_t *open, uint64_t from, uint64_t to);

/* 1 when the record of a slot was committed. Holds once its process is dead and the consumer's
 * cursor has passed, with st_open_lost, where the ring's head stood after that. Sender only. */
int st_open_is_written(const st_open_slot_t *slot);

/* Calls `fn` for each slot in use whose process is dead; fn frees it or leaves it for the next
 * time. Its texts are terminated, whatever the memory held. Asks for a process once, unless
 * there are very many. @return slots in use afterwards. Sender only. */
typedef void st_open_dead_fn(st_open_slot_t *slot, void *baton);
int st_open_reap(const st_open_t *open, st_open_dead_fn *fn, void *baton);

#endif /* ST_OPEN_H */
