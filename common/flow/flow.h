/* SPDX-License-Identifier: MIT */
/*
 * flow: the diagram as a table of 33 rows, and the engine that both programs run.
 *
 * proto/prepare-programmer.mmd is the source; test_flow compares rows, diagram and .proto
 * services. The head of an arrow serves its method, its tail calls it. For the next row the
 * engine calls the head if its side acts as the tail, otherwise it waits for the call. The
 * server acts for o; the agent for n, and for p where p calls itself (the reply proves that the
 * board did it). Calls of p to others come out of the board's mailbox, and the agent waits for
 * them.
 *
 * A struct flow is how far one side is in one run; its owner serialises access. It owns
 * nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

enum { FLOW_ARROWS = 33, FLOW_FIRST_OF_RUN = 3 }; /* 1 and 2 belong to oemctl init */

enum flow_party { FLOW_O, FLOW_N, FLOW_P };

struct flow_row {
    uint8_t arrow;
    enum flow_party tail;
    enum flow_party head;
    const char *service; /* without the package: "SecureBoot" */
    const char *method;
    const char *what; /* a short description for people */
};

extern const struct flow_row flow_rows[FLOW_ARROWS];

const struct flow_row *flow_row(uint8_t arrow); /* NULL outside 1-33 */
const struct flow_row *
flow_row_of_method(const char *full);    /* "hallmark.v1.Ca/RequestCertificate" */
char flow_letter(enum flow_party party); /* 'o', 'n' or 'p' */
void flow_method(const struct flow_row *row, char full[static 64]); /* the full name */

enum flow_side { FLOW_SERVER, FLOW_AGENT };

struct flow {
    enum flow_side side;
    uint8_t last; /* the arrow last done; 0: none yet */
    uint8_t next; /* the next arrow this side sees; FLOW_ARROWS + 1 when all are done */
    bool pending; /* next has been called and not yet answered */
};

/* The state of a side at the start of a run, and whether all arrows are done. */
struct flow flow_start(enum flow_side side); /* at arrow 3 */
bool flow_finished(const struct flow *f);
bool flow_sees(enum flow_side side, const struct flow_row *row); /* n does not see o-o */

/* ERR_OK if arrow is the next one; ERR_ORDER with a message that names the expected one.
 * Changes nothing. */
enum err flow_accept(const struct flow *f, uint8_t arrow);

void flow_done(struct flow *f); /* next is done: moves on; the agent skips what only o sees */

/* true if the agent must report now, because no later call would do it in time (27 before 28,
 * 32 before 33). */
bool flow_report_due(const struct flow *f);

enum flow_progress { FLOW_DONE_NOW, FLOW_PENDING };

/* Calls the head of row. FLOW_PENDING: the answer will come later; the owner then calls
 * flow_done() and flow_advance() again. */
typedef enum err flow_call(void *context, const struct flow_row *row,
                           enum flow_progress *progress);

/* Calls the next arrows as long as they are this side's: until one is pending, it is the other
 * side's turn, or all are done. Passes on the failure of call. */
enum err flow_advance(struct flow *f, flow_call *call, void *context);
