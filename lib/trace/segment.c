/* SPDX-License-Identifier: Apache-2.0 */
/* The span tree of a running request: growing the array, nesting by frames. */
#include "st_segment.h"

#include <string.h>

#define REFUSED_KEPT   64
#define SPAN_CAP_FIRST 16
#define ATTR_CAP_FIRST 4
/* A proxied call has a dozen attributes; nearly every other child one or none. */
#define ATTR_CAP_CLIENT 16
#define NAMED_CAP_FIRST 16

const char *st_op_text(st_op_t op)
{
    static const char *const texts[ST_OP_COUNT] = {
        [ST_OP_HTTP_SERVER] = "http.server", [ST_OP_HANDLER] = "handler",
        [ST_OP_MIDDLEWARE] = "middleware",   [ST_OP_FUNCTION] = "function",
        [ST_OP_HTTP_CLIENT] = "http.client",
    };
    return texts[op];
}

st_segment_t *st_segment_open(apr_pool_t *pool, st_rng_t rng, st_ns_t wall_start,
                              st_ns_t start, int span_max)
{
    st_segment_t *seg = apr_palloc(pool, sizeof(*seg));
    /* Everything but the attribute array, which attr_count guards. */
    memset(seg, 0, offsetof(st_segment_t, attrs));
    seg->pool = pool;
    seg->rng = rng;
    seg->trace_id = st_trace_id_make(&seg->rng);
    seg->span_id = st_span_id_make(&seg->rng);
    seg->wall_start = wall_start;
    seg->start = start;
    seg->sampled = 1;
    seg->parent_sampled = -1;
    seg->sample_rate = 1.0;
    seg->name = "HTTP";
    seg->name_source = "url";
    seg->span_max = span_max;
    seg->hint = ST_SPAN_NONE;
    return seg;
}

void st_segment_trace_renew(st_segment_t *seg)
{
    seg->trace_id = st_trace_id_make(&seg->rng);
    seg->parent_span_id = 0;
    seg->parent_sampled = -1;
    seg->sample_rand = -1.0;
    seg->dsc = NULL;
}

void st_segment_unsample(st_segment_t *seg)
{
    seg->sampled = 0;
}

int st_segment_span_total(const st_segment_t *seg)
{
    return 1 + seg->span_count + seg->overflow + seg->ignored;
}

static void spans_grow(st_segment_t *seg)
{
    int cap = seg->span_cap > 0 ? seg->span_cap * 2 : SPAN_CAP_FIRST;
    st_span_t *spans = apr_palloc(seg->pool, sizeof(*spans) * (size_t)cap);
    if (seg->span_count > 0) {
        memcpy(spans, seg->spans, sizeof(*spans) * (size_t)seg->span_count);
    }
    seg->spans = spans;
    seg->span_cap = cap;
}

/* 1 when the frame's span will be in the tree. */
static int frame_shows(const st_segment_t *seg, const st_frame_t *frame)
{
    return frame->span != ST_SPAN_NONE && !seg->spans[frame->span].ignored;
}

/* The span that calls right now: frames without a span are looked through. */
static int span_calling(const st_segment_t *seg)
{
    for (const st_frame_t *frame = seg->top; frame != NULL; frame = frame->up) {
        if (frame_shows(seg, frame)) {
            return frame->span;
        }
    }
    return ST_SPAN_SEGMENT;
}

st_span_id_t st_segment_calling_id(const st_segment_t *seg)
{
    int span = seg->sampled ? span_calling(seg) : ST_SPAN_SEGMENT;
    return span == ST_SPAN_SEGMENT ? seg->span_id : seg->spans[span].id;
}

int st_segment_is_full(const st_segment_t *seg)
{
    return seg->span_count >= seg->span_max;
}

/* Who was refused, to count nobody twice. Filters of a sub-request come and go together, so a
 * few are enough. */
struct st_refused_t {
    int count; /* all there ever were; the newest stands at (count - 1) % REFUSED_KEPT */
    const void *owners[REFUSED_KEPT];
    int scopes[REFUSED_KEPT];
};

void st_segment_span_refuse(st_segment_t *seg, const void *owner, int scope)
{
    if (seg->refused == NULL) {
        seg->refused = apr_pcalloc(seg->pool, sizeof(*seg->refused));
    }
    struct st_refused_t *refused = seg->refused;
    for (int i = 0; i < REFUSED_KEPT; i++) {
        if (refused->owners[i] == owner && refused->scopes[i] == scope) {
            return;
        }
    }
    int at = refused->count++ % REFUSED_KEPT;
    refused->owners[at] = owner;
    refused->scopes[at] = scope;
    seg->overflow++;
}

