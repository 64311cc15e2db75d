/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_SINK_H
#define MST_SINK_H

/* The content handler sentry-trace-sink: accepts envelopes as Sentry would and appends them to
 * a file, to look at traces without leaving the machine. */

#include "mst_private.h"

/* Answers a request that was given to the handler.
 * @param path the file, or NULL when none is configured (answers 500)
 * @param loopback_only refuse peers other than this machine
 * @return OK, or the HTTP status of the refusal. Never DECLINED. */
int mst_sink_handle(request_rec *r, const char *path, int loopback_only);

#endif /* MST_SINK_H */
