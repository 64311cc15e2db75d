/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines for polling loops. */

#include "te_wait.h"

#include <stdlib.h>
#include <time.h>

#define TICK_NS (3 * ST_NS_PER_MS)

te_deadline_t te_deadline(int seconds)
{
    const char *factor_text = getenv("TE_PATIENCE");
    long factor = factor_text != NULL ? strtol(factor_text, NULL, 10) : 1;
    return st_clock_mono() + (factor > 0 ? factor : 1) * seconds * ST_NS_PER_SEC;
}

int te_tick(te_deadline_t deadline)
{
    struct timespec pause = {.tv_nsec = TICK_NS};
    nanosleep(&pause, NULL);
    return st_clock_mono() < deadline;
}
