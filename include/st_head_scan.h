/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_HEAD_SCAN_H
#define ST_HEAD_SCAN_H

/* Finds the end of the <head> tag in a page that arrives in pieces.
 *
 *   <!doctype html><html lang="a>b"><!-- <head> --><head data-x='>'>
 *                                                                   └─ here
 *
 * It reads tags as browsers do (https://html.spec.whatwg.org/multipage/parsing.html#tokenization):
 * a tag ends at the first '>' outside of quoted values, and comments, processing instructions and
 * the text of scripts, styles and the like contain no tags. The one thing left out: a script that
 * contains a comment that contains a script. Bytes are never kept; the state is a few of them. */

#include <stddef.h>
#include "st_error.h"

#define ST_HEAD_NAME_MAX 12

typedef enum {
    ST_HEAD_MORE = 1, /* not seen yet */
    ST_HEAD_FOUND,    /* ends in this piece */
    ST_HEAD_NONE      /* there is none, or not within the limit */
} st_head_result_t;

typedef struct st_head_scan_t {
    int state;
    int element;  /* of the tag that is being read */
    size_t left;  /* bytes until it gives up */
    size_t match; /* letters of `name` seen so far of a raw text's end tag */
    size_t name_len;
    char name[ST_HEAD_NAME_MAX]; /* lower case; a longer one is cut, and no known one */
} st_head_scan_t;

/* Starts before the first byte; gives up after `limit` bytes. */
void st_head_scan_init(st_head_scan_t *scan, size_t limit);

/* Reads the next piece. FOUND and NONE are final: further pieces give NONE.
 * @param pend with FOUND, how many of the bytes belong to what ends with the tag; otherwise
 *             untouched */
st_head_result_t st_head_scan_feed(st_head_scan_t *scan, const char *bytes, size_t len,
                                   size_t *pend) ST_MUST_CHECK;

#endif /* ST_HEAD_SCAN_H */
