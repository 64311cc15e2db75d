/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_FOLLOW_H
#define STC_FOLLOW_H

/* Following a file of envelopes as it grows.
 *
 *   missing ─► open ─► read ─► quiet ─► read ...
 *      ▲         ▲               ├─ replaced (another inode): finish it, open the new one
 *      └─────────┴───────────────┴─ truncated: start over
 */

#include "stc_viewer.h"

/* Most traces that are open while following. */
#define STC_FOLLOW_OPEN_MAX 1000

/* Shows viewer->path as it grows, what is there first, until SIGINT or SIGTERM, or until
 * nobody reads the output. Sets handlers for both signals.
 * @return the exit status: OK when it was ended, FAILED when the output fails. */
int stc_follow_run(stc_viewer_t *viewer);

#endif /* STC_FOLLOW_H */
