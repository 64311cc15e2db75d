/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RECORD_H
#define ST_RECORD_H

/* The only thing that crosses from requests to the sender: one closed segment with its
 * children as a flat copy.
 *
 *   head │ spans[span_count] │ attributes[attr_count] │ string bytes │ padding to 8
 *
 * Span 0 is the segment. No pointers, native byte order, versioned and checksummed: a record
 * may be what a crash left behind, so reading one is parsing untrusted bytes. */

#include <stdint.h>
#include "st_segment.h"

#define ST_RECORD_VERSION    2
#define ST_RECORD_STRING_MAX 8192 /* bytes of one string; longer ones are cut (UTF-8) */
#define ST_RECORD_SPANS_MAX                                                              \
    1000 /* of one record, the segment included (wire: 1000 a container) */

/* What the whole record says. */
typedef struct st_record_head_t {
    uint16_t dest; /* index of the destination */
    int span_count;
    st_trace_id_t trace_id;
    double sample_rate; /* -1.0: none was applied */
    double sample_rand; /* -1.0: not known */
    int has_dsc;        /* 1: the sampling context is frozen, and `dsc` is it */
    st_str_t dsc;       /* in baggage form; points into the record */
} st_record_head_t;

/* One span of a record; strings point into the record. */
typedef struct st_record_span_t {
    st_span_id_t id;
    st_span_id_t parent; /* 0: none */
    st_ns_t start;       /* Unix time */
    st_ns_t end;         /* Unix time, >= start */
    st_op_t op;
    st_status_t status;
    st_str_t name;
    int attr_first;
    int attr_count;
} st_record_span_t;

/* A record that has been checked. Borrows the bytes it was opened on. */
typedef struct st_record_t {
    st_record_head_t head;
    const char *bytes;
    size_t len;
    uint32_t attrs_at;
    uint32_t attr_count;
    uint32_t strings_at;
    uint32_t strings_len;
} st_record_t;

/* Bytes that packing a closed, sampled segment takes; a multiple of 8. */
size_t st_record_size(const st_segment_t *seg);

/* Packs a closed, sampled segment into `mem`, exactly st_record_size() bytes, 8-aligned. The
 * segment must not have changed since. Adds middleware.name and sentry.exclusive_time to the
 * spans that have them. Never fails. Thread of the request. */
void st_record_pack(const st_segment_t *seg, uint16_t dest, void *mem, size_t size);

/* Checks `len` bytes completely: version, checksum, every offset and every enum.
 * @param mem 8-aligned; borrowed until the record is no longer used
 * @return APR_SUCCESS; ST_E_MALFORMED. Any thread. */
apr_status_t st_record_open(st_record_t *record, const void *mem,
                            size_t len) ST_MUST_CHECK;

/* Span i, 0 <= i < head.span_count; 0 is the segment. Cannot fail on an opened record. */
void st_record_span(const st_record_t *record, int i, st_record_span_t *span);

/* Attribute i of those a span names (attr_first .. attr_first + attr_count). */
void st_record_attr(const st_record_t *record, int i, st_attr_t *attr);

#endif /* ST_RECORD_H */
