/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_NOTICE_H
#define ST_NOTICE_H

/* Says in the log what an endpoint loses, without filling it: the first loss of each kind at
 * once, everything after that as one line a minute with the number of spans. */

#include "st_clock.h"
#include "st_error.h"

typedef enum {
    ST_NOTICE_NETWORK = 0, /* no answer */
    ST_NOTICE_REFUSED,     /* an answer that is neither 2xx nor 429 */
    ST_NOTICE_LIMITED,     /* 429 */
    ST_NOTICE_ENCODING,    /* the envelope could not be made or handed over */
    ST_NOTICE_RECORD,      /* what came out of the ring is no record */
    ST_NOTICE_COUNT
} st_notice_kind_t;

typedef struct st_notice_t {
    const char *endpoint; /* masked DSN */
    unsigned said;        /* bit per kind */
    uint64_t more;        /* spans lost since the last line */
    st_ns_t quiet_until;
} st_notice_t;

void st_notice_init(st_notice_t *notice, const char *endpoint);

/* Notes that `spans` spans were lost (0: a client report was, which is not counted).
 * @param text what happened, in a few words; copied into the line
 * Sender thread only. */
void st_notice_lost(st_notice_t *notice, st_notice_kind_t kind, apr_status_t rv,
                    const char *text, uint64_t spans, st_ns_t now);

/* Says what has been kept back, and that `left` spans (if any) were given up at the end. */
void st_notice_end(st_notice_t *notice, uint64_t left);

#endif /* ST_NOTICE_H */
