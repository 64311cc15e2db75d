/* SPDX-License-Identifier: Apache-2.0 */
/* From the open slots of dead processes into the ring. */
#include "sender_int.h"

#include <apr_strings.h>
#include <signal.h>
#include <string.h>

#define PASS_EVERY       ST_NS_PER_SEC
#define PASS_EVERY_FLUSH (20 * ST_NS_PER_MS)

/* The parent tells the signal of a child that it has waited for; it looks about once a second. */
#define SIGNAL_WAIT (3 * ST_NS_PER_SEC)

/* Most that Linux gives (proc(5), pid_max); who ends hands its requests to an owner beyond. */
#define PID_MAX (1 << 22)

#define MONO_START                                                                       \
    1 /* of a segment whose times are all known already: any instant but 0 */

static uint64_t head_of(const st_ring_t *ring)
{
    st_ring_cursor_t tail;
    st_ring_cursor_init(ring, &tail);
    return tail.pos + st_ring_used(ring);
}

/* What is known of the dead process. NULL: too many are dead, this one has to wait. */
static st_aborted_dead_t *dead_note(st_sender_t *sender, st_owner_t owner)
{
    st_aborted_t *aborted = &sender->aborted;
    for (int i = 0; i < aborted->dead_count; i++) {
        if (aborted->dead[i].owner == owner) {
            return &aborted->dead[i];
        }
    }
    if (aborted->dead_count == ST_ABORTED_DEAD_MAX) {
        return NULL;
    }
    st_aborted_dead_t *dead = &aborted->dead[aborted->dead_count++];
    *dead =
        (st_aborted_dead_t){.owner = owner, .noticed = sender->now, .wall = sender->wall};
    return dead;
}

/* Forgets processes that no slot named in this pass. */
static void dead_forget(st_aborted_t *aborted)
{
    int kept = 0;
    for (int i = 0; i < aborted->dead_count; i++) {
        if (aborted->dead[i].is_named) {
            aborted->dead[kept] = aborted->dead[i];
            aborted->dead[kept++].is_named = 0;
        }
    }
    aborted->dead_count = kept;
}

/* Names of those that end a server's child; the text for error.type. */
static const char *signal_text(int sig, apr_pool_t *pool)
{
    switch (sig) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGABRT:
        return "SIGABRT";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    case SIGKILL:
        return "SIGKILL";
    case SIGTERM:
        return "SIGTERM";
    default:
        return apr_psprintf(pool, "signal %d", sig);
    }
}

static void add_attributes(st_segment_t *seg, const st_open_slot_t *slot,
                           st_owner_t owner, int sig)
{
    st_segment_attr_str(seg, ST_ATTR_SENTRY_KIND, "server");
    st_segment_attr_str(seg, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE, seg->name_source);
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, seg->name);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, apr_pstrdup(seg->pool, slot->path));
    st_segment_attr_str(seg, ST_ATTR_SERVER_ADDRESS, apr_pstrdup(seg->pool, slot->host));
    st_segment_attr_str(seg, ST_ATTR_NETWORK_PROTOCOL_NAME, "http");
    if (st_process_pid(owner) <= PID_MAX) {
        st_segment_attr_int(seg, ST_ATTR_PROCESS_PID, st_process_pid(owner));
    }
    st_segment_attr_str(seg, ST_ATTR_SENTRY_STATUS_MESSAGE, "aborted");
    if (sig > 0) {
        st_segment_attr_str(seg, ST_ATTR_ERROR_TYPE, signal_text(sig, seg->pool));
    }
}

/* A segment from the request's start to when its death was noticed. */
static st_segment_t *segment_make(st_sender_t *sender, const st_open_slot_t *slot,
                                  const st_aborted_dead_t *dead, int sig)
{
    st_ns_t end = dead->wall;
    st_ns_t start = slot->start > 0 && slot->start < end ? slot->start : end;
    st_rng_t rng = {.state = st_rng_next(&sender->rng)};
    st_segment_t *seg = st_segment_open(sender->scratch, rng, start, MONO_START, 1);
    seg->trace_id = slot->trace_id;
    seg->span_id = slot->span_id;
    seg->parent_span_id = slot->parent;
    seg->sample_rate = -1.0;
    seg->sample_rand = -1.0;
    seg->status = ST_STATUS_ERROR;
    if (slot->method[0] != '\0') {
        seg->name = apr_pstrdup(seg->pool, slot->method);
    }
    add_attributes(seg, slot, dead->owner, sig);
    st_segment_close(seg, MONO_START + (end - start));
    return seg;
}

