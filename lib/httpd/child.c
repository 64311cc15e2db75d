/* SPDX-License-Identifier: Apache-2.0 */
/* A child's start and end. */
#include "mst_child.h"

#include <ap_mpm.h>
#include <poll.h>
#include <unistd.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "mst_keeper.h"
#include "mst_turn.h"

/* Beyond the shutdown timeout, before the thread is left. */
#define JOIN_SLACK ST_NS_PER_SEC

/* Prefork: the sender's patience with the other children, which get their SIGTERM at the same
 * time and have their say while they end. */
#define OTHERS_WAIT    (200 * ST_NS_PER_MS)
#define OTHERS_POLL_MS 5

/* No process has this pid: Linux gives at most 2^22 (proc(5), pid_max). */
#define OWNER_NOBODY ((st_owner_t)INT32_MAX << 32)

/* Not in pchild: a sender's thread that is left behind still looks at it. */
static mst_child_t state;
static mst_child_t *child;

mst_child_t *mst_child(void)
{
    return child;
}

int mst_child_is_stopping(const mst_child_t *of)
{
    return atomic_load_explicit(&of->is_stopping, memory_order_relaxed);
}

int mst_child_has_told(const mst_child_t *of)
{
    return atomic_load_explicit(&of->is_told, memory_order_relaxed);
}

static st_owner_t owner_of(const st_open_slot_t *slot)
{
    return atomic_load_explicit(&slot->owner, memory_order_relaxed);
}

/* 1 while a request of another child, one that lives, is open. */
static int others_are_open(void)
{
    const st_open_t *open = &child->queue.open;
    for (int i = 0; i < open->count; i++) {
        st_owner_t owner = owner_of(&open->slots[i]);
        if (owner != 0 && owner != child->self && st_process_is_alive(owner)) {
            return 1;
        }
    }
    return 0;
}

static void others_await(void)
{
    st_ns_t deadline = st_clock_mono() + OTHERS_WAIT;
    while (others_are_open() && st_clock_mono() < deadline) {
        poll(NULL, 0, OTHERS_POLL_MS);
    }
}

/* No request of this child goes on: they were cut off (event, worker: what is still open after
 * all threads have ended; prefork: the one that the signal handler has interrupted). The sender
 * tells of them as it does of a dead child's. */
static void open_requests_tell(void)
{
    const st_open_t *open = &child->queue.open;
    atomic_store_explicit(&child->is_told, 1, memory_order_relaxed);
    for (int i = 0; i < open->count; i++) {
        st_owner_t owner = child->self;
        /* Release: the slot is filled. Partner: the reaper's look at the owner. */
        atomic_compare_exchange_strong_explicit(&open->slots[i].owner, &owner,
                                                OWNER_NOBODY, memory_order_release,
                                                memory_order_relaxed);
    }
}

/* Pre-cleanup of pchild: pools are whole, and on threaded MPMs requests are over. On prefork this
 * may run inside the signal handler of the main thread: no lock, no memory. */
static apr_status_t child_stop(void *unused)
{
    apr_interval_time_t timeout = mst_conf_shutdown_timeout(child->server);
    st_ns_t deadline = st_clock_mono() + timeout * ST_NS_PER_US + JOIN_SLACK;
    int is_here = mst_turn_is_here();
    atomic_store_explicit(&child->is_stopping, 1, memory_order_relaxed);
    if (is_here && !child->is_threaded) {
        others_await();
    }
    if (is_here || child->is_threaded) {
        open_requests_tell();
    }
    mst_turn_stop(child);
    if (child->is_threaded) {
        mst_turn_flush(child);
    }
    mst_turn_join(child, deadline);
    return APR_SUCCESS;
}

/* What was dropped before is no pressure of now. */
static mst_pressure_t *pressure_make(const st_queue_t *queue, apr_pool_t *pchild)
{
    int count = queue->layout.endpoints;
    mst_pressure_t *pressure = apr_pcalloc(pchild, sizeof(*pressure) * (size_t)count);
    for (int i = 0; i < count; i++) {
        uint64_t dropped = st_counters_get_discarded(
            &queue->endpoints[i].counters, ST_REASON_QUEUE_OVERFLOW, ST_CATEGORY_SPAN);
        /* Relaxed: nobody else looks yet. */
        atomic_store_explicit(&pressure[i].dropped, dropped, memory_order_relaxed);
    }
    return pressure;
}

void mst_child_start(apr_pool_t *pchild, server_rec *main_server)
{
    child = NULL;
    const st_queue_t *queue = mst_keeper_queue();
    if (queue == NULL) {
        return;
    }
    int is_threaded = AP_MPMQ_NOT_SUPPORTED;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &is_threaded);
    state = (mst_child_t){.queue = *queue,
                          .self = st_process_self(),
                          .generation = mst_keeper_generation(),
                          .server = main_server,
                          .pid = getpid(),
                          .is_threaded = is_threaded != AP_MPMQ_NOT_SUPPORTED};
    st_id_source_seed(&state.ids);
    state.pressure = pressure_make(&state.queue, pchild);
    child = &state;
    apr_pool_pre_cleanup_register(pchild, NULL, child_stop);
    /* Without a destination there still may be what earlier generations have left. */
    if (mst_dests_wanted()->count > 0 || mst_turn_has_work(child)) {
        mst_turn_begin(child);
    }
}
