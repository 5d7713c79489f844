/* SPDX-License-Identifier: MIT */
/*
 * lock: the locks in force, taken from what is stored. What they allow is asked by chip.h's
 * chip_debug_level() and its kin. Used by chip, on the board's thread.
 */
#pragma once

struct chip;

void lock_latch(struct chip *chip); /* at a cold reset: what is stored comes into force */
