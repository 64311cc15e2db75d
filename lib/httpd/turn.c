/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of this child and the thread that makes use of it. */
#include "mst_turn.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include "mst_child.h"
#include "mst_config.h"
#include "st_sender.h"
#include "st_version.h"

#define LINGER (500 * ST_NS_PER_MS)

#define TRY_INTERVAL   (250 * ST_NS_PER_MS) /* while another process has the lease */
#define RETRY_INTERVAL ST_NS_PER_SEC        /* after no sender could be started */
#define LOOK_INTERVAL                                                                    \
    (50 * ST_NS_PER_MS) /* whether that process is alive; some us each */

/* How long the lease is left to the new generation. */
#define PATIENCE         (500 * ST_NS_PER_MS)
#define PATIENCE_POLL_MS 20

#define JOIN_POLL_MS 2

#define QUIET (60 * ST_NS_PER_SEC) /* between messages about the same failure */

/* Whoever makes BUSY of IDLE alone may take the lease, touches `thread` and `is_joinable`, and
 * makes IDLE of it again: a request that tries, or the thread itself before it ends. */
enum { IDLE = 0, BUSY };

static struct {
    _Atomic int busy;
    _Atomic st_ns_t stop_by;        /* when flushing has to be over; 0: nobody stops us */
    _Atomic st_ns_t not_before;     /* the next try */
    _Atomic st_ns_t next_look;      /* at the holder */
    _Atomic st_ns_t quiet_until;    /* about failures */
    _Atomic(st_sender_t *) running; /* to be told to stop; NULL: none is */
    pthread_t thread;
    int is_joinable;
} here;

/* Sequentially consistent: either the thread sees it after it has said what is running, or
 * mst_turn_stop sees what is running. */
static st_ns_t stop_by(void)
{
    return atomic_load(&here.stop_by);
}

static int busy_begin(void)
{
    int idle = IDLE;
    return atomic_compare_exchange_strong(&here.busy, &idle, BUSY);
}

/* Sequentially consistent, and so a full fence before the next look at the ring. Partner: the
 * fence in st_wakeup_notify, after which requests look at the lease and at `busy`. */
static void busy_end(void)
{
    atomic_store(&here.busy, IDLE);
}

int mst_turn_is_here(void)
{
    return atomic_load(&here.busy) == BUSY;
}

static st_owner_t holder_of(const mst_child_t *child)
{
    return atomic_load_explicit(&st_queue_lease(&child->queue)->holder,
                                memory_order_relaxed);
}

static int is_lease_free(const mst_child_t *child)
{
    return holder_of(child) == 0;
}

static int is_old(const mst_child_t *child)
{
    return child->generation != st_queue_generation(&child->queue);
}

/* An old child waits whether the new generation takes the lease. */
static int is_our_turn(const mst_child_t *child, st_ns_t now)
{
    st_ns_t given_at = atomic_load_explicit(&st_queue_lease(&child->queue)->given_at,
                                            memory_order_relaxed);
    return !is_old(child) || !is_lease_free(child) || now - given_at > PATIENCE;
}

/* The sender outlives no request but may outlive a bounded join, so its memory hangs on no
 * pool that the child destroys, and has an allocator that no other thread uses. */
static apr_status_t pool_make(apr_pool_t **ppool)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_pool_create_unmanaged_ex(ppool, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *ppool);
    apr_pool_tag(*ppool, "sentry_trace_sender");
    return APR_SUCCESS;
}

static st_ns_t shutdown_timeout(const mst_child_t *child)
{
    return mst_conf_shutdown_timeout(child->server) * ST_NS_PER_US;
}

static apr_status_t sender_make(st_sender_t **psender, mst_child_t *child,
                                apr_pool_t *pool)
{
    st_ns_t by = stop_by();
    st_sender_options_t options = {
        .queue = &child->queue,
        .flush_interval = mst_conf_flush_interval(child->server) * ST_NS_PER_US,
        .linger = LINGER,
        .shutdown_timeout = by != 0 ? by - st_clock_mono() : shutdown_timeout(child),
        .user_agent = ST_SDK_NAME "/" ST_VERSION,
    };
    if (options.linger > options.flush_interval) {
        options.linger = options.flush_interval;
    }
    return st_sender_create(psender, &options, pool);
}

