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
    unsigned number;
    char station[32], order[32];
    struct wire wire;
    struct board board;
};

extern struct scene *scene_now;

/* Shared: line-0 has sealed the unit; line-9, which each row's order is for too, is idle. */
extern struct shared {
    struct wire line_0;
    struct board other;
} shared;

void shared_open(const char *kept);
void shared_close(void);

/* Another board in software at that station; numbers from 0x1000 on are no row's. */
void make_board(struct board *board, struct wire *wire, const char *order, unsigned number);

/* The honest way of a board in software, from Runs.Open to Runs.Sealed. */
enum err walk(struct board *board);
enum err walk_to_finish(struct board *board);
enum err walk_to_commit(struct board *board);

/* acts.c: the table's functions. */
lie_tell csr_of_another_name, csr_with_usages, csr_p384, csr_rsa, csr_other_nonce,
    csr_cloned_key, csr_foreign_key, hello_of_another, hello_without_state;
lie_act open_again, key_for_another_request, key_of_another_station, run_of_another_station,
    call_of_another_station, commit_before_finish, locked_before_commit, sealed_before_locked,
    finish_again, finish_again_signed_anew, commit_again, sealed_again, hello_other_rotpk,
    hello_unrecorded, key_of_another_uid, uid_of_another_key, uid_at_two_stations,
    finished_at_two_stations, more_than_quantity, more_than_spares, more_opens, more_runs,
    more_refusals, more_connections, fetch_of_another, turned_away_falsely, large_message,
    noise_message, run_left_open, sealed_while_held, revoked_in_a_run;

/* Of the table's row; number makes UID, order and station. */
void software_tell(const struct lie *lie, unsigned number);
