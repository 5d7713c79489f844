#include "target-fw/board/hold.h"

#include <assert.h>
#include <string.h>

void hold_put(struct hold *hold, struct span frame, uint64_t answer_ns)
{
    struct held *held = &hold->ring[(hold->first + hold->count) % HOLD_MAX];
    assert(hold->count < HOLD_MAX && frame.len <= sizeof(held->bytes));
    held->answer_ns = answer_ns;
    held->len = frame.len;
    memcpy(held->bytes, frame.ptr, frame.len);
    hold->count++;
}

bool hold_due(const struct hold *hold, unsigned packet_count)
{
    return hold->count >= packet_count || hold->count == HOLD_MAX;
}

const struct held *hold_take(struct hold *hold)
{
    const struct held *held = &hold->ring[hold->first];
    assert(hold->count > 0);
    hold->first = (hold->first + 1) % HOLD_MAX;
    hold->count--;
    return held;
}
