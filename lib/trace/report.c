/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of client reports. */
#include "st_report.h"

static const char *const reason_texts[ST_REASON_COUNT] = {
#define REASON_TEXT(name, text, reported) text,
    ST_REASON_LIST(REASON_TEXT)
#undef REASON_TEXT
};

static const int reason_reported[ST_REASON_COUNT] = {
#define REASON_REPORTED(name, text, reported) reported,
    ST_REASON_LIST(REASON_REPORTED)
#undef REASON_REPORTED
};

const char *st_reason_text(st_reason_t reason)
{
    return reason_texts[reason];
}

const char *st_category_text(st_category_t category)
{
    static const char *const texts[ST_CATEGORY_COUNT] = {
        [ST_CATEGORY_SPAN] = "span", [ST_CATEGORY_TRANSACTION] = "transaction"};
    return texts[category];
}

int st_reason_is_reported(st_reason_t reason)
{
    return reason_reported[reason];
}

int st_report_is_empty(const st_report_t *report)
{
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            if (report->quantity[reason][category] > 0) {
                return 0;
            }
        }
    }
    return 1;
}
