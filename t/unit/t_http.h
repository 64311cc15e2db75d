/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_HTTP_H
#define T_HTTP_H

/* A tiny HTTP/1.1 server in a thread of the test: takes POSTs on 127.0.0.1 and answers by a
 * script, one number per request: an HTTP status, or one of the misbehaviours below. The
 * script's last number holds for all further requests. Include t.h first. */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <check.h>

#define T_HTTP_SILENT    (-1) /* never answers */
#define T_HTTP_CLOSE     (-2) /* closes without an answer */
#define T_HTTP_CUT_HEAD  (-3) /* closes within the status line */
#define T_HTTP_CUT_BODY  (-4) /* 200, and closes within the body */
#define T_HTTP_LONG_BODY (-5) /* 200 with a body of 4 MB */
#define T_HTTP_HANG_UP   (-6) /* 200, and closes without having said so */
#define T_HTTP_LIMITS    (-7) /* 200, with limits on spans in two lines */

#define T_HTTP_CONNS 128

typedef struct t_http_request_t {
    char *head;
    char *body;
    size_t len;
    int connection; /* number of the connection it came on */
} t_http_request_t;

/* Sees each request in the server's thread. */
typedef void t_http_request_fn(const t_http_request_t *request, void *baton);

typedef struct t_http_conn_t {
    int fd; /* -1: free */
    int number;
    char *data;
    size_t len;
    size_t cap;
} t_http_conn_t;

typedef struct t_http_t {
    int listener;
    int stop_pipe[2];
    unsigned port;
    const int *script;
    int script_len;
    t_http_request_fn *on_request; /* or NULL */
    void *baton;
    int request_count;    /* read after t_http_stop */
    int connection_count; /* read after t_http_stop */
    t_http_conn_t conns[T_HTTP_CONNS];
    pthread_t thread;
} t_http_t;

static inline void t_http_conn_close(t_http_conn_t *conn)
{
    close(conn->fd);
    free(conn->data);
    *conn = (t_http_conn_t){.fd = -1};
}

static inline void t_http_send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the client went away */
        }
        bytes += n;
        len -= (size_t)n;
    }
}

static inline void t_http_long_body(int fd)
{
    static char zeros[4096];
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n";
    t_http_send_all(fd, head, strlen(head));
    for (int i = 0; i < 1024; i++) {
        t_http_send_all(fd, zeros, sizeof(zeros));
    }
}

/* @return 1 when the connection stays open. */
static inline int t_http_answer(int fd, int status)
{
    char text[200];
    switch (status) {
    case T_HTTP_SILENT:
        return 1;
    case T_HTTP_CLOSE:
        return 0;
    case T_HTTP_CUT_HEAD:
        t_http_send_all(fd, "HTTP/1.1 2", 10);
        return 0;
    case T_HTTP_CUT_BODY:
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\"");
        t_http_send_all(fd, text, strlen(text));
        return 0;
    case T_HTTP_HANG_UP:
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        t_http_send_all(fd, text, strlen(text));
        return 0;
    case T_HTTP_LIMITS:
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\nX-Sentry-Rate-Limits: 60:span:key\r\n"
                 "x-sentry-rate-limits: 70:error, 80::org\r\n"
                 "Content-Length: 2\r\n\r\n{}");
        t_http_send_all(fd, text, strlen(text));
        return 1;
    case T_HTTP_LONG_BODY:
        t_http_long_body(fd);
        return 1;
    default:
        snprintf(text, sizeof(text),
                 "HTTP/1.1 %d Some\r\nContent-Type: application/json\r\n"
                 "Location: http://127.0.0.1:1/elsewhere\r\n%s"
                 "Content-Length: 2\r\n\r\n{}",
                 status, status == 429 ? "Retry-After: 7\r\n" : "");
        t_http_send_all(fd, text, strlen(text));
        return 1;
    }
}

/* Handles the request at the start of the connection's bytes, if it is complete.
 * @return 1 when there was one. */