/* A child that gets no threads or no memory tries again and again. */
static void log_failure(const mst_child_t *child, apr_status_t rv)
{
    st_ns_t now = st_clock_mono();
    /* Relaxed: whoever starts a sender is alone. */
    st_ns_t until = atomic_load_explicit(&here.quiet_until, memory_order_relaxed);
    if (now < until) {
        return;
    }
    atomic_store_explicit(&here.quiet_until, now + QUIET, memory_order_relaxed);
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, child->server,
                 "ST0012: no sender could be started; spans wait in the queue");
}

/* Sends until the thread is told to stop, or a new generation takes over. The lease is ours, and
 * is given back.
 * @param pleft bytes in the ring that could not be sent
 * @return APR_SUCCESS; or why nothing could be sent. */
static apr_status_t turn_run(mst_child_t *child, size_t *pleft)
{
    apr_pool_t *pool = NULL;
    st_sender_t *sender = NULL;
    apr_status_t rv = pool_make(&pool);
    if (rv == APR_SUCCESS) {
        rv = sender_make(&sender, child, pool);
    }
    if (rv != APR_SUCCESS) {
        if (pool != NULL) {
            apr_pool_destroy(pool);
        }
        st_lease_give_back(&child->queue, st_clock_mono());
        return rv;
    }
    atomic_store(&here.running, sender);
    if (stop_by() != 0) {
        st_sender_stop(sender);
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, child->server,
                 "ST0014: this child sends the spans of the server");
    st_sender_thr_run(sender);
    *pleft = st_ring_used(&child->queue.ring);
    st_sender_thr_close(sender);
    st_lease_give_back(&child->queue, st_clock_mono());
    /* Who stops us has taken the pointer away, and may be using it. */
    if (atomic_exchange(&here.running, NULL) != NULL) {
        apr_pool_destroy(pool);
    }
    return APR_SUCCESS;
}

/* Leaves the lease to the new generation for a while, as long as something waits. */
static void successor_await(const mst_child_t *child)
{
    st_ns_t deadline = st_clock_mono() + PATIENCE;
    while (is_lease_free(child) && st_ring_used(&child->queue.ring) > 0 &&
           stop_by() == 0 && st_clock_mono() < deadline) {
        poll(NULL, 0, PATIENCE_POLL_MS);
    }
}

/* Whether something waits that everybody else has left to us, while we had the lease.
 * @param is_in_vain 1: what still waited when we gave it back cannot be sent now */
static int is_left_to_us(const mst_child_t *child, int is_in_vain)
{
    st_ns_t by = stop_by();
    return is_lease_free(child) && st_ring_used(&child->queue.ring) > 0 &&
           (by == 0 || (!is_in_vain && st_clock_mono() < by));
}

/* Gives up BUSY; takes it and the lease again when something was left to us.
 * @return 1 when both are ours. */
static int turn_again(mst_child_t *child, int is_in_vain)
{
    apr_status_t rv = APR_EAGAIN;
    while (rv == APR_EAGAIN) {
        busy_end();
        if (!is_left_to_us(child, is_in_vain) || !busy_begin()) {
            return 0;
        }
        rv = st_lease_take(&child->queue, child->self, st_clock_mono());
        if (rv == APR_EAGAIN) {
            poll(NULL, 0, 1); /* its new holder has not put his name on it yet */
        }
    }
    if (rv != APR_SUCCESS) {
        busy_end();
    }
    return rv == APR_SUCCESS;
}

/* One turn and what follows from it. @return 1 when there is to be another one. */
static int turn_take(mst_child_t *child)
{
    unsigned generation = st_queue_generation(&child->queue);
    size_t left = 0;
    apr_status_t rv = turn_run(child, &left);
    if (rv != APR_SUCCESS) {
        log_failure(child, rv);
        atomic_store(&here.not_before, st_clock_mono() + RETRY_INTERVAL);
        busy_end();
        return 0;
    }
    int is_handed_over = generation != st_queue_generation(&child->queue);
    if (is_handed_over) {
        successor_await(child);
    }
    return turn_again(child, !is_handed_over && left > 0);
}

static void *thread_main(void *baton)
{
    pthread_setname_np(pthread_self(), "sentry_sender"); /* for top -H */
    while (turn_take(baton)) {
    }
    return NULL;
}

