/* SPDX-License-Identifier: MIT */
/*
 * A ring of answers that are not sent yet. Called by link.c, only while time is simulated.
 * Answers must leave in the order in which they came in.
 */

#include "target-fw/board/hold.h"

#include <assert.h>
#include <string.h>

/* If a host has long sent one packet at a time, it will probably continue: the wait is shorter
 * then. */
enum { GRACE_US = 1000, GRACE_SHORT_US = 150, LONELY_ENOUGH = 8 };

void hold_put(struct hold *hold, struct span frame, uint64_t answer_ns)
{
    struct held *held = &hold->ring[(hold->first + hold->count) % HOLD_MAX];
    assert(hold->count < HOLD_MAX && frame.len <= sizeof(held->bytes));
    held->answer_ns = answer_ns;
    held->len = frame.len;
    memcpy(held->bytes, frame.ptr, frame.len);
    hold->count++;
    if (hold->count > 1)
        hold->lonely = 0;
}

bool hold_due(const struct hold *hold, unsigned packet_count)
{
    return hold->count >= packet_count || hold->count == HOLD_MAX;
}

int hold_grace_us(const struct hold *hold)
{
    return hold->lonely < LONELY_ENOUGH ? GRACE_US : GRACE_SHORT_US;
}

const struct held *hold_take(struct hold *hold)
{
    const struct held *held = &hold->ring[hold->first];
    assert(hold->count > 0);
    hold->first = (hold->first + 1) % HOLD_MAX;
    hold->count--;
    if (hold->count == 0)
        hold->lonely++;
    return held;
}
