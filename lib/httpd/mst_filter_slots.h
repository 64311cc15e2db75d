/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_FILTER_SLOTS_H
#define MST_FILTER_SLOTS_H

/* The slots behind the trampolines: slot i holds one original filter function, and
 * trampoline i calls mst_filter_call(i, ...). A slot is given once and never reused until
 * the next configuration run, so a call needs no lock. */

#include <util_filter.h>
#include "mst_private.h"

/* As many different filter functions can be wrapped; a standard httpd with every module loaded
 * has about 45. */
#define MST_SLOTS 128

/* NULL-terminated list of names to look up. */
extern const char *const mst_filter_names[];

/* Forgets all slots. Before children exist. */
void mst_slots_reset(void);

/* Puts a trampoline into the record, unless it has one. Any thread.
 * @param lasting the record lives as long as the configuration: its name is remembered
 * @return APR_SUCCESS; ST_E_FULL when no slot is left, the record stays as it was. */
apr_status_t mst_slot_wrap(ap_filter_rec_t *frec, int lasting);

/* The original function of a slot that a trampoline was called with. Any thread. */
ap_out_filter_func mst_slot_original(int slot);

/* The module that the function stands in ("mod_deflate.c"), static for the configuration. */
const char *mst_slot_module(int slot);

/* What the span of this call is named: the filter as the configuration spells it, in upper
 * case ("DEFLATE"). In `pool`, or static for the configuration. */
const char *mst_slot_filter_name(int slot, const ap_filter_t *f, apr_pool_t *pool);

/* Runs one call of a wrapped filter (filters.c). */
apr_status_t mst_filter_call(int slot, ap_filter_t *f, apr_bucket_brigade *bb);

/* The trampoline of a slot; and 1 when a function is one of them (filter_trampolines.c). */
ap_out_filter_func mst_trampoline(int slot);
int mst_is_trampoline(ap_out_filter_func function);

#endif /* MST_FILTER_SLOTS_H */
