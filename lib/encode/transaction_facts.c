/* SPDX-License-Identifier: Apache-2.0 */
/* From attributes to the older members of an event. */
#include "transaction_facts.h"

#include <string.h>
#include "named.h"

void st_facts_read(st_facts_t *facts, const st_record_t *record,
                   const st_record_span_t *segment)
{
    facts->has = 0;
    facts->record = record;
    facts->attr_first = segment->attr_first;
    facts->attr_count = segment->attr_count;
    for (int i = 0; i < segment->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(record, segment->attr_first + i, &attr);
        if (!st_attr_is_named(attr.key) && (facts->has & key_bit(attr.key)) == 0 &&
            attr_is_sendable(&attr)) {
            facts->has |= key_bit(attr.key);
            facts->attrs[attr.key] = attr;
        }
    }
}

static int has(const st_facts_t *facts, st_attr_key_t key)
{
    return (facts->has & key_bit(key)) != 0;
}

st_str_t st_facts_text(const st_facts_t *facts, st_attr_key_t key)
{
    return has(facts, key) ? facts->attrs[key].value.str : (st_str_t){NULL, 0};
}

/* Where an object begins, and whether it got members. */
static size_t member_begin(st_buf_t *out, const char *key)
{
    size_t before = out->len;
    st_json_key(out, key);
    st_json_object_begin(out);
    return before;
}

/* Ends the object that began at `before`; one that stayed empty goes. */
static void member_end(st_buf_t *out, size_t before)
{
    if (st_buf_status(out) == APR_SUCCESS && out->data[out->len - 1] == '{') {
        out->len = before;
        return;
    }
    st_json_object_end(out);
}

/* The variables that SDKs of gateways send (as a CGI script would see them). */
static void env_add(st_buf_t *out, const st_facts_t *facts, size_t max)
{
    size_t before = member_begin(out, "env");
    text_member_add(out, "SERVER_NAME", st_facts_text(facts, ST_ATTR_SERVER_ADDRESS),
                    max);
    if (has(facts, ST_ATTR_SERVER_PORT)) {
        char text[ST_JSON_NUMBER_BYTES];
        int64_t port = facts->attrs[ST_ATTR_SERVER_PORT].value.integer;
        size_t len = st_json_double_text(text, (double)port);
        text_member_add(out, "SERVER_PORT", (st_str_t){text, len}, sizeof(text));
    }
    text_member_add(out, "REMOTE_ADDR", st_facts_text(facts, ST_ATTR_CLIENT_ADDRESS),
                    max);
    member_end(out, before);
}

/* Cookies stand apart; of a request whose headers were not collected there is still one. */
static void headers_add(st_buf_t *out, const st_facts_t *facts, size_t max)
{
    size_t before = member_begin(out, "headers");
    size_t empty = out->len;
    for (int i = 0; i < facts->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(facts->record, facts->attr_first + i, &attr);
        if (attr.key == ST_ATTR_REQUEST_HEADER &&
            !st_named_is_request_header(&attr, "cookie")) {
            st_named_header_add(out, &attr, max);
        }
    }
    if (out->len == empty) {
        text_member_add(out, "User-Agent",
                        st_facts_text(facts, ST_ATTR_USER_AGENT_ORIGINAL), max);
    }
    member_end(out, before);
}

static void cookies_add(st_buf_t *out, const st_facts_t *facts, size_t max)
{
    size_t before = member_begin(out, "cookies");
    for (int i = 0; i < facts->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(facts->record, facts->attr_first + i, &attr);
        if (st_named_is_request_header(&attr, "cookie")) {
            st_named_cookies_add(out, &attr, max);
        }
    }
    member_end(out, before);
}

void st_facts_request_add(st_buf_t *out, const st_facts_t *facts, size_t max)
{
    st_str_t url = url_without_query(st_facts_text(facts, ST_ATTR_URL_FULL));
    size_t before = member_begin(out, "request");
    text_member_add(out, "method", st_facts_text(facts, ST_ATTR_HTTP_REQUEST_METHOD),
                    max);
    text_member_add(out, "url", url, max);
    text_member_add(out, "query_string", st_facts_text(facts, ST_ATTR_URL_QUERY), max);
    headers_add(out, facts, max);
    cookies_add(out, facts, max);
    env_add(out, facts, max);
    member_end(out, before);
}

void st_facts_user_add(st_buf_t *out, const st_facts_t *facts, size_t max)
{
    size_t before = member_begin(out, "user");
    text_member_add(out, "username", st_facts_text(facts, ST_ATTR_USER_NAME), max);
    text_member_add(out, "ip_address", st_facts_text(facts, ST_ATTR_USER_IP_ADDRESS),
                    max);
    member_end(out, before);
}

void st_facts_tags_add(st_buf_t *out, const st_facts_t *facts)
{
    size_t before = member_begin(out, "tags");
    if (has(facts, ST_ATTR_HTTP_RESPONSE_STATUS_CODE)) {
        char text[ST_JSON_NUMBER_BYTES];
        int64_t status = facts->attrs[ST_ATTR_HTTP_RESPONSE_STATUS_CODE].value.integer;
        size_t len = st_json_double_text(text, (double)status);
        text_member_add(out, "http.status_code", (st_str_t){text, len}, sizeof(text));
    }
    member_end(out, before);
}

static void number_member_add(st_buf_t *out, const char *key, const st_facts_t *facts,
                              st_attr_key_t from)
{
    if (has(facts, from)) {
        st_json_key(out, key);
        st_json_int(out, facts->attrs[from].value.integer);
    }
}

void st_facts_response_add(st_buf_t *out, const st_facts_t *facts)
{
    if (!has(facts, ST_ATTR_HTTP_RESPONSE_STATUS_CODE)) {
        return;
    }
    st_json_key(out, "response");
    st_buf_add_lit(out, "{\"type\":\"response\"");
    number_member_add(out, "status_code", facts, ST_ATTR_HTTP_RESPONSE_STATUS_CODE);
    number_member_add(out, "body_size", facts, ST_ATTR_HTTP_RESPONSE_BODY_SIZE);
    st_json_object_end(out);
}
