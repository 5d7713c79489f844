/* SPDX-License-Identifier: MIT */
/*
 * flow: the diagram as a table of 33 rows, and the engine that both programs run on it.
 *
 * proto/prepare-programmer.mmd is the source; tests/unit/test_flow.c holds rows, diagram and
 * .proto services against each other. The head of an arrow serves its method, its tail calls
 * it. The engine asks of the next row: is its tail mine? then call its head; else wait for the
 * call. A side acts as tail for: server - o; agent - n, and p where p calls itself (the reply
 * proves that the board did it). p's calls to others come out of the board's mailbox and are
 * waited for.
 *
 * A struct flow is one side's place in one run; its owner serialises access. It owns nothing.
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
    const char *what; /* a few words for people */
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

struct flow flow_start(enum flow_side side); /* at arrow 3 */
bool flow_finished(const struct flow *f);
bool flow_sees(enum flow_side side, const struct flow_row *row); /* n cannot see o-o */

/* Is arrow the next one? ERR_ORDER names the expected one. Moves nothing. */
enum err flow_accept(const struct flow *f, uint8_t arrow);

void flow_done(struct flow *f); /* next is done: move on, for the agent past what only o sees */

/* Must the agent tell the server now, for nothing else would (27 before 28, 32 before 33)? */
bool flow_report_due(const struct flow *f);

enum flow_progress { FLOW_DONE_NOW, FLOW_PENDING };

/* Calls the head of row. FLOW_PENDING: the answer will come; its owner then calls flow_done and
 * flow_advance again. */
typedef enum err flow_call(void *context, const struct flow_row *row,
                           enum flow_progress *progress);

/* Call every next arrow that is ours, until one is pending, the other side's turn, or the end.
 */
enum err flow_advance(struct flow *f, flow_call *call, void *context);
