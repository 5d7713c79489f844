/* SPDX-License-Identifier: MIT */
/*
 * budget: the limits of a principal, of an address that has not authenticated, and of all
 * together.
 *
 * One table. The services (connections, runs, entries), net (bytes received) and common/wss
 * (handshakes, by its configuration) charge what they use; over budget the call or the
 * connection is refused. A change that was made is not left out of the log (test_call_budget).
 * The table is also in oem-server/README.md; test_budget compares the two.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUDGET_CONNECTIONS = 256,       /* of a principal */
    BUDGET_HANDSHAKES_ADDRESS = 64, /* in progress, of an address */
    BUDGET_HANDSHAKES_ALL = 512,
    BUDGET_HANDSHAKE_S = 10,
    BUDGET_SIGNING_PERCENT = 25, /* of the I/O thread's time, for unknown addresses together */
    BUDGET_RECEIVED = 32 << 20,  /* bytes of incomplete messages, and of calls not served yet */
    BUDGET_RECEIVED_ALL = 256 << 20,
    BUDGET_EARLY = 2 << 20, /* bytes of streams' messages on connections not admitted yet */
    BUDGET_EARLY_ALL = 16 << 20,
    BUDGET_UNREAD = 64 << 20, /* bytes of answers that it has not read */
    BUDGET_UNREAD_ALL = 512 << 20,
    BUDGET_UNREAD_FREE = 1 << 20, /* with less a principal is served although all have more */
    BUDGET_STREAMS_ALL = 16,      /* threads that streaming calls may hold */
    BUDGET_STREAM_MIB = 1,        /* of a stream's messages that its handler has not taken */
    BUDGET_RUNS = 128,            /* in memory */
    BUDGET_RUNS_ALL = 4096,
    BUDGET_OPENS = 600, /* the burst; then one in BUDGET_OPEN_MS */
    BUDGET_OPEN_MS = 100,
    /* Calls that report on a unit by its UID, so are of no run: four to a unit. The burst; then
     * one in BUDGET_CLOSING_MS. */
    BUDGET_CLOSINGS = 2400,
    BUDGET_CLOSING_MS = 25,
    BUDGET_APPROVALS = 32, /* requests that wait for a second operator */
    BUDGET_APPROVALS_ALL = 256,
    BUDGET_RUN_ENTRIES =
        96, /* of the event log, of one run; a run that succeeds has about 40 */
    /* Entries that cost their sender nothing: refusals, and reports of Bench.TurnAway. All
     * strangers whose TLS handshakes fail are one principal here. */
    BUDGET_REFUSALS = 20,
    BUDGET_REFUSAL_MS = 1000,
};

enum { BUDGET_ROWS = 16, BUDGET_CELL = 40 };

/* A row as README.md shows it: "| what | principal | address | all | over | test |", without
 * the line's end. row: under BUDGET_ROWS. */
void budget_line(unsigned row, char *line, size_t size);
/* The test that tries to exceed it: a file of tests/unit, and a function in it. */
void budget_test(unsigned row, const char **file_out, const char **test_out);

/* A token bucket: a burst of `burst`, then one in `each_ms`. All zero: it is full
 * (test_budget). */
struct budget_rate {
    unsigned burst, each_ms;
};
struct budget_bucket {
    unsigned tokens;
    uint64_t filled_ms;
};
/* Called with the owner's lock held. false: none is left. */
bool budget_take(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms);
unsigned budget_left(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms);
