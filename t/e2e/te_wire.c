/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of HTTP/1.1 on one connection. */

#include "te_wire.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <zlib.h>

#define WIRE_MAX ((size_t)64 << 20)
#define POLL_MS  50

void te_wire_init(te_wire_t *wire, int fd, const atomic_int *stop)
{
    *wire = (te_wire_t){.fd = fd, .stop = stop};
    st_buf_init(&wire->in, WIRE_MAX);
}

void te_wire_free(te_wire_t *wire)
{
    st_buf_free(&wire->in);
}

/* Waits for more bytes. @return 0 at the end: closed, stopped, or too much. */
static int fill(te_wire_t *wire)
{
    struct pollfd readable = {.fd = wire->fd, .events = POLLIN};
    while (poll(&readable, 1, POLL_MS) == 0) {
        if (atomic_load(wire->stop) != 0) {
            return 0;
        }
    }
    char *to = st_buf_reserve(&wire->in, 65536);
    ssize_t got = to != NULL ? recv(wire->fd, to, 65536, 0) : -1;
    wire->in.len += got > 0 ? (size_t)got : 0;
    wire->closed = got <= 0;
    return got > 0;
}

/* Makes the unread bytes the start of the buffer. */
static void compact(te_wire_t *wire)
{
    if (wire->at > 0) {
        memmove(wire->in.data, wire->in.data + wire->at, wire->in.len - wire->at);
        wire->in.len -= wire->at;
        wire->at = 0;
    }
}

static const char *unread(const te_wire_t *wire)
{
    return wire->in.data + wire->at;
}

static size_t unread_len(const te_wire_t *wire)
{
    return wire->in.len - wire->at;
}

/* Takes everything up to and with `end`. @return malloc'd and terminated, or NULL. */
static char *take_until(te_wire_t *wire, const char *end)
{
    const char *found = NULL;
    size_t end_len = strlen(end);
    while (found == NULL) {
        if (unread_len(wire) > 0) {
            found = memmem(unread(wire), unread_len(wire), end, end_len);
        }
        if (found == NULL && !fill(wire)) {
            return NULL;
        }
    }
    size_t len = (size_t)(found - unread(wire)) + end_len;
    char *text = strndup(unread(wire), len);
    wire->at += len;
    return text;
}

/* Appends `len` bytes to `out`. @return 0 when they do not come. */
static int take_bytes(te_wire_t *wire, st_buf_t *out, size_t len)
{
    while (unread_len(wire) < len) {
        if (!fill(wire)) {
            wire->why = "the body ends early";
            return 0;
        }
    }
    if (len > 0) {
        st_buf_add(out, unread(wire), len);
    }
    wire->at += len;
    return 1;
}

static int take_chunks(te_wire_t *wire, st_buf_t *out)
{
    for (;;) {
        char *line = take_until(wire, "\r\n");
        if (line == NULL) {
            wire->why = "the chunks end early";
            return 0;
        }
        char *end;
        size_t len = strtoul(line, &end, 16);
        int malformed = end == line;
        free(line);
        if (malformed || !take_bytes(wire, out, len)) {
            wire->why = "malformed chunk";
            return 0;
        }
        char *line_end = take_until(wire, "\r\n");
        int ended = line_end != NULL && strcmp(line_end, "\r\n") == 0;
        free(line_end);
        if (!ended || len == 0) {
            wire->why = ended ? NULL : "malformed end of chunk";
            return ended;
        }
    }
}

const char *te_message_header(const te_message_t *message, const char *name, char *out,
                              size_t size)
{
    size_t name_len = strlen(name);
    const char *line = strstr(message->head, "\r\n");
    for (; line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            value += strspn(value, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
            return out;
        }
    }
    return NULL;
}

/* Takes the body as it is sent. */
static int take_body(te_wire_t *wire, te_message_t *message, st_buf_t *out)
{
    char value[64];
    if (te_message_header(message, "Expect", value, sizeof(value)) != NULL) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        te_wire_write(wire, go_on, sizeof(go_on) - 1);
    }
    if (te_message_header(message, "Transfer-Encoding", value, sizeof(value)) != NULL) {
        return take_chunks(wire, out);
    }
    if (te_message_header(message, "Content-Length", value, sizeof(value)) != NULL) {
        return take_bytes(wire, out, strtoul(value, NULL, 10));
    }
    return 1;
}

/* Undoes gzip: appends what `in` inflates to. @return 0 when it is broken. */
static int gunzip(st_buf_t *out, const st_buf_t *in)
{
    z_stream zlib = {.next_in = (Bytef *)in->data, .avail_in = (uInt)in->len};
    if (inflateInit2(&zlib, 15 + 16) != Z_OK) {
        return 0;
    }
    int rc = Z_OK;
    while (rc == Z_OK) {
        char *to = st_buf_reserve(out, 65536);
        if (to == NULL) {
            break;
        }
        zlib.next_out = (Bytef *)to;
        zlib.avail_out = 65536;
        rc = inflate(&zlib, Z_NO_FLUSH);
        out->len += 65536 - zlib.avail_out;
    }
    inflateEnd(&zlib);
    return rc == Z_STREAM_END && zlib.avail_in == 0;
}

/* Moves the body into the message, inflated if need be. */
static int keep_body(te_wire_t *wire, te_message_t *message, st_buf_t *body)
{
    char encoding[32];
    message->sent_len = body->len;
    if (te_message_header(message, "Content-Encoding", encoding, sizeof(encoding)) !=
        NULL) {
        st_buf_t plain;
        st_buf_init(&plain, WIRE_MAX);
        int ok = strcmp(encoding, "gzip") == 0 && gunzip(&plain, body);
        st_buf_free(body);
        *body = plain;
        wire->why = ok ? NULL : "the content encoding is unknown or broken";
    }
    st_buf_add_char(body, '\0');
    if (st_buf_status(body) != APR_SUCCESS) {
        wire->why = "the body is too large";
    }
    message->len = body->len - 1;
    message->body = body->data;
    return wire->why == NULL;
}

static int read_message(te_wire_t *wire, te_message_t *message)
{
    message->head = take_until(wire, "\r\n\r\n");
    if (message->head == NULL) {
        wire->why = unread_len(wire) > 0 ? "the head ends early" : NULL;
        return 0;
    }
    if (sscanf(message->head, "%ms %ms", &message->method, &message->path) != 2) {
        wire->why = "malformed request line";
        return 0;
    }
    st_buf_t body;
    st_buf_init(&body, WIRE_MAX);
    if (!take_body(wire, message, &body)) {
        st_buf_free(&body);
        return 0;
    }
    return keep_body(wire, message, &body);
}

te_message_t *te_wire_read(te_wire_t *wire)
{
    te_message_t *message = calloc(1, sizeof(*message));
    if (message == NULL) {
        return NULL;
    }
    wire->why = NULL;
    compact(wire);
    if (!read_message(wire, message)) {
        te_message_free(message);
        return NULL;
    }
    message->at = st_clock_mono();
    return message;
}

int te_wire_write(te_wire_t *wire, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(wire->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return 0;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return 1;
}

void te_message_free(te_message_t *message)
{
    if (message == NULL) {
        return;
    }
    free(message->head);
    free(message->method);
    free(message->path);
    free(message->body);
    free(message);
}
