/* SPDX-License-Identifier: Apache-2.0 */
/* Giving slots to filter functions. */
#include "mst_filter_slots.h"

#include <apr_strings.h>
#include <apr_lib.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <http_main.h>
#include <string.h>
#include "mst_filters.h"

#define NAME_BYTES   48 /* of a name kept in a slot; longer ones are cut */
#define MODULE_BYTES 48

typedef struct slot_t {
    /* Written before a record points to the slot's trampoline (release), read by every call
     * (acquire). */
    _Atomic(ap_out_filter_func) original;
    char name[NAME_BYTES];     /* of the first lasting record, upper case; "" when none */
    const void *frec;          /* that record, only to be compared */
    char module[MODULE_BYTES]; /* "mod_deflate.c" */
} slot_t;

static slot_t slots[MST_SLOTS];
static int slot_count;
static int slots_full_logged;

/* Wrapping happens a few times after a start, in any thread. Calls take no lock. */
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

void mst_slots_reset(void)
{
    memset(slots, 0, sizeof(slots));
    slot_count = 0;
    slots_full_logged = 0;
}

ap_out_filter_func mst_slot_original(int slot)
{
    return atomic_load_explicit(&slots[slot].original, memory_order_acquire);
}

const char *mst_slot_module(int slot)
{
    return slots[slot].module;
}

static void upper_case(char *to, const char *from, size_t size)
{
    size_t i = 0;
    for (; from[i] != '\0' && i + 1 < size; i++) {
        to[i] = (char)apr_toupper(from[i]);
    }
    to[i] = '\0';
}

/* The source file of the module, as httpd names modules: mod_deflate.c for a function in
 * mod_deflate.so, core.c for one in the server itself. */
static void module_of(char *out, ap_out_filter_func function)
{
    Dl_info info;
    const char *file = "";
    if (dladdr((void *)function, &info) != 0 && info.dli_fname != NULL) {
        file = apr_filepath_name_get(info.dli_fname);
    }
    size_t len = strlen(file);
    if (len > 3 && strcmp(file + len - 3, ".so") == 0) {
        apr_snprintf(out, MODULE_BYTES, "%.*s.c", (int)(len - 3), file);
    } else {
        apr_cpystrn(out, "core.c", MODULE_BYTES);
    }
}

/* The slot of a function, given now if need be; -1 when none is left. Under the lock. */
static int slot_of(ap_out_filter_func function)
{
    for (int i = 0; i < slot_count; i++) {
        if (mst_slot_original(i) == function) {
            return i;
        }
    }
    if (slot_count == MST_SLOTS) {
        return -1;
    }
    int slot = slot_count++;
    module_of(slots[slot].module, function);
    atomic_store_explicit(&slots[slot].original, function, memory_order_release);
    return slot;
}

static apr_status_t wrap_locked(ap_filter_rec_t *frec, int lasting)
{
    ap_out_filter_func function = frec->filter_func.out_func;
    if (function == NULL || mst_is_trampoline(function)) {
        return APR_SUCCESS; /* another thread was here */
    }
    int slot = slot_of(function);
    if (slot < 0) {
        return ST_E_FULL;
    }
    if (lasting && slots[slot].frec == NULL) {
        slots[slot].frec = frec;
        upper_case(slots[slot].name, frec->name, NAME_BYTES);
    }
    /* Whoever calls through the record sees the slot complete. */
    __atomic_store_n(&frec->filter_func.out_func, mst_trampoline(slot), __ATOMIC_RELEASE);
    return APR_SUCCESS;
}

apr_status_t mst_slot_wrap(ap_filter_rec_t *frec, int lasting)
{
    if (mst_is_trampoline(
            __atomic_load_n(&frec->filter_func.out_func, __ATOMIC_ACQUIRE))) {
        return APR_SUCCESS;
    }
    pthread_mutex_lock(&slots_lock);
    apr_status_t rv = wrap_locked(frec, lasting);
    int log = rv != APR_SUCCESS && !slots_full_logged;
    slots_full_logged |= log;
    pthread_mutex_unlock(&slots_lock);
    if (log) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "ST0013: more than %d different output filters; the filter %s and "
                     "further ones get no spans",
                     MST_SLOTS, frec->name);
    }
    return rv;
}

/* 1 when f calls the function as its own, 0 when mod_filter lent it. */
static int is_own_call(int slot, const ap_filter_t *f)
{
    return f->frec->filter_func.out_func == mst_trampoline(slot);
}

const char *mst_slot_filter_name(int slot, const ap_filter_t *f, apr_pool_t *pool)
{
    const slot_t *s = &slots[slot];
    if (s->name[0] != '\0' && (f->frec == s->frec || !is_own_call(slot, f))) {
        return s->name;
    }
    char *name = apr_pstrdup(pool, f->frec->name != NULL ? f->frec->name : "FILTER");
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)apr_toupper(*c);
    }
    return name;
}

void mst_filters_reset(void)
{
    mst_slots_reset();
}

void mst_filters_wrap_known(apr_pool_t *pconf)
{
    for (const char *const *name = mst_filter_names; *name != NULL; name++) {
        ap_filter_rec_t *frec = ap_get_output_filter_handle(*name);
        if (frec != NULL) {
            (void)mst_slot_wrap(frec, 1);
        }
    }
}

void mst_filters_wrap_chain(request_rec *r)
{
    for (ap_filter_t *f = r->output_filters; f != NULL; f = f->next) {
        (void)mst_slot_wrap(f->frec, 0);
    }
}
