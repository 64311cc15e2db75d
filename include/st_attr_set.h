/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ATTR_SET_H
#define ST_ATTR_SET_H

/* Attributes whose value somebody chose: it replaces what the key had, and wins over what is
 * collected later. Otherwise as st_segment_attr_str and st_span_attr_str. */

#include "st_segment.h"

/* @param span index of a child, or ST_SPAN_SEGMENT
 * @param value static or from the segment's pool
 * @return 1; 0 when there is nothing to keep it: a no-op segment, ST_SPAN_NONE, an empty
 *         string, no room. */
int st_attr_set_str(st_segment_t *seg, int span, st_attr_key_t key, const char *value);
int st_attr_set_int(st_segment_t *seg, int span, st_attr_key_t key, int64_t value);
int st_attr_set_double(st_segment_t *seg, int span, st_attr_key_t key, double value);

#endif /* ST_ATTR_SET_H */
