/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests over many connections. */

#include "te_load.h"
#include "te_port.h"
#include "te_wait.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define ATTEMPTS_MAX    200

struct te_load_t {
    int port;
    char request[256];
    size_t request_len;
    atomic_int left;
    atomic_int cancelled;
    atomic_int held;
    atomic_int busy; /* requests that have begun, or are about to see whether they may */
    atomic_int pause_ms;
    atomic_int answered;
    atomic_int failed;
    atomic_int repeated;
    int thread_count;
    pthread_t threads[CONNECTIONS_MAX];
};

typedef enum { ANSWER_OK, ANSWER_BAD, ANSWER_NONE } answer_t;

static int connect_now(int port)
{
    int fd = te_port_connect(port);
    if (fd >= 0) {
        struct timeval patience = {.tv_sec = TE_PATIENCE_SEC};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }
    return fd;
}

/* Receives until the head is complete. @return bytes received, 0: the server closed first. */
static size_t receive_head(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    while (len < size - 1) {
        ssize_t got = recv(fd, bytes + len, size - 1 - len, 0);
        if (got <= 0) {
            return len;
        }
        len += (size_t)got;
        bytes[len] = '\0';
        if (strstr(bytes, "\r\n\r\n") != NULL) {
            return len;
        }
    }
    return len;
}

/* Receives the rest of the body. @return 1 when it came. */
static int receive_rest(int fd, long rest)
{
    char bytes[16384];
    while (rest > 0) {
        size_t want = rest < (long)sizeof(bytes) ? (size_t)rest : sizeof(bytes);
        ssize_t got = recv(fd, bytes, want, 0);
        if (got <= 0) {
            return 0;
        }
        rest -= got;
    }
    return 1;
}

/* @param pclose set when the server will close */
static answer_t receive_answer(int fd, int *pclose)
{
    char bytes[16384];
    size_t len = receive_head(fd, bytes, sizeof(bytes));
    if (len == 0) {
        return ANSWER_NONE;
    }
    const char *head_end = strstr(bytes, "\r\n\r\n");
    const char *length = strcasestr(bytes, "\r\nContent-Length:");
    if (head_end == NULL || length == NULL || strncmp(bytes + 8, " 200 ", 5) != 0) {
        return ANSWER_BAD;
    }
    *pclose = strcasestr(bytes, "\r\nConnection: close") != NULL;
    long body = strtol(length + 17, NULL, 10);
    long have = (long)len - (head_end + 4 - bytes);
    return receive_rest(fd, body - have) ? ANSWER_OK : ANSWER_BAD;
}

/* One request until it is answered; *pfd is the connection, -1: none. */
static answer_t ask(te_load_t *load, int *pfd)
{
    for (int i = 0; i < ATTEMPTS_MAX && !atomic_load(&load->cancelled); i++) {
        int closing = 0;
        answer_t answer = ANSWER_NONE;
        if (*pfd < 0) {
            *pfd = connect_now(load->port);
        }
        if (*pfd >= 0 && send(*pfd, load->request, load->request_len, MSG_NOSIGNAL) > 0) {
            answer = receive_answer(*pfd, &closing);
        }
        if (*pfd >= 0 && (answer != ANSWER_OK || closing)) {
            close(*pfd);
            *pfd = -1;
        }
        if (answer != ANSWER_NONE) {
            return answer;
        }
        atomic_fetch_add(&load->repeated, 1);
        te_tick(0);
    }
    return ANSWER_BAD;
}

/* Waits while the load is held. Who holds it sees that we are busy, or we see that it is held.
 * @return 0 when there is nothing left to do. */
static int request_begin(te_load_t *load)
{
    atomic_fetch_add(&load->busy, 1);
    while (atomic_load(&load->held)) {
        atomic_fetch_sub(&load->busy, 1);
        te_tick(0);
        atomic_fetch_add(&load->busy, 1);
    }
    int has_one = atomic_fetch_sub(&load->left, 1) > 0;
    if (!has_one) {
        atomic_fetch_sub(&load->busy, 1);
    }
    return has_one;
}

static void *load_run(void *baton)
{
    te_load_t *load = baton;
    int fd = -1;
    while (request_begin(load)) {
        answer_t answer = ask(load, &fd);
        atomic_fetch_add(answer == ANSWER_OK ? &load->answered : &load->failed, 1);
        atomic_fetch_sub(&load->busy, 1);
        poll(NULL, 0, atomic_load(&load->pause_ms));
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

te_load_t *te_load_start(int port, const char *path, int requests, int connections)
{
    ck_assert_int_le(connections, CONNECTIONS_MAX);
    te_load_t *load = calloc(1, sizeof(*load));
    ck_assert_ptr_nonnull(load);
    load->port = port;
    int len = snprintf(load->request, sizeof(load->request),
                       "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    load->request_len = (size_t)len;
    atomic_init(&load->left, requests);
    for (int i = 0; i < connections; i++) {
        ck_assert_int_eq(pthread_create(&load->threads[i], NULL, load_run, load), 0);
        load->thread_count++;
    }
    return load;
}

void te_load_pace(te_load_t *load, int pause_ms)
{
    atomic_store(&load->pause_ms, pause_ms);
}

void te_load_hold(te_load_t *load)
{
    atomic_store(&load->held, 1);
    te_deadline_t deadline = te_deadline(2 * TE_PATIENCE_SEC);
    while (atomic_load(&load->busy) > 0) {
        ck_assert_msg(te_tick(deadline), "a request of the load does not end");
    }
}

void te_load_release(te_load_t *load)
{
    atomic_store(&load->held, 0);
}

int te_load_progress(te_load_t *load)
{
    return atomic_load(&load->answered);
}

void te_load_cancel(te_load_t *load)
{
    atomic_store(&load->cancelled, 1);
    atomic_store(&load->left, 0);
    te_load_release(load); /* to see that there is nothing left */
}

te_load_result_t te_load_finish(te_load_t *load)
{
    for (int i = 0; i < load->thread_count; i++) {
        pthread_join(load->threads[i], NULL);
    }
    te_load_result_t result = {.answered = atomic_load(&load->answered),
                               .failed = atomic_load(&load->failed),
                               .repeated = atomic_load(&load->repeated)};
    free(load);
    return result;
}
