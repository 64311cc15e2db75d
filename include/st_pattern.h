/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_PATTERN_H
#define ST_PATTERN_H

/* Patterns for names of spans that are to be ignored
 * (https://develop.sentry.dev/sdk/telemetry/spans/filtering/). Pure functions. */

/* 1 when the pattern fits. Without '*' and '?' it fits every name that contains it; with one of
 * them it is a glob for the whole name: '*' stands for any number of bytes, '?' for exactly
 * one. Case matters. The empty pattern fits nothing. Time is at most the product of both
 * lengths; no recursion. */
int st_pattern_matches(const char *pattern, const char *name);

#endif /* ST_PATTERN_H */
