/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ENVELOPE_CHECK_H
#define ST_ENVELOPE_CHECK_H

/* The rules behind st_envelope_validate, one file per part of an envelope. Every check returns
 * 1 when all is well; else 0 and the reason is in check->why. */

#include <apr_pools.h>
#include <jansson.h>
#include "st_clock.h"
#include "st_error.h"

/* How JSON is read: strictly, but U+0000 is legal. */
#define ST_CHECK_JSON_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

typedef struct st_check_t {
    apr_pool_t *pool; /* of the reasons */
    const char *part; /* what is being looked at; starts the sentence */
    int number;       /* which one, from 1; 0 when there is only one */
    const char *why;
} st_check_t;

/* Notes why: the part, its number and the formatted rest. @return 0, to be handed on. */
int st_check_refuse(st_check_t *check, const char *fmt, ...) ST_PRINTF(2, 3);

/* The text for a reason: short, and without control characters. In the pool. */
const char *st_check_quote(const char *text, apr_pool_t *pool);

/* The text of a string without U+0000; NULL for anything else. */
const char *st_check_text(const json_t *json);

/* 1 when `json` is a string of exactly `digits` lower-case hex digits, not all zero. */
int st_check_is_id(const json_t *json, size_t digits);

/* 1 when `json` is a string that is not empty. */
int st_check_is_text(const json_t *json);

/* 1 when `json` is a string holding an RFC 3339 time; *ptime is then set. */
int st_check_is_instant(const json_t *json, st_ns_t *ptime);

/* A member that may be missing, or null, which is the same in events: then NULL. */
json_t *st_check_optional(const json_t *object, const char *key);

/* 1 when `json` is a string of 1 to `max` characters. */
int st_check_is_short(const json_t *json, size_t max);

/* 1 when `json` is an array of strings, of numbers or of booleans; null among them is no matter. */
int st_check_is_array(const json_t *json);

/* 1 when `json` is a time in seconds or a date as text, *psec then in seconds. */
int st_check_is_time(const json_t *json, double *psec);

/* Whether members `start` and `end` of `object` are times, in that order. */
int st_check_times(st_check_t *check, const json_t *object, const char *start,
                   const char *end);

/* 1 when `text` is in the list of `count` words. */
int st_check_is_one_of(const char *text, const char *const *words, size_t count);

/* Refuses a member of `object` that is not in the list: Sentry keeps what it does not know,
 * unindexed and scrubbed, so that a mistake goes unnoticed. */
int st_check_members(st_check_t *check, json_t *object, const char *const *known,
                     size_t count);

/* The dynamic sampling context of an envelope header. */
int st_envelope_dsc_check(st_check_t *check, json_t *dsc);

/* A span container's payload.
 * @param trace_id the DSC's
 * @param item_count the item header's, NULL when it has none */
int st_envelope_spans_check(st_check_t *check, const json_t *container,
                            const char *trace_id, const json_t *item_count);

/* The "attributes" of a span or link; NULL when there are none. */
int st_envelope_attrs_check(st_check_t *check, json_t *attrs);

/* A transaction's payload.
 * @param event_id the envelope header's, NULL when it has none
 * @param dsc NULL when there is none */
int st_envelope_transaction_check(st_check_t *check, json_t *transaction,
                                  const json_t *event_id, const json_t *dsc);

/* A transaction's trace context, and its spans. */
int st_envelope_trace_check(st_check_t *check, json_t *trace, const json_t *dsc);
int st_envelope_children_check(st_check_t *check, json_t *spans, const json_t *trace);

/* An object of tags. */
int st_envelope_tags_check(st_check_t *check, json_t *tags);

/* A client report's payload. */
int st_envelope_report_check(st_check_t *check, const json_t *report);

#endif /* ST_ENVELOPE_CHECK_H */
