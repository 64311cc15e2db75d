/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a record: everything is checked once, at opening; the accessors then trust it. */
#include "record_int.h"

#include <math.h>
#include <string.h>
#include "st_attr_named.h"

#define LANES 4

_Static_assert(offsetof(record_head_t, checksum) == (LANES - 1) * sizeof(uint64_t),
               "the checksum is the last word of the first block");

/* Reversible, so that no single wrong word goes unseen. */
static uint64_t lane_step(uint64_t lane, uint64_t word)
{
    uint64_t mixed = (lane ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed << 29) | (mixed >> 35);
}

/* The lanes do not wait for each other. */
static void block_step(uint64_t lanes[LANES], const uint64_t block[LANES])
{
    lanes[0] = lane_step(lanes[0], block[0]);
    lanes[1] = lane_step(lanes[1], block[1]);
    lanes[2] = lane_step(lanes[2], block[2]);
    lanes[3] = lane_step(lanes[3], block[3]);
}

uint64_t st_record_checksum(const void *mem, size_t len)
{
    const char *bytes = mem;
    uint64_t lanes[LANES] = {1, 2, 3, 4};
    uint64_t block[LANES];
    memcpy(block, bytes, sizeof(block));
    block[LANES - 1] = 0;
    block_step(lanes, block);
    size_t at = sizeof(block);
    for (; at + sizeof(block) <= len; at += sizeof(block)) {
        memcpy(block, bytes + at, sizeof(block));
        block_step(lanes, block);
    }
    memset(block, 0, sizeof(block));
    memcpy(block, bytes + at, len - at);
    block_step(lanes, block);
    st_rng_t fold = {.state = len};
    for (int i = 0; i < LANES; i++) {
        fold.state ^= lanes[i];
        fold.state = st_rng_next(&fold);
    }
    return fold.state;
}

static const record_span_t *spans_of(const st_record_t *record)
{
    return (const record_span_t *)(record->bytes + sizeof(record_head_t));
}

static const record_attr_t *attrs_of(const st_record_t *record)
{
    return (const record_attr_t *)(record->bytes + record->attrs_at);
}

static int head_is_valid(const record_head_t *head, size_t len)
{
    if (head->magic != RECORD_MAGIC || head->version != ST_RECORD_VERSION ||
        head->len != len) {
        return 0;
    }
    if (head->span_count == 0 || head->span_count > ST_RECORD_SPANS_MAX) {
        return 0;
    }
    if (!isfinite(head->sample_rate) || !isfinite(head->sample_rand)) {
        return 0;
    }
    uint64_t used = sizeof(*head) + sizeof(record_span_t) * (uint64_t)head->span_count +
                    sizeof(record_attr_t) * (uint64_t)head->attr_count +
                    head->strings_len;
    return ((used + 7) & ~UINT64_C(7)) == len;
}

static int str_is_valid(const st_record_t *record, const record_str_t *str)
{
    return (uint64_t)str->at + str->len <= record->strings_len;
}

static int span_is_valid(const st_record_t *record, const record_span_t *span)
{
    return span->id != 0 && span->end >= span->start && span->op > 0 &&
           span->op < ST_OP_COUNT && span->status < ST_STATUS_COUNT &&
           str_is_valid(record, &span->name) &&
           (uint64_t)span->attr_first + span->attr_count <= record->attr_count;
}

static st_str_t str_of(const st_record_t *record, const record_str_t *str)
{
    return (st_str_t){.ptr = record->bytes + record->strings_at + str->at,
                      .len = str->len};
}

static int attr_is_valid(const st_record_t *record, const record_attr_t *attr)
{
    if (st_attr_is_named((st_attr_key_t)attr->key)) {
        return str_is_valid(record, &attr->value.str) &&
               st_attr_named_is_valid((st_attr_key_t)attr->key,
                                      str_of(record, &attr->value.str));
    }
    if (attr->key == ST_ATTR_NONE || attr->key >= ST_ATTR_COUNT) {
        return 0;
    }
    switch (st_attr_key_type((st_attr_key_t)attr->key)) {
    case ST_TYPE_STRING:
        return str_is_valid(record, &attr->value.str);
    case ST_TYPE_DOUBLE:
        return isfinite(attr->value.real) != 0;
    default:
        return 1;
    }
}

static int dsc_is_valid(const st_record_t *record, const record_head_t *head)
{
    return head->has_dsc <= 1 && (head->has_dsc == 1 || head->dsc.len == 0) &&
           str_is_valid(record, &head->dsc);
}

static int parts_are_valid(const st_record_t *record)
{
    if (!dsc_is_valid(record, (const record_head_t *)record->bytes)) {
        return 0;
    }
    for (int i = 0; i < record->head.span_count; i++) {
        if (!span_is_valid(record, &spans_of(record)[i])) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < record->attr_count; i++) {
        if (!attr_is_valid(record, &attrs_of(record)[i])) {
            return 0;
        }
    }
    return 1;
}

apr_status_t st_record_open(st_record_t *record, const void *mem, size_t len)
{
    const record_head_t *head = mem;
    if (len < sizeof(*head) || len % 8 != 0 || !head_is_valid(head, len) ||
        head->checksum != st_record_checksum(mem, len)) {
        return ST_E_MALFORMED;
    }
    *record = (st_record_t){
        .head = {.dest = head->dest,
                 .span_count = (int)head->span_count,
                 .trace_id = head->trace_id,
                 .sample_rate = head->sample_rate,
                 .sample_rand = head->sample_rand},
        .bytes = mem,
        .len = len,
        .attrs_at =
            (uint32_t)(sizeof(*head) + sizeof(record_span_t) * (size_t)head->span_count),
        .attr_count = head->attr_count,
        .strings_len = head->strings_len,
    };
    record->strings_at =
        record->attrs_at + (uint32_t)sizeof(record_attr_t) * head->attr_count;
    if (!parts_are_valid(record)) {
        return ST_E_MALFORMED;
    }
    record->head.has_dsc = (int)head->has_dsc;
    record->head.dsc = str_of(record, &head->dsc);
    return APR_SUCCESS;
}

void st_record_span(const st_record_t *record, int i, st_record_span_t *span)
{
    const record_span_t *from = &spans_of(record)[i];
    *span = (st_record_span_t){
        .id = from->id,
        .parent = from->parent,
        .start = from->start,
        .end = from->end,
        .op = (st_op_t)from->op,
        .status = (st_status_t)from->status,
        .name = str_of(record, &from->name),
        .attr_first = (int)from->attr_first,
        .attr_count = from->attr_count,
    };
}

void st_record_attr(const st_record_t *record, int i, st_attr_t *attr)
{
    const record_attr_t *from = &attrs_of(record)[i];
    attr->key = (st_attr_key_t)from->key;
    if (st_attr_is_text(attr->key)) {
        attr->value.str = str_of(record, &from->value.str);
    } else {
        attr->value.integer = from->value.integer;
    }
}
