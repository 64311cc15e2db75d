/* SPDX-License-Identifier: Apache-2.0 */
/* Options of `sentry-trace view`, and showing a file once. */
#include "stc_view.h"

#include "stc_follow.h"
#include <apr_getopt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Most traces that are open while a file is read: some 80 MB. */
#define FILE_OPEN_MAX 10000

typedef struct options_t {
    const char *path;
    int is_following;
    int width; /* 0: find out */
    stc_colour_t colour;
    int is_help;
} options_t;

static const char usage[] =
    "Usage: sentry-trace view FILE [--follow] [--width N] [--color WHEN]\n"
    "\n"
    "Shows the traces in a file of envelopes, as written by the sink and by a file: "
    "DSN.\n"
    "\n"
    "  -f, --follow        wait for more, and show traces as they come\n"
    "  -w, --width N       columns to use (40 to 1000; default: the terminal's, or 100)\n"
    "  -c, --color WHEN    auto, always or never (default: auto)\n"
    "  -h, --help          show this\n"
    "\n"
    "Exit status: 0; 1 when something could not be read or shown; 2 for wrong usage.\n";

static int width_parse(options_t *options, const char *text)
{
    char *end;
    long width = strtol(text, &end, 10);
    if (end == text || *end != '\0' || width < STC_WIDTH_MIN || width > STC_WIDTH_MAX) {
        fprintf(stderr, "sentry-trace: --width takes a number from %d to %d\n",
                STC_WIDTH_MIN, STC_WIDTH_MAX);
        return 0;
    }
    options->width = (int)width;
    return 1;
}

static int colour_parse(options_t *options, const char *text)
{
    static const char *const words[] = {
        [STC_COLOUR_AUTO] = "auto",
        [STC_COLOUR_ALWAYS] = "always",
        [STC_COLOUR_NEVER] = "never",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            options->colour = (stc_colour_t)i;
            return 1;
        }
    }
    fprintf(stderr, "sentry-trace: --color takes auto, always or never\n");
    return 0;
}

static int option_apply(options_t *options, int option, const char *argument)
{
    switch (option) {
    case 'f':
        options->is_following = 1;
        return 1;
    case 'w':
        return width_parse(options, argument);
    case 'c':
        return colour_parse(options, argument);
    default:
        options->is_help = 1;
        return 1;
    }
}

/* @return 1, or 0 after saying what is wrong. */
static int options_parse(options_t *options, int argc, const char *const *argv,
                         apr_pool_t *pool)
{
    static const apr_getopt_option_t known[] = {
        {"follow", 'f', 0, NULL}, {"width", 'w', 1, NULL}, {"color", 'c', 1, NULL},
        {"help", 'h', 0, NULL},   {NULL, 0, 0, NULL},
    };
    apr_getopt_t *getopt;
    apr_getopt_init(&getopt, pool, argc, argv);
    getopt->interleave = 1;
    int option;
    const char *argument;
    apr_status_t rv = apr_getopt_long(getopt, known, &option, &argument);
    while (rv == APR_SUCCESS) {
        if (!option_apply(options, option, argument)) {
            return 0;
        }
        rv = apr_getopt_long(getopt, known, &option, &argument);
    }
    if (rv != APR_EOF) {
        return 0;
    }
    if (!options->is_help && getopt->ind != argc - 1) {
        fprintf(stderr, "sentry-trace: view takes one FILE\n");
        return 0;
    }
    options->path = getopt->argv[getopt->ind];
    return 1;
}

static int read_failed(stc_viewer_t *viewer, apr_status_t rv)
{
    char text[128];
    stc_viewer_say(viewer, "cannot read %s: %s", viewer->path,
                   st_error_text(rv, text, sizeof(text)));
    return STC_EXIT_FAILED;
}

static int show_once(stc_viewer_t *viewer)
{
    int fd = open(viewer->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return read_failed(viewer, errno);
    }
    size_t len = 0;
    apr_status_t rv;
    do {
        rv = stc_viewer_read(viewer, fd, &len);
    } while (rv == APR_SUCCESS && len > 0 && !viewer->is_closed);
    close(fd);
    if (rv != APR_SUCCESS) {
        return read_failed(viewer, rv);
    }
    stc_reader_drain(viewer->reader, STC_READER_END);
    stc_model_show_all(viewer->model);
    stc_viewer_show_tallies(viewer);
    return viewer->is_damaged || viewer->is_failed ? STC_EXIT_FAILED : STC_EXIT_OK;
}

int stc_view_main(int argc, const char *const *argv, apr_pool_t *pool)
{
    options_t options = {.colour = STC_COLOUR_AUTO};
    if (!options_parse(&options, argc, argv, pool)) {
        return STC_EXIT_USAGE;
    }
    if (options.is_help) {
        fputs(usage, stdout);
        return STC_EXIT_OK;
    }
    stc_style_t style = stc_style_detect(STDOUT_FILENO, options.width, options.colour);
    int open_max = options.is_following ? STC_FOLLOW_OPEN_MAX : FILE_OPEN_MAX;
    stc_viewer_t *viewer =
        stc_viewer_create(options.path, STDOUT_FILENO, &style, open_max, pool);
    return options.is_following ? stc_follow_run(viewer) : show_once(viewer);
}
