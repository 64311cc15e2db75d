/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's thread: rounds of work, sleep between them, the end. */
#include "sender_int.h"

#include <poll.h>

#include "st_log.h"

/* Rounds come no closer than linger / SLACK_PART: many buckets that become due one after the
 * other go out together, with one wake-up. */
#define SLACK_PART 16

/* The next round while the ring is more than half full and records come in: nobody wakes us
 * for them then. */
#define PRESSED_EVERY (20 * ST_NS_PER_MS)

/* At the end, how long we try to tell of requests that were cut off. */
#define ABORTED_WAIT (200 * ST_NS_PER_MS)

/* Of the shutdown timeout, the last part in which nothing is sent any more, and how long it is at
 * least. */
#define ANSWERS_PART 4
#define ANSWERS_MIN  (50 * ST_NS_PER_MS)

/* Used to size the table of buckets: ring bytes per open bucket. */
#define RING_BYTES_PER_BUCKET 2048

#define PAUSE_MS 100 /* when the transport cannot wait */

/* Reads the destinations of one generation. */
static void dests_read(st_sender_t *sender)
{
    unsigned before;
    do {
        before = st_queue_generation(sender->queue);
        st_queue_dests(sender->queue, &sender->dests, sender->pool);
        sender->generation = st_queue_generation(sender->queue);
    } while (before != sender->generation);
}

/* The first destination of each endpoint. */
static const st_dest_t *dest_of(const st_dest_table_t *dests, int endpoint)
{
    for (int i = 0; i < dests->count; i++) {
        if (dests->dests[i].dsn != NULL && dests->dests[i].endpoint == endpoint) {
            return &dests->dests[i];
        }
    }
    return NULL;
}

/* @return endpoints in use. */
static int outlets_setup(st_sender_t *sender)
{
    int count = sender->dests.endpoint_count;
    int used = 0;
    sender->outlets = apr_pcalloc(sender->pool, (size_t)count * sizeof(*sender->outlets));
    for (int i = 0; i < count; i++) {
        const st_dest_t *dest = dest_of(&sender->dests, i);
        st_outlet_init(&sender->outlets[i], i, dest, &sender->queue->endpoints[i]);
        used += dest != NULL;
    }
    return used;
}

static void encoders_setup(st_sender_t *sender)
{
    const st_dest_table_t *dests = &sender->dests;
    sender->encoders =
        apr_pcalloc(sender->pool, (size_t)dests->count * sizeof(*sender->encoders));
    for (int i = 0; i < dests->count; i++) {
        if (dests->dests[i].dsn != NULL) {
            sender->encoders[i] = st_encoder_create(&dests->dests[i], sender->pool);
        }
    }
}

static void buckets_setup(st_sender_t *sender)
{
    const st_sender_options_t *options = &sender->options;
    const st_ring_t *ring = &sender->queue->ring;
    const st_bucket_limits_t limits = {
        .linger = options->linger,
        .flush_interval = options->flush_interval,
        .spans_max = ST_BUCKET_SPANS_MAX,
        .bytes_max = ST_BUCKET_BYTES_MAX,
    };
    sender->buckets = st_bucket_set_create(&limits, sender->dests.endpoint_count,
                                           st_ring_capacity(ring) / RING_BYTES_PER_BUCKET,
                                           ring->key, sender->pool);
}

/* Makes all but the transport. @return APR_SUCCESS; APR_EINVAL when there is no destination. */
static apr_status_t sender_make(st_sender_t **psender, const st_sender_options_t *options,
                                apr_pool_t *pool)
{
    st_sender_t *sender = apr_pcalloc(pool, sizeof(*sender));
    sender->pool = pool;
    sender->options = *options;
    sender->queue = options->queue;
    apr_pool_create(&sender->scratch, pool);
    dests_read(sender);
    int used = outlets_setup(sender);
    if (used == 0) {
        return APR_EINVAL;
    }
    st_id_source_t source;
    st_id_source_seed(&source);
    sender->rng = st_id_source_rng(&source);
    encoders_setup(sender);
    buckets_setup(sender);
    *psender = sender;
    return APR_SUCCESS;
}

static void transport_set(st_sender_t *sender, st_transport_t *transport, size_t body_max)
{
    sender->body_max = body_max;
    sender->transport = transport;
    transport->answer = st_delivery_answer;
    transport->baton = sender;
}

