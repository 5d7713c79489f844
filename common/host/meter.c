/* SPDX-License-Identifier: MIT */
/*
 * meter: see meter.h. The count may pass the limit for an instant between two threads, but what
 * passed it is refused, so what is granted never does (tests/unit/test_budget.c).
 */
#include "common/host/meter.h"

static bool take(struct meter *meter, size_t bytes)
{
    size_t before = atomic_fetch_add(&meter->used, bytes);
    if (before <= meter->max && bytes <= meter->max - before)
        return true;
    atomic_fetch_sub(&meter->used, bytes);
    return false;
}

bool meter_take(struct meter *meter, size_t bytes)
{
    if (!take(meter, bytes))
        return false;
    if (meter->all == NULL || take(meter->all, bytes))
        return true;
    atomic_fetch_sub(&meter->used, bytes);
    return false;
}

void meter_give(struct meter *meter, size_t bytes)
{
    atomic_fetch_sub(&meter->used, bytes);
    if (meter->all != NULL)
        atomic_fetch_sub(&meter->all->used, bytes);
}

void meter_add(struct meter *meter, size_t bytes)
{
    atomic_fetch_add(&meter->used, bytes);
    if (meter->all != NULL)
        atomic_fetch_add(&meter->all->used, bytes);
}
