/* SPDX-License-Identifier: MIT */
/*
 * site: provisions the boards of a station: one thread per probe, one connection to the server.
 *
 * A site takes one board through one run, arrows 3 to 33, the closing, the lock and its proof,
 * and ends. Each blocks on its own probe only, so an unresponsive one does not delay another
 * (`test_site_run`). No file is kept: an interrupted run is completed by the next one, and
 * after a loss of the connection by the same one. Policy (profile, DevAuth, subject, lock
 * level) comes from the server. Used by the program's subcommands.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"
#include "common/host/proxy.h"

enum { SITES_MAX = 64, SITE_BANNER_MAX = 80 };

#define SITE_BANNER "NuLink3 demo" /* nulink3-demo's text when it starts */

struct site_plan {
    const char *host; /* of the server */
    uint16_t port;
    struct proxy proxy; /* to the server; port 0: none */
    const char *ca_file;
    const char *certificate_file;
    const char *key_file;
    const char *order;
    const uint8_t *named_uid;  /* NULL: runs. Else UID_SIZE, and one probe: its board's proof */
    const char *const *probes; /* URIs, see probe/probe.h */
    size_t probe_count;        /* 1 to SITES_MAX */
    const char *const *serials; /* by probe: its board's serial port, or NULL. NULL: no port */
    const char *banner;         /* the firmware's text there: 1 to SITE_BANNER_MAX bytes */
    bool under_reset;           /* of runs: attach with nRESET held low */
    const char *on_end;         /* program at the end of each board, see on_end.h; NULL: none */
    uint32_t swd_clock_hz;      /* at most; 0: PROBE_CLOCK_DEFAULT_HZ */
    unsigned probe_timeout_ms;  /* for one reply of a probe; 0: the default */
    const char *firmware_file;  /* NULL: fetched from the server */
    uint32_t reconnect_ms;      /* how long to wait for a lost server; 0: not at all */
    bool json;
    bool color;
    bool progress; /* stderr is a terminal: keep progress lines there */
};

/* ERR_OK only if the units at all probes were sealed, and plan->on_end succeeded. Else the
 * error of the gravest failure (sites_gravest), which its site has printed (test_site_run); or,
 * with no site in failed_out, the error that kept them from starting, to be printed with
 * fail_words(). */
enum err sites_run(const struct site_plan *plan, size_t *failed_out);

/* Which result stands for all of them: the index of the gravest failure, of equal ones the
 * first; count if there is none. Failures that say that a board must not be shipped come first,
 * then those that say what becomes of a board, then the others, then ERR_ABORTED. */
size_t sites_gravest(const enum err *results, size_t count);

/* What to try after an error that kept the sites from starting (advice.h); test_site_advice. */
const char *site_start_advice(enum err e, const char *words);
