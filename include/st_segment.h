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
#define ST_SEGMENT_ATTRS 48   /* most attributes of a segment, without named ones */
#define ST_SEGMENT_NAMED_MAX                                                             \
    128 /* most named attributes of a segment; room is made as it is needed */
#define ST_SPAN_ATTRS_MAX                                                                \
    64 /* most attributes of a child; room for them is made as it is needed */

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
    int timed;   /* 1: `self` is meaningful and sent as exclusive time */
    int ignored; /* 1: leaves nothing but a count */
    int attr_count;
    int attr_cap;
    st_attr_t *attrs; /* NULL, or attr_cap of them in the segment's pool */
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
    st_ns_t start;      /* monotonic */
    st_ns_t end;        /* monotonic; 0 while open */
    int sampled;        /* 1, or 0: no-op segment */
    int parent_sampled; /* what the caller decided: 1, 0, or -1: nothing, or no caller */
    double sample_rate; /* that was applied here; -1.0: none was */
    double sample_rand; /* of the trace; -1.0: not known */
    const char *dsc;    /* frozen dynamic sampling context as in st_dsc.h ("" is one);
                           NULL: not frozen yet. Segment's pool or static */
    const char *name;
    const char *name_source; /* "url", "route", "custom": static */
    st_status_t status;
    st_frame_t *top;
    st_span_t *spans;
    int span_count;
    int span_cap;
    int span_max; /* most children kept */
    int overflow; /* children that were refused because of span_max */
    struct st_refused_t
        *refused;         /* owners of the last of those; NULL: none was asked for */
    int ignored;          /* children that were left out on purpose; set at the end */
    int hint;             /* span entered last from the segment itself */
    uint64_t attrs_fixed; /* bit per key that keeps its value: st_attr_set.h */
    int named_count;
    int named_cap;
    st_attr_t *named; /* NULL, or named_cap of them in the segment's pool */
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

/* Makes the segment the head of a new trace again, after it was part of another one. Before
 * the first child is added. */
void st_segment_trace_renew(st_segment_t *seg);

/* Makes the segment a no-op from now on; what it has recorded is only counted. */
void st_segment_unsample(st_segment_t *seg);

/* Spans this segment stands for in reports: itself, its children, those refused or ignored. */
int st_segment_span_total(const st_segment_t *seg);

/* Adds a child that starts `now`, without entering it.
 * Parent is the span of the innermost running frame, else the segment.
 * @param name, module static or from the segment's pool; module may be NULL
 * @return its index, or ST_SPAN_NONE over the limit (counted in seg->overflow). */
int st_segment_span_add(st_segment_t *seg, st_op_t op, const char *name,
                        const char *module, st_ns_t now);

/* 1 when no further child has room. */
int st_segment_is_full(const st_segment_t *seg);

/* Counts a child that has no room and is called again and again, like a filter: one for each
 * owner (not NULL) and scope, as long as they are among the last 64 that were refused. */
void st_segment_span_refuse(st_segment_t *seg, const void *owner, int scope);

/* Takes back the span added last, when it turned out not to be one. `span` may be
 * ST_SPAN_NONE, when st_segment_span_add returned that: the overflow count is taken back.
 * @return 1 when taken back; 0 when it has to stay, because another one was added later (all
 *         its children were) or it is running. */
int st_segment_span_drop(st_segment_t *seg, int span);

/* Leaves a child out (1), or not after all (0): children added in calls to it attach to its
 * parent, and its time is its caller's. It goes when the segment is closed, and is counted in
 * seg->ignored. Before children are added below it. */
void st_segment_span_ignore(st_segment_t *seg, int span, int is_ignored);

/* The id of the span that a call made right now comes from: the innermost running one, else
 * the segment's. Children of a no-op segment have no ids: it is always the segment's. */
st_span_id_t st_segment_calling_id(const st_segment_t *seg);

/* The span whose owner (not NULL) and owner_scope are these, or ST_SPAN_NONE. O(1) when calls
 * repeat in the same nesting, else linear. */
int st_segment_span_find(st_segment_t *seg, const void *owner, int scope);

/* Adds an attribute to the segment; does nothing on a no-op segment, for an empty string, for
 * a key that is fixed, and when full. Strings are borrowed: static or from the segment's pool. */
void st_segment_attr_str(st_segment_t *seg, st_attr_key_t key, const char *value);
void st_segment_attr_int(st_segment_t *seg, st_attr_key_t key, int64_t value);
void st_segment_attr_double(st_segment_t *seg, st_attr_key_t key, double value);

/* Adds a named attribute, under the same rules; whether the name is new is not looked at.
 * @param text as in st_attr_named.h, borrowed likewise */
void st_segment_attr_named(st_segment_t *seg, st_attr_key_t key, st_str_t text);

/* Adds an attribute to a child, under the same rules; `span` may be ST_SPAN_NONE. */
void st_span_attr_str(st_segment_t *seg, int span, st_attr_key_t key, const char *value);
void st_span_attr_int(st_segment_t *seg, int span, st_attr_key_t key, int64_t value);

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
 * outlast it. Ignored ones go; indexes are no longer valid then. */
void st_segment_close(st_segment_t *seg, st_ns_t now);

#endif /* ST_SEGMENT_H */
