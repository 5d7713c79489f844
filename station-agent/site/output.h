/* SPDX-License-Identifier: MIT */
/*
 * output: what the operator sees of all sites: a line per arrow, or a JSON object per line.
 *
 * Lines go to stdout. On a terminal, a progress line per site is kept below them on stderr. A
 * peer's messages are shown printable and short. Any thread may call; each call is one whole
 * line.
 */
#pragma once

#include "common/core/layout.h"
#include "common/flow/flow.h"
#include "station-agent/probe/probe.h"

enum { TELL_SITES_MAX = 64 };

struct tell;

struct tell_config {
    bool json;
    bool color;
    bool progress; /* stderr is a terminal */
    size_t sites;
    const char *const *names; /* of the sites; outlive tell */
};

struct tell *tell_new(const struct tell_config *config); /* NULL: no memory */
void tell_free(struct tell *tell);                       /* clears the progress lines */

/* What site does now, for its progress line: "connecting", "arrow 5 ...". */
void tell_doing(struct tell *tell, size_t site, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct tell_arrow {
    const struct flow_row *row;
    enum err err;
    const char *detail; /* of what came of it; if err is not ERR_OK: the failure's message */
    uint32_t took_ms;
};
void tell_arrow(struct tell *tell, size_t site, const struct tell_arrow *arrow);

/* The one connection to the server: the message is of its loss, or of the latest attempt. */
enum tell_connection_kind { TELL_CONNECTION_LOST, TELL_CONNECTION_OPEN, TELL_CONNECTION_OVER };

struct tell_connection {
    enum tell_connection_kind kind;
    const char *host;
    uint16_t port;
    const char *words;
    unsigned attempts;         /* since it was lost */
    uint32_t wait_ms, left_ms; /* to the next one; until no more are made */
};
/* Attempts that fail fast are told once a second. That it is over is for --json only: sites
 * tell people. When all sites have ended nothing is told. */
void tell_connection(struct tell *tell, const struct tell_connection *news);

/* The loss of the server interrupted a run, or the board refused its lock: the site starts
 * over. */
struct tell_restart {
    const char *where; /* as in tell_end, and */
    const char *words;
    unsigned count; /* of the runs restarted so */
};
void tell_restart(struct tell *tell, size_t site, const struct tell_restart *restart);

struct tell_end {
    const uint8_t *uid; /* UID_SIZE, read or named; NULL: neither */
    enum err err;
    const char *words;  /* of the failure */
    const char *where;  /* "arrow 5, n -> p Board.LoadDevAuth", or what was under way */
    const char *advice; /* what to try; NULL: by advice.h */
    const char *probe;
    const struct probe_counts *counts; /* NULL: the probe was not opened */
    bool server_lost;                  /* the connection is, and that ended the run */
    bool server_refused;               /* and the server will not have us */
    const char *on_end; /* how the operator's program failed; "" if it did not, NULL: none */
    uint32_t took_ms;
};
void tell_end(struct tell *tell, size_t site, const struct tell_end *end);
