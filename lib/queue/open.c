/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of requests in progress. */
#include "st_open.h"

#include <stddef.h>
#include <string.h>
#include "st_text.h"

/* Answers about processes that a walk over all slots remembers. */
#define KNOWN_COUNT 64

typedef struct known_t {
    st_owner_t owner[KNOWN_COUNT];
    char is_alive[KNOWN_COUNT];
} known_t;

/* A free slot is as one that was just taken, so that taking it is one step. Release: in this
 * order, so that a process that is killed on the way leaves a slot that is forgotten. */
static void slot_reset(st_open_slot_t *slot)
{
    atomic_store_explicit(&slot->phase, ST_OPEN_FILLING, memory_order_release);
    atomic_store_explicit(&slot->claim.to, 0, memory_order_release);
    atomic_store_explicit(&slot->claim.from, 0, memory_order_release);
}

st_open_slot_t *st_open_take(const st_open_t *open, st_owner_t self, unsigned hint)
{
    unsigned count = (unsigned)open->count;
    unsigned looks = count < ST_OPEN_LOOKS ? count : ST_OPEN_LOOKS;
    for (unsigned i = 0; i < looks; i++) {
        st_open_slot_t *slot = &open->slots[(hint % count + i) % count];
        st_owner_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
        if (owner != 0) {
            continue;
        }
        /* Acquire: whoever had it before is done with it. Pairs with st_open_free. */
        int is_ours = atomic_compare_exchange_strong_explicit(
            &slot->owner, &owner, self, memory_order_acquire, memory_order_relaxed);
        if (is_ours) {
            return slot;
        }
    }
    return NULL;
}

void st_open_publish(st_open_slot_t *slot)
{
    /* Release: who sees the phase sees what was filled in. Pairs with phase_of(). */
    atomic_store_explicit(&slot->phase, ST_OPEN_OPEN, memory_order_release);
}

void st_open_push(st_open_slot_t *slot)
{
    atomic_store_explicit(&slot->phase, ST_OPEN_PUSHING, memory_order_release);
    /* What is written into the ring comes after it also for a process that is killed between:
     * the compiler must not turn them round. */
    atomic_signal_fence(memory_order_seq_cst);
}

void st_open_free(st_open_slot_t *slot)
{
    slot_reset(slot);
    /* Release: we are done with it. Pairs with st_open_take. */
    atomic_store_explicit(&slot->owner, 0, memory_order_release);
}

void st_open_text(char *out, size_t size, const char *text)
{
    st_str_t str = st_str(text);
    size_t len = st_utf8_cut(str.ptr, str.len, size - 1);
    if (len > 0) {
        memcpy(out, str.ptr, len);
    }
    out[len] = '\0';
}

static int phase_of(const st_open_slot_t *slot)
{
    /* Acquire: pairs with st_open_publish. */
    return atomic_load_explicit(&slot->phase, memory_order_acquire);
}

/* Who claims something in from..to; 0: this slot does not.
 *
 * The claim is read before the owner: then the owner is the one who claimed, or a later one,
 * who came when that one was done. Acquire: who sees that a claim is over, or the slot is
 * someone else's, sees what was committed before. Pairs with the releases in ring.c and with
 * st_open_free. */
static st_owner_t claimant_of(const st_open_slot_t *slot, uint64_t from, uint64_t to)
{
    uint64_t first = atomic_load_explicit(&slot->claim.from, memory_order_acquire);
    uint64_t end = atomic_load_explicit(&slot->claim.to, memory_order_acquire);
    if (first >= end || end <= from || first >= to) {
        return 0;
    }
    return atomic_load_explicit(&slot->owner, memory_order_acquire);
}

int st_open_claimed(uint64_t pos, const void *baton)
{
    const st_open_t *open = baton;
    st_owner_t dead = 0;
    for (int i = 0; i < open->count; i++) {
        st_owner_t owner = claimant_of(&open->slots[i], pos, pos + 1);
        if (owner == 0 || owner == dead) {
            continue;
        }
        int is_alive = st_process_is_alive(owner);
        if (is_alive) {
            return 1;
        }
        dead = owner;
    }
    return 0;
}

void st_open_lost(const st_open_t *open, uint64_t from, uint64_t to)
{
    for (int i = 0; i < open->count; i++) {
        st_open_slot_t *slot = &open->slots[i];
        st_owner_t owner = claimant_of(slot, from, to);
        int phase = phase_of(slot);
        /* The claim of a living one is about a place that it did not get. */
        if (owner != 0 && phase == ST_OPEN_PUSHING && !st_process_is_alive(owner)) {
            atomic_store_explicit(&slot->phase, ST_OPEN_OPEN, memory_order_release);
        }
    }
}

int st_open_is_written(const st_open_slot_t *slot)
{
    /* Acquire: as in claimant_of(). */
    uint64_t to = atomic_load_explicit(&slot->claim.to, memory_order_acquire);
    return phase_of(slot) == ST_OPEN_PUSHING && to != 0;
}

static int is_alive_known(known_t *known, st_owner_t owner)
{
    size_t i = (size_t)st_process_pid(owner) % KNOWN_COUNT;
    if (known->owner[i] != owner) {
        known->owner[i] = owner;
        known->is_alive[i] = (char)st_process_is_alive(owner);
    }
    return known->is_alive[i];
}

/* What was cut off in the middle, or a file, may have left no end. */
static void texts_end(st_open_slot_t *slot)
{
    slot->method[sizeof(slot->method) - 1] = '\0';
    slot->path[sizeof(slot->path) - 1] = '\0';
    slot->host[sizeof(slot->host) - 1] = '\0';
}

int st_open_reap(const st_open_t *open, st_open_dead_fn *fn, void *baton)
{
    known_t known = {.owner = {0}};
    int used = 0;
    for (int i = 0; i < open->count; i++) {
        st_open_slot_t *slot = &open->slots[i];
        st_owner_t owner = atomic_load_explicit(&slot->owner, memory_order_acquire);
        if (owner == 0) {
            continue;
        }
        if (!is_alive_known(&known, owner)) {
            texts_end(slot);
            fn(slot, baton);
        }
        used += atomic_load_explicit(&slot->owner, memory_order_relaxed) != 0;
    }
    return used;
}
