/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of records, each in the order of positions. */
#include "backlog.h"

static void list_append(st_backlog_list_t *list, st_bucket_record_t *record)
{
    record->newer = NULL;
    record->older = list->last;
    if (list->last != NULL) {
        list->last->newer = record;
    } else {
        list->first = record;
    }
    list->last = record;
}

static void list_remove(st_backlog_list_t *list, st_bucket_record_t *record)
{
    if (record->older != NULL) {
        record->older->newer = record->newer;
    } else {
        list->first = record->newer;
    }
    if (record->newer != NULL) {
        record->newer->older = record->older;
    } else {
        list->last = record->older;
    }
}

void st_backlog_add(st_backlog_t *backlog, st_bucket_record_t *record)
{
    record->is_moved = 0;
    list_append(&backlog->taken, record);
    backlog->bytes += st_bucket_entry_bytes(record->record.len);
}

void st_backlog_remove(st_backlog_t *backlog, st_bucket_record_t *record)
{
    if (record->is_moved) {
        list_remove(&backlog->moved, record);
        return;
    }
    list_remove(&backlog->taken, record);
    backlog->bytes -= st_bucket_entry_bytes(record->record.len);
}

/* What a record borrows stands elsewhere now, byte for byte the same. */
static void rebase(st_record_t *record, const char *bytes)
{
    if (record->head.dsc.len > 0) {
        record->head.dsc.ptr = bytes + (record->head.dsc.ptr - record->bytes);
    }
    record->bytes = bytes;
}

void st_backlog_move(st_backlog_t *backlog, st_bucket_record_t *record,
                     const st_ring_entry_t *entry)
{
    st_backlog_remove(backlog, record);
    rebase(&record->record, entry->data);
    record->pos = entry->pos;
    record->is_moved = 1;
    list_append(&backlog->moved, record);
}

int st_backlog_pass(st_backlog_t *backlog, uint64_t pos)
{
    st_bucket_record_t *record = backlog->moved.first;
    if (record == NULL || record->pos != pos) {
        return 0;
    }
    list_remove(&backlog->moved, record);
    st_backlog_add(backlog, record);
    return 1;
}
