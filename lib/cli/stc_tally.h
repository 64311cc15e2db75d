/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_TALLY_H
#define STC_TALLY_H

/* Counts under a few labels, shown as one line:
 *
 *   discarded: sample_rate 12 spans, queue_overflow 1 span
 */

#include <apr_pools.h>
#include "st_text.h"
#include "stc_style.h"

/* Labels beyond this many are counted together as "other". */
#define STC_TALLY_LABELS 32

typedef struct stc_tally_t stc_tally_t;

/* @param title in front of the line, borrowed */
stc_tally_t *stc_tally_create(const char *title, apr_pool_t *pool);

/* Adds `quantity` of `unit` (singular) under `label`; both are copied. Sums saturate. */
void stc_tally_add(stc_tally_t *tally, st_str_t label, st_str_t unit, uint64_t quantity);

/* Appends the line, or nothing when nothing was counted, and starts again at nothing. */
void stc_tally_show(stc_tally_t *tally, st_buf_t *out, const stc_style_t *style);

#endif /* STC_TALLY_H */
