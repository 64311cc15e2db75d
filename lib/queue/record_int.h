/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RECORD_INT_H
#define ST_RECORD_INT_H

/* Layout of a record, for record.c and record_read.c alone. Every part is a multiple of 8
 * bytes, but the strings. */

#include "st_record.h"

#define RECORD_MAGIC 0x53545231u /* "STR1" */

typedef struct record_str_t {
    uint32_t at; /* from the start of the string bytes */
    uint32_t len;
} record_str_t;

typedef struct record_head_t {
    uint32_t magic;
    uint16_t version;
    uint16_t dest;
    uint32_t len; /* of the whole record */
    uint32_t span_count;
    uint32_t attr_count;
    uint32_t strings_len;
    uint64_t checksum; /* of everything, taken with this field 0 */
    st_trace_id_t trace_id;
    double sample_rate;
    double sample_rand;
    record_str_t dsc;
    uint32_t has_dsc; /* 1, or 0: `dsc` is empty */
    uint32_t reserved;
} record_head_t;

typedef struct record_span_t {
    uint64_t id;
    uint64_t parent;
    int64_t start;
    int64_t end;
    record_str_t name;
    uint32_t attr_first;
    uint16_t attr_count;
    uint8_t op;
    uint8_t status;
} record_span_t;

typedef struct record_attr_t {
    uint32_t key;
    uint32_t reserved;
    union {
        record_str_t str;
        int64_t integer;
        double real;
    } value;
} record_attr_t;

_Static_assert(sizeof(record_head_t) == 80, "no padding in a record");
_Static_assert(sizeof(record_span_t) == 48, "no padding in a record");
_Static_assert(sizeof(record_attr_t) == 16, "no padding in a record");

/* Checksum of the record in mem[0..len), len at least that of the head, with the checksum
 * field taken as 0. Finds damage, not malice. */
uint64_t st_record_checksum(const void *mem, size_t len);

#endif /* ST_RECORD_INT_H */
