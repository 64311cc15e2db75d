/* SPDX-License-Identifier: Apache-2.0 */
/* Replays files through a fuzz target without libFuzzer, as a TAP test: a file that makes the
 * target abort ends the program, and the last case demands that some input was accepted. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the file into memory of exactly its size, so that a sanitizer sees one byte more.
 * @return NULL on failure. The caller frees. */
static uint8_t *file_read(const char *path, size_t *psize)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    uint8_t *data = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        /* malloc(0) may give NULL, which means failure here. */
        data = malloc(size > 0 ? (size_t)size : 1);
    }
    if (data != NULL && fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        data = NULL;
    }
    fclose(file);
    *psize = (size_t)size;
    return data;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int replay(const char *path)
{
    size_t size;
    uint8_t *data = file_read(path, &size);
    if (data == NULL) {
        return 0;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        printf("Bail out! no corpus: name files to replay\n");
        return EXIT_FAILURE;
    }
    int failed = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    printf("1..%d\n", argc);
    for (int i = 1; i < argc; i++) {
        int read = replay(argv[i]);
        failed += !read;
        printf("%s %d - %s\n", read ? "ok" : "not ok", i, name_of(argv[i]));
        fflush(stdout);
    }
    failed += fuzz_accepted == 0;
    printf("%s %d - %lu inputs were accepted\n", fuzz_accepted > 0 ? "ok" : "not ok",
           argc, fuzz_accepted);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
