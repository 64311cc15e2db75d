/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_TRANSACTION_H
#define ST_TRANSACTION_H

/* A record as a transaction, which is an event with its spans inside
 * (https://develop.sentry.dev/sdk/data-model/event-payloads/transaction/).
 *
 *   type, event_id, platform, release ...    what the event is
 *   transaction, tags, request, user         what was asked for
 *   contexts: trace, response                the segment
 *   spans                                    its children
 *
 * The same facts as in spans (st_span_v2.h), in the places where events have them. */

#include <apr_pools.h>
#include "st_buf.h"
#include "st_dest.h"
#include "st_record.h"

/* Most bytes of a transaction, as Sentry takes it. */
#define ST_TRANSACTION_BYTES_MAX ((size_t)1024 * 1024)

/* Most bytes of a transaction's name; Sentry counts characters. */
#define ST_TRANSACTION_NAME_MAX 200

#define ST_EVENT_ID_HEX 32

/* Members of an event that follow from the destination alone, ready to be copied. */
typedef struct st_transaction_parts_t {
    st_str_t event; /* platform, release, environment, server_name, sdk */
} st_transaction_parts_t;

/* Renders the parts for `dest` into result_pool.
 * @return APR_SUCCESS; APR_ENOMEM; ST_E_LIMIT when its texts are out of all proportion. */
apr_status_t st_transaction_prepare(st_transaction_parts_t *parts, const st_dest_t *dest,
                                    apr_pool_t *result_pool) ST_MUST_CHECK;

/* The id of the record's event, lower-case hex, not zero-terminated. It follows from the ids of
 * trace and segment: when the record is sent again, Sentry knows the event again. */
void st_transaction_event_id(char out[ST_EVENT_ID_HEX], const st_record_t *record);

/* Adds the transaction as a JSON object. Nothing of a child can sink it: texts that are long are
 * cut further, and children that do not fit into ST_TRANSACTION_BYTES_MAX are left out, the last
 * ones first, so that whoever stays has its parent. Failure sticks in the buffer; ST_E_LIMIT
 * when even the segment alone is too large. Any thread.
 * @return children left out. */
int st_transaction_record(st_buf_t *out, const st_transaction_parts_t *parts,
                          const st_record_t *record);

#endif /* ST_TRANSACTION_H */
