/* SPDX-License-Identifier: MIT */
/* clock: simulated time of board 0, asked over virtual-board's control socket, and real time
 * beside it. A board that simulates none tells 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

struct clock {
    int fd;
};

struct lap {
    uint64_t us, packets, waits, clocks; /* simulated */
    uint64_t wall_us;
};

enum err clock_open(struct clock *clock, const char *path);
void clock_close(struct clock *clock);
enum err clock_start(const struct clock *clock, struct lap *lap);
enum err clock_stop(const struct clock *clock, struct lap *lap); /* lap: what passed since */
void clock_print(const struct lap *lap, const char *name, size_t units); /* bytes or calls */