apr_status_t st_sender_create_over(st_sender_t **psender,
                                   const st_sender_options_t *options,
                                   st_transport_t *transport, size_t body_max,
                                   apr_pool_t *pool)
{
    apr_status_t rv = sender_make(psender, options, pool);
    if (rv == APR_SUCCESS) {
        transport_set(*psender, transport, body_max);
    }
    return rv;
}

apr_status_t st_sender_create(st_sender_t **psender, const st_sender_options_t *options,
                              apr_pool_t *pool)
{
    st_sender_t *sender;
    apr_status_t rv = sender_make(&sender, options, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_transport_t *transport;
    rv = st_transport_create(&transport, &sender->dests, options->user_agent, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    transport_set(sender, transport, ST_SENDER_BODY_MAX);
    *psender = sender;
    return APR_SUCCESS;
}

void st_sender_thr_begin(st_sender_t *sender)
{
    st_ledger_recover(sender->queue);
    st_ring_cursor_init(&sender->queue->ring, &sender->cursor);
}

static int ring_is_half_full(const st_sender_t *sender)
{
    const st_ring_t *ring = &sender->queue->ring;
    return st_ring_used(ring) > st_ring_capacity(ring) / 2;
}

static st_ns_t earlier(st_ns_t a, st_ns_t b)
{
    return a < b ? a : b;
}

/* Requests count what they discard without waking anybody, so a look at the counters is due
 * once in a flush interval at the latest. @param count records read in this round */
static st_ns_t next_round(const st_sender_t *sender, int count)
{
    st_ns_t next = sender->now + sender->options.flush_interval;
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        const st_outlet_t *outlet = &sender->outlets[i];
        if (outlet->dest != NULL) {
            next = earlier(next, st_outlet_due(sender, outlet));
        }
    }
    if (sender->stuck_until > 0) {
        next = earlier(next, sender->stuck_until);
    }
    if (sender->aborted.pending > 0) {
        next = earlier(next, sender->aborted.next);
    }
    if (sender->is_pressed && count > 0) {
        next = earlier(next, sender->now + PRESSED_EVERY);
    }
    return next;
}

st_ns_t st_sender_thr_step(st_sender_t *sender, st_ns_t now, st_ns_t wall)
{
    sender->now = now;
    sender->wall = wall;
    st_lease_beat(sender->queue, now);
    st_aborted_reap(sender);
    int count = st_intake_read(sender);
    sender->is_pressed = ring_is_half_full(sender);
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        if (sender->outlets[i].dest != NULL) {
            st_outlet_send(sender, &sender->outlets[i],
                           sender->flushing || sender->is_pressed);
        }
    }
    st_overflow_make_room(sender);
    sender->is_pressed = ring_is_half_full(sender);
    if (!sender->is_pressed) {
        st_wakeup_thr_nudge_again(sender->queue);
    }
    return next_round(sender, count);
}

void st_sender_thr_flush_begin(st_sender_t *sender, st_ns_t now)
{
    sender->flushing = 1;
    sender->deadline = now + sender->options.shutdown_timeout;
    sender->aborted.next = now;
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        st_outlet_flush_begin(sender, &sender->outlets[i], now);
    }
}

int st_sender_thr_is_idle(const st_sender_t *sender)
{
    int stuck = st_ring_is_stuck(&sender->queue->ring, &sender->cursor);
    if (stuck) {
        return 0;
    }
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        const st_outlet_t *outlet = &sender->outlets[i];
        if (outlet->dest != NULL && !st_outlet_is_idle(sender, outlet)) {
            return 0;
        }
    }
    return 1;
}

static void drive(st_sender_t *sender, st_ns_t timeout)
{
    st_transport_t *transport = sender->transport;
    int woken;
    apr_status_t rv = transport->ops->drive(transport, sender->queue->wake_fd,
                                            earlier(timeout, ST_LEASE_BEAT), &woken);
    if (rv != APR_SUCCESS) {
        st_log(ST_LOG_DEBUG, rv, "ST0109: the transport cannot wait");
        woken = 1;
        poll(NULL, 0, PAUSE_MS);
    }
    st_wakeup_thr_awake(sender->queue, woken);
}