static inline int t_http_request(t_http_t *http, t_http_conn_t *conn)
{
    char *end = memmem(conn->data, conn->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t head_len = (size_t)(end - conn->data) + 4;
    char *head = strndup(conn->data, head_len);
    const char *length = strcasestr(head, "\r\ncontent-length:");
    size_t body_len = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    if (conn->len < head_len + body_len) {
        free(head);
        return 0;
    }
    t_http_request_t request = {.head = head,
                                .body = conn->data + head_len,
                                .len = body_len,
                                .connection = conn->number};
    if (http->on_request != NULL) {
        http->on_request(&request, http->baton);
    }
    free(head);
    conn->len -= head_len + body_len;
    memmove(conn->data, conn->data + head_len + body_len, conn->len);
    int at = http->request_count++;
    int last = http->script_len - 1;
    if (!t_http_answer(conn->fd, http->script[at < last ? at : last])) {
        t_http_conn_close(conn);
        return 0;
    }
    return 1;
}

static inline void t_http_read(t_http_t *http, t_http_conn_t *conn)
{
    if (conn->cap - conn->len < 65536) {
        conn->cap = conn->cap * 2 + 131072;
        conn->data = realloc(conn->data, conn->cap);
    }
    ssize_t n = recv(conn->fd, conn->data + conn->len, conn->cap - conn->len, 0);
    if (n <= 0) {
        t_http_conn_close(conn);
        return;
    }
    conn->len += (size_t)n;
    int more = 1;
    while (more) {
        more = t_http_request(http, conn);
    }
}

static inline void t_http_accept(t_http_t *http)
{
    int fd = accept(http->listener, NULL, NULL);
    for (int i = 0; fd >= 0 && i < T_HTTP_CONNS; i++) {
        if (http->conns[i].fd < 0) {
            http->conns[i] =
                (t_http_conn_t){.fd = fd, .number = http->connection_count++};
            return;
        }
    }
}

static inline void *t_http_main(void *baton)
{
    t_http_t *http = baton;
    struct pollfd pfds[T_HTTP_CONNS + 2];
    for (;;) {
        pfds[0] = (struct pollfd){.fd = http->listener, .events = POLLIN};
        pfds[1] = (struct pollfd){.fd = http->stop_pipe[0], .events = POLLIN};
        for (int i = 0; i < T_HTTP_CONNS; i++) {
            pfds[i + 2] = (struct pollfd){.fd = http->conns[i].fd, .events = POLLIN};
        }
        poll(pfds, T_HTTP_CONNS + 2, -1);
        if (pfds[1].revents != 0) {
            return NULL;
        }
        for (int i = 0; i < T_HTTP_CONNS; i++) {
            if (pfds[i + 2].revents != 0) {
                t_http_read(http, &http->conns[i]);
            }
        }
        if (pfds[0].revents != 0) {
            t_http_accept(http);
        }
    }
}

/* A listening socket on a free port. */
static inline int t_http_listen(unsigned *pport)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(fd, 128), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *pport = ntohs(addr.sin_port);
    return fd;
}

/* Starts a server that lives in the pool of the test; script (borrowed) has script_len > 0
 * numbers. */
static inline t_http_t *t_http_start(const int *script, int script_len,
                                     t_http_request_fn *on_request, void *baton)
{
    t_http_t *http = apr_pcalloc(t_pool, sizeof(*http));
    http->script = script;
    http->script_len = script_len;
    http->on_request = on_request;
    http->baton = baton;
    for (int i = 0; i < T_HTTP_CONNS; i++) {
        http->conns[i].fd = -1;
    }
    http->listener = t_http_listen(&http->port);
    ck_assert_int_eq(pipe(http->stop_pipe), 0);
    ck_assert_int_eq(pthread_create(&http->thread, NULL, t_http_main, http), 0);
    return http;
}

/* Ends the thread; the counts may be read then. */
static inline void t_http_stop(t_http_t *http)
{
    ck_assert_int_eq(write(http->stop_pipe[1], "x", 1), 1);
    ck_assert_int_eq(pthread_join(http->thread, NULL), 0);
    for (int i = 0; i < T_HTTP_CONNS; i++) {
        if (http->conns[i].fd >= 0) {
            t_http_conn_close(&http->conns[i]);
        }
    }
    close(http->listener);
    close(http->stop_pipe[0]);
    close(http->stop_pipe[1]);
}

#endif /* T_HTTP_H */
