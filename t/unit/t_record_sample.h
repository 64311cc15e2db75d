/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_RECORD_SAMPLE_H
#define T_RECORD_SAMPLE_H

/* Segments with anything in them, to be packed, and packing. */

#include <stdlib.h>
#include <string.h>
#include "st_attr_named.h"
#include "st_record.h"
#include "st_sampling.h"

/* Text of up to `max` bytes: mostly valid UTF-8, sometimes empty. */
static inline const char *sample_text(apr_pool_t *pool, st_rng_t *rng, size_t max)
{
    static const char *const pieces[] = {"a", "/", "\xC3\xA9", "\xE2\x82\xAC", "\xFF"};
    size_t want = st_rng_next(rng) % (max + 1);
    char *text = apr_pcalloc(pool, want + 4);
    size_t len = 0;
    while (len < want) {
        const char *piece = pieces[st_rng_next(rng) % 5];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return text;
}

/* One of each kind, under the same name. */
static inline void sample_named(st_segment_t *seg, st_rng_t *rng, size_t text_max)
{
    const st_str_t name = {"x-\xC3\xA9", 4};
    const st_str_t texts[] = {st_str(sample_text(seg->pool, rng, text_max)), st_str("b")};
    for (int key = ST_ATTR_NAMED; key < ST_ATTR_NAMED_END; key++) {
        st_str_t text;
        switch (st_attr_key_type((st_attr_key_t)key)) {
        case ST_TYPE_STRING:
        case ST_TYPE_STRINGS:
            text = st_attr_named_strings(name, texts, 1 + (key & 1), seg->pool);
            break;
        case ST_TYPE_DOUBLE:
            text = st_attr_named_double(name, 0.5, seg->pool);
            break;
        default:
            text = st_attr_named_int(name, (int64_t)st_rng_next(rng), seg->pool);
            break;
        }
        st_segment_attr_named(seg, (st_attr_key_t)key, text);
    }
}

static inline void sample_attrs(st_segment_t *seg, st_rng_t *rng, size_t text_max)
{
    int count = (int)(st_rng_next(rng) % (ST_SEGMENT_ATTRS + 1));
    for (int i = 0; i < count; i++) {
        st_attr_key_t key =
            (st_attr_key_t)(1 + st_rng_next(rng) % (uint64_t)(ST_ATTR_COUNT - 1));
        if (st_attr_key_type(key) == ST_TYPE_STRING) {
            st_segment_attr_str(seg, key, sample_text(seg->pool, rng, text_max));
        } else if (st_attr_key_type(key) == ST_TYPE_INTEGER) {
            st_segment_attr_int(seg, key, (int64_t)st_rng_next(rng));
        }
    }
}

/* A closed segment with `span_count` children, a random tree, and random attributes. */
static inline st_segment_t *sample_segment(apr_pool_t *pool, st_rng_t *rng,
                                           int span_count, size_t text_max)
{
    st_ns_t now = 1 + (st_ns_t)(st_rng_next(rng) >> 4);
    st_ns_t wall = (st_ns_t)(st_rng_next(rng) >> 3);
    st_segment_t *seg =
        st_segment_open(pool, (st_rng_t){st_rng_next(rng), 0}, wall, now, span_count + 1);
    seg->name = sample_text(pool, rng, text_max);
    seg->status = (st_status_t)(st_rng_next(rng) % ST_STATUS_COUNT);
    seg->parent_span_id = st_rng_next(rng) % 2 * st_rng_next(rng);
    seg->sample_rate = (double)(st_rng_next(rng) % 1000) / 1000.0;
    seg->sample_rand = st_sampling_rand(&seg->trace_id);
    seg->dsc = st_rng_next(rng) % 3 == 0 ? NULL : sample_text(pool, rng, text_max);
    sample_attrs(seg, rng, text_max);
    if (st_rng_next(rng) % 2 == 0) {
        sample_named(seg, rng, text_max);
    }
    st_frame_t *frames = apr_palloc(pool, sizeof(*frames) * ((size_t)span_count + 1));
    for (int i = 0; i < span_count; i++) {
        st_op_t op = (st_op_t)(1 + st_rng_next(rng) % (ST_OP_COUNT - 1));
        const char *module = st_rng_next(rng) % 3 == 0 ? NULL : "mod_x.c";
        now += (st_ns_t)(st_rng_next(rng) % 1000000);
        int span =
            st_segment_span_add(seg, op, sample_text(pool, rng, text_max), module, now);
        if (st_rng_next(rng) % 2 == 0) {
            st_frame_enter(seg, &frames[i], span, now);
        }
        for (uint64_t n = st_rng_next(rng) % 6; n > 0; n--) {
            st_span_attr_str(seg, span, ST_ATTR_URL_FULL,
                             sample_text(pool, rng, text_max));
        }
        if (st_rng_next(rng) % 4 == 0) {
            st_span_fail(seg, span, "internal_error");
        }
        if (seg->top != NULL && st_rng_next(rng) % 2 == 0) {
            st_frame_leave(seg, seg->top, now + 5);
        }
    }
    st_segment_close(seg, now + 1000);
    return seg;
}

/* Packs into memory of exactly the right size, to be freed. */
static inline void *sample_pack(const st_segment_t *seg, uint16_t dest, size_t *psize)
{
    *psize = st_record_size(seg);
    void *mem = malloc(*psize);
    memset(mem, 0xA5, *psize);
    st_record_pack(seg, dest, mem, *psize);
    return mem;
}

#endif /* T_RECORD_SAMPLE_H */
