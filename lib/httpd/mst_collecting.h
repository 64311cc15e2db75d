/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_COLLECTING_H
#define MST_COLLECTING_H

/* What of a request is collected (SentryTraceCollect): one rule for each kind of facts. */

#include "mst_private.h"
#include "st_collect.h"

typedef enum {
    MST_COLLECT_REQUEST_HEADERS = 0,
    MST_COLLECT_RESPONSE_HEADERS,
    MST_COLLECT_COOKIES,
    MST_COLLECT_QUERY,
    MST_COLLECT_USER,
    MST_COLLECT_COUNT
} mst_collect_t;

/* Reads a line: KIND off, or KIND deny|allow and terms.
 * @param words of the line
 * @param pkind, prule what it says; the rule lives in p
 * @return NULL, or a sentence that names directive and value. */
const char *mst_collecting_parse(mst_collect_t *pkind, const st_collect_t **prule,
                                 const char *directive, int count, char *const words[],
                                 apr_pool_t *p);

#endif /* MST_COLLECTING_H */
