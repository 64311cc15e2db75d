/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RFC3339_H
#define ST_RFC3339_H

/* Reading date and time as text (https://www.rfc-editor.org/rfc/rfc3339#section-5.6). Writing
 * is st_clock_rfc3339. */

#include "st_clock.h"
#include "st_error.h"

/* Parses a whole text such as 2026-11-22T06:26:45.052Z or 2026-11-22t07:26:45+01:00. What is
 * finer than a nanosecond is cut off; a leap second counts as the second after it.
 * @param ptime Unix time; untouched on failure
 * @return APR_SUCCESS; ST_E_MALFORMED, also when the time is beyond st_ns_t (years 1678 to
 *         2261 fit). Any thread. */
apr_status_t st_rfc3339_parse(st_ns_t *ptime, const char *text) ST_MUST_CHECK;

#endif /* ST_RFC3339_H */
