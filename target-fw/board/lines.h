/* SPDX-License-Identifier: MIT */
/*
 * lines: the interrupt lines of the blocks: FMC, UART0, CRPT, TRNG, KeyStore.
 *
 * A line that is high pends its interrupt, again after each return. Lines are looked at between
 * two slices and while the core sleeps, and only where the interrupt is enabled. A look counts
 * as a poll of the block, so that code which waits for an interrupt sees BUSY end. Used by
 * chip.
 */
#pragma once

struct chip;

/* Pends the interrupts of the lines that are high. */
void lines_update(struct chip *chip);
