/* SPDX-License-Identifier: Apache-2.0 */
/* A cheap stand-in for Sentry: answers every POST with 200 and counts what came.
 *
 *   endpoint PORT-FILE     listens on a free port of 127.0.0.1, writes it to PORT-FILE
 *   POST anything          200; an envelope, gzip or plain, is counted
 *   GET anything           200; body "ENVELOPES-WITH-SPANS SPANS BYTES"
 *
 * It shares a core with the load generator, so it looks only at the item header behind the
 * envelope header, and inflates no more than that. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define CLIENTS_MAX 256
#define REQUEST_MAX (16 * 1024 * 1024)
#define HEAD_MAX    4096 /* bytes of an envelope that are looked at */
#define GZIP_WINDOW (15 + 16)

typedef struct client_t {
    char *data;
    size_t len;
    size_t cap;
} client_t;

static struct pollfd fds[1 + CLIENTS_MAX];
static client_t clients[1 + CLIENTS_MAX];
static int fd_count;

static struct {
    unsigned long envelopes;
    unsigned long spans;
    unsigned long bytes;
} counts;

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void listen_on_free_port(const char *port_file)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        listen(fd, CLIENTS_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        die("listen");
    }
    FILE *file = fopen(port_file, "w");
    if (file == NULL || fprintf(file, "%d\n", ntohs(addr.sin_port)) < 0 ||
        fclose(file) != 0) {
        die(port_file);
    }
    fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    fd_count = 1;
}

/* The first bytes of a body, inflated if need be. @return how many */
static size_t body_head(char *out, size_t size, const char *body, size_t len)
{
    if (len < 2 || (unsigned char)body[0] != 0x1f || (unsigned char)body[1] != 0x8b) {
        size_t count = len < size ? len : size;
        memcpy(out, body, count);
        return count;
    }
    z_stream z = {.next_in = (Bytef *)body,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)size};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        return 0;
    }
    inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return size - z.avail_out;
}

static void count_envelope(const char *body, size_t len)
{
    static const char key[] = "\"item_count\":";
    char head[HEAD_MAX + 1];
    size_t head_len = body_head(head, HEAD_MAX, body, len);
    head[head_len] = '\0';
    const char *line = strchr(head, '\n');
    const char *end = line != NULL ? strchr(line + 1, '\n') : NULL;
    const char *found = line != NULL ? strstr(line, key) : NULL;
    if (found != NULL && end != NULL && found < end) {
        counts.envelopes++;
        counts.spans += strtoul(found + sizeof(key) - 1, NULL, 10);
    }
    counts.bytes += len;
}

static int answer(int fd, int is_get)
{
    char body[96] = "{}";
    char text[256];
    if (is_get) {
        snprintf(body, sizeof(body), "%lu %lu %lu\n", counts.envelopes, counts.spans,
                 counts.bytes);
    }
    int len =
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
    return write(fd, text, (size_t)len) == len;
}

static size_t content_length(const char *head)
{
    for (const char *line = strstr(head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "Content-Length:", 15) == 0) {
            return strtoul(line + 2 + 15, NULL, 10);
        }
    }
    return 0;
}

/* Answers the first request of the client's bytes, when it is complete.
 * @return bytes it had; 0: more is needed; -1: the connection is of no use. */
static long serve_one(int fd, client_t *client)
{
    client->data[client->len] = '\0';
    char *end = strstr(client->data, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    end[2] = '\0';
    size_t head_len = (size_t)(end - client->data) + 4;
    size_t body_len = content_length(client->data);
    end[2] = '\r';
    if (body_len > REQUEST_MAX - head_len) {
        return -1;
    }
    if (client->len < head_len + body_len) {
        return 0;
    }
    int is_get = strncmp(client->data, "GET ", 4) == 0;
    if (!is_get) {
        count_envelope(client->data + head_len, body_len);
    }
    return answer(fd, is_get) ? (long)(head_len + body_len) : -1;
}

static int grow(client_t *client)
{
    if (client->cap - client->len > 1) {
        return 1;
    }
    size_t cap = client->cap > 0 ? client->cap * 2 : 16 * 1024;
    char *data = cap <= 2 * REQUEST_MAX ? realloc(client->data, cap) : NULL;
    if (data == NULL) {
        return 0;
    }
    client->data = data;
    client->cap = cap;
    return 1;
}

/* @return 0 when the connection is over. */
static int serve(int fd, client_t *client)
{
    if (!grow(client)) {
        return 0;
    }
    ssize_t got = read(fd, client->data + client->len, client->cap - client->len - 1);
    if (got <= 0) {
        return 0;
    }
    client->len += (size_t)got;
    long used = serve_one(fd, client);
    while (used > 0) {
        client->len -= (size_t)used;
        memmove(client->data, client->data + used, client->len);
        used = serve_one(fd, client);
    }
    return used == 0;
}

static void accept_one(void)
{
    int one = 1;
    int fd = accept(fds[0].fd, NULL, NULL);
    if (fd < 0) {
        return;
    }
    if (fd_count > CLIENTS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    clients[fd_count] = (client_t){.data = NULL};
    fds[fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(int i)
{
    close(fds[i].fd);
    free(clients[i].data);
    fd_count--;
    fds[i] = fds[fd_count];
    clients[i] = clients[fd_count];
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: endpoint PORT-FILE\n");
        return 2;
    }
    listen_on_free_port(argv[1]);
    for (;;) {
        if (poll(fds, (nfds_t)fd_count, -1) < 0 && errno != EINTR) {
            die("poll");
        }
        for (int i = fd_count - 1; i > 0; i--) {
            if (fds[i].revents != 0 && !serve(fds[i].fd, &clients[i])) {
                drop(i);
            }
        }
        if (fds[0].revents != 0) {
            accept_one();
        }
    }
}
