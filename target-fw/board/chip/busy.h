/* SPDX-License-Identifier: MIT */
/*
 * busy: a BUSY bit that software has to wait for.
 *
 * The model computes an operation's result when it is started, but shows it only after a few
 * polls of its status, so that a missing wait loop is found. A stuck one does not end (a fault
 * switch). Used by the blocks.
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

/* Begins an operation: BUSY is set for the next BUSY_POLLS polls. */
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
