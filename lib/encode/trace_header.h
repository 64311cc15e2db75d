/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_HEADER_H
#define TRACE_HEADER_H

/* The dynamic sampling context in the header of an envelope
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/dynamic-sampling-context/).
 *
 * All its values are strings: Sentry takes a number here for a context that is missing, and
 * drops the spans without a word. The same happens to the trace when a value has another form
 * than Sentry expects, so what came in with a request is looked through once more. */

#include <apr_pools.h>
#include "st_buf.h"
#include "st_dest.h"
#include "st_record.h"

typedef struct trace_header_t {
    st_str_t members; /* JSON, of a trace that begins here: public_key, release... */
    const char *public_key; /* for a trace whose head does not say its own */
} trace_header_t;

/* Renders what follows from `dest` alone into result_pool; dest lives as long.
 * @return APR_SUCCESS; APR_ENOMEM; ST_E_LIMIT. */
apr_status_t trace_header_prepare(trace_header_t *header, const st_dest_t *dest,
                                  apr_pool_t *result_pool) ST_MUST_CHECK;

/* Adds `"trace":{...}` for the trace of `record`: from its frozen context when it has one. Of
 * that only members go out that Sentry knows and whose values it can read; trace_id is always
 * the record's, and public_key the destination's when there is none. */
void trace_header_add(st_buf_t *out, const trace_header_t *header,
                      const st_record_t *record);

#endif /* TRACE_HEADER_H */
