/* SPDX-License-Identifier: Apache-2.0 */
/* Telling identifiers in paths from words. */
#include "st_route.h"

#include <apr_strings.h>
#include <string.h>
#include "st_baggage.h"

#define STAR            "*"
#define DIGITS_ANYWHERE 4  /* in a row */
#define DIGITS_ALONE    2  /* that are a word */
#define HEX_MIXED       7  /* git's short hashes */
#define HEX_ANY         16 /* half a UUID */
#define SCATTERED       8  /* characters of a word with digits in two places */
#define TOKEN           20

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static int is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static int is_letter(char c)
{
    return is_lower(c) || is_upper(c);
}

static int is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int is_mark(char c)
{
    return c == '-' || c == '_' || c == '.' || c == '~' || c == ':';
}

/* What there is in a piece of text. */
typedef struct traits_t {
    size_t digits;
    size_t letters;
    size_t hex;
    size_t marks;
    size_t digit_runs;
    size_t digit_run_max;
    size_t case_changes;
} traits_t;

static traits_t traits_of(st_str_t text)
{
    traits_t traits = {0};
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        char before = i > 0 ? text.ptr[i - 1] : '\0';
        run = is_digit(c) ? run + 1 : 0;
        traits.digits += is_digit(c);
        traits.letters += is_letter(c);
        traits.hex += is_hex(c);
        traits.marks += is_mark(c);
        traits.digit_runs += run == 1;
        traits.digit_run_max = run > traits.digit_run_max ? run : traits.digit_run_max;
        traits.case_changes +=
            (is_lower(before) && is_upper(c)) || (is_upper(before) && is_lower(c));
    }
    return traits;
}

/* A run of letters and digits. */
static int word_is_id(st_str_t word)
{
    traits_t has = traits_of(word);
    int is_all_hex = has.hex == word.len;
    int is_hash =
        is_all_hex && (word.len >= HEX_ANY ||
                       (word.len >= HEX_MIXED && has.digits > 0 && has.letters > 0));
    int is_prefixed = word.len > 2 && word.ptr[0] == '0' &&
                      (word.ptr[1] == 'x' || word.ptr[1] == 'X') &&
                      has.hex == word.len - 1;
    int is_number = has.letters == 0 && word.len >= DIGITS_ALONE;
    int is_scattered = word.len >= SCATTERED && has.digit_runs > 1;
    return is_hash || is_prefixed || is_number || is_scattered;
}

static int has_id_word(st_str_t text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && !is_mark(text.ptr[end])) {
            end++;
        }
        if (end > at && word_is_id((st_str_t){text.ptr + at, end - at})) {
            return 1;
        }
        at = end + 1;
    }
    return 0;
}

/* Random letters change case every second time, camelCase every fourth or so. */
static int is_token(st_str_t text, const traits_t *has)
{
    return text.len >= TOKEN && has->letters > 0 &&
           (has->digits > 0 || has->case_changes * 3 > text.len);
}

static int is_id(st_str_t text)
{
    traits_t has = traits_of(text);
    if (has.letters + has.digits + has.marks != text.len) {
        return 1;
    }
    if (has.digits > 0 && has.letters == 0) {
        return 1;
    }
    return has.digit_run_max >= DIGITS_ANYWHERE || is_token(text, &has) ||
           has_id_word(text);
}

/* File types of the web. Anything may stand behind a dot; only a known type is none of a
 * client's making. */
static int is_extension(st_str_t text)
{
    static const char known[] = " html htm xhtml shtml php asp aspx jsp do cgi pl py rb "
                                "xml json jsonld rss atom txt md "
                                "csv tsv pdf doc docx xls xlsx ppt pptx odt ods odp epub "
                                "ics vcf css js mjs cjs map wasm "
                                "png jpg jpeg gif svg webp avif ico bmp tif tiff heic "
                                "woff woff2 ttf otf eot mp3 mp4 m4a "
                                "m4v m3u8 ts mpd webm ogg oga ogv opus wav flac mov avi "
                                "mkv zip gz tgz tar bz2 xz 7z rar "
                                "zst iso exe msi dmg pkg deb rpm apk jar war bin ";
    char wanted[8] = " ";
    if (text.len == 0 || text.len > sizeof(wanted) - 3) {
        return 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        wanted[i + 1] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    wanted[text.len + 1] = ' ';
    wanted[text.len + 2] = '\0';
    return strstr(known, wanted) != NULL;
}

/* The last dot and what follows it, when that is an extension; else empty. */
static st_str_t extension_of(st_str_t text)
{
    const char *dot = memrchr(text.ptr, '.', text.len);
    if (dot == NULL || dot == text.ptr) {
        return (st_str_t){NULL, 0};
    }
    size_t len = (size_t)(text.ptr + text.len - dot);
    st_str_t extension = {dot, len};
    return is_extension((st_str_t){dot + 1, len - 1}) ? extension : (st_str_t){NULL, 0};
}

/* A route being written. Room for a last "/" and a star is always left. */
typedef struct route_t {
    char text[ST_ROUTE_BYTES_MAX + 1];
    size_t len;
} route_t;

static int route_has_room(const route_t *route, size_t len)
{
    return route->len + len + sizeof("/" STAR) - 1 <= ST_ROUTE_BYTES_MAX;
}

static void route_put(route_t *route, st_str_t text)
{
    if (text.len > 0) {
        memcpy(route->text + route->len, text.ptr, text.len);
        route->len += text.len;
    }
}

/* Adds a segment that is not empty, behind its slash. @return 0 when there is no more room. */
static int route_add(route_t *route, st_str_t segment)
{
    char decoded[ST_ROUTE_BYTES_MAX];
    route_put(route, st_str("/"));
    size_t len = 0;
    apr_status_t rv = ST_E_LIMIT;
    if (segment.len <= sizeof(decoded)) {
        rv = st_baggage_decode(decoded, &len, segment);
    }
    st_str_t text = {decoded, len};
    st_str_t extension = {NULL, 0};
    if (rv == APR_SUCCESS) {
        extension = extension_of(text);
        text.len -= extension.len;
    }
    if (rv != APR_SUCCESS || is_id(text)) {
        text = st_str(STAR);
    }
    if (!route_has_room(route, text.len + extension.len)) {
        route_put(route, st_str(STAR));
        return 0;
    }
    route_put(route, text);
    route_put(route, extension);
    return 1;
}

const char *st_route_from_path(const char *path, apr_pool_t *result_pool)
{
    if (path == NULL || path[0] != '/') {
        return NULL;
    }
    route_t route = {.len = 0};
    int has_room = 1;
    while (*path != '\0' && has_room) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        size_t kept = strcspn(path, "/;");
        if (kept > 0) {
            has_room = route_add(&route, (st_str_t){path, kept});
        } else if (len == 0 || (route.len == 0 && path[len] == '\0')) {
            route_put(&route, st_str("/")); /* what the path ends with */
        }
        path += len;
    }
    return apr_pstrmemdup(result_pool, route.text, route.len);
}
