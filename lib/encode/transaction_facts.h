/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSACTION_FACTS_H
#define TRANSACTION_FACTS_H

/* What a segment's attributes say in a transaction outside of its trace context: request, user,
 * response, tags (https://develop.sentry.dev/sdk/data-model/event-payloads/request/). Facts that
 * are missing are left out. */

#include "span_common.h"

/* The attributes of one segment by their keys; of a key that comes twice the first. Borrows
 * the record. */
typedef struct st_facts_t {
    key_set_t has;
    st_attr_t attrs[ST_ATTR_COUNT]; /* valid where `has` says so */
    const st_record_t *record;      /* all of them: st_record_attr from attr_first on */
    int attr_first;
    int attr_count;
} st_facts_t;

void st_facts_read(st_facts_t *facts, const st_record_t *record,
                   const st_record_span_t *segment);

/* The text of a string attribute; empty when there is none. */
st_str_t st_facts_text(const st_facts_t *facts, st_attr_key_t key);

/* The URL without query and fragment, which stand elsewhere. */
static inline st_str_t url_without_query(st_str_t url)
{
    size_t len = 0;
    while (len < url.len && url.ptr[len] != '?' && url.ptr[len] != '#') {
        len++;
    }
    return (st_str_t){url.ptr, len};
}

/* Each adds a member of the event, or of "contexts", of that name, or nothing.
 * @param max most bytes of a text */
void st_facts_request_add(st_buf_t *out, const st_facts_t *facts, size_t max);
void st_facts_user_add(st_buf_t *out, const st_facts_t *facts, size_t max);
void st_facts_tags_add(st_buf_t *out, const st_facts_t *facts);
void st_facts_response_add(st_buf_t *out, const st_facts_t *facts);

#endif /* TRANSACTION_FACTS_H */
