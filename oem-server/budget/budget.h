/* SPDX-License-Identifier: MIT */
/*
 * budget: what a principal, an address that has not authenticated, and all together may have.
 *
 * One table. base (connections, runs, entries), net (bytes received) and common/wss (handshakes,
 * by its configuration) ask for what they spend; over budget the call or the connection is
 * refused, and what was done is never left out of the log. The table stands in
 * oem-server/README.md; tests/unit/test_budget.c compares the two.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUDGET_CONNECTIONS = 256,       /* of a principal */
    BUDGET_HANDSHAKES_ADDRESS = 64, /* not begun or not done, of an address */
    BUDGET_HANDSHAKES_ALL = 512,
    BUDGET_HANDSHAKE_S = 10,
    BUDGET_SIGNING_PERCENT = 25, /* of the I/O thread's time, for unknown addresses together */
    BUDGET_RECEIVED = 32 << 20,  /* bytes of messages not whole, and of calls not served yet */
    BUDGET_RECEIVED_ALL = 256 << 20,
    BUDGET_UNREAD = 64 << 20, /* bytes of answers that it has not read */
    BUDGET_STREAMS_ALL = 16,  /* threads that streaming calls may hold */
    BUDGET_RUNS = 128,        /* in memory */
    BUDGET_RUNS_ALL = 4096,
    BUDGET_OPENS = 600, /* at once, then one in so long */
    BUDGET_OPEN_MS = 100,
    BUDGET_RUN_ENTRIES = 96, /* of the event log, of one run; a good run has about 40 */
    /* Entries that cost who causes them nothing: refusals, and what Bench.TurnAway tells. */
    BUDGET_REFUSALS = 20,
    BUDGET_REFUSAL_MS = 1000,
    BUDGET_TLS_REFUSALS = 10, /* of all together, in a second */
};

enum { BUDGET_ROWS = 11, BUDGET_CELL = 40 };

/* A row as README.md shows it: "| what | principal | address | all | over | test |", without
 * the line's end. row: under BUDGET_ROWS. */
void budget_line(unsigned row, char *line, size_t size);

/* A token bucket: as many as `burst` at once, then one in `each_ms`. All zero: it is full. */
struct budget_rate {
    unsigned burst, each_ms;
};
struct budget_bucket {
    unsigned tokens;
    uint64_t filled_ms;
};
/* The owner's lock is held. false: none is left. */
bool budget_take(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms);
unsigned budget_left(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms);
