/* SPDX-License-Identifier: Apache-2.0 */
/* Packing a segment into flat bytes. Reading them back is in record_read.c. */
#include "record_int.h"

#include <string.h>

/* Where the next attribute and the next string byte go. */
typedef struct packer_t {
    record_attr_t *attr;
    char *strings;
    uint32_t attr_at;
    uint32_t string_at;
} packer_t;

static size_t string_len(st_str_t str)
{
    return str.len <= ST_RECORD_STRING_MAX
               ? str.len
               : st_utf8_cut(str.ptr, str.len, ST_RECORD_STRING_MAX);
}

/* Attributes of all spans, with those that packing adds. */
static size_t attrs_total(const st_segment_t *seg)
{
    size_t attrs = (size_t)(seg->attr_count + seg->named_count);
    for (int i = 0; i < seg->span_count; i++) {
        const st_span_t *span = &seg->spans[i];
        attrs += (size_t)span->attr_count + (span->module != NULL) + (span->timed != 0);
    }
    return attrs;
}

static size_t strings_of_attrs(const st_attr_t *attrs, int count)
{
    size_t strings = 0;
    for (int i = 0; i < count; i++) {
        if (st_attr_is_text(attrs[i].key)) {
            strings += string_len(attrs[i].value.str);
        }
    }
    return strings;
}

/* String bytes of all spans. */
static size_t strings_total(const st_segment_t *seg)
{
    size_t strings = string_len(st_str(seg->name)) + string_len(st_str(seg->dsc)) +
                     strings_of_attrs(seg->attrs, seg->attr_count) +
                     strings_of_attrs(seg->named, seg->named_count);
    for (int i = 0; i < seg->span_count; i++) {
        const st_span_t *span = &seg->spans[i];
        strings += string_len(st_str(span->name)) + string_len(st_str(span->module)) +
                   strings_of_attrs(span->attrs, span->attr_count);
    }
    return strings;
}

size_t st_record_size(const st_segment_t *seg)
{
    size_t bytes = sizeof(record_head_t) +
                   sizeof(record_span_t) * (size_t)(seg->span_count + 1) +
                   sizeof(record_attr_t) * attrs_total(seg) + strings_total(seg);
    return (bytes + 7) & ~(size_t)7;
}

static record_str_t pack_str(packer_t *packer, st_str_t str)
{
    size_t len = string_len(str);
    record_str_t packed = {.at = packer->string_at, .len = (uint32_t)len};
    if (len > 0) {
        memcpy(packer->strings + packer->string_at, str.ptr, len);
    }
    packer->string_at += (uint32_t)len;
    return packed;
}

static void pack_attr(packer_t *packer, const st_attr_t *attr)
{
    record_attr_t *packed = &packer->attr[packer->attr_at++];
    packed->key = (uint32_t)attr->key;
    packed->reserved = 0;
    if (st_attr_is_text(attr->key)) {
        packed->value.str = pack_str(packer, attr->value.str);
    } else {
        packed->value.integer = attr->value.integer;
    }
}

static void pack_attrs(packer_t *packer, const st_attr_t *attrs, int count)
{
    for (int i = 0; i < count; i++) {
        pack_attr(packer, &attrs[i]);
    }
}

/* Times of a child never leave the segment's; one that ends before it starts has no length. */
static st_ns_t clamp(st_ns_t t, const st_segment_t *seg)
{
    if (t > seg->end) {
        t = seg->end;
    }
    return t < seg->start ? seg->start : t;
}

static st_span_id_t parent_id(const st_segment_t *seg, const st_span_t *span)
{
    return span->parent == ST_SPAN_SEGMENT ? seg->span_id : seg->spans[span->parent].id;
}

static void pack_span(packer_t *packer, record_span_t *out, const st_segment_t *seg,
                      const st_span_t *span)
{
    st_ns_t shift = seg->wall_start - seg->start;
    *out = (record_span_t){
        .id = span->id,
        .parent = parent_id(seg, span),
        .start = clamp(span->start, seg) + shift,
        .end = clamp(span->end, seg) + shift,
        .name = pack_str(packer, st_str(span->name)),
        .attr_first = packer->attr_at,
        .op = (uint8_t)span->op,
        .status = (uint8_t)span->status,
    };
    pack_attrs(packer, span->attrs, span->attr_count);
    if (span->module != NULL) {
        pack_attr(packer, &(st_attr_t){.key = ST_ATTR_MIDDLEWARE_NAME,
                                       .value.str = st_str(span->module)});
    }
    if (span->timed) {
        double ms = (double)span->self / (double)ST_NS_PER_MS;
        pack_attr(packer,
                  &(st_attr_t){.key = ST_ATTR_SENTRY_EXCLUSIVE_TIME, .value.real = ms});
    }
    out->attr_count = (uint16_t)(packer->attr_at - out->attr_first);
}

static void pack_segment_span(packer_t *packer, record_span_t *out,
                              const st_segment_t *seg)
{
    *out = (record_span_t){
        .id = seg->span_id,
        .parent = seg->parent_span_id,
        .start = seg->wall_start,
        .end = seg->wall_start + (seg->end > seg->start ? seg->end - seg->start : 0),
        .name = pack_str(packer, st_str(seg->name)),
        .attr_first = packer->attr_at,
        .op = ST_OP_HTTP_SERVER,
        .status = (uint8_t)seg->status,
    };
    pack_attrs(packer, seg->attrs, seg->attr_count);
    pack_attrs(packer, seg->named, seg->named_count);
    out->attr_count = (uint16_t)(packer->attr_at - out->attr_first);
}

void st_record_pack(const st_segment_t *seg, uint16_t dest, void *mem, size_t size)
{
    record_head_t *head = mem;
    record_span_t *spans = (record_span_t *)(head + 1);
    int span_count = seg->span_count + 1;
    size_t attrs = attrs_total(seg);
    packer_t packer = {.attr = (record_attr_t *)(spans + span_count)};
    packer.strings = (char *)(packer.attr + attrs);
    record_str_t dsc = pack_str(&packer, st_str(seg->dsc));
    pack_segment_span(&packer, &spans[0], seg);
    for (int i = 0; i < seg->span_count; i++) {
        pack_span(&packer, &spans[i + 1], seg, &seg->spans[i]);
    }
    char *end = packer.strings + packer.string_at;
    memset(end, 0, size - (size_t)(end - (char *)mem));
    *head = (record_head_t){
        .magic = RECORD_MAGIC,
        .version = ST_RECORD_VERSION,
        .dest = dest,
        .len = (uint32_t)size,
        .span_count = (uint32_t)span_count,
        .attr_count = (uint32_t)attrs,
        .strings_len = packer.string_at,
        .trace_id = seg->trace_id,
        .sample_rate = seg->sample_rate,
        .sample_rand = seg->sample_rand,
        .dsc = dsc,
        .has_dsc = seg->dsc != NULL,
    };
    head->checksum = st_record_checksum(mem, size);
}
