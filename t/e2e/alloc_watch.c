/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a private httpd: counts the allocations that mod_sentry_trace.so asks for, by
 * the address that each call returns to. The count stands in the file that ALLOC_WATCH names,
 * a 64-bit number that all processes of the server add to. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define WATCHED "mod_sentry_trace.so"

static _Atomic uint64_t *count;

__attribute__((constructor)) static void watch_start(void)
{
    const char *path = getenv("ALLOC_WATCH");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd == -1) {
        return;
    }
    void *mem = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mem != MAP_FAILED) {
        count = mem;
    }
}

/* Where the watched module is mapped. Set when it is loaded, by the only thread there is then;
 * looked at in every call, which must take no lock of the loader: prefork ends a child inside
 * a signal handler, wherever the main thread is. */
static _Atomic uintptr_t code_start;
static _Atomic uintptr_t code_end;

static void note(void *caller)
{
    uintptr_t address = (uintptr_t)caller;
    if (count != NULL && address >= code_start && address < code_end) {
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    }
}

/* Takes over the range of the object that stands at the address `baton` points to. */
static int range_take(struct dl_phdr_info *info, size_t size, void *baton)
{
    const uintptr_t *base = baton;
    if (info->dlpi_addr != *base) {
        return 0;
    }
    uintptr_t end = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t stop = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        end = info->dlpi_phdr[i].p_type == PT_LOAD && stop > end ? stop : end;
    }
    code_start = *base;
    code_end = *base + end;
    return 1;
}

void *dlopen(const char *file, int flags)
{
    void *(*real)(const char *, int) =
        (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    void *handle = real(file, flags);
    struct link_map *map;
    if (handle != NULL && file != NULL && strstr(file, WATCHED) != NULL &&
        dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) {
        uintptr_t base = map->l_addr;
        dl_iterate_phdr(range_take, &base);
    }
    return handle;
}

/* Defines `name`, which notes its caller and goes on to the real one. */
#define WATCH(type, name, declared, used)                                                \
    type name declared                                                                   \
    {                                                                                    \
        static _Atomic(void *) real;                                                     \
        if (real == NULL) {                                                              \
            real = dlsym(RTLD_NEXT, #name);                                              \
        }                                                                                \
        note(__builtin_return_address(0));                                               \
        return ((type(*) declared)(void *)real)used;                                     \
    }

WATCH(void *, apr_palloc, (apr_pool_t * pool, apr_size_t size), (pool, size))
WATCH(char *, apr_pstrdup, (apr_pool_t * pool, const char *s), (pool, s))
WATCH(char *, apr_pstrmemdup, (apr_pool_t * pool, const char *s, apr_size_t n),
      (pool, s, n))
WATCH(char *, apr_pvsprintf, (apr_pool_t * pool, const char *fmt, va_list args),
      (pool, fmt, args))
WATCH(void, apr_table_setn, (apr_table_t * table, const char *key, const char *value),
      (table, key, value))
WATCH(void, apr_table_set, (apr_table_t * table, const char *key, const char *value),
      (table, key, value))
WATCH(void, apr_pool_cleanup_register,
      (apr_pool_t * pool, const void *data, apr_status_t (*plain)(void *),
       apr_status_t (*child)(void *)),
      (pool, data, plain, child))
WATCH(void *, realloc, (void *mem, size_t size), (mem, size))

/* Takes any number of strings: not passed on but done here, as apr documents it. */
char *apr_pstrcat(apr_pool_t *pool, ...)
{
    note(__builtin_return_address(0));
    va_list args;
    size_t len = 0;
    va_start(args, pool);
    for (const char *s = va_arg(args, const char *); s != NULL;
         s = va_arg(args, const char *)) {
        len += strlen(s);
    }
    va_end(args);
    char *all = apr_palloc(pool, len + 1);
    char *end = all;
    va_start(args, pool);
    for (const char *s = va_arg(args, const char *); s != NULL;
         s = va_arg(args, const char *)) {
        end = stpcpy(end, s);
    }
    va_end(args);
    *end = '\0';
    return all;
}

char *apr_psprintf(apr_pool_t *pool, const char *fmt, ...)
{
    note(__builtin_return_address(0));
    va_list args;
    va_start(args, fmt);
    char *text = apr_pvsprintf(pool, fmt, args);
    va_end(args);
    return text;
}
