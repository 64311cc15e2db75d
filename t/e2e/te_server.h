/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SERVER_H
#define TE_SERVER_H

/* A scripted HTTP/1.1 server in threads of the test's process: one that accepts, one per
 * connection. It records every request and answers as it is told. The fake Sentry and the
 * backends of mod_proxy are such servers.
 *
 * All functions are for the test's own thread. */

#include "te_wire.h"

/* What the server does to its client instead of answering as usual. */
typedef enum {
    TE_CUT_NONE = 0,
    TE_CUT_BEFORE, /* closes instead of answering */
    TE_CUT_STATUS, /* closes in the middle of the status line */
    TE_CUT_BODY,   /* closes in the middle of the body: the decision is out */
    TE_CUT_AFTER,  /* closes after the answer, without having said so */
    TE_CUT_HOLE    /* never answers; the connection stays open until it is dropped */
} te_cut_t;

typedef struct te_answer_t {
    int status;          /* 0: 200 */
    const char *headers; /* more header lines, each with CRLF; or NULL */
    const char *body;    /* NULL: "{}"; JSON unless a header says otherwise */
    int delay_ms;        /* before the answer */
    int head_byte_ms;    /* between the bytes of status line and headers */
    int body_byte_ms;    /* between the bytes of the body */
    te_cut_t cut;
} te_answer_t;

typedef struct te_server_t te_server_t;

/* Starts a server on a free port. It answers "200 {}" until told otherwise. */
te_server_t *te_server_start(void);

/* Closes everything and frees the server and its messages. */
void te_server_stop(te_server_t *server);

int te_server_port(const te_server_t *server);

/* The answer to all requests for which none is queued. Borrows the strings. */
void te_server_answer(te_server_t *server, const te_answer_t *answer);

/* The answer to the next request; several queue up. Borrows the strings. */
void te_server_answer_next(te_server_t *server, const te_answer_t *answer);

/* Refuses connections (1) or accepts again on the same port (0). Refusing also drops the
 * connections there are. Returns when it is so. */
void te_server_refuse(te_server_t *server, int refuse);

/* Closes the connections there are, also those in a hole. Returns when they are closed. */
void te_server_drop(te_server_t *server);

/* From now on a client may vanish in the middle of a request: its process is killed. */
void te_server_expect_kills(te_server_t *server);

/* Requests that were read completely, whether answered or not. */
int te_server_read_count(te_server_t *server);

/* Requests whose answer is over. */
int te_server_message_count(te_server_t *server);

/* Waits until the answers to that many requests are over. */
void te_server_await(te_server_t *server, int count);

/* Request i of those, in the order in which they ended; the server's until it stops. Its
 * body may be freed and set to NULL by the caller. */
te_message_t *te_server_message(te_server_t *server, int i);

/* The oldest request whose answer is over and which was not taken yet; NULL: there is none. The
 * caller's from then on, and not counted any more: for a test that sees more requests than
 * there is memory for. */
te_message_t *te_server_take(te_server_t *server);

/* Connections accepted so far. */
int te_server_connection_count(te_server_t *server);

/* What a client did wrong, the first time; NULL: nothing. A static string. */
const char *te_server_failure(te_server_t *server);

#endif /* TE_SERVER_H */
