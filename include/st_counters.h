/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_COUNTERS_H
#define ST_COUNTERS_H

/* What happened to the spans of one endpoint, exactly:
 *
 *   created = delivered + sum of discarded + waiting in the queue
 *
 * Lives in memory given by the owner, zeroed, shared between processes. There are two hands:
 * any producer counts what it creates and what it discards before the queue, with relaxed
 * atomic additions; what comes out of the queue is settled by the one sender alone, in
 * absolute numbers (st_ledger.h), so that a settlement which a crash has cut short can be
 * finished by its successor. */

#include <stdatomic.h>
#include <stdint.h>
#include "st_report.h"

typedef struct st_counters_t {
    /* producers */
    _Atomic uint64_t created[ST_CATEGORY_COUNT];
    _Atomic uint64_t refused[ST_REASON_COUNT][ST_CATEGORY_COUNT];
    /* the sender */
    _Atomic uint64_t delivered[ST_CATEGORY_COUNT];
    _Atomic uint64_t settled[ST_REASON_COUNT][ST_CATEGORY_COUNT];
    _Atomic uint64_t reported[ST_REASON_COUNT][ST_CATEGORY_COUNT];
} st_counters_t;

/* Any thread of any process. `refused`: created, and discarded without having been queued. */
void st_counters_created(st_counters_t *counters, st_category_t category,
                         uint64_t quantity);
void st_counters_refused(st_counters_t *counters, st_reason_t reason,
                         st_category_t category, uint64_t quantity);

/* Snapshots. `discarded` is what producers refused and what the sender settled so. Any thread
 * of any process. */
uint64_t st_counters_get_created(const st_counters_t *counters, st_category_t category);
uint64_t st_counters_get_delivered(const st_counters_t *counters, st_category_t category);
uint64_t st_counters_get_discarded(const st_counters_t *counters, st_reason_t reason,
                                   st_category_t category);

/* What is discarded for a reported reason and was not acknowledged yet. Sender only; at most
 * one report of an endpoint is under way at a time.
 * @return 1 when there is something; `report` may be NULL to ask only that. */
int st_counters_report_read(const st_counters_t *counters, st_report_t *report);

/* Notes that `report`, as it was read, has arrived. Sender only. A report whose sending failed
 * is simply read again. */
void st_counters_report_done(st_counters_t *counters, const st_report_t *report);

#endif /* ST_COUNTERS_H */
