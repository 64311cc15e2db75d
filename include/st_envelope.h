/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ENVELOPE_H
#define ST_ENVELOPE_H

/* Reading envelopes: for the sink, the command line tool and the tests. Never used while a
 * request is traced. */

#include <apr_pools.h>
#include <jansson.h>
#include "st_error.h"

typedef struct st_envelope_item_t {
    json_t *header;      /* object; borrowed from the envelope */
    const char *type;    /* its "type" */
    const char *payload; /* points into the bytes that were parsed */
    size_t len;
    json_t *json; /* the payload, parsed; NULL when it is no JSON */
} st_envelope_item_t;

typedef struct st_envelope_t {
    json_t *header; /* object */
    st_envelope_item_t *items;
    int item_count;
    size_t used; /* bytes of the input that this envelope took */
} st_envelope_t;

/* Reads one envelope from the start of bytes[0..len). It ends at the end of the input or where
 * the next line is a header without "type": envelopes may follow each other in a file.
 * @param penvelope in result_pool, with references to JSON that its cleanup drops; borrows
 *        `bytes`
 * @param pwhy on failure a sentence in result_pool
 * @return APR_SUCCESS; ST_E_MALFORMED; APR_EOF when len is 0. */
apr_status_t st_envelope_parse(st_envelope_t **penvelope, const char **pwhy,
                               const char *bytes, size_t len,
                               apr_pool_t *result_pool) ST_MUST_CHECK;

/* Checks a parsed envelope as strictly as Sentry would, including what Sentry drops without a
 * word: DSC there and well-typed, item_count right, ids well-formed, unique and of the DSC's
 * trace, required fields, typed attributes, start <= end, report quantities > 0; of a
 * transaction also its event id, trace context, lengths of texts, and size.
 * @return APR_SUCCESS; ST_E_MALFORMED with *pwhy as above. */
apr_status_t st_envelope_validate(const st_envelope_t *envelope, const char **pwhy,
                                  apr_pool_t *result_pool) ST_MUST_CHECK;

/* The payload of a transaction as an array of spans of version 2, the segment first: plain data
 * gets types, a rich status becomes "ok", or "error" with sentry.status.message, dates become
 * numbers. What is missing stays missing; nothing is checked.
 * @return a new reference, never NULL (but without memory). */
json_t *st_envelope_transaction_spans(const json_t *transaction);

#endif /* ST_ENVELOPE_H */
