/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's thread: rounds of work, sleep between them, the end. */
#include "sender_int.h"

#include <poll.h>

#include "st_log.h"

/* Rounds come no closer than linger / SLACK_PART: many buckets that become due one after the
 * other go out together, with one wake-up. */
#define SLACK_PART 16

/* Used to size the table of buckets: ring bytes per open bucket. */
#define RING_BYTES_PER_BUCKET 2048

#define PAUSE_MS 100 /* when the transport cannot wait */

static apr_status_t options_check(const st_sender_options_t *options)
{
    const st_dest_table_t *dests = options->dests;
    if (dests->count <= 0 || dests->endpoint_count <= 0) {
        return APR_EINVAL;
    }
    for (int i = 0; i < dests->count; i++) {
        if (dests->dests[i].endpoint < 0 ||
            dests->dests[i].endpoint >= dests->endpoint_count) {
            return APR_EINVAL;
        }
    }
    return APR_SUCCESS;
}

/* @return APR_SUCCESS; APR_EINVAL when an endpoint has no destination. */
static apr_status_t outlets_setup(st_sender_t *sender)
{
    const st_dest_table_t *dests = sender->options.dests;
    size_t count = (size_t)dests->endpoint_count;
    sender->outlets = apr_pcalloc(sender->pool, count * sizeof(*sender->outlets));
    for (int i = dests->count - 1; i >= 0; i--) {
        const st_dest_t *dest = &dests->dests[i];
        st_outlet_init(&sender->outlets[dest->endpoint], dest,
                       &sender->options.counters[dest->endpoint]);
    }
    for (size_t i = 0; i < count; i++) {
        if (sender->outlets[i].dest == NULL) {
            return APR_EINVAL;
        }
    }
    return APR_SUCCESS;
}

static void encoders_setup(st_sender_t *sender)
{
    const st_dest_table_t *dests = sender->options.dests;
    sender->encoders =
        apr_palloc(sender->pool, (size_t)dests->count * sizeof(*sender->encoders));
    for (int i = 0; i < dests->count; i++) {
        sender->encoders[i] = st_encoder_create(&dests->dests[i], sender->pool);
    }
}

static void buckets_setup(st_sender_t *sender)
{
    const st_sender_options_t *options = &sender->options;
    const st_bucket_limits_t limits = {
        .linger = options->linger,
        .flush_interval = options->flush_interval,
        .spans_max = ST_BUCKET_SPANS_MAX,
        .bytes_max = ST_BUCKET_BYTES_MAX,
    };
    sender->buckets =
        st_bucket_set_create(&limits, options->dests->endpoint_count,
                             st_ring_capacity(options->ring) / RING_BYTES_PER_BUCKET,
                             options->ring->key, sender->pool);
}

apr_status_t st_sender_create_over(st_sender_t **psender,
                                   const st_sender_options_t *options,
                                   st_transport_t *transport, size_t body_max,
                                   apr_pool_t *pool)
{
    apr_status_t rv = options_check(options);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_sender_t *sender = apr_pcalloc(pool, sizeof(*sender));
    sender->pool = pool;
    sender->options = *options;
    sender->body_max = body_max;
    rv = outlets_setup(sender);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = st_wakeup_open(&sender->wakeup);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    encoders_setup(sender);
    buckets_setup(sender);
    st_ring_cursor_init(options->ring, &sender->cursor);
    sender->transport = transport;
    transport->answer = st_delivery_answer;
    transport->baton = sender;
    *psender = sender;
    return APR_SUCCESS;
}

