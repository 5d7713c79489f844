/* SPDX-License-Identifier: MIT */
/*
 * scene: where a row of the table is played: a station and an order of its own, a board that
 * nobody had, and beside them what all rows share: the unit "other", sealed by an honest
 * station, and a second station.
 */
#pragma once

#include "tests/hostile/office.h"

struct scene {
    const struct lie *lie;
    char station[32], order[32];
    struct wire wire;
    struct board board;
};

/* Shared: line-0 has sealed the unit; line-9 is a station with an order of its own. */
extern struct shared {
    struct wire line_0;
    struct board other;
} shared;

void shared_open(const char *kept);
void shared_close(void);

/* The honest way of a board in software, from Runs.Open to Runs.Sealed. */
enum err walk(struct board *board);
enum err walk_to_finish(struct board *board);
enum err walk_to_commit(struct board *board);

/* Of the table's row; number makes UID, order and station. */
void software_tell(const struct lie *lie, unsigned number);
