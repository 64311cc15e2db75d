/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_FAULT_H
#define SOAK_FAULT_H

/* What the soak does to its servers, chosen by a generator. */

#include "st_id.h"
#include "te_server.h"

/* How a fake Sentry behaves for a while. */
typedef struct soak_fault_t {
    const char *name;
    int weight;
    te_answer_t answer;
    int refuse; /* 1: its port is closed */
} soak_fault_t;

extern const soak_fault_t soak_fault_none;

/* What happens to the server under test once. */
typedef enum {
    SOAK_NOTHING = 0,
    SOAK_KILL_CHILD,
    SOAK_KILL_SENDER,
    SOAK_GRACEFUL,
    SOAK_RESTART,
    SOAK_STOP,
    SOAK_CLOCK,
    SOAK_BURST,
    SOAK_EVENT_COUNT
} soak_event_t;

const char *soak_event_text(soak_event_t event);

/* The event of that text; SOAK_EVENT_COUNT: there is none. */
soak_event_t soak_event_parse(const char *text);

/* The next number below `bound`. */
int soak_draw(st_rng_t *rng, int bound);

const soak_fault_t *soak_fault_draw(st_rng_t *rng);
soak_event_t soak_event_draw(st_rng_t *rng);

#endif /* SOAK_FAULT_H */
