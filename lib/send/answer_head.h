/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ANSWER_HEAD_H
#define ST_ANSWER_HEAD_H

/* Keeps the two headers of an answer that matter (st_rate_limits.h), within a bound. */

#include <stddef.h>

typedef struct st_answer_head_t {
    int has_limits;
    int has_retry_after;
    char limits[2048]; /* all lines, joined by "," */
    char retry_after[64];
} st_answer_head_t;

void st_answer_head_clear(st_answer_head_t *head);

/* Looks at one line of a head, with or without its line end. A status line begins a new
 * head: what an interim answer said is forgotten. What does not fit is left out as a
 * whole, between two commas. */
void st_answer_head_line(st_answer_head_t *head, const char *line, size_t len);

#endif /* ST_ANSWER_HEAD_H */
