/* SPDX-License-Identifier: Apache-2.0 */
/* The table of endpoints: the parent writes, everybody reads meanwhile. */
#include "queue_int.h"

#include <stdio.h>
#include <string.h>

#define KEY_LEN     32
#define KEY_SHOWN   4
#define SCHEME_END  "://"
#define FILE_SCHEME "file://"

/* The same text for all ways to write a DSN. */
static apr_status_t dsn_write_out(st_queue_text_t *out, const st_dsn_t *dsn)
{
    memset(out, 0, sizeof(*out));
    int len;
    if (dsn->kind == ST_DSN_FILE) {
        len = snprintf(out->text, ST_QUEUE_STRINGS_MAX, FILE_SCHEME "%s", dsn->url);
    } else {
        char port[16] = "";
        if (dsn->port != (strcmp(dsn->scheme, "https") == 0 ? 443u : 80u)) {
            snprintf(port, sizeof(port), ":%u", dsn->port);
        }
        int is_ipv6 = strchr(dsn->host, ':') != NULL;
        int has_secret = dsn->secret != NULL;
        len = snprintf(out->text, ST_QUEUE_STRINGS_MAX,
                       "%s" SCHEME_END "%s%s%s@%s%s%s%s%s/%s", dsn->scheme,
                       dsn->public_key, has_secret ? ":" : "",
                       has_secret ? dsn->secret : "", is_ipv6 ? "[" : "", dsn->host,
                       is_ipv6 ? "]" : "", port, dsn->path, dsn->project_id);
    }
    if (len < 0 || len >= ST_QUEUE_STRINGS_MAX) {
        return ST_E_LIMIT;
    }
    out->len = (size_t)len;
    return APR_SUCCESS;
}

int st_queue_dsn_read(const st_queue_t *queue, int i, st_queue_text_t *text)
{
    const st_queue_dsn_t *dsn = st_queue_dsn_at(queue, i);
    for (int tries = 0; tries < ST_QUEUE_READ_TRIES; tries++) {
        /* Acquire, all: partners of the releases in the setters. */
        if (atomic_load_explicit(&dsn->used, memory_order_acquire) == 0) {
            return 0;
        }
        unsigned turn = atomic_load_explicit(&dsn->turn, memory_order_acquire);
        text->len = atomic_load_explicit(&dsn->len[turn & 1], memory_order_acquire);
        st_queue_words_load(text->text, dsn->text[turn & 1],
                            ST_QUEUE_WORDS(ST_QUEUE_STRINGS_MAX));
        unsigned after = atomic_load_explicit(&dsn->turn, memory_order_relaxed);
        if (turn == after) {
            int is_possible = text->len < ST_QUEUE_STRINGS_MAX;
            text->text[is_possible ? text->len : 0] = '\0';
            return is_possible;
        }
    }
    return 0;
}

void st_queue_dsn_replace(st_queue_dsn_t *dsn, const st_queue_text_t *text)
{
    unsigned turn = st_queue_used(&dsn->turn) + 1;
    atomic_store_explicit(&dsn->len[turn & 1], (uint32_t)text->len, memory_order_release);
    st_queue_words_store(dsn->text[turn & 1], text->text,
                         ST_QUEUE_WORDS(ST_QUEUE_STRINGS_MAX));
    /* Release: who sees the turn sees its text. */
    atomic_store_explicit(&dsn->turn, turn, memory_order_release);
}

/* 1 when both are of the same key and project, wherever their hosts are. */
static int is_same_project(const char *a, const char *b)
{
    const char *key_a = strstr(a, SCHEME_END);
    const char *key_b = strstr(b, SCHEME_END);
    if (strncmp(a, "http", 4) != 0 || strncmp(b, "http", 4) != 0 || key_a == NULL ||
        key_b == NULL) {
        return 0;
    }
    return strncmp(key_a, key_b, strlen(SCHEME_END) + KEY_LEN) == 0 &&
           strcmp(strrchr(a, '/'), strrchr(b, '/')) == 0;
}

