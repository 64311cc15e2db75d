/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SEGMENT_H
#define ST_SEGMENT_H

/* The span tree of one request while the request runs.
 *
 *   segment ── span 0 (handler) ── span 1 (DEFLATE) ── span 2 (CORE)
 *      │                                each span knows its parent's index
 *      └─ top ─► frame ─► frame         the calls that are running now, innermost first
 *
 * A segment lives in the request's pool and is used by the thread that runs the request, one
 * at a time (the thread may change between calls: event MPM, HTTP/2). Spans stand in one
 * array that grows by doubling; nobody keeps pointers into it, only indexes.
 *
 * An unsampled segment is a no-op segment: it makes no ids, reads no clock, needs no names
 * and keeps no attributes, but counts the children it would have had, because the client
 * report has to name them.
 *
 * Time is an argument; callers of a no-op segment may pass 0. */

#include <apr_pools.h>
#include "st_attr.h"
#include "st_clock.h"
#include "st_id.h"
#include "st_status.h"

/* Span operations, a subset of the conventions' list. */
typedef enum {
    ST_OP_HTTP_SERVER = 1,
    ST_OP_HANDLER,
    ST_OP_MIDDLEWARE,
    ST_OP_FUNCTION,
    ST_OP_HTTP_CLIENT,
    ST_OP_COUNT
} st_op_t;

/* "http.server", "handler", "middleware", "function", "http.client": static strings. */
const char *st_op_text(st_op_t op);

#define ST_SPAN_SEGMENT  (-1) /* as a parent: the segment itself */
#define ST_SPAN_NONE     (-2) /* no span: over the limit, or nothing found */
#define ST_SEGMENT_ATTRS 40   /* most attributes of a segment */
#define ST_SPAN_ATTRS    4    /* most attributes of a child */

typedef struct st_span_t {
    st_span_id_t id;
    st_ns_t start;      /* monotonic; first entry */
    st_ns_t end;        /* monotonic; last exit; 0 while it never ended */
    st_ns_t self;       /* time inside it, less the time inside spans called from it */
    const char *name;   /* segment's pool or static */
    const char *module; /* middleware.name, or NULL; segment's pool or static */
    const void *owner;  /* who is called (a filter), to find its span again, or NULL */
    int owner_scope;    /* span of the sub-request the owner belongs to, or SEGMENT */
    int parent;         /* index, or ST_SPAN_SEGMENT */
    int hint;           /* span entered last from this one */
    st_op_t op;
    st_status_t status;
    int timed; /* 1: `self` is meaningful and sent as exclusive time */
    int attr_count;
    st_attr_t *attrs; /* NULL, or ST_SPAN_ATTRS of them in the segment's pool */
} st_span_t;

/* One call that is running. Lives on the C stack of the caller. */
typedef struct st_frame_t {
    struct st_frame_t *up;
    int span;
    st_ns_t entered;
    st_ns_t inner; /* time spent in frames entered from this one */
} st_frame_t;

typedef struct st_segment_t {
    apr_pool_t *pool;
    st_trace_id_t trace_id;
    st_span_id_t span_id;
    st_span_id_t parent_span_id; /* 0: this segment is the head of its trace */
    st_rng_t rng;
    st_ns_t wall_start;
    st_ns_t start; /* monotonic */
    st_ns_t end;   /* monotonic; 0 while open */
    int sampled;   /* 1, or 0: no-op segment */
    double sample_rate;
    double sample_rand;
    const char *name;
    const char *name_source; /* "url", "route", "custom": static */
    st_status_t status;
    st_frame_t *top;
    st_span_t *spans;
    int span_count;
    int span_cap;
    int span_max; /* SentryTraceMaxSpans */
    int overflow; /* children that were refused because of span_max */
    int hint;     /* span entered last from the segment itself */
    int attr_count;
    st_attr_t attrs[ST_SEGMENT_ATTRS];
} st_segment_t;

/* Opens a sampled segment with fresh ids as head of a new trace.
 * @param pool lives at least as long as the segment; all it keeps comes from there
 * @param wall_start, start the same instant on both clocks
 * @param span_max most children kept; > 0, and below ST_RECORD_SPANS_MAX to fit a record
 * @return the segment, never NULL (APR pools abort on exhaustion). */
st_segment_t *st_segment_open(apr_pool_t *pool, st_rng_t rng, st_ns_t wall_start,
                              st_ns_t start, int span_max);

/* Makes the segment a no-op from now on; what it has recorded is only counted. */
void st_segment_unsample(st_segment_t *seg);

/* Spans this segment stands for in reports: itself, its children, the refused ones. */
int st_segment_span_total(const st_segment_t *seg);

/* Adds a child that starts `now`, without entering it.
 * Parent is the span of the innermost running frame, else the segment.
 * @param name, module static or from the segment's pool; module may be NULL
 * @return its index, or ST_SPAN_NONE over the limit (counted in seg->overflow). */
int st_segment_span_add(st_segment_t *seg, st_op_t op, const char *name,
                        const char *module, st_ns_t now);

/* Takes back the span added last, when it turned out not to be one. `span` may be
 * ST_SPAN_NONE, when st_segment_span_add returned that: the overflow count is taken back.
 * @return 1 when taken back; 0 when it has to stay, because another one was added later (all
 *         its children were) or it is running. */
int st_segment_span_drop(st_segment_t *seg, int span);

/* The span whose owner (not NULL) and owner_scope are these, or ST_SPAN_NONE. O(1) when calls
 * repeat in the same nesting, else linear. */
int st_segment_span_find(st_segment_t *seg, const void *owner, int scope);

/* Adds an attribute to the segment; does nothing on a no-op segment, for an empty string, and
 * when full. Strings are borrowed: static or from the segment's pool. */
void st_segment_attr_str(st_segment_t *seg, st_attr_key_t key, const char *value);
void st_segment_attr_int(st_segment_t *seg, st_attr_key_t key, int64_t value);

/* Adds an attribute to a child, under the same rules; `span` may be ST_SPAN_NONE. */
void st_span_attr_str(st_segment_t *seg, int span, st_attr_key_t key, const char *value);

/* Marks a child as failed, with a message that is static or from the segment's pool. */
void st_span_fail(st_segment_t *seg, int span, const char *message);

/* A call into `span` begins: `frame` becomes the innermost. `span` may be ST_SPAN_NONE: its
 * callees then attach to the frame above. */
void st_frame_enter(st_segment_t *seg, st_frame_t *frame, int span, st_ns_t now);

/* The call ends: adds its exclusive time to its span and moves that span's end. Frames that
 * were entered later and never left are closed with it. Ignores a frame that is not running
 * any more, because it was closed so or with the segment. */
void st_frame_leave(st_segment_t *seg, st_frame_t *frame, st_ns_t now);

/* Closes the segment: ends every running frame and open span at `now`. Children never
 * outlast it. */
void st_segment_close(st_segment_t *seg, st_ns_t now);

#endif /* ST_SEGMENT_H */
