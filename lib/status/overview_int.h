/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_OVERVIEW_INT_H
#define ST_OVERVIEW_INT_H

/* What the writers of an overview share. Numbers come out the same whatever the locale. */

#include "st_overview.h"

/* Upper bound of latency bucket `i` in ms; i < ST_ENDPOINT_LATENCY_BUCKETS - 1. */
int st_overview_bound_ms(int i);

/* "closed", "open", "probing"; "unknown" for what is none of these. */
const char *st_overview_circuit_text(st_circuit_state_t circuit);

/* "span", "transaction", "report". */
const char *st_overview_limit_text(st_limit_t limit);

/* "file" or "memory". */
const char *st_overview_storage_text(const st_overview_t *overview);

/* Time from `wall` until the overview was made; never negative. */
st_ns_t st_overview_age(const st_overview_t *overview, st_ns_t wall);

/* What it takes an answer to come, on average; 0 when there was none. */
st_ns_t st_overview_latency_mean(const st_overview_endpoint_t *endpoint);

/* A duration in seconds, cut to whole microseconds: nothing here is known better. */
double st_overview_seconds(st_ns_t duration);

/* Append a number, with as few digits as are needed. */
void st_overview_uint(st_buf_t *out, uint64_t number);
void st_overview_double(st_buf_t *out, double number);

/* What stands for a character in the format that is written; NULL: itself. */
typedef const char *st_overview_escape_fn(char c);

/* Appends text as valid UTF-8, each ASCII character by way of `escape`; what is no UTF-8
 * becomes U+FFFD. */
void st_overview_text(st_buf_t *out, const char *text, st_overview_escape_fn *escape);

#endif /* ST_OVERVIEW_INT_H */
