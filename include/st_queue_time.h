/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_QUEUE_TIME_H
#define ST_QUEUE_TIME_H

/* How long a request waited before it came to us, as the proxy in front of us tells it in
 * X-Request-Start. There is no standard: "t=" may stand in front, and the moment is given in
 * seconds (nginx), milliseconds (Heroku), microseconds (httpd's %t) or nanoseconds. */

#include "st_clock.h"

/* Reads the header and computes the time until `start` (Unix time).
 * @param header NULL: there is none
 * @return 1 and *pms in milliseconds; 0 when nothing sensible comes out: no number, a moment
 *         after `start` (clocks differ), or one more than an hour ago. */
int st_queue_time_read(double *pms, const char *header, st_ns_t start);

#endif /* ST_QUEUE_TIME_H */
