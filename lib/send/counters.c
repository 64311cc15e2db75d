/* SPDX-License-Identifier: Apache-2.0 */
/* Relaxed counters of one endpoint. */
#include "st_counters.h"

/* Relaxed throughout: each number stands alone, and whoever adds them up does so after the
 * threads that count were joined, or wants a snapshot only. */
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

void st_counters_delivered(st_counters_t *counters, st_category_t category,
                           uint64_t quantity)
{
    add(&counters->delivered[category], quantity);
}

void st_counters_discarded(st_counters_t *counters, st_reason_t reason,
                           st_category_t category, uint64_t quantity)
{
    add(&counters->discarded[reason][category], quantity);
}

/* What is still to be said of one reason. */
static uint64_t unreported(const st_counters_t *counters, int reason, int category)
{
    if (!st_reason_is_reported((st_reason_t)reason)) {
        return 0;
    }
    return get(&counters->discarded[reason][category]) -
           get(&counters->reported[reason][category]);
}

int st_counters_report_pending(const st_counters_t *counters)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            if (unreported(counters, reason, category) > 0) {
                return 1;
            }
        }
    }
    return 0;
}

int st_counters_report_take(st_counters_t *counters, st_report_t *report)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            uint64_t quantity = unreported(counters, reason, category);
            report->quantity[reason][category] = quantity;
            add(&counters->reported[reason][category], quantity);
        }
    }
    return !st_report_is_empty(report);
}

void st_counters_report_restore(st_counters_t *counters, const st_report_t *report)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            atomic_fetch_sub_explicit(&counters->reported[reason][category],
                                      report->quantity[reason][category],
                                      memory_order_relaxed);
        }
    }
}