int st_segment_span_add(st_segment_t *seg, st_op_t op, const char *name,
                        const char *module, st_ns_t now)
{
    if (st_segment_is_full(seg)) {
        seg->overflow++;
        return ST_SPAN_NONE;
    }
    if (seg->span_count == seg->span_cap) {
        spans_grow(seg);
    }
    int index = seg->span_count++;
    st_span_t *span = &seg->spans[index];
    *span = (st_span_t){
        .start = now,
        .name = name,
        .module = module,
        .parent = span_calling(seg),
        .hint = ST_SPAN_NONE,
        .owner_scope = ST_SPAN_SEGMENT,
        .op = op,
    };
    if (seg->sampled) {
        span->id = st_span_id_make(&seg->rng);
    }
    return index;
}

static int span_runs(const st_segment_t *seg, int span)
{
    for (const st_frame_t *frame = seg->top; frame != NULL; frame = frame->up) {
        if (frame->span == span) {
            return 1;
        }
    }
    return 0;
}

int st_segment_span_drop(st_segment_t *seg, int span)
{
    if (span == ST_SPAN_NONE) {
        seg->overflow--;
        return 1;
    }
    if (span != seg->span_count - 1 || span_runs(seg, span)) {
        return 0;
    }
    seg->span_count--;
    return 1;
}

static int span_is(const st_segment_t *seg, int index, const void *owner, int scope)
{
    return index >= 0 && index < seg->span_count && seg->spans[index].owner == owner &&
           seg->spans[index].owner_scope == scope;
}

int st_segment_span_find(st_segment_t *seg, const void *owner, int scope)
{
    int caller = span_calling(seg);
    int *hint = caller == ST_SPAN_SEGMENT ? &seg->hint : &seg->spans[caller].hint;
    if (span_is(seg, *hint, owner, scope)) {
        return *hint;
    }
    for (int i = seg->span_count - 1; i >= 0; i--) {
        if (span_is(seg, i, owner, scope)) {
            *hint = i;
            return i;
        }
    }
    /* Whoever asks adds the span next; it will stand here. */
    *hint = seg->span_count;
    return ST_SPAN_NONE;
}

static st_attr_t *segment_attr_next(st_segment_t *seg, st_attr_key_t key)
{
    if (!seg->sampled || seg->attr_count == ST_SEGMENT_ATTRS ||
        seg->attrs_fixed >> key & 1) {
        return NULL;
    }
    st_attr_t *attr = &seg->attrs[seg->attr_count++];
    attr->key = key;
    return attr;
}

void st_segment_attr_str(st_segment_t *seg, st_attr_key_t key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    st_attr_t *attr = segment_attr_next(seg, key);
    if (attr != NULL) {
        attr->value.str = st_str(value);
    }
}

void st_segment_attr_int(st_segment_t *seg, st_attr_key_t key, int64_t value)
{
    st_attr_t *attr = segment_attr_next(seg, key);
    if (attr != NULL) {
        attr->value.integer = value;
    }
}

void st_segment_attr_double(st_segment_t *seg, st_attr_key_t key, double value)
{
    st_attr_t *attr = segment_attr_next(seg, key);
    if (attr != NULL) {
        attr->value.real = value;
    }
}

static void named_grow(st_segment_t *seg)
{
    int cap = seg->named_cap > 0 ? seg->named_cap * 2 : NAMED_CAP_FIRST;
    st_attr_t *attrs = apr_palloc(seg->pool, sizeof(*attrs) * (size_t)cap);
    if (seg->named_count > 0) {
        memcpy(attrs, seg->named, sizeof(*attrs) * (size_t)seg->named_count);
    }
    seg->named = attrs;
    seg->named_cap = cap;
}

void st_segment_attr_named(st_segment_t *seg, st_attr_key_t key, st_str_t text)
{
    if (!seg->sampled || text.len == 0 || seg->named_count == ST_SEGMENT_NAMED_MAX) {
        return;
    }
    if (seg->named_count == seg->named_cap) {
        named_grow(seg);
    }
    seg->named[seg->named_count++] = (st_attr_t){.key = key, .value.str = text};
}