static int is_stopping(const st_sender_t *sender)
{
    /* Acquire: what happened before the stop is seen, the last records too. Partner:
     * st_sender_stop. */
    return atomic_load_explicit(&sender->stopping, memory_order_acquire);
}

/* 1 when the ring belongs to a sender of a new generation. */
static int is_over(const st_sender_t *sender)
{
    return sender->is_stale || st_queue_generation(sender->queue) != sender->generation;
}

/* Waits until `next` or an event. Only a long wait needs to be ended by requests: otherwise
 * the ring is read soon anyway, unless it is filling up. */
static void wait_until(st_sender_t *sender, st_ns_t next)
{
    st_ns_t wait = next - sender->now;
    st_ns_t slack = sender->options.linger / SLACK_PART + ST_NS_PER_MS;
    if (wait > sender->options.linger || (sender->is_pressed && wait > PRESSED_EVERY)) {
        st_wakeup_thr_sleep(sender->queue);
        int count = st_intake_read(sender);
        if (count > 0 || is_stopping(sender) || is_over(sender)) {
            st_wakeup_thr_awake(sender->queue, 0);
            return;
        }
    }
    drive(sender, wait > slack ? wait : slack);
}

/* Sends nothing more, and waits for the answers that are under way: what is broken off is sent
 * again by the successor. */
static void answers_await(st_sender_t *sender, st_ns_t deadline)
{
    st_ns_t now = st_clock_mono();
    int is_told = 0;
    sender->closing = 1;
    while (sender->in_flight > 0 && now < deadline) {
        if (!is_told && is_stopping(sender)) {
            is_told = 1;
            deadline = earlier(deadline, now + sender->options.shutdown_timeout);
        }
        st_lease_beat(sender->queue, now);
        drive(sender, deadline - now);
        now = st_clock_mono();
    }
}

static st_ns_t answers_time(const st_sender_t *sender)
{
    st_ns_t part = sender->options.shutdown_timeout / ANSWERS_PART;
    return part > ANSWERS_MIN ? part : ANSWERS_MIN;
}

/* Where other children go on, there is always something new: a part of the time is for answers
 * only. */
static void flush(st_sender_t *sender)
{
    st_ns_t now = st_clock_mono();
    st_ns_t start = now;
    st_sender_thr_flush_begin(sender, now);
    st_ns_t send_until = sender->deadline - answers_time(sender);
    while (now < send_until) {
        st_ns_t next = st_sender_thr_step(sender, now, st_clock_wall());
        int idle = st_sender_thr_is_idle(sender);
        if (idle && (sender->aborted.pending == 0 || now - start > ABORTED_WAIT)) {
            break;
        }
        st_ns_t wait = earlier(next, send_until) - now;
        drive(sender, wait > ST_NS_PER_MS ? wait : ST_NS_PER_MS);
        now = st_clock_mono();
    }
    answers_await(sender, sender->deadline);
}

static void hand_over(st_sender_t *sender)
{
    answers_await(sender, st_clock_mono() + ST_SENDER_HAND_OVER);
}

void st_sender_thr_end(st_sender_t *sender)
{
    sender->closing = 1;
    sender->transport->ops->abort(sender->transport);
    for (int i = 0; i < sender->dests.endpoint_count; i++) {
        st_notice_end(&sender->outlets[i].notice);
    }
}

void st_sender_thr_run(st_sender_t *sender)
{
    st_sender_thr_begin(sender);
    while (!is_stopping(sender) && !is_over(sender)) {
        st_ns_t next = st_sender_thr_step(sender, st_clock_mono(), st_clock_wall());
        wait_until(sender, next);
    }
    if (is_over(sender)) {
        hand_over(sender);
    } else {
        flush(sender);
    }
    st_sender_thr_end(sender);
}

void st_sender_stop(st_sender_t *sender)
{
    /* Release: partner is_stopping. */
    int before = atomic_exchange_explicit(&sender->stopping, 1, memory_order_release);
    if (!before) {
        st_wakeup_kick(sender->queue);
    }
}

static void deliveries_free(st_sender_t *sender)
{
    for (st_delivery_t *d = sender->unused; d != NULL; d = d->next) {
        st_buf_free(&d->body);
    }
    sender->unused = NULL;
}

void st_sender_thr_close(st_sender_t *sender)
{
    sender->transport->ops->destroy(sender->transport);
    sender->transport = NULL;
    deliveries_free(sender);
}
