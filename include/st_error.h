/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ERROR_H
#define ST_ERROR_H

/* Status codes of the core.
 *
 * Everything returns apr_status_t. Codes of our own start at APR_OS_START_USERERR; codes of
 * foreign libraries (CURLcode, errno) are translated once, where they come in. */

#include <apr_errno.h>

#define ST_E_FULL      (APR_OS_START_USERERR + 1) /* a bounded container has no room */
#define ST_E_MALFORMED (APR_OS_START_USERERR + 2) /* outside bytes break their grammar */
#define ST_E_NETWORK                                                                     \
    (APR_OS_START_USERERR + 3)                /* no HTTP answer: connect, TLS, timeout */
#define ST_E_LIMIT (APR_OS_START_USERERR + 4) /* a size limit would be exceeded */

#if defined(__GNUC__)
#define ST_MUST_CHECK   __attribute__((warn_unused_result))
#define ST_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ST_MUST_CHECK
#define ST_PRINTF(f, a)
#endif

/* The text of `rv`, ours or APR's, written to `buf` of `size` bytes, always terminated.
 * @return buf. Any thread; never fails. */
const char *st_error_text(apr_status_t rv, char *buf, apr_size_t size);

#endif /* ST_ERROR_H */
