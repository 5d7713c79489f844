/* SPDX-License-Identifier: MIT */
/*
 * output: the operator's view of all sites: a line per arrow, or a JSON object per line.
 *
 * Lines go to stdout. On a terminal, a progress line per site is kept below them on stderr. A
 * peer's messages are made printable and short. Any thread may call; each call writes one whole
 * line. Strings are borrowed for the call.
 */
#pragma once

#include "common/client/client.h"
#include "common/core/layout.h"
#include "common/flow/flow.h"
#include "station-agent/probe/probe.h"

enum { OUTPUT_SITES_MAX = 64 };

struct output;

struct output_config {
    bool json;
    bool color;
    bool progress; /* stderr is a terminal */
    size_t sites;
    const char *const *names; /* of the sites; outlive tell */
};

struct output *output_new(const struct output_config *config); /* NULL: no memory */
void output_free(struct output *output);                       /* clears the progress lines */

/* The step of a site, for its progress line: "connecting", "arrow 5 ...". */
void output_doing(struct output *output, size_t site, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct output_arrow {
    const struct flow_row *row;
    enum err err;
    const char *detail; /* of the result; if err is not ERR_OK: the failure's message */
    uint32_t took_ms;
};
void output_arrow(struct output *output, size_t site, const struct output_arrow *arrow);

/* The one connection to the server: its loss, the attempts, its return. Attempts that fail fast
 * are printed once a second. The end of all attempts is printed with
 * --json only, since each site's last line says it for people. After the end of all sites
 * nothing is printed. */
void output_connection(struct output *output, const struct client_news *news);

/* A warning for people, on stderr; what it is about goes on. */
void output_warning(struct output *output, const char *words);

/* A loss of the server interrupted a run, or the board refused its lock: the site restarts. */
struct output_restart {
    const char *where; /* as in output_end, and */
    const char *words;
    unsigned count; /* of the runs restarted so */
};
void output_restart(struct output *output, size_t site, const struct output_restart *restart);

struct output_end {
    const uint8_t *uid; /* UID_SIZE, read or named; NULL: neither */
    enum err err;
    const char *words;  /* of the failure */
    const char *where;  /* "arrow 5, n -> p Board.LoadDevAuth", or the step in progress */
    const char *advice; /* what to try; NULL: by advice.h */
    const char *probe;
    const struct probe_counts *counts; /* NULL: the probe was not opened */
    bool server_lost;                  /* the connection is, and that ended the run */
    bool server_refused;               /* and the server refuses this station */
    const char *on_end; /* how the operator's program failed; "" if it did not, NULL: none */
    uint32_t took_ms;
};
void output_end(struct output *output, size_t site, const struct output_end *end);
