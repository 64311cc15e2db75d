/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_PRIVATE_H
#define MST_PRIVATE_H

/* What every file of the httpd glue needs: the module's symbol, and its name for the log, so
 * that `LogLevel sentry_trace:debug` reaches all of them. */

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>

#include "st_error.h"

#ifndef AP_MODULE_MAGIC_AT_LEAST
#error "httpd's headers are older than 2.4"
#elif !AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
#error "mod_sentry_trace needs httpd 2.4.49 or newer"
#endif

extern module AP_MODULE_DECLARE_DATA sentry_trace_module;

APLOG_USE_MODULE(sentry_trace);

#define MST_HANDLER_SINK   "sentry-trace-sink"
#define MST_HANDLER_STATUS "sentry-trace-status"

#endif /* MST_PRIVATE_H */
