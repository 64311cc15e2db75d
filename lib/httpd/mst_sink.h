/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_SINK_H
#define MST_SINK_H

/* The content handler sentry-trace-sink: accepts envelopes as Sentry would and appends them to
 * a file, to look at traces without leaving the machine.
 *
 * Answers in JSON: 200 {"id"} when the envelope stands in the file; {"detail"} with 400
 * (malformed), 403 (peer), 405 (not POST), 413 (over 20 MB, packed or unpacked), 415
 * (Content-Encoding other than gzip, deflate, identity), 500 and 507 (file). */

#include "mst_private.h"

/* Answers a request that was given to the handler. Any thread; reads the whole body.
 * @param path the file, or NULL when none is configured (answers 500)
 * @param loopback_only refuse when the peer of the connection, or the client that mod_remoteip
 *        found behind it, is another machine
 * @return OK, with r->status set; never DECLINED. */
int mst_sink_handle(request_rec *r, const char *path, int loopback_only);

#endif /* MST_SINK_H */
