/* SPDX-License-Identifier: MIT */
/*
 * engine: one site's way through one run; what the files of this folder share of it.
 *
 * engine.c opens the board and the run and walks common/flow; steps.c holds what the agent
 * calls (a table by arrow), serve.c what others call on it, closing.c what comes after arrow
 * 33, trace.c what is told and reported of each arrow. All on the site's own thread.
 */
#pragma once

#include "common/flow/flow.h"
#include "hallmark/v1/frame.pb-c.h"
#include "station-agent/chip/chip.h"
#include "station-agent/probe/probe.h"
#include "station-agent/site/images.h"
#include "station-agent/site/line.h"
#include "station-agent/site/mail.h"
#include "station-agent/site/reports.h"
#include "station-agent/site/tell.h"
#include "station-agent/svc/svc.h"

/* What is known of the arrow under way. */
struct trace {
    const struct flow_row *row;
    uint64_t started_us; /* since 1970 */
    uint64_t started_ms; /* monotonic */
    uint8_t request_sha256[SHA256_SIZE];
    uint8_t response_sha256[SHA256_SIZE];
    struct buf request; /* arrow 7 only */
    bool server_told;   /* the server has its outcome, from the call itself */
};

struct site {
    /* Borrowed, from whoever starts it. */
    size_t index; /* for tell */
    const char *probe_uri;
    uint32_t swd_clock_hz;
    unsigned probe_timeout_ms;
    const char *order;
    const uint8_t *named_uid; /* UID_SIZE; a cut run's proof is made up for. NULL: a run */
    struct server *server;
    struct images *images;
    struct tell *tell;
    uint32_t reconnect_ms; /* from the first loss of the server on, a run is begun anew */

    /* Of its own. */
    uint64_t first_cut_ms; /* when the server was lost first; 0: never */
    unsigned anew;         /* how many runs were begun since */

    /* Of one run: from here to the end it is cleared for the next. */
    struct probe *probe;
    struct chip *chip;
    struct line *line;
    struct unit unit;
    bool uid_read;
    struct flow flow;
    struct reports reports;
    struct trace trace;
    const char *where;  /* what is under way outside arrows; NULL: an arrow is */
    const char *advice; /* what to try; NULL: as tell knows by the error */
    bool cut;           /* the run ended with the connection to the server */
    struct mail mail;
};

/* From the probe to Runs.Sealed, or with named_uid its proof alone; anew from the probe, while
 * it may, if the server was lost. Says how it ended, and yields it. */
enum err site_run(struct site *site);

/* trace.c */
void trace_begin(struct site *site, const struct flow_row *row);
void trace_request(struct site *site, struct span payload);
void trace_response(struct site *site, struct span payload);
enum err trace_end(struct site *site, enum err e); /* tells, reports; yields e */
enum err trace_report(struct site *site);          /* Runs.Report, if there is anything */

/* steps.c: the agent is the tail, or acts for the board's own arrow. flow_call's type. */
enum err step_call(void *site, const struct flow_row *row, enum flow_progress *progress);

/* serve.c: wait for the tail's call of the next arrow, and serve it. */
enum err serve_next(struct site *site);

/* closing.c: from the board's receipt to the proof that its debug port is shut. */
enum err closing_run(struct site *site);
/* And that proof alone, for a locked board whose run was cut before it. That it is the board of
 * named_uid, nobody can read any more. */
enum err closing_seal(struct site *site);

/* engine.c: rpc_transport of calls to the server; context is the site. */
enum err site_to_server(void *site, const char *method, struct span payload,
                        struct buf *response_out);
/* e came from the line: notes whether it is the end of the run by a lost connection. Yields e.
 */
enum err site_cut(struct site *site, enum err e);
uint64_t site_until_ms(const struct site *site); /* when waiting for the server ends */
/* An image by its digest, from memory or else from the server. */
enum err site_image(struct site *site, const char *what, const uint8_t *sha256,
                    const struct image **image_out);
