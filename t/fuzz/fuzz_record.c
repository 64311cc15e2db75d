/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a record: open it, walk over everything it claims to hold, and encode it. */
#include "fuzz.h"

#include "../../lib/queue/record_int.h"
#include "st_encoder.h"
#include "st_envelope.h"
#include "st_transaction.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MAX ((size_t)256 * 1024 * 1024)

unsigned long fuzz_accepted;

static apr_pool_t *encoder_pool;
static st_encoder_t *encoder;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const st_dsn_t dsn = {.kind = ST_DSN_FILE,
                                 .public_key = "00000000000000000000000000000000"};
    static const st_dest_t dest = {
        .dsn = &dsn, .environment = "fuzz", .server_name = "here"};
    if (apr_initialize() != APR_SUCCESS ||
        apr_pool_create(&encoder_pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    encoder = st_encoder_create(&dest, encoder_pool);
    return 0;
}

static void demand(int truth)
{
    if (!truth) {
        abort();
    }
}

/* Where what was read goes, so that no compiler leaves the reading out. */
static volatile unsigned walked;

/* Reads each byte, so that a sanitizer sees a string that reaches too far. */
static unsigned str_walk(st_str_t str)
{
    unsigned sum = 0;
    for (size_t i = 0; i < str.len; i++) {
        sum += (unsigned char)str.ptr[i];
    }
    return sum;
}

static unsigned span_walk(const st_record_t *record, int index)
{
    st_record_span_t span;
    st_record_span(record, index, &span);
    demand(span.id != 0 && span.start <= span.end);
    unsigned sum = str_walk(span.name) + (unsigned char)st_op_text(span.op)[0];
    for (int i = 0; i < span.attr_count; i++) {
        st_attr_t attr;
        st_record_attr(record, span.attr_first + i, &attr);
        sum += (unsigned char)st_attr_key_text(attr.key)[0];
        if (st_attr_is_text(attr.key)) {
            sum += str_walk(attr.value.str);
        }
    }
    return sum;
}

/* @return bytes of the payload of the envelope in `out`, which is one with one item. */
static size_t envelope_inspect(const st_buf_t *out)
{
    apr_pool_t *pool;
    st_envelope_t *envelope;
    const char *why;
    demand(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    apr_status_t rv = st_envelope_parse(&envelope, &why, out->data, out->len, pool);
    demand(rv == APR_SUCCESS && envelope->used == out->len);
    demand(envelope->item_count == 1 && envelope->items[0].json != NULL);
    size_t len = envelope->items[0].len;
    apr_pool_destroy(pool);
    return len;
}

/* What is encoded from an opened record is an envelope, whatever stood in the record. */
static void record_encode(const st_record_t *record)
{
    st_buf_t out;
    st_buf_init(&out, BUF_MAX);
    apr_status_t rv = st_encoder_spans(encoder, &out, &record, 1, NULL, 0);
    if (rv == APR_SUCCESS) {
        envelope_inspect(&out);
    }
    st_buf_clear(&out);
    int left_out;
    rv = st_encoder_transaction(encoder, &out, record, NULL, 0, &left_out);
    demand(left_out >= 0 && left_out < record->head.span_count);
    if (rv == APR_SUCCESS) {
        demand(envelope_inspect(&out) <= ST_TRANSACTION_BYTES_MAX);
    }
    st_buf_free(&out);
}

static int record_try(const void *mem, size_t size)
{
    st_record_t record;
    if (st_record_open(&record, mem, size) != APR_SUCCESS) {
        return 0;
    }
    for (int i = 0; i < record.head.span_count; i++) {
        walked += span_walk(&record, i);
    }
    walked += str_walk(record.head.dsc);
    record_encode(&record);
    return 1;
}

/* Corrects what no mutation would hit, so that the checks behind it are reached as well. */
static void record_seal(char *mem, size_t size)
{
    record_head_t *head = (record_head_t *)(void *)mem;
    head->magic = RECORD_MAGIC;
    head->version = ST_RECORD_VERSION;
    head->len = (uint32_t)size;
    head->checksum = st_record_checksum(mem, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Aligned, and it ends where the record ends. */
    char *mem = calloc(1, size > 0 ? size : 1);
    if (mem == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(mem, data, size);
    }
    fuzz_accepted += (unsigned long)record_try(mem, size);
    if (size >= sizeof(record_head_t) && size % 8 == 0) {
        record_seal(mem, size);
        record_try(mem, size);
    }
    free(mem);
    return 0;
}
