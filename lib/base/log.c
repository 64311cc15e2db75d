/* SPDX-License-Identifier: Apache-2.0 */
/* One process-wide writer, set before threads start. */
#include "st_log.h"

#include <stdarg.h>
#include <stdio.h>

static st_log_write_fn *log_write;
static void *log_baton;
static st_log_level_t log_max;

void st_log_writer_set(st_log_write_fn *write, void *baton, st_log_level_t max_level)
{
    log_write = write;
    log_baton = baton;
    log_max = max_level;
}

void st_log(st_log_level_t level, apr_status_t rv, const char *fmt, ...)
{
    if (log_write == NULL || level > log_max) {
        return;
    }
    char message[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    log_write(log_baton, level, rv, message);
}
