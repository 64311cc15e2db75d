/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ENCODER_H
#define ST_ENCODER_H

/* Turns records of one trace into one envelope
 * (https://develop.sentry.dev/sdk/foundations/envelopes/).
 *
 * What is the same for all spans of a destination is rendered once, at creation. */

#include <apr_pools.h>
#include "st_buf.h"
#include "st_clock.h"
#include "st_dest.h"
#include "st_record.h"
#include "st_report.h"

typedef struct st_encoder_t st_encoder_t;

/* Prepares an encoder for `dest`; both dest and the encoder live as long as result_pool.
 * @return the encoder, never NULL. It is immutable: any thread may use it afterwards. */
st_encoder_t *st_encoder_create(const st_dest_t *dest, apr_pool_t *result_pool);

/* Appends one envelope holding all spans of `records` (1..n records of the same trace, at most
 * 1000 spans together; the first one's sampling values go into the DSC) and, when `report` is
 * not NULL and not empty, a client report item.
 * @param now Unix time, goes out as sent_at
 * @return APR_SUCCESS; else the buffer's failure or that of the preparation: what was appended
 *         to `out` is then to be thrown away. */
apr_status_t st_encoder_spans(const st_encoder_t *encoder, st_buf_t *out,
                              const st_record_t *const *records, int record_count,
                              const st_report_t *report, st_ns_t now) ST_MUST_CHECK;

/* Appends one envelope holding `record` as a transaction, and a report as above; a transaction
 * wants an envelope for itself. The same record always gives the same event id.
 * @param pleft_out set to the number of children that had no room (st_transaction.h)
 * @return as above; ST_E_LIMIT when it cannot be made small enough. */
apr_status_t st_encoder_transaction(const st_encoder_t *encoder, st_buf_t *out,
                                    const st_record_t *record, const st_report_t *report,
                                    st_ns_t now, int *pleft_out) ST_MUST_CHECK;

/* Appends one envelope that holds only a client report. Same returns. */
apr_status_t st_encoder_report(const st_encoder_t *encoder, st_buf_t *out,
                               const st_report_t *report, st_ns_t now) ST_MUST_CHECK;

#endif /* ST_ENCODER_H */
