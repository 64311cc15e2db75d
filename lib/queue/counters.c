/* SPDX-License-Identifier: Apache-2.0 */
/* Relaxed counters of one endpoint. */
#include "st_counters.h"

#include <stddef.h>

/* Relaxed throughout: each number stands alone, and whoever adds them up wants a snapshot
 * only. */
static void add(_Atomic uint64_t *counter, uint64_t quantity)
{
    atomic_fetch_add_explicit(counter, quantity, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void st_counters_created(st_counters_t *counters, st_category_t category,
                         uint64_t quantity)
{
    add(&counters->created[category], quantity);
}

void st_counters_refused(st_counters_t *counters, st_reason_t reason,
                         st_category_t category, uint64_t quantity)
{
    add(&counters->refused[reason][category], quantity);
}

uint64_t st_counters_get_created(const st_counters_t *counters, st_category_t category)
{
    return get(&counters->created[category]);
}

uint64_t st_counters_get_delivered(const st_counters_t *counters, st_category_t category)
{
    return get(&counters->delivered[category]);
}

uint64_t st_counters_get_discarded(const st_counters_t *counters, st_reason_t reason,
                                   st_category_t category)
{
    return get(&counters->refused[reason][category]) +
           get(&counters->settled[reason][category]);
}

/* What is still to be said of one reason. */
static uint64_t unreported(const st_counters_t *counters, st_reason_t reason,
                           st_category_t category)
{
    if (!st_reason_is_reported(reason)) {
        return 0;
    }
    return st_counters_get_discarded(counters, reason, category) -
           get(&counters->reported[reason][category]);
}

int st_counters_report_read(const st_counters_t *counters, st_report_t *report)
{
    int found = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            uint64_t quantity =
                unreported(counters, (st_reason_t)reason, (st_category_t)category);
            found = found || quantity > 0;
            if (report != NULL) {
                report->quantity[reason][category] = quantity;
            }
        }
    }
    return found;
}

void st_counters_report_done(st_counters_t *counters, const st_report_t *report)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            add(&counters->reported[reason][category],
                report->quantity[reason][category]);
        }
    }
}
