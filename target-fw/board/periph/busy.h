/* SPDX-License-Identifier: MIT */
/*
 * busy: a BUSY bit that software has to wait for.
 *
 * An operation's result is ready at once inside the model, but shown only after a few polls of
 * its status, so that a missing wait loop is found. A stuck one never ends (a fault switch).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { BUSY_POLLS = 3 };

struct busy {
    bool active;
    bool stuck; /* by a fault switch; a block's reset does not help */
    bool dead;  /* by its own doing, until its reset */
    uint8_t left;
};

static inline void busy_start(struct busy *b)
{
    b->active = true;
    b->left = BUSY_POLLS;
}

/* One poll by software; true exactly when the operation has just ended. */
static inline bool busy_poll(struct busy *b)
{
    if (!b->active || b->stuck || b->dead)
        return false;
    if (b->left > 0) {
        b->left--;
        return false;
    }
    b->active = false;
    return true;
}
