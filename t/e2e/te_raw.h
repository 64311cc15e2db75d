/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_RAW_H
#define TE_RAW_H

/* Requests of a client that does not behave: bytes over a socket. */

#include <stddef.h>

#include <apr_pools.h>

/* Connects to 127.0.0.1:port; the test ends when that fails. @return descriptor */
int te_raw_open(int port);

/* Sends text. @return 0 when the server has closed. */
int te_raw_send(int fd, const char *text);

/* Receives at most `len` bytes. @return their number; 0 when the server has closed. */
size_t te_raw_receive(int fd, char *bytes, size_t len);

/* Receives until the server closes. @return all of it, in pool. */
const char *te_raw_receive_all(int fd, apr_pool_t *pool);

/* Closes with RST, as a client that is killed. */
void te_raw_reset(int fd);

/* Sends text on a connection of its own and receives until the server closes.
 * @return the answer, in pool; "" when there was none. */
const char *te_raw_exchange(int port, const char *text, apr_pool_t *pool);

#endif /* TE_RAW_H */
