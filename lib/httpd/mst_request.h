/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_REQUEST_H
#define MST_REQUEST_H

/* A request while it is traced.
 *
 *   open ──► decided ──► finished          (record pushed, or counted)
 *     │          └─────► off               (its directory says so: as if never seen)
 *
 * The state hangs on the top request (main request, first of its internal redirects) and
 * lives in its pool; sub-requests and redirects find it by walking up. There are no
 * thread-locals: on event and with HTTP/2 a request ends on another thread.
 *
 * Connection filters have no request; they find the state of the newest request of their
 * connection, and must look again after every call, because the end of a response destroys
 * the request inside such a call. */

#include "mst_logio.h"
#include "mst_private.h"
#include "st_continue.h"
#include "st_report.h"
#include "st_segment.h"

#define MST_THREAD_NAME_BYTES 16 /* as long as Linux lets them be */

typedef struct mst_req_t {
    st_segment_t *seg;
    request_rec *top;
    unsigned spans; /* MST_SPANS_* */
    int decided;
    int dest;
    pid_t thread_id; /* of the thread that ran the handler last; 0 when none did */
    char thread_name[MST_THREAD_NAME_BYTES]; /* of the same; "" when it has none */
    mst_logio_t logio;                       /* counts when logging began */
    const char *route;                       /* of the segment's name; NULL: not known */
    st_reason_t reason;         /* why it is not recorded; of no meaning while it is */
    st_continue_t *incoming;    /* of the client's headers; NULL: none counts */
    const char *client_trace;   /* sentry-trace as the client sent it, or NULL */
    const char *client_baggage; /* baggage likewise */
    int headers_removed;        /* 1: these were taken away from the handlers */
    const apr_array_header_t *ignore_rules; /* for names of children; NULL: none */
    struct st_open_slot_t
        *slot; /* in the queue, while it is in progress; NULL: has none */
    struct mst_outgoing_t *outgoing;         /* what is told to backends now, or NULL */
    char trace_id_text[ST_TRACE_ID_HEX + 1]; /* of the variables: mst_variables.h */
    char span_id_text[ST_SPAN_ID_HEX + 1];
} mst_req_t;

/* The state of the request that r belongs to; NULL when it is not traced (or no longer). Any
 * thread that runs the request. */
mst_req_t *mst_req_of(const request_rec *r);

/* The state of the newest request on the connection, or NULL. */
mst_req_t *mst_req_of_conn(const conn_rec *c);

/* Monotonic now, or 0 on a no-op segment, which needs no clock. */
static inline st_ns_t mst_req_now(const mst_req_t *req)
{
    return req->seg->sampled ? st_clock_mono() : 0;
}

/* This thread runs the request now. Does nothing on a no-op segment. */
void mst_req_thread_note(mst_req_t *req);

/* Opens the segment of a top request whose configuration (so far) says On. Called at
 * post_read_request; r->prev or r->main set: nothing happens. */
void mst_req_open(request_rec *r);

/* Settles what the final per-directory configuration says: on or off, sampled or not, which
 * spans; opens the segment when it is on only now. Once per request; later calls only look
 * up. @return the state, or NULL when not traced. */
mst_req_t *mst_req_decide(request_rec *r);

/* Puts back what was taken away from the handlers, so that logs show what the client sent.
 * Called at log_transaction, first. */
void mst_req_headers_restore(request_rec *r);

/* End of the request: opens what never was (requests that httpd rejects before
 * post_read_request), adds attributes, closes, and pushes the record or counts the drop.
 * Called at log_transaction, last. */
void mst_req_finish(request_rec *r);

/* Sub-requests remember the span they run in; ST_SPAN_SEGMENT when they have none. `r` is
 * not the top request. */
void mst_req_scope_set(request_rec *r, int span);
int mst_req_scope(const mst_req_t *req, const request_rec *r);

#endif /* MST_REQUEST_H */
