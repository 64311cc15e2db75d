/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a client that does not behave. */

#include "te_raw.h"
#include "te_port.h"
#include "te_wait.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "st_buf.h"

#define ANSWER_MAX ((size_t)16 << 20)

int te_raw_open(int port)
{
    int fd = te_port_connect(port);
    ck_assert_msg(fd >= 0, "connect to %d: %s", port, strerror(errno));
    struct timeval patience = {.tv_sec = TE_PATIENCE_SEC};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    return fd;
}

int te_raw_send(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return 0;
        }
        text += sent;
        len -= (size_t)sent;
    }
    return 1;
}

size_t te_raw_receive(int fd, char *bytes, size_t len)
{
    ssize_t got = recv(fd, bytes, len, 0);
    ck_assert_msg(got >= 0 || errno != EAGAIN, "no answer within %d s", TE_PATIENCE_SEC);
    return got > 0 ? (size_t)got : 0;
}

const char *te_raw_receive_all(int fd, apr_pool_t *pool)
{
    char bytes[16384];
    st_buf_t all;
    st_buf_init(&all, ANSWER_MAX);
    size_t got = te_raw_receive(fd, bytes, sizeof(bytes));
    while (got > 0) {
        st_buf_add(&all, bytes, got);
        got = te_raw_receive(fd, bytes, sizeof(bytes));
    }
    const char *text = apr_pstrmemdup(pool, all.data != NULL ? all.data : "", all.len);
    st_buf_free(&all);
    return text;
}

void te_raw_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

const char *te_raw_exchange(int port, const char *text, apr_pool_t *pool)
{
    int fd = te_raw_open(port);
    te_raw_send(fd, text);
    const char *answer = te_raw_receive_all(fd, pool);
    close(fd);
    return answer;
}
