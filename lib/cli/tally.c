/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and showing what client reports say. */
#include "stc_tally.h"

#include "stc_term.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 40

typedef struct entry_t {
    st_str_t label;
    st_str_t unit;
    uint64_t quantity;
} entry_t;

struct stc_tally_t {
    const char *title;
    apr_pool_t *pool; /* of the entries, cleared with them */
    entry_t entries[STC_TALLY_LABELS + 1];
    int count;
};

stc_tally_t *stc_tally_create(const char *title, apr_pool_t *pool)
{
    stc_tally_t *tally = apr_pcalloc(pool, sizeof(*tally));
    tally->title = title;
    apr_pool_create(&tally->pool, pool);
    return tally;
}

static int str_is(st_str_t a, st_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static st_str_t str_copy(st_str_t str, apr_pool_t *pool)
{
    return (st_str_t){apr_pstrmemdup(pool, str.ptr, str.len), str.len};
}

static entry_t *entry_find(stc_tally_t *tally, st_str_t label, st_str_t unit)
{
    for (int i = 0; i < tally->count; i++) {
        entry_t *entry = &tally->entries[i];
        if (str_is(entry->label, label) && str_is(entry->unit, unit)) {
            return entry;
        }
    }
    if (tally->count > STC_TALLY_LABELS) {
        return &tally->entries[STC_TALLY_LABELS];
    }
    if (tally->count == STC_TALLY_LABELS) {
        label = st_str("other");
        unit = st_str("item");
    }
    entry_t *entry = &tally->entries[tally->count];
    tally->count++;
    *entry = (entry_t){str_copy(label, tally->pool), str_copy(unit, tally->pool), 0};
    return entry;
}

void stc_tally_add(stc_tally_t *tally, st_str_t label, st_str_t unit, uint64_t quantity)
{
    entry_t *entry = entry_find(tally, label, unit);
    uint64_t room = UINT64_MAX - entry->quantity;
    entry->quantity += quantity < room ? quantity : room;
}

static void entry_show(const entry_t *entry, st_buf_t *out, int utf8)
{
    char number[32];
    snprintf(number, sizeof(number), " %llu ", (unsigned long long)entry->quantity);
    stc_term_add(out, entry->label, LABEL_COLUMNS, utf8);
    st_buf_add_str(out, number);
    stc_term_add(out, entry->unit, LABEL_COLUMNS, utf8);
    if (entry->quantity != 1) {
        st_buf_add_char(out, 's');
    }
}

void stc_tally_show(stc_tally_t *tally, st_buf_t *out, const stc_style_t *style)
{
    if (tally->count == 0) {
        return;
    }
    stc_style_begin(out, style, STC_PAINT_DIM);
    st_buf_add_str(out, tally->title);
    for (int i = 0; i < tally->count; i++) {
        st_buf_add_str(out, i == 0 ? ": " : ", ");
        entry_show(&tally->entries[i], out, style->utf8);
    }
    stc_style_end(out, style);
    st_buf_add_char(out, '\n');
    tally->count = 0;
    apr_pool_clear(tally->pool);
}
