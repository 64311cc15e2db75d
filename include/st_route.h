/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ROUTE_H
#define ST_ROUTE_H

/* Routes made from paths: what looks like an identifier becomes a star, as in the names that
 * Sentry cleans itself: "/users/42/photos" is "/users/X/photos" with a star for the X.
 *
 * A segment of the path is an identifier when it (percent-decoded)
 *   - holds anything but letters, digits and -_.~: (so do addresses with '@', texts in other
 *     scripts, and what is encoded twice or badly)
 *   - holds digits and no letters: numbers, dates, times, IP addresses
 *   - holds four digits in a row, or two and more that are a word by themselves: "order-17"
 *   - has 20 or more characters, letters and digits among them, or letters that change between
 *     upper and lower case more often than words do: tokens, UUIDs
 *   - has a word of hexadecimal digits: 7 or more, digits and letters among them; 16 or more; or
 *     any after "0x"
 *   - has a word of 8 or more characters with digits in two places
 * Words are runs of letters and digits. An identifier before a usual extension leaves that
 * alone: "/img/17.png" is "/img/X.png". */

#include <apr_pools.h>

#define ST_ROUTE_BYTES_MAX 200

/* The route of `path`, at most ST_ROUTE_BYTES_MAX bytes of letters, digits and /-_.~:*. Where it
 * would get longer it ends with a segment that is a star. Several slashes become one; what
 * follows a ';' in a segment is left out.
 * @return text in result_pool; NULL when path is NULL or does not start with '/'. */
const char *st_route_from_path(const char *path, apr_pool_t *result_pool);

#endif /* ST_ROUTE_H */
