/* SPDX-License-Identifier: Apache-2.0 */
/* A server with one answer, in a thread: one connection after the other. */

#include "te_canned.h"
#include "te_port.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>

#include "st_buf.h"

#define POLL_MS      10
#define RECEIVED_MAX ((size_t)1 << 20)

struct te_canned_t {
    te_canned_script_t script;
    pthread_t thread;
    int fd;
    int port;
    atomic_int stopping;
    pthread_mutex_t mutex; /* guards received */
    st_buf_t received;
};

/* @return 0 when nothing more will come. */
static int await_input(const te_canned_t *canned, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (atomic_load(&canned->stopping) == 0) {
        if (poll(&ready, 1, POLL_MS) > 0) {
            return 1;
        }
    }
    return 0;
}

/* @return 1 when the request is complete. */
static int keep(te_canned_t *canned, const char *bytes, size_t len, size_t from)
{
    const te_canned_script_t *script = &canned->script;
    pthread_mutex_lock(&canned->mutex);
    st_buf_add(&canned->received, bytes, len);
    const st_buf_t *all = &canned->received;
    int is_complete = all->len - from >= script->until_len &&
                      memcmp(all->data + all->len - script->until_len, script->until,
                             script->until_len) == 0;
    pthread_mutex_unlock(&canned->mutex);
    return is_complete;
}

static void serve(te_canned_t *canned, int fd)
{
    char bytes[4096];
    size_t from = canned->received.len; /* only this thread adds */
    int is_complete = 0;
    while (!is_complete && await_input(canned, fd)) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0) {
            return;
        }
        is_complete = keep(canned, bytes, (size_t)got, from);
    }
    if (is_complete) {
        send(fd, canned->script.answer, canned->script.answer_len, MSG_NOSIGNAL);
    }
}

static void *canned_run(void *baton)
{
    te_canned_t *canned = baton;
    while (await_input(canned, canned->fd)) {
        int fd = accept4(canned->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            serve(canned, fd);
            close(fd);
        }
    }
    return NULL;
}

/* httpd's children run as somebody else: the socket is for everybody. */
static int listen_on_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(path, 0666) != 0 || listen(fd, 16) != 0) {
        return -1;
    }
    return fd;
}

te_canned_t *te_canned_start(const te_canned_script_t *script)
{
    te_canned_t *canned = calloc(1, sizeof(*canned));
    ck_assert_ptr_nonnull(canned);
    canned->script = *script;
    st_buf_init(&canned->received, RECEIVED_MAX);
    pthread_mutex_init(&canned->mutex, NULL);
    canned->fd = script->path != NULL ? listen_on_path(script->path) : te_port_listen(0);
    ck_assert_msg(canned->fd >= 0, "listen: %s", strerror(errno));
    canned->port = script->path != NULL ? 0 : te_port_of(canned->fd);
    ck_assert_int_eq(pthread_create(&canned->thread, NULL, canned_run, canned), 0);
    return canned;
}

int te_canned_port(const te_canned_t *canned)
{
    return canned->port;
}

const char *te_canned_received(te_canned_t *canned, size_t *plen, apr_pool_t *pool)
{
    pthread_mutex_lock(&canned->mutex);
    const char *bytes =
        apr_pmemdup(pool, canned->received.len > 0 ? canned->received.data : "",
                    canned->received.len);
    *plen = canned->received.len;
    pthread_mutex_unlock(&canned->mutex);
    return bytes;
}

void te_canned_stop(te_canned_t *canned)
{
    atomic_store(&canned->stopping, 1);
    pthread_join(canned->thread, NULL);
    close(canned->fd);
    st_buf_free(&canned->received);
    pthread_mutex_destroy(&canned->mutex);
    free(canned);
}
