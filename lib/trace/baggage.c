/* SPDX-License-Identifier: Apache-2.0 */
/* The baggage header: whose member is whose, and putting them together again. */
#include "st_baggage.h"

#include <apr_strings.h>
#include <string.h>

#define PREFIX_LEN (sizeof(ST_BAGGAGE_PREFIX) - 1)

/* A member of the sentry part, encoded: "sentry-key=value". */
typedef struct member_t {
    const char *text;
    size_t len;
    size_t key_len;
} member_t;

typedef struct splitter_t {
    apr_pool_t *pool;
    char *foreign; /* NULL until there is a foreign member */
    size_t foreign_len;
    size_t foreign_max;
    const char *neighbour; /* end of the last member when that was foreign, else NULL */
    member_t members[ST_BAGGAGE_MEMBERS_MAX];
    size_t member_count;
    size_t sentry_len; /* of all members, each with a comma */
} splitter_t;

static int is_space(char c)
{
    return c == ' ' || c == '\t';
}

static st_str_t trimmed(const char *ptr, size_t len)
{
    while (len > 0 && is_space(*ptr)) {
        ptr++;
        len--;
    }
    while (len > 0 && is_space(ptr[len - 1])) {
        len--;
    }
    return (st_str_t){ptr, len};
}

int st_baggage_next(st_str_t *prest, st_str_t *member)
{
    member->len = 0;
    while (member->len == 0 && prest->len > 0) {
        const char *comma = memchr(prest->ptr, ',', prest->len);
        size_t len = comma != NULL ? (size_t)(comma - prest->ptr) : prest->len;
        *member = trimmed(prest->ptr, len);
        len += comma != NULL ? 1 : 0;
        prest->ptr += len;
        prest->len -= len;
    }
    return member->len > 0;
}

static int is_clean_text(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t sequence = text[at] != '\0' ? st_utf8_sequence(text + at, len - at) : 0;
        if (sequence == 0) {
            return 0;
        }
        at += sequence;
    }
    return 1;
}

apr_status_t st_baggage_decode(char *out, size_t *plen, st_str_t text)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '%') {
            int high = text.len - at > 2 ? st_hex_value(text.ptr[at + 1]) : -1;
            int low = high >= 0 ? st_hex_value(text.ptr[at + 2]) : -1;
            if (low < 0) {
                return ST_E_MALFORMED;
            }
            c = (char)(high * 16 + low);
            at += 2;
        }
        out[len++] = c;
    }
    *plen = len;
    return is_clean_text(out, len) ? APR_SUCCESS : ST_E_MALFORMED;
}

