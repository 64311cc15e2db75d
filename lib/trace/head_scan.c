/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner for <head>: one small function per state of a tokenizer. */
#include "st_head_scan.h"

#include <string.h>

/* "<x y='z'>" is OPEN, NAME, ATTR_BEFORE, ATTR_NAME, VALUE_BEFORE, VALUE_SINGLE, ATTR_BEFORE. */
typedef enum {
    DATA,
    OPEN,
    NAME,
    END_OPEN,
    END_NAME,
    BANG,
    BANG_DASH,
    BOGUS,
    COMMENT_START,
    COMMENT_START_DASH,
    COMMENT,
    COMMENT_DASH,
    COMMENT_END,
    COMMENT_END_BANG,
    ATTR_BEFORE,
    ATTR_NAME,
    ATTR_AFTER,
    VALUE_BEFORE,
    VALUE_DOUBLE,
    VALUE_SINGLE,
    VALUE_BARE,
    RAW,
    RAW_OPEN,
    RAW_END,
    FOUND,
    NONE,
    STATE_COUNT
} state_t;

typedef enum { OTHER, HEAD, RAW_TEXT, NO_HEAD } element_t;

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* After these tags comes text in which nothing but their end is a tag; after a body, or in
 * plain text, comes no head. */
static element_t element_of(const char *name, size_t len)
{
    static const struct {
        const char *name;
        element_t element;
    } elements[] = {
        {"head", HEAD},         {"script", RAW_TEXT},   {"style", RAW_TEXT},
        {"title", RAW_TEXT},    {"textarea", RAW_TEXT}, {"xmp", RAW_TEXT},
        {"iframe", RAW_TEXT},   {"noembed", RAW_TEXT},  {"noframes", RAW_TEXT},
        {"plaintext", NO_HEAD}, {"body", NO_HEAD},      {"frameset", NO_HEAD},
    };
    for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++) {
        if (strlen(elements[i].name) == len && memcmp(elements[i].name, name, len) == 0) {
            return elements[i].element;
        }
    }
    return OTHER;
}

/* '>' ends the tag. */
static state_t tag_end(const st_head_scan_t *scan)
{
    static const state_t after[] = {
        [OTHER] = DATA, [HEAD] = FOUND, [RAW_TEXT] = RAW, [NO_HEAD] = NONE};
    return after[scan->element];
}

static void name_add(st_head_scan_t *scan, char c)
{
    if (scan->name_len < ST_HEAD_NAME_MAX) {
        scan->name[scan->name_len++] = lower(c);
    }
}

static void name_start(st_head_scan_t *scan, char c)
{
    scan->element = OTHER;
    scan->name_len = 0;
    name_add(scan, c);
}

static state_t data(st_head_scan_t *scan, char c)
{
    return c == '<' ? OPEN : DATA;
}

static state_t open(st_head_scan_t *scan, char c)
{
    switch (c) {
    case '/':
        return END_OPEN;
    case '!':
        return BANG;
    case '?':
        return BOGUS;
    default:
        break;
    }
    if (!is_letter(c)) {
        return data(scan, c);
    }
    name_start(scan, c);
    return NAME;
}

/* Inside a tag, behind its name or a value. */
static state_t attr_before(st_head_scan_t *scan, char c)
{
    if (c == '>') {
        return tag_end(scan);
    }
    return is_space(c) || c == '/' ? ATTR_BEFORE : ATTR_NAME;
}

static state_t name(st_head_scan_t *scan, char c)
{
    if (!is_space(c) && c != '/' && c != '>') {
        name_add(scan, c);
        return NAME;
    }
    scan->element = (int)element_of(scan->name, scan->name_len);
    return attr_before(scan, c);
}

static state_t end_open(st_head_scan_t *scan, char c)
{
    if (is_letter(c)) {
        name_start(scan, c);
        return END_NAME;
    }
    return c == '>' ? DATA : BOGUS;
}

/* No end tag matters here. */
static state_t end_name(st_head_scan_t *scan, char c)
{
    return is_space(c) || c == '/' || c == '>' ? attr_before(scan, c) : END_NAME;
}

static state_t bang(st_head_scan_t *scan, char c)
{
    if (c == '-') {
        return BANG_DASH;
    }
    return c == '>' ? DATA : BOGUS;
}

static state_t bang_dash(st_head_scan_t *scan, char c)
{
    if (c == '-') {
        return COMMENT_START;
    }
    return c == '>' ? DATA : BOGUS;
}

static state_t bogus(st_head_scan_t *scan, char c)
{
    return c == '>' ? DATA : BOGUS;
}

/* "<!-->" and "<!--->" are whole comments. */
static state_t comment_start(st_head_scan_t *scan, char c)
{
    if (c == '-') {
        return COMMENT_START_DASH;
    }
    return c == '>' ? DATA : COMMENT;
}

