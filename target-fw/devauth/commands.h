/* SPDX-License-Identifier: MIT */
/*
 * commands: the table of the methods that the agent may call, and of those that the board
 * calls. Used by devauth.c. Rows are constant; handlers are in handlers.h.
 */
#pragma once

#include "target-fw/devauth/devauth.h"

struct command {
    const char *name;            /* after "hallmark.v1." */
    const pb_msgdesc_t *request; /* NULL: it has no fields */
    const pb_msgdesc_t *response;
    enum err (*handle)(struct devauth *d);
    uint8_t arrow;          /* 0: not an arrow */
    bool borrows;           /* the request's fields lie in the slot, which is kept meanwhile */
    enum devauth_call then; /* the board's own call that follows its answer */
};

const struct command *command_find(struct span method); /* NULL: unimplemented */

struct call {
    const char *method;
    const pb_msgdesc_t *request;
    const pb_msgdesc_t *response; /* NULL: it has no fields */
    enum err (*fill)(struct devauth *d);
    enum err (*accept)(struct devauth *d); /* NULL: nothing to take from the answer */
    uint8_t arrow;
};

/* The row of a call; not for CALL_NONE. */
const struct call *call_of(enum devauth_call call);
