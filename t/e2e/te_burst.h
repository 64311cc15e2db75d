/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_BURST_H
#define TE_BURST_H

/* Many requests at the same time as streams of one HTTP/2 connection. */

/* Sends `requests` GET requests for `url` (https), at most `streams` at a time.
 * @param ca_file certificates to trust
 * @return how many were answered 200 over HTTP/2. */
int te_burst(const char *url, const char *ca_file, int requests, int streams);

#endif /* TE_BURST_H */
