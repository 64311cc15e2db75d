/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted HTTP/1.1 server in threads.
 *
 * `mutex` guards everything below it in the struct. `stopping` is polled by the threads:
 * 0 serve, 1 connections end, 2 the acceptor ends too. */

#include "te_server.h"
#include "te_port.h"
#include "te_wait.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_POLL_MS 10
#define QUEUE_MAX      64
#define ANSWER_MAX     1024

struct te_server_t {
    pthread_t acceptor;
    int port;
    atomic_int stopping;
    pthread_mutex_t mutex;
    int fd;         /* listening socket; -1: refusing */
    int refuse;     /* what is wanted */
    int kills;      /* clients may vanish */
    int open_count; /* connection threads that run */
    int connection_count;
    int read_count;
    te_answer_t usual;
    te_answer_t queue[QUEUE_MAX];
    int queue_len;
    te_message_t **messages;
    int message_count;
    int message_cap;
    const char *failure;
};

typedef struct connection_t {
    te_server_t *server;
    te_wire_t wire;
    int number;
} connection_t;

static void lock(te_server_t *server)
{
    pthread_mutex_lock(&server->mutex);
}

static void unlock(te_server_t *server)
{
    pthread_mutex_unlock(&server->mutex);
}

static te_answer_t answer_take(te_server_t *server)
{
    lock(server);
    server->read_count++;
    te_answer_t answer = server->usual;
    if (server->queue_len > 0) {
        answer = server->queue[0];
        server->queue_len--;
        memmove(server->queue, server->queue + 1,
                (size_t)server->queue_len * sizeof(*server->queue));
    }
    unlock(server);
    return answer;
}

static void message_add(te_server_t *server, te_message_t *message)
{
    lock(server);
    if (server->message_count == server->message_cap) {
        server->message_cap = server->message_cap * 2 + 64;
        server->messages = realloc(server->messages, (size_t)server->message_cap *
                                                         sizeof(*server->messages));
    }
    server->messages[server->message_count++] = message;
    unlock(server);
}

/* Waits that long; negative: for ever. @return 0 when the connection must end. */
static int linger(connection_t *connection, int ms)
{
    const atomic_int *stopping = &connection->server->stopping;
    st_ns_t until = st_clock_mono() + ms * ST_NS_PER_MS;
    while ((ms < 0 || st_clock_mono() < until) && atomic_load(stopping) == 0) {
        poll(NULL, 0, 5);
    }
    return ms >= 0 && atomic_load(stopping) == 0;
}

/* Sends bytes with a pause before each. @return 0 when the connection must end. */
static int write_slowly(connection_t *connection, const char *bytes, size_t len,
                        int byte_ms)
{
    if (byte_ms == 0) {
        return te_wire_write(&connection->wire, bytes, len);
    }
    int goes_on = 1;
    for (size_t i = 0; goes_on && i < len; i++) {
        goes_on =
            linger(connection, byte_ms) && te_wire_write(&connection->wire, bytes + i, 1);
    }
    return goes_on;
}

/* @return 1 when the connection goes on. */
static int answer_send(connection_t *connection, te_message_t *message,
                       const te_answer_t *answer)
{
    int hole = answer->cut == TE_CUT_HOLE;
    if (!linger(connection, hole ? -1 : answer->delay_ms) ||
        answer->cut == TE_CUT_BEFORE) {
        return 0;
    }
    int status = answer->status != 0 ? answer->status : 200;
    const char *body = answer->body != NULL ? answer->body : "{}";
    const char *headers = answer->headers != NULL ? answer->headers : "";
    const char *type = strstr(headers, "Content-Type:") == NULL
                           ? "Content-Type: application/json\r\n"
                           : "";
    char head[ANSWER_MAX];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d Answer\r\nContent-Length: %zu\r\n%s%s\r\n", status,
                       strlen(body), type, headers);
    size_t body_len = strcmp(message->method, "HEAD") == 0 ? 0 : strlen(body);
    body_len /= answer->cut == TE_CUT_BODY ? 2 : 1;
    if (answer->cut == TE_CUT_STATUS) {
        te_wire_write(&connection->wire, head, strlen("HTTP/1.1"));
        return 0;
    }
    size_t line_len = answer->head_byte_ms > 0 ? strcspn(head, "\n") + 1 : (size_t)len;
    int decided = write_slowly(connection, head, line_len, answer->head_byte_ms);
    message->status = decided ? status : 0; /* the client knows it */
    message->accepted = decided && status == 200;
    int sent = decided &&
               write_slowly(connection, head + line_len, (size_t)len - line_len,
                            answer->head_byte_ms) &&
               write_slowly(connection, body, body_len, answer->body_byte_ms);
    return sent && answer->cut == TE_CUT_NONE;
}

/* Serves one request. @return 1 when the connection goes on. */
static int serve(connection_t *connection)
{
    te_server_t *server = connection->server;
    te_message_t *message = te_wire_read(&connection->wire);
    if (message == NULL) {
        lock(server);
        int excused = atomic_load(&server->stopping) != 0 ||
                      (server->kills && connection->wire.closed);
        if (server->failure == NULL && !excused) {
            server->failure = connection->wire.why;
        }
        unlock(server);
        return 0;
    }
    message->connection = connection->number;
    te_answer_t answer = answer_take(server);
    int goes_on = answer_send(connection, message, &answer);
    message_add(server, message);
    return goes_on;
}

