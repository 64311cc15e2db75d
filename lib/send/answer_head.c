/* SPDX-License-Identifier: Apache-2.0 */
/* Two headers out of all lines of a head. */
#include "answer_head.h"

#include <string.h>
#include <strings.h>

void st_answer_head_clear(st_answer_head_t *head)
{
    head->has_limits = 0;
    head->has_retry_after = 0;
    head->limits[0] = '\0';
    head->retry_after[0] = '\0';
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* If the line is the header `name`, its trimmed value; else NULL. @param plen its length */
static const char *value_of(const char *line, size_t len, const char *name, size_t *plen)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' ||
        strncasecmp(line, name, name_len) != 0) {
        return NULL;
    }
    const char *value = line + name_len + 1;
    const char *end = line + len;
    while (value < end && is_blank(*value)) {
        value++;
    }
    while (end > value && is_blank(end[-1])) {
        end--;
    }
    *plen = (size_t)(end - value);
    return value;
}

/* Half a limit could read as another one, so what is too long is cut before its last comma. */
static size_t cut(const char *value, size_t len, size_t room)
{
    if (len <= room) {
        return len;
    }
    size_t at = room;
    while (at > 0 && value[at] != ',') {
        at--;
    }
    return at;
}

static void limits_add(st_answer_head_t *head, const char *value, size_t len)
{
    size_t used = strlen(head->limits);
    size_t comma = used > 0 ? 1 : 0;
    size_t room = sizeof(head->limits) - 1 - used;
    head->has_limits = 1;
    if (room <= comma) {
        return;
    }
    size_t kept = cut(value, len, room - comma);
    if (kept == 0) {
        return;
    }
    memcpy(head->limits + used, ",", comma);
    memcpy(head->limits + used + comma, value, kept);
    head->limits[used + comma + kept] = '\0';
}

void st_answer_head_line(st_answer_head_t *head, const char *line, size_t len)
{
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        st_answer_head_clear(head);
        return;
    }
    size_t value_len;
    const char *value = value_of(line, len, "X-Sentry-Rate-Limits", &value_len);
    if (value != NULL) {
        limits_add(head, value, value_len);
        return;
    }
    value = value_of(line, len, "Retry-After", &value_len);
    if (value != NULL && value_len < sizeof(head->retry_after)) {
        head->has_retry_after = 1;
        memcpy(head->retry_after, value, value_len);
        head->retry_after[value_len] = '\0';
    }
}
