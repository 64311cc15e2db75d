/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets on 127.0.0.1. */

#include "te_port.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIND_MAX 8

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int te_port_listen(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in address = loopback(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 128) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int te_port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

void te_port_find(int *ports, int count)
{
    int fds[FIND_MAX];
    ck_assert_int_le(count, FIND_MAX);
    for (int i = 0; i < count; i++) {
        fds[i] = te_port_listen(0);
        ck_assert_msg(fds[i] >= 0, "no free port: %s", strerror(errno));
        ports[i] = te_port_of(fds[i]);
    }
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
}

int te_port_connections(int port)
{
    enum { ESTABLISHED = 1, CLOSE_WAIT = 8 }; /* include/net/tcp_states.h of Linux */
    FILE *table = fopen("/proc/net/tcp", "re");
    ck_assert_ptr_nonnull(table);
    char line[512];
    int count = 0;
    while (fgets(line, sizeof(line), table) != NULL) {
        unsigned local;
        unsigned state;
        if (sscanf(line, " %*d: %*x:%x %*x:%*x %x", &local, &state) == 2) {
            count +=
                local == (unsigned)port && (state == ESTABLISHED || state == CLOSE_WAIT);
        }
    }
    fclose(table);
    return count;
}

void te_port_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int te_port_connect(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    te_port_no_delay(fd);
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}