/* What encodeURIComponent leaves alone (ECMA-262, 19.2.6). */
static int is_unreserved(unsigned char c)
{
    static const unsigned char table[128] = {
        ['!'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1, ['-'] = 1, ['.'] = 1,
        ['_'] = 1, ['~'] = 1,  ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,
        ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1,
        ['C'] = 1, ['D'] = 1,  ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1,
        ['J'] = 1, ['K'] = 1,  ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
        ['Q'] = 1, ['R'] = 1,  ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1,
        ['X'] = 1, ['Y'] = 1,  ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
        ['e'] = 1, ['f'] = 1,  ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,
        ['l'] = 1, ['m'] = 1,  ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,
        ['s'] = 1, ['t'] = 1,  ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1,
        ['z'] = 1,
    };
    return c < sizeof(table) && table[c];
}

/* How many bytes at the start need no encoding. */
static size_t plain_len(st_str_t text)
{
    size_t len = 0;
    while (len < text.len && is_unreserved((unsigned char)text.ptr[len])) {
        len++;
    }
    return len;
}

size_t st_baggage_encode(char *out, st_str_t text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    size_t good = 0; /* bytes before this one belong to valid UTF-8 */
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        if (is_unreserved(c)) {
            out[len++] = (char)c;
            continue;
        }
        if (at >= good) {
            size_t sequence = st_utf8_sequence(text.ptr + at, text.len - at);
            good = at + sequence;
            c = sequence > 0 ? c : '?';
        }
        out[len++] = '%';
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return len;
}

/* Decodes a piece into the pool. @return 0 when it is malformed. */
static int piece_decode(st_str_t *piece, apr_pool_t *pool)
{
    if (memchr(piece->ptr, '%', piece->len) == NULL) {
        return is_clean_text(piece->ptr, piece->len);
    }
    char *out = apr_palloc(pool, piece->len);
    apr_status_t rv = st_baggage_decode(out, &piece->len, *piece);
    piece->ptr = out;
    return rv == APR_SUCCESS;
}

static int has_prefix(st_str_t key)
{
    return key.len >= PREFIX_LEN && memcmp(key.ptr, ST_BAGGAGE_PREFIX, PREFIX_LEN) == 0;
}

static member_t *member_find(splitter_t *split, const member_t *like)
{
    for (size_t i = 0; i < split->member_count; i++) {
        member_t *member = &split->members[i];
        if (member->key_len == like->key_len &&
            memcmp(member->text, like->text, like->key_len) == 0) {
            return member;
        }
    }
    return NULL;
}

/* Keeps a member, unless it breaks a limit. */
static void member_put(splitter_t *split, const member_t *member)
{
    member_t *old = member_find(split, member);
    size_t len = split->sentry_len + member->len + 1 - (old != NULL ? old->len + 1 : 0);
    /* The last one needs no comma. */
    if (len - 1 > ST_BAGGAGE_BYTES_MAX) {
        return;
    }
    if (old == NULL && split->member_count == ST_BAGGAGE_MEMBERS_MAX) {
        return;
    }
    split->sentry_len = len;
    *(old != NULL ? old : &split->members[split->member_count++]) = *member;
}

/* A member of Sentry's, with key and value decoded. */
static void sentry_add(splitter_t *split, st_str_t key, st_str_t value)
{
    if (key.len == PREFIX_LEN || value.len == 0 ||
        key.len + value.len >= ST_BAGGAGE_BYTES_MAX) {
        return;
    }
    char *text = apr_palloc(split->pool, 3 * (key.len + value.len) + 1);
    member_t member = {.text = text, .key_len = st_baggage_encode(text, key)};
    text[member.key_len] = '=';
    member.len = member.key_len + 1;
    member.len += st_baggage_encode(text + member.len, value);
    member_put(split, &member);
}

/* Keeps a member as it stands, if that is how it would be written. Nearly every one is: SDKs
 * encode what they send. @return 0 when it is not. */
static int sentry_add_as_is(splitter_t *split, st_str_t text)
{
    size_t key_len = plain_len(text);
    if (!has_prefix(text) || key_len == PREFIX_LEN || key_len == text.len ||
        text.ptr[key_len] != '=') {
        return 0;
    }
    size_t len = key_len + 1;
    len += plain_len((st_str_t){text.ptr + len, text.len - len});
    if (len != text.len || len == key_len + 1) {
        return 0;
    }
    member_put(split, &(member_t){.text = text.ptr, .len = len, .key_len = key_len});
    return 1;
}

/* @return 1 when the member is Sentry's, well-formed or not. */
static int sentry_take(splitter_t *split, st_str_t text)
{
    if (sentry_add_as_is(split, text)) {
        return 1;
    }
    const char *semicolon = memchr(text.ptr, ';', text.len);
    size_t len = semicolon != NULL ? (size_t)(semicolon - text.ptr) : text.len;
    const char *equals = memchr(text.ptr, '=', len);
    st_str_t key = trimmed(text.ptr, equals != NULL ? (size_t)(equals - text.ptr) : len);
    int is_ours = has_prefix(key);
    int is_readable = piece_decode(&key, split->pool);
    if (!is_ours && !(is_readable && has_prefix(key))) {
        return 0;
    }
    if (equals != NULL && is_readable) {
        st_str_t value = trimmed(equals + 1, len - (size_t)(equals + 1 - text.ptr));
        if (piece_decode(&value, split->pool)) {
            sentry_add(split, key, value);
        }
    }
    return 1;
}

static void foreign_take(splitter_t *split, st_str_t text)
{
    if (split->foreign == NULL) {
        split->foreign = apr_palloc(split->pool, split->foreign_max + 1);
    } else if (split->neighbour == NULL) {
        split->foreign[split->foreign_len++] = ',';
    }
    /* From a neighbour on: what stands between belongs to both. */
    const char *from = split->neighbour != NULL ? split->neighbour : text.ptr;
    size_t len = (size_t)(text.ptr + text.len - from);
    memcpy(split->foreign + split->foreign_len, from, len);
    split->foreign_len += len;
    split->neighbour = text.ptr + text.len;
}

static const char *foreign_text(const splitter_t *split)
{
    if (split->foreign == NULL) {
        return "";
    }
    split->foreign[split->foreign_len] = '\0';
    return split->foreign;
}

static const char *sentry_text(const splitter_t *split)
{
    if (split->member_count == 0) {
        return "";
    }
    char *out = apr_palloc(split->pool, split->sentry_len);
    char *end = out;
    for (size_t i = 0; i < split->member_count; i++) {
        memcpy(end, split->members[i].text, split->members[i].len);
        end += split->members[i].len;
        *end++ = ',';
    }
    end[-1] = '\0';
    return out;
}

void st_baggage_parse(st_baggage_t *baggage, const char *header, apr_pool_t *result_pool)
{
    *baggage = (st_baggage_t){.sentry = "", .foreign = ""};
    st_str_t rest = st_str(header);
    if (rest.len == 0) {
        return;
    }
    splitter_t split;
    memset(&split, 0, offsetof(splitter_t, members));
    split.member_count = 0;
    split.sentry_len = 0;
    split.pool = result_pool;
    split.foreign_max = rest.len;
    st_str_t member;
    while (st_baggage_next(&rest, &member)) {
        if (sentry_take(&split, member)) {
            split.neighbour = NULL;
        } else {
            foreign_take(&split, member);
        }
    }
    baggage->sentry = sentry_text(&split);
    baggage->foreign = foreign_text(&split);
}

/* Appends to out[0..*plen), behind a comma unless it comes first, when it fits.
 * @return 0 when it does not. */
static int text_add(char *out, size_t *plen, st_str_t text)
{
    size_t comma = *plen > 0 ? 1 : 0;
    if (text.len == 0) {
        return 1;
    }
    if (text.len > ST_BAGGAGE_BYTES_MAX ||
        *plen + comma + text.len > ST_BAGGAGE_BYTES_MAX) {
        return 0;
    }
    out[*plen] = ',';
    memcpy(out + *plen + comma, text.ptr, text.len);
    *plen += comma + text.len;
    return 1;
}

/* Appends a part as it is, or those of its members that fit. */
static void part_add(char *out, size_t *plen, st_str_t part)
{
    if (text_add(out, plen, part)) {
        return;
    }
    st_str_t member;
    while (st_baggage_next(&part, &member)) {
        text_add(out, plen, member);
    }
}

const char *st_baggage_join(const char *foreign, const char *sentry,
                            apr_pool_t *result_pool)
{
    st_str_t parts[] = {st_str(foreign), st_str(sentry)};
    for (int i = 0; i < 2; i++) {
        if (parts[1 - i].len == 0 && parts[i].len <= ST_BAGGAGE_BYTES_MAX) {
            return parts[i].len > 0 ? parts[i].ptr : "";
        }
    }
    size_t len = 0;
    size_t most = parts[0].len + 1 + parts[1].len;
    size_t max = most < ST_BAGGAGE_BYTES_MAX ? most : ST_BAGGAGE_BYTES_MAX;
    char *out = apr_palloc(result_pool, max + 1);
    part_add(out, &len, parts[0]);
    part_add(out, &len, parts[1]);
    out[len] = '\0';
    return out;
}