/* BUSY is ours, and all signals are blocked, as they then are in the thread: they are for httpd's
 * threads, and on prefork must not find us half-way. */
static apr_status_t thread_start(mst_child_t *child, st_ns_t now)
{
    if (here.is_joinable) {
        pthread_join(here.thread, NULL); /* it has said that it is at its end */
        here.is_joinable = 0;
    }
    apr_status_t rv = st_lease_take(&child->queue, child->self, now);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = pthread_create(&here.thread, NULL, thread_main, child);
    here.is_joinable = rv == APR_SUCCESS;
    if (rv != APR_SUCCESS) {
        log_failure(child, rv);
        st_lease_give_back(&child->queue, now);
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

static void thread_try(mst_child_t *child, st_ns_t now)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (busy_begin()) {
        apr_status_t rv = thread_start(child, now);
        if (rv != APR_SUCCESS) {
            /* One that has just been given back is tried again by the next request. */
            int is_held = APR_STATUS_IS_EAGAIN(rv);
            st_ns_t pause = is_held ? TRY_INTERVAL : RETRY_INTERVAL;
            if (!is_held || !is_lease_free(child)) {
                atomic_store(&here.not_before, now + pause);
            }
            busy_end();
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void mst_turn_begin(mst_child_t *child)
{
    /* A holder that was killed just now looks alive, and this child may be here in its place. */
    thread_try(child, st_clock_mono());
}

/* A holder that was killed looks alive for a while; should this be the last request for long,
 * nobody would find out. Looks again and again, but not for each request. */
static int is_holder_dead(const mst_child_t *child, st_ns_t now)
{
    /* Relaxed: of two that look at the same time one was not needed. */
    st_ns_t next = atomic_load_explicit(&here.next_look, memory_order_relaxed);
    if (now < next || mst_turn_is_here()) {
        return 0;
    }
    atomic_store_explicit(&here.next_look, now + LOOK_INTERVAL, memory_order_relaxed);
    return !st_process_is_alive(holder_of(child));
}

void mst_turn_offer(mst_child_t *child, st_ns_t now)
{
    if (!st_lease_is_wanted(&child->queue, now) && !is_holder_dead(child, now)) {
        return;
    }
    /* Relaxed: a request that sees an older one tries once too often. */
    st_ns_t not_before = atomic_load_explicit(&here.not_before, memory_order_relaxed);
    if (now >= not_before && !mst_turn_is_here() && is_our_turn(child, now)) {
        thread_try(child, now);
    }
}

void mst_turn_stop(const mst_child_t *child)
{
    atomic_store(&here.stop_by, st_clock_mono() + shutdown_timeout(child));
    st_sender_t *sender = atomic_exchange(&here.running, NULL);
    if (sender != NULL) {
        st_sender_stop(sender);
    }
}

int mst_turn_has_work(const mst_child_t *child)
{
    const st_queue_t *queue = &child->queue;
    if (st_ring_used(&queue->ring) > 0) {
        return 1;
    }
    for (int i = 0; i < queue->layout.endpoints; i++) {
        if (st_counters_report_read(&queue->endpoints[i].counters, NULL)) {
            return 1;
        }
    }
    return 0;
}

void mst_turn_flush(mst_child_t *child)
{
    st_ns_t now = st_clock_mono();
    if (st_lease_is_wanted(&child->queue, now) && mst_turn_has_work(child)) {
        thread_try(child, now);
    }
}

/* Keeps our code mapped until the process is gone, for a thread that still runs in it. */
static void code_pin(void)
{
    Dl_info info;
    if (dladdr((void *)code_pin, &info) != 0 && info.dli_fname != NULL) {
        (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

void mst_turn_join(const mst_child_t *child, st_ns_t deadline)
{
    if (!here.is_joinable) {
        return;
    }
    /* pthread_timedjoin_np looks at a clock that may be set meanwhile. */
    int err = pthread_tryjoin_np(here.thread, NULL);
    while (err == EBUSY && st_clock_mono() < deadline) {
        poll(NULL, 0, JOIN_POLL_MS);
        err = pthread_tryjoin_np(here.thread, NULL);
    }
    if (err != 0) {
        code_pin();
        ap_log_error(APLOG_MARK, APLOG_WARNING, err, child->server,
                     "ST0011: the sender thread did not end in time and is left behind");
        return;
    }
    here.is_joinable = 0;
}