/* Index of the endpoint with this DSN, or -1. */
static int endpoint_find(const st_queue_t *queue, const st_queue_text_t *text)
{
    st_queue_text_t other;
    for (int i = 0; i < queue->layout.endpoints; i++) {
        int is_used = st_queue_dsn_read(queue, i, &other);
        if (is_used && strcmp(other.text, text->text) == 0) {
            return i;
        }
    }
    return -1;
}

/* Index of an endpoint of the same project that this generation does not name, or -1. */
static int endpoint_find_moved(const st_queue_t *queue, const st_queue_text_t *text)
{
    st_queue_text_t other;
    for (int i = 0; i < queue->layout.endpoints; i++) {
        int is_used = st_queue_dsn_read(queue, i, &other);
        if (is_used && is_same_project(other.text, text->text) &&
            st_queue_used(&st_queue_dsn_at(queue, i)->used) !=
                st_queue_generation(queue)) {
            return i;
        }
    }
    return -1;
}

/* The new host is asked at once, whatever the old one did. Relaxed: each word stands alone. */
static void endpoint_move(st_queue_t *queue, int i, const st_queue_text_t *text)
{
    st_endpoint_t *endpoint = &queue->endpoints[i];
    st_queue_dsn_replace(st_queue_dsn_at(queue, i), text);
    atomic_store_explicit(&endpoint->circuit, ST_CIRCUIT_CLOSED, memory_order_relaxed);
    atomic_store_explicit(&endpoint->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&endpoint->retry_at, 0, memory_order_relaxed);
}

static int endpoint_add(st_queue_t *queue, const st_queue_text_t *text)
{
    for (int i = 0; i < queue->layout.endpoints; i++) {
        st_queue_dsn_t *dsn = st_queue_dsn_at(queue, i);
        if (st_queue_used(&dsn->used) == 0) {
            memset(&queue->endpoints[i], 0, sizeof(queue->endpoints[i]));
            st_queue_dsn_replace(dsn, text);
            return i;
        }
    }
    return -1;
}

static void endpoint_name(st_queue_t *queue, int i)
{
    st_queue_used_set(&st_queue_dsn_at(queue, i)->used, st_queue_generation(queue));
}

apr_status_t st_queue_endpoint_enter(st_queue_t *queue, const st_dsn_t *dsn, int *pindex)
{
    st_queue_text_t text;
    apr_status_t rv = dsn_write_out(&text, dsn);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    int i = endpoint_find(queue, &text);
    if (i < 0) {
        i = endpoint_find_moved(queue, &text);
        if (i >= 0) {
            endpoint_move(queue, i, &text);
        } else {
            i = endpoint_add(queue, &text);
        }
    }
    if (i < 0) {
        return ST_E_FULL;
    }
    endpoint_name(queue, i);
    *pindex = i;
    return APR_SUCCESS;
}

void st_queue_dsn_keep(st_queue_t *queue, const st_dsn_t *dsn)
{
    st_queue_text_t text;
    apr_status_t rv = dsn_write_out(&text, dsn);
    int i = rv == APR_SUCCESS ? endpoint_find(queue, &text) : -1;
    if (i >= 0) {
        endpoint_name(queue, i);
    }
}

int st_queue_endpoint_name(const st_queue_t *queue, int i, char *out, size_t size)
{
    st_queue_text_t text;
    int is_used = st_queue_dsn_read(queue, i, &text);
    if (!is_used) {
        return 0;
    }
    size_t file_len = strlen(FILE_SCHEME);
    if (strncmp(text.text, FILE_SCHEME, file_len) == 0) {
        snprintf(out, size, "file:%s", text.text + file_len);
        return 1;
    }
    const char *at = strchr(text.text, '@');
    const char *key = strstr(text.text, SCHEME_END);
    if (key == NULL || at == NULL || at - key < KEY_LEN) {
        return 0;
    }
    int shown = (int)(key - text.text + (ptrdiff_t)strlen(SCHEME_END) + KEY_SHOWN);
    snprintf(out, size, "%.*s...%s", shown, text.text, at);
    return 1;
}
