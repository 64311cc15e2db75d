/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_REPORT_H
#define ST_REPORT_H

/* Why and in which category something was not delivered; the vocabulary of client reports
 * (https://develop.sentry.dev/sdk/telemetry/client-reports/). */

#include <stdint.h>

/* X(NAME, "wire text", reported). A reason that is not reported is counted here only: on 429
 * the server has counted already (same page, "SDK Side Recommendations"). */
#define ST_REASON_LIST(X)                                                                \
    X(SAMPLE_RATE, "sample_rate", 1)                                                     \
    X(QUEUE_OVERFLOW, "queue_overflow", 1)                                               \
    X(BUFFER_OVERFLOW, "buffer_overflow", 1)                                             \
    X(NETWORK_ERROR, "network_error", 1)                                                 \
    X(SEND_ERROR, "send_error", 1)                                                       \
    X(INTERNAL_SDK_ERROR, "internal_sdk_error", 1)                                       \
    X(IGNORED, "ignored", 1)                                                             \
    X(BACKPRESSURE, "backpressure", 1)                                                   \
    X(RATE_LIMITED, "rate_limited", 0)

typedef enum {
#define ST_REASON_ENUM(name, text, reported) ST_REASON_##name,
    ST_REASON_LIST(ST_REASON_ENUM)
#undef ST_REASON_ENUM
        ST_REASON_COUNT
} st_reason_t;

/* A transaction counts once as transaction, and with its segment and all children as spans. */
typedef enum {
    ST_CATEGORY_SPAN = 0,
    ST_CATEGORY_TRANSACTION,
    ST_CATEGORY_COUNT
} st_category_t;

/* The wire text, a static string. */
const char *st_reason_text(st_reason_t reason);
const char *st_category_text(st_category_t category);

/* 1 when client reports name this reason. */
int st_reason_is_reported(st_reason_t reason);

/* Quantities of one client report, plain numbers. */
typedef struct st_report_t {
    uint64_t quantity[ST_REASON_COUNT][ST_CATEGORY_COUNT];
} st_report_t;

/* 1 when every quantity is 0. */
int st_report_is_empty(const st_report_t *report);

#endif /* ST_REPORT_H */
