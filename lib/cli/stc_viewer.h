/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_VIEWER_H
#define STC_VIEWER_H

/* From bytes to drawings: a reader, a model and an output, tied together.
 *
 *   fd ─► reader ─► model ─► waterfall ─► out_fd
 *            └── damage ──► stderr
 */

#include "stc_model.h"
#include "stc_reader.h"
#include "stc_style.h"
#include "stc_tally.h"

typedef struct stc_viewer_t {
    const char *path; /* of what is read, for messages */
    stc_style_t style;
    int out_fd;
    st_ns_t now;    /* monotonic, set by the caller; 0 where time plays no role */
    int is_damaged; /* something could not be read */
    int is_closed; /* the output takes no more: nobody reads it, or an error that was told */
    int is_failed; /* the output is closed because of an error */
    stc_reader_t *reader;
    stc_model_t *model;
    stc_tally_t *discarded;
    stc_tally_t *skipped;
    st_buf_t out;
    const char *envelope; /* bytes of the envelope that is being taken over */
    stc_place_t envelope_place;
} stc_viewer_t;

/* @param path borrowed
 * @param open_max most traces that are kept open */
stc_viewer_t *stc_viewer_create(const char *path, int out_fd, const stc_style_t *style,
                                int open_max, apr_pool_t *pool);

/* Reads once from `fd` and hands on what is complete.
 * @param plen bytes that came; 0 at the end
 * @return APR_SUCCESS, or why reading failed. */
apr_status_t stc_viewer_read(stc_viewer_t *viewer, int fd, size_t *plen) ST_MUST_CHECK;

/* Shows what the tallies hold: discarded items, and items that are not shown. */
void stc_viewer_show_tallies(stc_viewer_t *viewer);

/* Writes out what was drawn; sets is_closed when that is not possible. */
void stc_viewer_flush(stc_viewer_t *viewer);

/* Says a sentence on stderr, after the name of the program; what the sentence quotes is made
 * safe for terminals. */
void stc_viewer_say(const stc_viewer_t *viewer, const char *fmt, ...) ST_PRINTF(2, 3);

#endif /* STC_VIEWER_H */
