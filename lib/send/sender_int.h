/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SENDER_INT_H
#define ST_SENDER_INT_H

/* Inside of the sender, for its own files and its tests: the state, and one round of work
 * with the time as an argument. Not part of the interface.
 *
 *   aborted   what dead processes left open ─► ring
 *   intake    ring ─► buckets
 *   outlet    per endpoint: what goes out when, client reports
 *   delivery  one envelope: made, handed to the transport, answered, settled
 *   overflow  room in a ring that is nearly full
 *   sender    the thread: rounds, sleep, the end
 */

#include "aborted.h"
#include "backlog.h"
#include "notice.h"
#include "st_bucket.h"
#include "st_buf.h"
#include "st_encoder.h"
#include "st_sender.h"
#include "st_transport.h"

/* What an envelope may measure at most
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-buffer/). */
#define ST_SENDER_BODY_MAX ((size_t)10 * 1024 * 1024)

/* Bodies in flight, over all endpoints. An endpoint with nothing in flight may always send
 * one envelope: a slow one must not keep all others waiting. */
#define ST_SENDER_FLIGHT_MAX ((size_t)16 * 1024 * 1024)

/* A bucket is given up when its endpoint answered others after each of so many failures. */
#define ST_SENDER_STRIKES_MAX 5

/* One endpoint. */
typedef struct st_outlet_t {
    const st_dest_t *dest; /* the first one that uses it, for its reports; NULL: unused */
    int lane;              /* its index, which is also its lane of buckets */
    st_endpoint_t *endpoint;
    int in_flight;
    uint64_t answers;     /* that were not failures */
    int report_is_out;    /* 1: a client report is in flight */
    st_ns_t report_from;  /* no report goes out before */
    st_ns_t report_alone; /* a report goes out without spans; 0: none is pending */
    int report_final;     /* 1: the one report of the shutdown went out */
    st_notice_t notice;
} st_outlet_t;

/* One envelope on its way. */
typedef struct st_delivery_t {
    struct st_delivery_t *next; /* among those unused */
    st_outlet_t *outlet;
    st_bucket_t *bucket; /* NULL: a client report alone */
    int left_out;        /* children of a transaction that have no room in the envelope */
    int has_report;
    st_report_t report;
    st_buf_t body;
    st_ns_t sent;
} st_delivery_t;

struct st_sender_t {
    _Atomic int stopping; /* written by any thread */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared after each use */
    st_sender_options_t options;
    st_queue_t *queue;
    st_dest_table_t dests;
    unsigned generation; /* of the queue when `dests` was read */
    int is_stale;        /* 1: the queue names destinations that `dests` does not */
    st_rng_t rng;
    st_ring_cursor_t cursor;
    st_ns_t stuck_until; /* a hole is looked for then; 0: the cursor is not stuck */
    uint64_t stuck_at;   /* position */
    st_transport_t *transport;
    size_t body_max;
    st_encoder_t **encoders; /* one per destination; NULL: unused */
    st_outlet_t *outlets;    /* one per endpoint */
    st_bucket_set_t *buckets;
    st_backlog_t backlog;
    st_aborted_t aborted;
    st_delivery_t *unused;
    st_ns_t now; /* of this round, monotonic */
    st_ns_t wall;
    int in_flight;
    size_t bytes_in_flight;
    int is_pressed;   /* 1: the ring is more than half full */
    int flushing;     /* 1: stopping, nothing lingers */
    st_ns_t deadline; /* of the flush */
    int closing;      /* 1: nothing is read or sent any more */
    const st_record_t *batch[ST_BUCKET_SPANS_MAX];
};

/* As st_sender_create, over a transport that is given. Sets its answer callback; owns it on
 * success.
 * @param body_max most bytes of an envelope */
apr_status_t st_sender_create_over(st_sender_t **psender,
                                   const st_sender_options_t *options,
                                   st_transport_t *transport, size_t body_max,
                                   apr_pool_t *pool) ST_MUST_CHECK;

/* Recovers what a predecessor left and goes to the tail of the ring. Before the first step. */
void st_sender_thr_begin(st_sender_t *sender);

/* One round: reads the ring and hands out what is due.
 * @return the moment of the next one, should nothing happen before. */
st_ns_t st_sender_thr_step(st_sender_t *sender, st_ns_t now, st_ns_t wall);

/* From now on nothing lingers. */
void st_sender_thr_flush_begin(st_sender_t *sender, st_ns_t now);

/* 1 when the ring is read, nothing is in flight, and what waits cannot go out before the end
 * of the flush. */
int st_sender_thr_is_idle(const st_sender_t *sender);

/* Breaks off what is in flight; whatever is not settled stays in the ring. */
void st_sender_thr_end(st_sender_t *sender);

/* Moves committed records from the ring into buckets, passing holes. @return how many */
int st_intake_read(st_sender_t *sender);

/* Makes an envelope of the bucket (NULL: none) and a report if with_report and there is
 * something to say, and hands it over. What cannot be sent is settled. Owns the bucket. */
void st_delivery_send(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                      int with_report);

/* Settles a bucket that is not sent, and says so. Owns it. */
void st_delivery_discard(st_sender_t *sender, st_bucket_t *bucket, st_reason_t reason);

/* st_transport_answer_fn of the sender, which is the baton. */
void st_delivery_answer(const st_answer_t *answer, void *baton);

void st_outlet_init(st_outlet_t *outlet, int lane, const st_dest_t *dest,
                    st_endpoint_t *endpoint);

/* A flush begins: an endpoint that did not answer is asked once more, unless it failed only
 * now. */
void st_outlet_flush_begin(st_sender_t *sender, st_outlet_t *outlet, st_ns_t now);

/* Hands out what is due, as far as endpoint and transport take it. @param all 1: all is due */
void st_outlet_send(st_sender_t *sender, st_outlet_t *outlet, int all);

/* When st_outlet_send will have something to do again, should nothing happen before. */
st_ns_t st_outlet_due(const st_sender_t *sender, const st_outlet_t *outlet);

/* 1 when nothing of it is in flight, nor goes out before the end of the flush. */
int st_outlet_is_idle(const st_sender_t *sender, const st_outlet_t *outlet);

/* Frees space at the tail of a ring that is more than three quarters full: moves old records to
 * its head where that pays, else discards the oldest trace of the endpoint that has most. */
void st_overflow_make_room(st_sender_t *sender);

#endif /* ST_SENDER_INT_H */
