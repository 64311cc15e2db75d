/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_NOTICE_H
#define ST_NOTICE_H

/* Says in the log what happens to an endpoint's spans, without filling it: when it stops
 * answering and when it answers again, one line each; the first loss of each kind at once, every
 * loss after that as one line a minute with the number of spans. Sender thread only. */

#include "st_clock.h"
#include "st_error.h"

typedef enum {
    ST_NOTICE_REFUSED = 0, /* an answer that settles, and is neither 2xx nor 429 */
    ST_NOTICE_LIMITED,     /* 429, or not sent because of a limit */
    ST_NOTICE_ENCODING,    /* the envelope could not be made or handed over */
    ST_NOTICE_RECORD,      /* what came out of the ring is no record */
    ST_NOTICE_OVERFLOW,    /* the queue got full */
    ST_NOTICE_GIVEN_UP,    /* sent in vain too often */
    ST_NOTICE_COUNT
} st_notice_kind_t;

typedef struct st_notice_t {
    const char *endpoint; /* masked DSN */
    int is_down;          /* 1: it does not answer, and that was said */
    st_ns_t down_quiet;   /* until then it is not said again */
    unsigned said;        /* bit per kind */
    uint64_t more;        /* spans lost since the last line */
    st_ns_t quiet_until;
} st_notice_t;

/* @param is_down 1: a sender before this one has said that it does not answer */
void st_notice_init(st_notice_t *notice, const char *endpoint, int is_down);

/* What is known when an endpoint does not answer. */
typedef struct st_notice_outage_t {
    apr_status_t rv;
    const char *text; /* why, in a few words */
    st_ns_t retry_in;
    uint64_t waiting; /* spans */
} st_notice_outage_t;

/* It did not answer: says so unless that was said, or was said less than a minute ago. */
void st_notice_down(st_notice_t *notice, const st_notice_outage_t *outage, st_ns_t now);

/* It answered: says so if it was said that it does not. */
void st_notice_up(st_notice_t *notice);

/* Notes that `spans` spans were lost (0: a client report was, which is not counted).
 * @param text what happened, in a few words; copied into the line */
void st_notice_lost(st_notice_t *notice, st_notice_kind_t kind, apr_status_t rv,
                    const char *text, uint64_t spans, st_ns_t now);

/* Says what has been kept back. */
void st_notice_end(st_notice_t *notice);

#endif /* ST_NOTICE_H */
