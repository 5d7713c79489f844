/* SPDX-License-Identifier: MIT */
/*
 * meter: how many bytes a principal may hold, counted before they are held.
 *
 * A meter may belong to a larger one (of all together): bytes are taken from both or from
 * neither. Any thread (test_budget). The meter outlives its users. Used by common/wss for
 * incomplete messages, and by the server for messages that wait to be served.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct meter {
    atomic_size_t used;
    size_t max;
    struct meter *all; /* or NULL */
};

bool meter_take(struct meter *meter,
                size_t bytes); /* false: over its limit, nothing is taken */
void meter_give(struct meter *meter, size_t bytes); /* bytes that were taken before */
