/* SPDX-License-Identifier: MIT */
/*
 * lines: the interrupt lines of the blocks: FMC, UART0, CRPT, TRNG, KeyStore.
 *
 * A line that is high pends its interrupt, again after each return. Looked at between two
 * slices and while the core sleeps, and only where the interrupt is enabled: that counts as a
 * poll of the block, so that what waits for an interrupt sees BUSY end. Used by chip.
 */
#pragma once

struct chip;

void lines_update(struct chip *chip);
