/* SPDX-License-Identifier: MIT */
/*
 * engine: one site's run, shared by the files of this folder.
 *
 * engine.c opens the board and walks common/flow, open.c opens the unit; steps.c holds what the
 * agent calls (a table by arrow), serve.c what others call on it, trace.c the lines and reports
 * of each arrow. After arrow 33: closing.c to the commit, lock.c with boot.c and
 * devauth.c to the lock, shut.c to the proof; seal.c the proof alone; failure.c tells the
 * server of failures that it does not see. All functions run on the site's own thread; a
 * failure has its message in fail_words().
 */
#pragma once

#include "common/flow/flow.h"
#include "hallmark/v1/frame.pb-c.h"
#include "station-agent/api/api.h"
#include "station-agent/chip/chip.h"
#include "station-agent/probe/probe.h"
#include "station-agent/site/calls.h"
#include "station-agent/site/images.h"
#include "station-agent/site/mail.h"
#include "station-agent/site/output.h"
#include "station-agent/site/reports.h"

/* The arrow in progress. */
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
    /* Borrowed, from sites.c. */
    size_t index; /* for tell */
    const char *probe_uri;
    uint32_t swd_clock_hz;
    unsigned probe_timeout_ms;
    const char *order;
    const uint8_t *named_uid; /* UID_SIZE: only the proof of that unit's board. NULL: a run */
    const char *serial;       /* port on which the firmware prints its banner; NULL: none */
    const char *banner;       /* that text */
    bool under_reset;         /* boards are attached to with nRESET held low */
    const char *on_end;       /* the operator's program (on_end.h); NULL: none */
    const char *position;     /* this site's name in the output */
    struct server *server;
    struct images *images;
    struct output *output;
    uint32_t reconnect_ms; /* from the first loss of the server on, a run is restarted */

    /* Of its own. */
    uint64_t first_loss_ms; /* when the server was lost first; 0: it was not */
    unsigned restarts;      /* how often the site was restarted */
    bool repeat;            /* a committed unit's arrows are repeated */
    bool lock_asked;        /* a lock write may have been made: no nRESET until shut.c's */

    /* Of one run: from here to the end it is cleared for the next. */
    struct probe *probe;
    struct chip *chip;
    struct channel *channel;
    struct pending *ahead; /* the firmware's first piece, asked for before it is needed */
    struct unit unit;
    bool uid_read;
    struct flow flow;
    struct reports reports;
    struct trace trace;
    const char *where;  /* the step in progress outside arrows; NULL: an arrow is */
    const char *advice; /* what to try; NULL: by the error (advice.h) */
    char advice_text[160];
    Hallmark__V1__UnitCommitResponse
        *committed;               /* the server's answer: what Closing.Lock needs */
    bool shortened;               /* that came with Runs.Open: there is no run */
    bool repeat_due;              /* Closing.Lock refused what it found */
    char booted[CHIP_DETAIL_MAX]; /* the boot test's success, for Runs.Locked; or empty */
    bool interrupted;             /* the run ended with the connection to the server */
    struct mail mail;
};

/* From the probe to Runs.Sealed, or with named_uid its proof alone. Restarted from the probe
 * after a loss of the server, within reconnect_ms. Prints the outcome and returns it;
 * ERR_ABORTED for a board that is sealed, if the operator's program at its end failed. */
enum err site_run(struct site *site);

/* trace.c: of one arrow, in this order. A payload is digested, not kept. */
void trace_begin(struct site *site, const struct flow_row *row);
void trace_request(struct site *site, struct span payload);
void trace_response(struct site *site, struct span payload);
enum err trace_end(struct site *site, enum err e); /* prints, reports; returns e */

/* steps.c: the agent is the tail, or acts for the board's own arrow. flow_call's type. */
enum err step_call(void *site, const struct flow_row *row, enum flow_progress *progress);

/* serve.c: wait for the tail's call of the next arrow, and serve it. */
enum err serve_next(struct site *site);
/* rpc_transport of what the station serves itself; context is the site. */
enum err serve_self(void *site, const char *method, struct span payload,
                    struct buf *response_out);

/* devauth.c: arrows 5 and 6 over this transport; and the same without a run, Hello included. */
void devauth_ahead(struct site *site); /* arrow 5's image, for which arrow 4 leaves time */
enum err devauth_load(struct site *site, rpc_transport *via);
enum err devauth_run(struct site *site, rpc_transport *via);
enum err devauth_without_run(struct site *site);

/* open.c: Runs.Open. site->committed is set if the unit has only to be locked; else it is in a
 * run. */
enum err open_unit(struct site *site);
/* An image by its digest, from memory or else from the server. ERR_NOT_FOUND: it has none. */
void site_firmware_ahead(struct site *site); /* of the run; site_image() takes it */
void site_firmware_drop(struct site *site);  /* before the channel is closed */
enum err site_image(struct site *site, const char *what, const uint8_t *sha256,
                    const struct image **image_out);

/* closing.c: from the board's receipt to the lock. */
enum err closing_run(struct site *site);
enum err closing_check(const Hallmark__V1__UnitCommitResponse *committed);
/* rpc_transport to DevAuth's Closing; context is the site. */
enum err closing_board(void *site, const char *method, struct span payload,
                       struct buf *response_out);

/* lock.c: with what site->committed holds, boot test to proof. lock_committed: DevAuth is
 * loaded for it, without a run. */
enum err lock_board(struct site *site);
enum err lock_committed(struct site *site);

/* boot.c: DevAuth runs again after it, without a run. ERR_BOOT: the firmware does not start,
 * and the server knows. ERR_NOT_KNOWN: that could not be found out. */
enum err boot_test(struct site *site);

/* shut.c: nRESET, proof, Runs.Sealed. ERR_OPEN and ERR_NOT_KNOWN by the proof's outcome.
 * shut_refuse reports an outcome that is not "shut" to the server, and returns its error. */
enum err shut_board(struct site *site, enum chip_level level);
enum err shut_refuse(struct site *site, const struct chip_debug_result *result,
                     const char *what);

/* seal.c: the proof alone, for a board that is shut, whose UID is not readable any more: the
 * operator named it. ERR_NOT_LOCKED: the server has no lock statement of it. */
enum err seal_board(struct site *site);

/* failure.c: each yields e, with its message. site_turn_away: the board is locked, unknown, or
 * has a debug password: no run is requested for it, but the server is told.
 * site_tell_failure: e ended a step of the closing; one that the server cannot see is reported
 * to it once (test_site_run: refusals_name_their_place). */
enum err site_report(struct site *site); /* Runs.Report, if there is anything; its own error */
enum err site_turn_away(struct site *site, enum err e);
enum err site_tell_failure(struct site *site, enum err e);
/* site.c: the step in progress outside arrows, which is printed; where is borrowed. */
void site_now(struct site *site, const char *where);
/* rpc_transport of calls to the server; context is the site. */
enum err site_to_server(void *site, const char *method, struct span payload,
                        struct buf *response_out);
/* e came from the channel: notes whether it is the end of the run by a lost connection. Returns
 * e.
 */
enum err site_note_loss(struct site *site, enum err e);

/* The site has come to that moment of a place, or of the arrow under way (common/host/stop.h).
 * "before" and "after" of an arrow are announced by its tail's program, "inside" (its effect is
 * there, its answer is not) by its head's; the station speaks for the board. */
void site_point(const struct site *site, const char *place, const char *moment);
void site_point_arrow(const struct site *site, const char *moment);
uint64_t site_until_ms(const struct site *site); /* when waiting for the server ends */
