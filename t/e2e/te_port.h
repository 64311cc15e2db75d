/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_PORT_H
#define TE_PORT_H

/* Sockets on 127.0.0.1. */

/* Fills `ports` with `count` different ports that are free right now; somebody else may take
 * one before it is used. */
void te_port_find(int *ports, int count);

/* A listening socket on `port`, 0: any. @return descriptor, or -1 with errno. */
int te_port_listen(int port);

/* The port of a bound socket. */
int te_port_of(int fd);

/* Connections to `port` that the server has not closed yet. */
int te_port_connections(int port);

/* Sends what is written at once: without it two writes in a row wait 40 ms for each other. */
void te_port_no_delay(int fd);

/* A connection to `port`. @return descriptor, or -1 with errno. */
int te_port_connect(int port);

#endif /* TE_PORT_H */