static void *connection_run(void *baton)
{
    connection_t *connection = baton;
    te_server_t *server = connection->server;
    while (serve(connection)) {
    }
    te_wire_free(&connection->wire);
    close(connection->wire.fd);
    free(connection);
    lock(server);
    server->open_count--;
    unlock(server);
    return NULL;
}

static void connection_start(te_server_t *server, int fd)
{
    connection_t *connection = calloc(1, sizeof(*connection));
    connection->server = server;
    te_wire_init(&connection->wire, fd, &server->stopping);
    lock(server);
    server->open_count++;
    connection->number = ++server->connection_count;
    unlock(server);
    pthread_t thread;
    if (pthread_create(&thread, NULL, connection_run, connection) != 0) {
        abort(); /* the test cannot go on */
    }
    pthread_detach(thread);
}

/* Opens or closes the listening socket as wanted. @return it, or -1. */
static int listener_adjust(te_server_t *server)
{
    lock(server);
    if (server->refuse && server->fd >= 0) {
        close(server->fd);
        server->fd = -1;
    } else if (!server->refuse && server->fd < 0) {
        server->fd = te_port_listen(server->port);
    }
    int fd = server->fd;
    unlock(server);
    return fd;
}

static void *acceptor_run(void *baton)
{
    te_server_t *server = baton;
    while (atomic_load(&server->stopping) < 2) {
        struct pollfd ready = {.fd = listener_adjust(server), .events = POLLIN};
        if (poll(&ready, 1, ACCEPT_POLL_MS) <= 0) {
            continue;
        }
        int fd = accept4(ready.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            te_port_no_delay(fd);
            connection_start(server, fd);
        }
    }
    return NULL;
}

te_server_t *te_server_start(void)
{
    te_server_t *server = calloc(1, sizeof(*server));
    ck_assert_ptr_nonnull(server);
    pthread_mutex_init(&server->mutex, NULL);
    server->fd = te_port_listen(0);
    ck_assert_msg(server->fd >= 0, "listen: %s", strerror(errno));
    server->port = te_port_of(server->fd);
    ck_assert_int_eq(pthread_create(&server->acceptor, NULL, acceptor_run, server), 0);
    return server;
}

static int open_count(te_server_t *server)
{
    lock(server);
    int count = server->open_count;
    unlock(server);
    return count;
}

static void await_closed(te_server_t *server)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (open_count(server) > 0) {
        ck_assert_msg(te_tick(deadline), "connections of a fake server do not end");
    }
}

void te_server_stop(te_server_t *server)
{
    atomic_store(&server->stopping, 2);
    pthread_join(server->acceptor, NULL);
    await_closed(server);
    if (server->fd >= 0) {
        close(server->fd);
    }
    for (int i = 0; i < server->message_count; i++) {
        te_message_free(server->messages[i]);
    }
    free(server->messages);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

int te_server_port(const te_server_t *server)
{
    return server->port;
}

void te_server_answer(te_server_t *server, const te_answer_t *answer)
{
    lock(server);
    server->usual = *answer;
    unlock(server);
}

void te_server_answer_next(te_server_t *server, const te_answer_t *answer)
{
    lock(server);
    ck_assert_int_lt(server->queue_len, QUEUE_MAX);
    server->queue[server->queue_len++] = *answer;
    unlock(server);
}

static int is_listening(te_server_t *server)
{
    lock(server);
    int listening = server->fd >= 0;
    unlock(server);
    return listening;
}

void te_server_refuse(te_server_t *server, int refuse)
{
    lock(server);
    server->refuse = refuse;
    unlock(server);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (is_listening(server) == refuse) {
        ck_assert_msg(te_tick(deadline), "a fake server does not open or close its port");
    }
    if (refuse) {
        te_server_drop(server);
    }
}

void te_server_drop(te_server_t *server)
{
    atomic_store(&server->stopping, 1);
    await_closed(server);
    atomic_store(&server->stopping, 0);
}

void te_server_expect_kills(te_server_t *server)
{
    lock(server);
    server->kills = 1;
    unlock(server);
}

int te_server_read_count(te_server_t *server)
{
    lock(server);
    int count = server->read_count;
    unlock(server);
    return count;
}

int te_server_message_count(te_server_t *server)
{
    lock(server);
    int count = server->message_count;
    unlock(server);
    return count;
}

void te_server_await(te_server_t *server, int count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_message_count(server) < count) {
        ck_assert_msg(te_tick(deadline), "%d of %d requests came in",
                      te_server_message_count(server), count);
    }
}

te_message_t *te_server_message(te_server_t *server, int i)
{
    lock(server);
    ck_assert_int_lt(i, server->message_count);
    te_message_t *message = server->messages[i];
    unlock(server);
    return message;
}

te_message_t *te_server_take(te_server_t *server)
{
    te_message_t *message = NULL;
    lock(server);
    if (server->message_count > 0) {
        message = server->messages[0];
        server->message_count--;
        memmove(server->messages, server->messages + 1,
                (size_t)server->message_count * sizeof(*server->messages));
    }
    unlock(server);
    return message;
}

int te_server_connection_count(te_server_t *server)
{
    lock(server);
    int count = server->connection_count;
    unlock(server);
    return count;
}

const char *te_server_failure(te_server_t *server)
{
    lock(server);
    const char *failure = server->failure;
    unlock(server);
    return failure;
}
