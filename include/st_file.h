/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_FILE_H
#define ST_FILE_H

/* Files that several processes append to, a whole piece at a time: envelopes of the `file:`
 * DSN and of the sink. */

#include <stddef.h>
#include <sys/types.h>
#include "st_error.h"

/* Appends exactly these bytes to the regular file `path`, all or nothing: writers are
 * serialised with flock, and what a failed write left behind is cut off again. Nothing is
 * added: bytes that shall be a line end in a newline.
 * The file is made with `mode` (less the umask) when it is missing, and opened anew each
 * time, so that it may be rotated.
 * @return APR_SUCCESS; APR_EINVAL when `path` is no regular file; APR_TIMEUP when another
 *         writer held the lock for a second; else what the system says (APR_ENOSPC...).
 * Any thread; blocks for the disk. */
apr_status_t st_file_append(const char *path, const void *bytes, size_t len,
                            mode_t mode) ST_MUST_CHECK;

#endif /* ST_FILE_H */
