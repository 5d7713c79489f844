/* SPDX-License-Identifier: MIT */
/*
 * hold: answers kept back until it is known what the host sent without them. For link.
 *
 * With simulated time (pace) an answer must not reach the host before all requests that do not
 * depend on it are taken: they would seem to have waited for it. So answers are released one by
 * one, oldest first: when the host may have no more packets under way, or when it is silent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/rd.h"
#include "target-fw/board/dap.h"

enum { HOLD_MAX = 16, HOLD_FRAME_MAX = 8 + DAP_PACKET_MAX };

struct held {
    uint64_t answer_ns; /* when the host has it */
    size_t len;
    uint8_t bytes[HOLD_FRAME_MAX];
};

struct hold {
    struct held ring[HOLD_MAX];
    unsigned first, count;
    unsigned lonely; /* releases in a row after which nothing was held */
};

void hold_put(struct hold *hold, struct span frame, uint64_t answer_ns); /* there is room */
bool hold_due(const struct hold *hold, unsigned packet_count); /* the host waits for one */
int hold_grace_us(const struct hold *hold);      /* so long a silence says the same */
const struct held *hold_take(struct hold *hold); /* the oldest; valid until the next put */