static void span_attrs_grow(st_span_t *span, apr_pool_t *pool)
{
    int first = span->op == ST_OP_HTTP_CLIENT ? ATTR_CAP_CLIENT : ATTR_CAP_FIRST;
    int cap = span->attr_cap > 0 ? span->attr_cap * 2 : first;
    st_attr_t *attrs = apr_palloc(pool, sizeof(*attrs) * (size_t)cap);
    if (span->attr_count > 0) {
        memcpy(attrs, span->attrs, sizeof(*attrs) * (size_t)span->attr_count);
    }
    span->attrs = attrs;
    span->attr_cap = cap;
}

static st_attr_t *span_attr_next(st_segment_t *seg, int index, st_attr_key_t key)
{
    if (!seg->sampled || index == ST_SPAN_NONE ||
        seg->spans[index].attr_count == ST_SPAN_ATTRS_MAX) {
        return NULL;
    }
    st_span_t *span = &seg->spans[index];
    if (span->attr_count == span->attr_cap) {
        span_attrs_grow(span, seg->pool);
    }
    st_attr_t *attr = &span->attrs[span->attr_count++];
    attr->key = key;
    return attr;
}

void st_span_attr_str(st_segment_t *seg, int index, st_attr_key_t key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    st_attr_t *attr = span_attr_next(seg, index, key);
    if (attr != NULL) {
        attr->value.str = st_str(value);
    }
}

void st_span_attr_int(st_segment_t *seg, int index, st_attr_key_t key, int64_t value)
{
    st_attr_t *attr = span_attr_next(seg, index, key);
    if (attr != NULL) {
        attr->value.integer = value;
    }
}

void st_span_fail(st_segment_t *seg, int index, const char *message)
{
    if (index == ST_SPAN_NONE || seg->spans[index].status == ST_STATUS_ERROR) {
        return;
    }
    seg->spans[index].status = ST_STATUS_ERROR;
    st_span_attr_str(seg, index, ST_ATTR_SENTRY_STATUS_MESSAGE, message);
}

void st_frame_enter(st_segment_t *seg, st_frame_t *frame, int span, st_ns_t now)
{
    *frame = (st_frame_t){.up = seg->top, .span = span, .entered = now};
    seg->top = frame;
}

/* Closes the innermost frame. */
static void frame_pop(st_segment_t *seg, st_ns_t now)
{
    st_frame_t *frame = seg->top;
    st_ns_t spent = now - frame->entered;
    seg->top = frame->up;
    if (frame->up != NULL) {
        /* A frame without a span hands its callees' time up, its own stays its caller's. */
        frame->up->inner += frame_shows(seg, frame) ? spent : frame->inner;
    }
    if (frame->span != ST_SPAN_NONE) {
        st_span_t *span = &seg->spans[frame->span];
        span->self += spent - frame->inner;
        span->end = now;
        span->timed = 1;
    }
}

void st_frame_leave(st_segment_t *seg, st_frame_t *frame, st_ns_t now)
{
    const st_frame_t *running = seg->top;
    while (running != NULL && running != frame) {
        running = running->up;
    }
    if (running == NULL) {
        return;
    }
    while (seg->top != frame) {
        frame_pop(seg, now);
    }
    frame_pop(seg, now);
}

void st_segment_span_ignore(st_segment_t *seg, int span, int is_ignored)
{
    seg->spans[span].ignored = is_ignored;
}

/* Moves the spans that stay together. No parent is ignored, and parents come first. */
static void spans_compact(st_segment_t *seg)
{
    int *moved = apr_palloc(seg->pool, sizeof(*moved) * (size_t)seg->span_count);
    int kept = 0;
    for (int i = 0; i < seg->span_count; i++) {
        if (seg->spans[i].ignored) {
            continue;
        }
        moved[i] = kept;
        st_span_t *span = &seg->spans[kept++];
        *span = seg->spans[i];
        if (span->parent != ST_SPAN_SEGMENT) {
            span->parent = moved[span->parent];
        }
    }
    seg->ignored += seg->span_count - kept;
    seg->span_count = kept;
}

void st_segment_close(st_segment_t *seg, st_ns_t now)
{
    while (seg->top != NULL) {
        frame_pop(seg, now);
    }
    seg->end = now;
    int ignored = 0;
    for (int i = 0; i < seg->span_count; i++) {
        if (seg->spans[i].end < seg->spans[i].start) {
            seg->spans[i].end = now;
        }
        ignored += seg->spans[i].ignored;
    }
    if (ignored > 0) {
        spans_compact(seg);
    }
}
