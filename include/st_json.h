/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_JSON_H
#define ST_JSON_H

/* Writes JSON (RFC 8259) onto a buffer, value by value, without a tree and without state.
 *
 *   st_json_object_begin(out);                {
 *   st_json_key(out, "version");              {"version":
 *   st_json_int(out, 2);                      {"version":2
 *   st_json_key(out, "items");                {"version":2,"items":
 *   ...
 *
 * Every key and value puts a comma before itself unless the last byte of the buffer opens
 * something: '{', '[', ':' or the newline between documents. That is enough, because no value
 * ends in one of these. Whoever adds punctuation as literal text may mix both ways.
 *
 * Output is UTF-8 on one line, whatever bytes come in. Failures stick in the buffer. Not
 * thread-safe; no locale is consulted. */

#include "st_buf.h"
#include "st_clock.h"
#include "st_id.h"
#include "st_text.h"

void st_json_object_begin(st_buf_t *out);
void st_json_object_end(st_buf_t *out);
void st_json_array_begin(st_buf_t *out);
void st_json_array_end(st_buf_t *out);

/* Adds `"key":`. The key is trusted: printable ASCII without quotes and backslashes. */
void st_json_key(st_buf_t *out, const char *key);

/* Adds text that is JSON already: a value, or members of an object. Nothing when empty. */
void st_json_raw(st_buf_t *out, st_str_t json);

/* Adds a string. Control characters are escaped; each byte that belongs to no valid UTF-8
 * sequence becomes U+FFFD. */
void st_json_string(st_buf_t *out, st_str_t text);

void st_json_int(st_buf_t *out, int64_t number);
void st_json_uint(st_buf_t *out, uint64_t number);
void st_json_bool(st_buf_t *out, int truth);

/* Adds a number with the fewest digits that give the same double back; `null` for what JSON
 * cannot say (infinite, not a number): leave such values out. */
void st_json_double(st_buf_t *out, double number);

/* Writes the text st_json_double adds, for a number that goes out as a string.
 * @param out at least ST_JSON_NUMBER_BYTES
 * @return its length; not zero-terminated. */
#define ST_JSON_NUMBER_BYTES 32
size_t st_json_double_text(char *out, double number);

/* Adds a time as seconds with exactly six decimals. What is finer is cut off, and there is no
 * floating point on the way. */
void st_json_time(st_buf_t *out, st_ns_t time);

/* Add an id as a string of hex digits. */
void st_json_trace_id(st_buf_t *out, const st_trace_id_t *id);
void st_json_span_id(st_buf_t *out, st_span_id_t id);

/* Adds the attribute `"key":{"type":"string","value":"..."}`, or nothing when the value is
 * empty: Sentry wants no empty attributes
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/). */
void st_json_attr_string(st_buf_t *out, const char *key, st_str_t value);

#endif /* ST_JSON_H */