/* While the record is written the slot claims its place, as the slot of a living request does:
 * should the sender be killed here, its successor finds out whether this was done.
 * @return APR_SUCCESS; ST_E_FULL. */
static apr_status_t append(st_sender_t *sender, st_open_slot_t *slot,
                           const st_segment_t *seg)
{
    size_t size = st_record_size(seg);
    const st_dest_t *dest = &sender->dests.dests[slot->dest];
    st_counters_t *counters = &sender->queue->endpoints[dest->endpoint].counters;
    uint64_t transactions = dest->lifecycle == ST_LIFECYCLE_STATIC;
    const st_ring_tag_t tag = {.dest = slot->dest,
                               .flags = transactions > 0 ? ST_QUEUE_TAG_TRANSACTION : 0,
                               .spans = 1};
    uint64_t pos;
    void *mem = st_ledger_append(sender->queue, size, tag, &pos);
    if (mem == NULL) {
        return ST_E_FULL;
    }
    /* Relaxed: the release in st_open_push is behind them. */
    atomic_store_explicit(&slot->claim.from, pos, memory_order_relaxed);
    atomic_store_explicit(&slot->claim.to, pos + st_bucket_entry_bytes(size),
                          memory_order_relaxed);
    st_open_push(slot);
    st_record_pack(seg, slot->dest, mem, size);
    st_counters_created(counters, ST_CATEGORY_SPAN, 1);
    st_counters_created(counters, ST_CATEGORY_TRANSACTION, transactions);
    st_ledger_append_commit(sender->queue, pos);
    return APR_SUCCESS;
}

static int phase_of(const st_open_slot_t *slot)
{
    /* Acquire: pairs with st_open_publish. */
    return atomic_load_explicit(&slot->phase, memory_order_acquire);
}

/* 1 when the slot's record may still be before the cursor, or turn out to be a hole. */
static int is_unread(const st_sender_t *sender, const st_open_slot_t *slot)
{
    /* Relaxed: its process is dead, which was seen after whatever it stored. */
    uint64_t to = atomic_load_explicit(&slot->claim.to, memory_order_relaxed);
    return phase_of(slot) == ST_OPEN_PUSHING && to > sender->cursor.pos &&
           to <= head_of(&sender->queue->ring);
}

/* 1 when it is too early to say what became of the slot's request, or with which signal. */
static int has_to_wait(const st_sender_t *sender, const st_open_slot_t *slot,
                       const st_aborted_dead_t *dead, int sig)
{
    int unread = is_unread(sender, slot);
    return unread ||
           (sig == 0 && !sender->flushing && sender->now - dead->noticed < SIGNAL_WAIT);
}

/* What the request would have been recorded as. @return 1 when the slot is done with */
static int tell(st_sender_t *sender, st_open_slot_t *slot, const st_aborted_dead_t *dead,
                int sig)
{
    int is_known =
        slot->dest < sender->dests.count && sender->dests.dests[slot->dest].dsn != NULL;
    if (!is_known) {
        return 1; /* nothing was counted yet */
    }
    const st_segment_t *seg = segment_make(sender, slot, dead, sig);
    apr_status_t rv = append(sender, slot, seg);
    apr_pool_clear(sender->scratch);
    return rv == APR_SUCCESS;
}

/* st_open_dead_fn. */
static void on_dead(st_open_slot_t *slot, void *baton)
{
    st_sender_t *sender = baton;
    st_owner_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
    if (phase_of(slot) == ST_OPEN_FILLING) {
        st_open_free(slot);
        return;
    }
    st_aborted_dead_t *dead = dead_note(sender, owner);
    if (dead == NULL) {
        sender->aborted.pending++;
        return;
    }
    int sig = st_queue_exit_signal(sender->queue, st_process_pid(owner));
    int wait = has_to_wait(sender, slot, dead, sig);
    int done = !wait && (st_open_is_written(slot) || tell(sender, slot, dead, sig));
    if (done) {
        st_open_free(slot);
        return;
    }
    dead->is_named = 1;
    sender->aborted.pending++;
}

void st_aborted_reap(st_sender_t *sender)
{
    st_aborted_t *aborted = &sender->aborted;
    int is_ours = st_queue_generation(sender->queue) == sender->generation;
    if (sender->now < aborted->next || !is_ours) {
        return;
    }
    aborted->next = sender->now + (sender->flushing ? PASS_EVERY_FLUSH : PASS_EVERY);
    aborted->pending = 0;
    (void)st_open_reap(&sender->queue->open, on_dead, sender);
    dead_forget(aborted);
}