static state_t comment_start_dash(st_head_scan_t *scan, char c)
{
    if (c == '-') {
        return COMMENT_END;
    }
    return c == '>' ? DATA : COMMENT;
}

static state_t comment(st_head_scan_t *scan, char c)
{
    return c == '-' ? COMMENT_DASH : COMMENT;
}

static state_t comment_dash(st_head_scan_t *scan, char c)
{
    return c == '-' ? COMMENT_END : COMMENT;
}

static state_t comment_end(st_head_scan_t *scan, char c)
{
    switch (c) {
    case '>':
        return DATA;
    case '-':
        return COMMENT_END;
    case '!':
        return COMMENT_END_BANG;
    default:
        return COMMENT;
    }
}

static state_t comment_end_bang(st_head_scan_t *scan, char c)
{
    return c == '>' ? DATA : comment(scan, c);
}

static state_t attr_after(st_head_scan_t *scan, char c)
{
    if (c == '=') {
        return VALUE_BEFORE;
    }
    return is_space(c) ? ATTR_AFTER : attr_before(scan, c);
}

static state_t attr_name(st_head_scan_t *scan, char c)
{
    return attr_after(scan, c);
}

static state_t value_bare(st_head_scan_t *scan, char c)
{
    if (c == '>') {
        return tag_end(scan);
    }
    return is_space(c) ? ATTR_BEFORE : VALUE_BARE;
}

static state_t value_before(st_head_scan_t *scan, char c)
{
    if (c == '"') {
        return VALUE_DOUBLE;
    }
    if (c == '\'') {
        return VALUE_SINGLE;
    }
    return is_space(c) ? VALUE_BEFORE : value_bare(scan, c);
}

static state_t value_double(st_head_scan_t *scan, char c)
{
    return c == '"' ? ATTR_BEFORE : VALUE_DOUBLE;
}

static state_t value_single(st_head_scan_t *scan, char c)
{
    return c == '\'' ? ATTR_BEFORE : VALUE_SINGLE;
}

static state_t raw(st_head_scan_t *scan, char c)
{
    return c == '<' ? RAW_OPEN : RAW;
}

static state_t raw_open(st_head_scan_t *scan, char c)
{
    scan->match = 0;
    return c == '/' ? RAW_END : raw(scan, c);
}

/* "</script" ends a script when the name ends there, too. */
static state_t raw_end(st_head_scan_t *scan, char c)
{
    if (scan->match < scan->name_len) {
        int is_next = lower(c) == scan->name[scan->match];
        scan->match++;
        return is_next ? RAW_END : raw(scan, c);
    }
    if (!is_space(c) && c != '/' && c != '>') {
        return raw(scan, c);
    }
    scan->element = OTHER;
    return attr_before(scan, c);
}

typedef state_t step_fn(st_head_scan_t *scan, char c);

static step_fn *const steps[STATE_COUNT] = {
    [DATA] = data,
    [OPEN] = open,
    [NAME] = name,
    [END_OPEN] = end_open,
    [END_NAME] = end_name,
    [BANG] = bang,
    [BANG_DASH] = bang_dash,
    [BOGUS] = bogus,
    [COMMENT_START] = comment_start,
    [COMMENT_START_DASH] = comment_start_dash,
    [COMMENT] = comment,
    [COMMENT_DASH] = comment_dash,
    [COMMENT_END] = comment_end,
    [COMMENT_END_BANG] = comment_end_bang,
    [ATTR_BEFORE] = attr_before,
    [ATTR_NAME] = attr_name,
    [ATTR_AFTER] = attr_after,
    [VALUE_BEFORE] = value_before,
    [VALUE_DOUBLE] = value_double,
    [VALUE_SINGLE] = value_single,
    [VALUE_BARE] = value_bare,
    [RAW] = raw,
    [RAW_OPEN] = raw_open,
    [RAW_END] = raw_end,
};

void st_head_scan_init(st_head_scan_t *scan, size_t limit)
{
    *scan = (st_head_scan_t){.state = DATA, .element = OTHER, .left = limit};
}

st_head_result_t st_head_scan_feed(st_head_scan_t *scan, const char *bytes, size_t len,
                                   size_t *pend)
{
    size_t count = len < scan->left ? len : scan->left;
    for (size_t i = 0; i < count && scan->state != NONE; i++) {
        scan->state = (int)steps[scan->state](scan, bytes[i]);
        if (scan->state == FOUND) {
            scan->state = NONE;
            *pend = i + 1;
            return ST_HEAD_FOUND;
        }
    }
    scan->left -= count;
    if (scan->left == 0) {
        scan->state = NONE;
    }
    return scan->state == NONE ? ST_HEAD_NONE : ST_HEAD_MORE;
}
