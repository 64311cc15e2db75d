/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_LOG_H
#define ST_LOG_H

/* The core's way to say something without knowing httpd. Levels mirror APLOG_*. The module
 * plugs in ap_log_error, the command line tool stderr; without a writer nothing is said. */

#include "st_error.h"

typedef enum {
    ST_LOG_ERR = 3,
    ST_LOG_WARNING = 4,
    ST_LOG_NOTICE = 5,
    ST_LOG_INFO = 6,
    ST_LOG_DEBUG = 7
} st_log_level_t;

/* Receives one finished message without a newline. Called in the thread that logs, with no
 * lock held; must not log through st_log itself. `rv` is 0 when no status belongs to it. */
typedef void st_log_write_fn(void *baton, st_log_level_t level, apr_status_t rv,
                             const char *message);

/* Sets the writer of this process (NULL: silence) and the most talkative level it wants.
 * Borrows baton until the next call. Call while only one thread runs. */
void st_log_writer_set(st_log_write_fn *write, void *baton, st_log_level_t max_level);

/* Logs one message, cut at 1 KB. The format starts with its tag, "ST0123: "; tags are
 * listed in docs/messages.md, one per place, never reused. Any thread. */
void st_log(st_log_level_t level, apr_status_t rv, const char *fmt, ...) ST_PRINTF(3, 4);

#endif /* ST_LOG_H */
