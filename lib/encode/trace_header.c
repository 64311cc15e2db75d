/* SPDX-License-Identifier: Apache-2.0 */
/* The dynamic sampling context of an envelope: made here, or received and looked through. */
#include "trace_header.h"

#include <string.h>
#include "part.h"
#include "st_baggage.h"
#include "st_dsc.h"
#include "st_json.h"
#include "st_sampling.h"

#define PUBLIC_KEY_LEN 32

static void member_add(st_buf_t *out, const char *key, st_str_t value)
{
    if (value.len > 0) {
        st_json_key(out, key);
        st_json_string(out, value);
    }
}

apr_status_t trace_header_prepare(trace_header_t *header, const st_dest_t *dest,
                                  apr_pool_t *result_pool)
{
    st_buf_t buf;
    st_buf_init(&buf, PART_BYTES_MAX);
    member_add(&buf, "public_key", st_str(dest->dsn->public_key));
    member_add(&buf, "release", st_str(dest->release));
    member_add(&buf, "environment", st_str(dest->environment));
    member_add(&buf, "org_id", st_str(st_dest_org_id(dest)));
    header->members = part_take(&buf, result_pool);
    header->public_key = dest->dsn->public_key;
    apr_status_t rv = st_buf_status(&buf);
    st_buf_free(&buf);
    return rv;
}

static void sampling_add(st_buf_t *out, const st_record_head_t *head)
{
    char text[ST_JSON_NUMBER_BYTES];
    if (head->sample_rate >= 0.0 && head->sample_rate <= 1.0) {
        size_t len = st_json_double_text(text, head->sample_rate);
        member_add(out, "sample_rate", (st_str_t){text, len});
    }
    if (st_sampling_rand_text(text, head->sample_rand)) {
        member_add(out, "sample_rand", st_str(text));
    }
    member_add(out, "sampled", st_str("true"));
}

static int name_is_url(const st_record_t *record, const st_record_span_t *segment)
{
    for (int i = 0; i < segment->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(record, segment->attr_first + i, &attr);
        if (attr.key == ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE) {
            return attr.value.str.len == 3 && memcmp(attr.value.str.ptr, "url", 3) == 0;
        }
    }
    return 0;
}

/* The context of a trace that begins here. The name of a segment decides about sampling
 * elsewhere, which a raw path must not. */
static void own_add(st_buf_t *out, const trace_header_t *header,
                    const st_record_t *record)
{
    st_record_span_t segment;
    st_record_span(record, 0, &segment);
    st_json_raw(out, header->members);
    sampling_add(out, &record->head);
    if (!name_is_url(record, &segment)) {
        member_add(out, "transaction", segment.name);
    }
}

static size_t digits_of(const char *text)
{
    return strspn(text, "0123456789");
}

/* The number grammar of RFC 8259. */
static int is_json_number(const char *text)
{
    text += *text == '-' ? 1 : 0;
    size_t digits = digits_of(text);
    if (digits == 0 || (text[0] == '0' && digits > 1)) {
        return 0;
    }
    text += digits;
    if (*text == '.') {
        digits = digits_of(++text);
        if (digits == 0) {
            return 0;
        }
        text += digits;
    }
    if (*text == 'e' || *text == 'E') {
        text += text[1] == '+' || text[1] == '-' ? 2 : 1;
        digits = digits_of(text);
        if (digits == 0) {
            return 0;
        }
        text += digits;
    }
    return *text == '\0';
}

/* Each says whether Sentry can read the value, and may bring it into shape. */
typedef int value_check_fn(char *text);

static int check_text(char *text)
{
    return text[0] != '\0';
}

static int check_public_key(char *text)
{
    size_t len = 0;
    while (text[len] > ' ' && text[len] <= '~') {
        len++;
    }
    return len == PUBLIC_KEY_LEN && text[len] == '\0';
}

static int check_rate(char *text)
{
    double rate;
    apr_status_t rv = st_rate_parse(&rate, text);
    return rv == APR_SUCCESS && is_json_number(text);
}

static int check_rand(char *text)
{
    double rand;
    apr_status_t rv = st_rate_parse(&rand, text);
    return rv == APR_SUCCESS && is_json_number(text) && rand < 1.0;
}

static int check_sampled(char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static int check_org_id(char *text)
{
    return text[0] != '\0' && text[digits_of(text)] == '\0';
}

/* A UUID, which may have dashes: without them, in lower case. */
static int check_replay_id(char *text)
{
    size_t len = 0;
    int is_zero = 1;
    for (const char *from = text; *from != '\0'; from++) {
        char c = *from >= 'A' && *from <= 'F' ? (char)(*from + 'a' - 'A') : *from;
        if (c == '-') {
            continue;
        }
        if (strchr("0123456789abcdef", c) == NULL || len == ST_TRACE_ID_HEX) {
            return 0;
        }
        is_zero &= c == '0';
        text[len++] = c;
    }
    text[len] = '\0';
    return len == ST_TRACE_ID_HEX && !is_zero;
}

/* What Sentry knows. Anything else would be kept there without use, and some of it is read as
 * another name of these, or as an object. */
static const struct {
    const char *key;
    value_check_fn *check;
} members[] = {
    {"public_key", check_public_key}, /* first: see PUBLIC_KEY_BIT */
    {"release", check_text},          {"environment", check_text},
    {"sample_rate", check_rate},      {"sample_rand", check_rand},
    {"sampled", check_sampled},       {"transaction", check_text},
    {"org_id", check_org_id},         {"replay_id", check_replay_id},
    {"user_id", check_text},          {"user_segment", check_text},
};

#define MEMBER_COUNT   (sizeof(members) / sizeof(members[0]))
#define PUBLIC_KEY_BIT 1u

/* Index in the table, or MEMBER_COUNT. */
static size_t member_index(st_str_t key)
{
    size_t i = 0;
    while (i < MEMBER_COUNT && (strlen(members[i].key) != key.len ||
                                memcmp(members[i].key, key.ptr, key.len) != 0)) {
        i++;
    }
    return i;
}

/* Adds one received member. @return 0 when it is not fit to be sent. */
static int received_add(st_buf_t *out, size_t index, st_str_t value)
{
    char text[ST_BAGGAGE_BYTES_MAX + 1];
    size_t len;
    if (value.len > ST_BAGGAGE_BYTES_MAX) {
        return 0;
    }
    apr_status_t rv = st_baggage_decode(text, &len, value);
    if (rv != APR_SUCCESS) {
        return 0;
    }
    text[len] = '\0';
    if (!members[index].check(text)) {
        return 0;
    }
    member_add(out, members[index].key, st_str(text));
    return 1;
}

static void frozen_add(st_buf_t *out, const trace_header_t *header, st_str_t dsc)
{
    st_str_t key, value;
    unsigned seen = 0;
    while (st_dsc_next(&dsc, &key, &value)) {
        size_t index = member_index(key);
        if (index < MEMBER_COUNT && (seen & 1u << index) == 0 &&
            received_add(out, index, value)) {
            seen |= 1u << index;
        }
    }
    if ((seen & PUBLIC_KEY_BIT) == 0) {
        member_add(out, "public_key", st_str(header->public_key));
    }
}

void trace_header_add(st_buf_t *out, const trace_header_t *header,
                      const st_record_t *record)
{
    st_json_key(out, "trace");
    st_json_object_begin(out);
    st_json_key(out, "trace_id");
    st_json_trace_id(out, &record->head.trace_id);
    if (record->head.has_dsc) {
        frozen_add(out, header, record->head.dsc);
    } else {
        own_add(out, header, record);
    }
    st_json_object_end(out);
}
