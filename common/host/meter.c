/* SPDX-License-Identifier: MIT */
/*
 * meter: see meter.h. Called by common/wss and the server on any thread. Between two threads
 * the count may pass the limit for an instant, but the bytes that passed it are refused, so
 * what is granted must never exceed it (test_budget).
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
