/* SPDX-License-Identifier: Apache-2.0 */
/* Building and reading the dynamic sampling context. */
#include "st_dsc.h"

#include <string.h>
#include "st_baggage.h"
#include "st_sampling.h"

#define PREFIX_LEN (sizeof(ST_BAGGAGE_PREFIX) - 1)

int st_dsc_next(st_str_t *prest, st_str_t *key, st_str_t *value)
{
    st_str_t member;
    while (st_baggage_next(prest, &member)) {
        const char *equals = memchr(member.ptr, '=', member.len);
        if (equals == NULL || member.len < PREFIX_LEN ||
            memcmp(member.ptr, ST_BAGGAGE_PREFIX, PREFIX_LEN) != 0) {
            continue;
        }
        const char *end = member.ptr + member.len;
        *key = (st_str_t){member.ptr + PREFIX_LEN,
                          (size_t)(equals - member.ptr) - PREFIX_LEN};
        *value = (st_str_t){equals + 1, (size_t)(end - equals) - 1};
        return 1;
    }
    return 0;
}

static int key_is(st_str_t key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0;
}

const char *st_dsc_get(const char *dsc, const char *key, apr_pool_t *result_pool)
{
    st_str_t rest = st_str(dsc);
    st_str_t found, value;
    while (st_dsc_next(&rest, &found, &value)) {
        if (!key_is(found, key)) {
            continue;
        }
        char *text = apr_palloc(result_pool, value.len + 1);
        size_t len;
        apr_status_t rv = st_baggage_decode(text, &len, value);
        if (rv != APR_SUCCESS) {
            return NULL;
        }
        text[len] = '\0';
        return text;
    }
    return NULL;
}

/* A context being written: text in a pool, always zero-terminated. */
typedef struct writer_t {
    char *out;
    size_t len;
    size_t max; /* without the terminating zero */
} writer_t;

static void writer_init(writer_t *writer, size_t max, apr_pool_t *pool)
{
    *writer = (writer_t){.out = apr_palloc(pool, max + 1), .max = max};
    writer->out[0] = '\0';
}

/* Writes ",sentry-key=", the comma unless it comes first. There is room. */
static void key_write(writer_t *writer, st_str_t key)
{
    char *to = writer->out + writer->len;
    if (writer->len > 0) {
        *to++ = ',';
    }
    memcpy(to, ST_BAGGAGE_PREFIX, PREFIX_LEN);
    memcpy(to + PREFIX_LEN, key.ptr, key.len);
    to[PREFIX_LEN + key.len] = '=';
    writer->len = (size_t)(to - writer->out) + PREFIX_LEN + key.len + 1;
}

/* Most bytes that a member takes, whatever its value is made of. */
static size_t member_max(st_str_t key, st_str_t value)
{
    return 1 + PREFIX_LEN + key.len + 1 + 3 * value.len;
}

/* Adds a member, unless its value is empty or it might not fit. */
static void member_add(writer_t *writer, const char *name, st_str_t value)
{
    st_str_t key = st_str(name);
    if (value.len == 0 || value.len > writer->max ||
        writer->len + member_max(key, value) > writer->max) {
        return;
    }
    key_write(writer, key);
    writer->len += st_baggage_encode(writer->out + writer->len, value);
    writer->out[writer->len] = '\0';
}

static void sampling_add(writer_t *writer, const st_segment_t *seg)
{
    char text[32];
    if (seg->sample_rate >= 0.0 && seg->sample_rate <= 1.0) {
        size_t len = st_number_write(text, sizeof(text), seg->sample_rate);
        member_add(writer, "sample_rate", (st_str_t){text, len});
    }
    if (st_sampling_rand_text(text, seg->sample_rand)) {
        member_add(writer, "sample_rand", st_str(text));
    }
    member_add(writer, "sampled", st_str(seg->sampled ? "true" : "false"));
}

const char *st_dsc_make(const st_dest_t *dest, const st_segment_t *seg,
                        apr_pool_t *result_pool)
{
    char trace_id[ST_TRACE_ID_HEX];
    writer_t writer;
    writer_init(&writer, ST_BAGGAGE_BYTES_MAX, result_pool);
    st_trace_id_hex(trace_id, &seg->trace_id);
    member_add(&writer, "trace_id", (st_str_t){trace_id, sizeof(trace_id)});
    member_add(&writer, "public_key", st_str(dest->dsn->public_key));
    sampling_add(&writer, seg);
    member_add(&writer, "release", st_str(dest->release));
    member_add(&writer, "environment", st_str(dest->environment));
    member_add(&writer, "org_id", st_str(st_dest_org_id(dest)));
    if (strcmp(seg->name_source, "url") != 0) {
        member_add(&writer, "transaction", st_str(seg->name));
    }
    return writer.out;
}

const char *st_dsc_set(const char *dsc, const char *key, const char *value,
                       apr_pool_t *result_pool)
{
    st_str_t rest = st_str(dsc);
    st_str_t old_key, old_value;
    int is_set = 0;
    writer_t writer;
    writer_init(&writer, rest.len + member_max(st_str(key), st_str(value)), result_pool);
    while (st_dsc_next(&rest, &old_key, &old_value)) {
        if (key_is(old_key, key)) {
            if (!is_set) {
                member_add(&writer, key, st_str(value));
            }
            is_set = 1;
            continue;
        }
        key_write(&writer, old_key);
        memcpy(writer.out + writer.len, old_value.ptr, old_value.len);
        writer.len += old_value.len;
        writer.out[writer.len] = '\0';
    }
    if (!is_set) {
        member_add(&writer, key, st_str(value));
    }
    return writer.out;
}
