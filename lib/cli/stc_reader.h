/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_READER_H
#define STC_READER_H

/* Cuts a growing stream of bytes into envelopes.
 *
 *   bytes ─► pending ─► envelope, envelope ... ─► next
 *               └─ damaged part ─► told, skipped up to the next envelope header
 *
 * An envelope does not say where it ends: only the header of the next one, or the end of the
 * input, does. So the last one has to wait until the caller knows more. */

#include <apr_pools.h>
#include "st_envelope.h"

/* Where something is: offset in bytes from 0, line from 1. */
typedef struct stc_place_t {
    apr_off_t offset;
    apr_off_t line;
} stc_place_t;

/* Where `len` bytes further on than `place` is, going over `bytes`. */
stc_place_t stc_place_after(stc_place_t place, const char *bytes, size_t len);

/* What the caller knows about the end of what was fed. */
typedef enum {
    STC_READER_MORE,  /* anything may follow at once: the last envelope waits */
    STC_READER_QUIET, /* nothing came for a while: the last one counts if it is whole */
    STC_READER_END    /* nothing will follow: what is not whole is damaged */
} stc_reader_state_t;

typedef struct stc_reader_events_t {
    /* An envelope that starts at `place` as bytes[0..envelope->used). All of it is valid
     * during the call only. */
    void (*envelope)(const st_envelope_t *envelope, const char *bytes, stc_place_t place,
                     void *baton);

    /* From `place` up to `resumed` (its line is 0: all there was) something is not readable,
     * because. */
    void (*damaged)(stc_place_t place, stc_place_t resumed, const char *why, void *baton);
    void *baton;
} stc_reader_events_t;

typedef struct stc_reader_t stc_reader_t;

/* @param events copied. Memory for pending bytes is freed with the pool. */
stc_reader_t *stc_reader_create(const stc_reader_events_t *events, apr_pool_t *pool);

/* Room to read into: at least 64 KB, more when more is pending. Tell stc_reader_fed how much
 * of it was used.
 * @return where, or NULL when there is no memory. */
char *stc_reader_room(stc_reader_t *reader, size_t *psize);
void stc_reader_fed(stc_reader_t *reader, size_t len);

/* Hands out what can be handed out. Envelopes and damage are told in the order of the bytes.
 * More than 64 MB without an envelope count as damaged. */
void stc_reader_drain(stc_reader_t *reader, stc_reader_state_t state);

/* Starts again at offset 0, forgetting what is pending. */
void stc_reader_reset(stc_reader_t *reader);

#endif /* STC_READER_H */
