/* SPDX-License-Identifier: MIT */
/* conformance: the M2354's register behaviour, checked on virtual-board or on silicon. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/log.h"
#include "tests/conformance/program.h"
#include "tests/conformance/wire.h"

enum { NAMES_MAX = 64, PATH_BYTES = 600 };

struct options {
    const char *probe, *control, *log, *uart, *programs;
    unsigned board;
    bool destructive, list;
    const char *names[NAMES_MAX];
    size_t count;
};

/* All programs, in the order of CMakeLists.txt; CONFORMANCE_PROGRAMS is "sys clk ... ". */
static size_t all_programs(const char *names[static NAMES_MAX])
{
    static char text[] = CONFORMANCE_PROGRAMS;
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < NAMES_MAX;
         word = strtok_r(NULL, " ", &rest))
        names[count++] = word;
    return count;
}

enum {
    OPT_CONTROL = 'c',
    OPT_LOG = 'l',
    OPT_BOARD = 'b',
    OPT_UART = 'u',
    OPT_DESTRUCTIVE = 1,
    OPT_LIST = 2
};

static const struct argp_option table[] = {
    { "probe", 'p', "URI", 0, "the board's probe, as for station-agent", 0 },
    { "destructive", OPT_DESTRUCTIVE, NULL, 0, "also what cannot be undone; needs NAME", 0 },
    { "control", OPT_CONTROL, "PATH", 0, "virtual-board's control socket", 0 },
    { "board", OPT_BOARD, "N", 0, "the board's number there (default 0)", 0 },
    { "log", OPT_LOG, "PATH", 0, "file that virtual-board's standard error goes to", 0 },
    { "uart", OPT_UART, "PATH", 0, "file that its UART0's bytes go to", 0 },
    { "programs", 'd', "DIR", 0, "where the programs are", 0 },
    { "list", OPT_LIST, NULL, 0, "print name, block and what is destructive; run nothing", 0 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'p':
        o->probe = arg;
        break;
    case OPT_DESTRUCTIVE:
        o->destructive = true;
        break;
    case OPT_CONTROL:
        o->control = arg;
        break;
    case OPT_LOG:
        o->log = arg;
        break;
    case OPT_UART:
        o->uart = arg;
        break;
    case OPT_BOARD:
        o->board = (unsigned)strtoul(arg, NULL, 10);
        break;
    case 'd':
        o->programs = arg;
        break;
    case OPT_LIST:
        o->list = true;
        break;
    case ARGP_KEY_ARG:
        if (o->count == NAMES_MAX)
            argp_error(state, "too many names");
        o->names[o->count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!o->list && o->probe == NULL)
            argp_error(state, "--probe is missing");
        if (o->destructive && o->count == 0)
            argp_error(state, "--destructive needs the names of what to run");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static enum err open_program(const struct options *o, const char *name, struct image *image)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/conformance-%s.bin", o->programs, name);
    return image_open(path, image);
}

static enum err list(const struct options *o)
{
    const char *names[NAMES_MAX];
    size_t count = all_programs(names);
    for (size_t i = 0; i < count; i++) {
        AUTO(image_fini) struct image image = { 0 };
        TRY(open_program(o, names[i], &image));
        printf("%s\t%s\t%s\n", names[i], image.block,
               image.destructive ? "destructive" : "safe");
    }
    for (size_t i = 0; wire_at(i) != NULL; i++)
        printf("%s\t%s\t%s\n", wire_at(i)->name, wire_at(i)->block,
               wire_at(i)->destructive ? "destructive" : "safe");
    return ERR_OK;
}

/* What cannot be undone wants its name and the option. */
static enum err run_one(const struct options *o, struct bench *bench, const char *name,
                        struct rows *rows)
{
    const struct wire *wire = wire_find(name);
    AUTO(image_fini) struct image image = { 0 };
    rows->program = name;
    if (wire == NULL)
        TRY(open_program(o, name, &image));
    bool destructive = wire == NULL ? image.destructive : wire->destructive;
    if (destructive && o->count == 0)
        return ERR_OK;
    if (destructive && !o->destructive)
        return fail(ERR_DENIED, "%s cannot be undone: give --destructive", name);
    return wire == NULL ? program_run(bench, &image, rows) : wire_run(wire, bench, rows);
}

static size_t all_names(const char *names[static NAMES_MAX])
{
    size_t count = all_programs(names);
    for (size_t i = 0; wire_at(i) != NULL && count < NAMES_MAX; i++)
        names[count++] = wire_at(i)->name;
    return count;
}

static void run_names(const struct options *o, struct bench *bench, struct rows *rows)
{
    const char *all[NAMES_MAX];
    const char *const *names = o->count == 0 ? all : o->names;
    size_t count = o->count == 0 ? all_names(all) : o->count;
    for (size_t i = 0; i < count; i++)
        if (run_one(o, bench, names[i], rows) != ERR_OK)
            row_of(rows, false, ROW_SURE, "runs to its end", fail_words());
}

static enum err run(const struct options *o, struct rows *rows)
{
    static struct bench bench;
    AUTO(probe_drop) struct probe *probe = NULL;
    TRY(probe_open(o->probe, 0, &probe));
    bench = (struct bench){ .probe = probe,
                            .control = o->control,
                            .log = o->log,
                            .uart = o->uart,
                            .board = o->board,
                            .attended = isatty(STDIN_FILENO) == 1 };
    TRY(swd_init(&bench.swd, probe, 0));
    TRY(bench_connect(&bench));
    run_names(o, &bench, rows);
    if (!bench.swd.lost && swd_disconnect(&bench.swd) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "conformance: disconnect: %s", fail_words());
    return ERR_OK;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        table, parse, "[NAME...]", "Checks an M2354's blocks. See tests/conformance/README.md.",
        NULL,  NULL,  NULL
    };
    struct options o = { .programs = CONFORMANCE_DIR };
    struct rows rows = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    if (o.list)
        return list(&o) == ERR_OK ? EX_OK : EX_NOINPUT;
    if (run(&o, &rows) != ERR_OK)
        return EX_UNAVAILABLE;
    fprintf(stderr, "%u rows hold, %u fail, %u are skipped; %u are unverified on silicon\n",
            rows.passed, rows.failed, rows.skipped, rows.unverified);
    return rows.failed == 0 ? EX_OK : EXIT_FAILURE;
}
