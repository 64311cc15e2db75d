/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_COUNTERS_H
#define ST_COUNTERS_H

/* What happened to the spans of one endpoint (distinct DSN), exactly:
 *
 *   created = delivered + sum of discarded + waiting
 *
 * Lives in memory given by the owner, zeroed; may be shared between processes. Any thread
 * counts, with relaxed atomics: the numbers order nothing else. */

#include <stdatomic.h>
#include <stdint.h>
#include "st_report.h"

typedef struct st_counters_t {
    _Atomic uint64_t created[ST_CATEGORY_COUNT];
    _Atomic uint64_t delivered[ST_CATEGORY_COUNT];
    _Atomic uint64_t discarded[ST_REASON_COUNT][ST_CATEGORY_COUNT];
    _Atomic uint64_t reported[ST_REASON_COUNT][ST_CATEGORY_COUNT];
} st_counters_t;

void st_counters_created(st_counters_t *counters, st_category_t category,
                         uint64_t quantity);
void st_counters_delivered(st_counters_t *counters, st_category_t category,
                           uint64_t quantity);
void st_counters_discarded(st_counters_t *counters, st_reason_t reason,
                           st_category_t category, uint64_t quantity);

/* Moves everything that was discarded for a reported reason and not yet reported into
 * `report`. One taker at a time.
 * @return 1 when there was something. */
int st_counters_report_take(st_counters_t *counters, st_report_t *report);

/* 1 when st_counters_report_take would find something; changes nothing. */
int st_counters_report_pending(const st_counters_t *counters);

/* Puts a taken report back, because it could not be delivered. */
void st_counters_report_restore(st_counters_t *counters, const st_report_t *report);

#endif /* ST_COUNTERS_H */
