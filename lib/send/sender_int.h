/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SENDER_INT_H
#define ST_SENDER_INT_H

/* Inside of the sender, for its own files and its tests: the state, and one round of work
 * with the time as an argument. Not part of the interface.
 *
 *   intake    ring ─► buckets
 *   outlet    per endpoint: what goes out when, client reports
 *   delivery  one envelope: made, handed to the transport, answered
 *   sender    the thread: rounds, sleep, the end
 */

#include "notice.h"
#include "st_bucket.h"
#include "st_buf.h"
#include "st_encoder.h"
#include "st_sender.h"
#include "st_transport.h"
#include "wakeup.h"

/* What an envelope may measure at most
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-buffer/). */
#define ST_SENDER_BODY_MAX ((size_t)10 * 1024 * 1024)

/* One endpoint. */
typedef struct st_outlet_t {
    const st_dest_t *dest; /* the first destination that uses it: its reports go there */
    int lane;              /* its index, which is also its lane of buckets */
    st_counters_t *counters;
    int in_flight;
    st_ns_t report_from;  /* no report goes out before */
    st_ns_t report_alone; /* a report goes out without spans; 0: none is pending */
    int report_final;     /* 1: the one report of the shutdown is out */
    uint64_t left;        /* spans given up at the shutdown */
    st_notice_t notice;
} st_outlet_t;

/* One envelope on its way. */
typedef struct st_delivery_t {
    struct st_delivery_t *next; /* among those unused */
    st_outlet_t *outlet;
    st_bucket_t *bucket; /* NULL: a client report alone */
    int left_out;        /* children of a transaction that had no room in it */
    int has_report;
    st_report_t report;
    st_buf_t body;
} st_delivery_t;

struct st_sender_t {
    st_wakeup_t wakeup;
    apr_pool_t *pool;
    st_sender_options_t options;
    st_ring_cursor_t cursor;
    st_transport_t *transport;
    size_t body_max;
    st_encoder_t **encoders; /* one per destination */
    st_outlet_t *outlets;    /* one per endpoint */
    st_bucket_set_t *buckets;
    st_delivery_t *unused;
    st_ns_t now; /* of this round, monotonic */
    st_ns_t wall;
    _Atomic st_ns_t limited_until; /* written here, read by requests; orders nothing */
    int in_flight;
    int flushing;  /* 1: stopping, nothing lingers */
    int giving_up; /* 1: whatever comes back now is lost to the shutdown */
    const st_record_t *batch[ST_BUCKET_SPANS_MAX];
};

/* As st_sender_create, over a transport that is given. Sets its answer callback; owns it on
 * success.
 * @param body_max most bytes of an envelope */
apr_status_t st_sender_create_over(st_sender_t **psender,
                                   const st_sender_options_t *options,
                                   st_transport_t *transport, size_t body_max,
                                   apr_pool_t *pool) ST_MUST_CHECK;

/* One round: reads the ring and hands out what is due.
 * @return the moment of the next one, should nothing happen before. */
st_ns_t st_sender_thr_step(st_sender_t *sender, st_ns_t now, st_ns_t wall);

/* 1 when nothing waits and nothing is in flight. */
int st_sender_thr_is_idle(const st_sender_t *sender);

/* Ends everything that is left, as lost. */
void st_sender_thr_give_up(st_sender_t *sender);

/* Moves all committed records from the ring into buckets. @return how many there were. */
int st_intake_read(st_sender_t *sender);

/* Makes an envelope of the bucket (NULL: none) and a report if with_report and there is
 * something to say, and hands it over. What cannot be sent is counted and released. Owns the
 * bucket. */
void st_delivery_send(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                      int with_report);

/* Counts and releases a bucket that is not sent. Owns it. */
void st_delivery_discard(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket,
                         st_reason_t reason);

/* st_transport_answer_fn of the sender, which is the baton. */
void st_delivery_answer(const st_answer_t *answer, void *baton);

void st_outlet_init(st_outlet_t *outlet, const st_dest_t *dest, st_counters_t *counters);

/* Hands out what is due, as far as the transport takes it. @param all 1: all buckets are due */
void st_outlet_send(st_sender_t *sender, st_outlet_t *outlet, int all);

/* When st_outlet_send will have something to do again, should nothing happen before. */
st_ns_t st_outlet_due(const st_sender_t *sender, const st_outlet_t *outlet);

/* 1 when nothing of it waits or is in flight. */
int st_outlet_is_idle(const st_sender_t *sender, const st_outlet_t *outlet);

#endif /* ST_SENDER_INT_H */