apr_status_t st_sender_create(st_sender_t **psender, const st_sender_options_t *options,
                              apr_pool_t *pool)
{
    apr_status_t rv = options_check(options);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_transport_t *transport;
    rv = st_transport_create(&transport, options->dests, options->user_agent, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = st_sender_create_over(psender, options, transport, ST_SENDER_BODY_MAX, pool);
    if (rv != APR_SUCCESS) {
        transport->ops->destroy(transport);
    }
    return rv;
}

static int ring_is_half_full(const st_sender_t *sender)
{
    const st_ring_t *ring = sender->options.ring;
    return st_ring_used(ring) > st_ring_capacity(ring) / 2;
}

/* Requests count what they discard without waking anybody, so a look at the counters is due
 * once in a flush interval at the latest. */
static st_ns_t next_round(const st_sender_t *sender)
{
    st_ns_t next = sender->now + sender->options.flush_interval;
    for (int i = 0; i < sender->options.dests->endpoint_count; i++) {
        st_ns_t due = st_outlet_due(sender, &sender->outlets[i]);
        if (due < next) {
            next = due;
        }
    }
    return next;
}

st_ns_t st_sender_thr_step(st_sender_t *sender, st_ns_t now, st_ns_t wall)
{
    sender->now = now;
    sender->wall = wall;
    st_intake_read(sender);
    int pressed = ring_is_half_full(sender);
    for (int i = 0; i < sender->options.dests->endpoint_count; i++) {
        st_outlet_send(sender, &sender->outlets[i], sender->flushing || pressed);
    }
    if (!pressed) {
        st_wakeup_thr_nudge_again(&sender->wakeup);
    }
    return next_round(sender);
}

int st_sender_thr_is_idle(const st_sender_t *sender)
{
    for (int i = 0; i < sender->options.dests->endpoint_count; i++) {
        if (!st_outlet_is_idle(sender, &sender->outlets[i])) {
            return 0;
        }
    }
    return 1;
}

static void drive(st_sender_t *sender, st_ns_t timeout)
{
    st_transport_t *transport = sender->transport;
    int woken;
    apr_status_t rv =
        transport->ops->drive(transport, sender->wakeup.fd, timeout, &woken);
    if (rv != APR_SUCCESS) {
        st_log(ST_LOG_DEBUG, rv, "ST0109: the transport cannot wait");
        woken = 1;
        poll(NULL, 0, PAUSE_MS);
    }
    st_wakeup_thr_awake(&sender->wakeup, woken);
}

/* Waits until `next` or an event. Only a long wait needs to be ended by requests: otherwise
 * the ring is read soon anyway. */
static void wait_until(st_sender_t *sender, st_ns_t next)
{
    st_ns_t wait = next - sender->now;
    st_ns_t slack = sender->options.linger / SLACK_PART + ST_NS_PER_MS;
    if (wait > sender->options.linger) {
        st_wakeup_thr_sleep(&sender->wakeup);
        int count = st_intake_read(sender);
        if (count > 0 || st_wakeup_is_stopping(&sender->wakeup)) {
            st_wakeup_thr_awake(&sender->wakeup, 0);
            return;
        }
    }
    drive(sender, wait > slack ? wait : slack);
}

void st_sender_thr_give_up(st_sender_t *sender)
{
    sender->giving_up = 1;
    sender->transport->ops->abort(sender->transport);
    st_intake_read(sender);
    for (int i = 0; i < sender->options.dests->endpoint_count; i++) {
        st_outlet_t *outlet = &sender->outlets[i];
        st_bucket_t *bucket = st_bucket_take(sender->buckets, i, sender->now, 1);
        while (bucket != NULL) {
            st_delivery_discard(sender, outlet, bucket, ST_REASON_QUEUE_OVERFLOW);
            bucket = st_bucket_take(sender->buckets, i, sender->now, 1);
        }
        st_notice_end(&outlet->notice, outlet->left);
    }
}

static void flush(st_sender_t *sender)
{
    st_ns_t now = st_clock_mono();
    st_ns_t deadline = now + sender->options.shutdown_timeout;
    sender->flushing = 1;
    while (now < deadline) {
        st_sender_thr_step(sender, now, st_clock_wall());
        if (st_sender_thr_is_idle(sender)) {
            break;
        }
        drive(sender, deadline - now);
        now = st_clock_mono();
    }
}

void st_sender_thr_run(st_sender_t *sender)
{
    while (!st_wakeup_is_stopping(&sender->wakeup)) {
        st_ns_t next = st_sender_thr_step(sender, st_clock_mono(), st_clock_wall());
        wait_until(sender, next);
    }
    flush(sender);
    st_sender_thr_give_up(sender);
}

void st_sender_wake(st_sender_t *sender)
{
    st_wakeup_notify(&sender->wakeup, sender->options.ring);
}

int st_sender_is_limited(const st_sender_t *sender, st_ns_t now)
{
    return now < atomic_load_explicit(&sender->limited_until, memory_order_relaxed);
}

void st_sender_stop(st_sender_t *sender)
{
    st_wakeup_stop(&sender->wakeup);
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

void st_sender_destroy(st_sender_t *sender)
{
    if (sender->transport != NULL) {
        st_sender_thr_close(sender);
    }
    st_wakeup_close(&sender->wakeup);
}
