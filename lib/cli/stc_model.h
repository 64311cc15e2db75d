/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_MODEL_H
#define STC_MODEL_H

/* Collects the spans of envelopes into traces and decides when a trace is shown.
 *
 *   envelopes ─► open traces, oldest first ─► shown, once each, and freed
 *
 * The number of open traces is bounded: when one too many begins, the oldest is shown as it
 * is. Spans that come after their trace was shown begin it anew. Time is an argument. */

#include "st_clock.h"
#include "st_envelope.h"
#include "stc_trace.h"

typedef struct stc_model_t stc_model_t;

typedef struct stc_model_events_t {
    /* A trace is complete, or as complete as it gets; arranged, and freed after the call. */
    void (*show)(stc_trace_t *trace, void *baton);

    /* A client report says that so many of `category` were discarded. */
    void (*discarded)(st_str_t reason, st_str_t category, uint64_t quantity, void *baton);

    /* An item is there that is not shown here, of this type. */
    void (*skipped)(st_str_t type, void *baton);

    /* A part of `item` cannot be shown, because. `why` is valid during the call. */
    void (*damaged)(const st_envelope_item_t *item, const char *why, void *baton);
    void *baton;
} stc_model_events_t;

/* @param events copied
 * @param open_max most traces that are open at a time, > 0 */
stc_model_t *stc_model_create(const stc_model_events_t *events, int open_max,
                              apr_pool_t *pool);

/* Takes over what is to be shown of an envelope. Borrows it during the call.
 * @param now monotonic */
void stc_model_add(stc_model_t *model, const st_envelope_t *envelope, st_ns_t now);

/* Shows the open traces that are ready at `now`, oldest first: those with a segment when
 * nothing came for a second, any other after half a minute. */
void stc_model_show_ready(stc_model_t *model, st_ns_t now);

/* Shows all open traces, oldest first. */
void stc_model_show_all(stc_model_t *model);

#endif /* STC_MODEL_H */
