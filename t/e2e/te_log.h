/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_LOG_H
#define TE_LOG_H

/* The error log of a private httpd: it has to be clean.
 *
 * A line is an offence when its level is warn or worse, when it tells of a crashed child, or
 * when it is no log line at all (a sanitizer, a script, a library that prints). */

#include "te_httpd.h"

/* Announces that lines containing `text` may appear ("AH01630", a phrase) for the rest of the
 * test. Borrows text. */
void te_log_allow(const char *text);

/* Lines of the error log so far that contain `text`. */
int te_log_count(te_httpd_t *httpd, const char *text);

/* Waits until such a line has appeared. */
void te_log_await(te_httpd_t *httpd, const char *text);

/* Ends the test with the first offence in the error log, in what the server printed, or in a
 * sanitizer's report. */
void te_log_check(te_httpd_t *httpd);

#endif /* TE_LOG_H */
