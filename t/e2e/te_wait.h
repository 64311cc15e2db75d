/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_WAIT_H
#define TE_WAIT_H

/* Waiting for something that another thread or process does: look, pause, look again, until a
 * deadline that is only there to end a test that hangs.
 *
 *   te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
 *   while (!arrived() && te_tick(deadline)) {
 *   }
 */

#include "st_clock.h"

#define TE_PATIENCE_SEC 30

typedef st_ns_t te_deadline_t;

/* The instant `seconds` from now; TE_PATIENCE (a factor) in the environment stretches it, for
 * servers slowed down by a sanitizer. */
te_deadline_t te_deadline(int seconds);

/* Pauses for a few milliseconds. @return 0 when the deadline has passed, else 1. */
int te_tick(te_deadline_t deadline);

#endif /* TE_WAIT_H */
