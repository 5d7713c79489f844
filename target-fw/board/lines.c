/* SPDX-License-Identifier: MIT */
/*
 * Compares the blocks' interrupt lines with what the NVIC has pending. Called by chip.c between
 * two slices. A line is looked at only if its interrupt is enabled, since looking is a poll
 * that ends BUSY.
 */

#include "target-fw/board/lines.h"

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

/* Numbers: M2354BSP, M2354.h. */
static const struct line {
    unsigned irq;
    bool (*high)(struct chip *chip);
} lines[] = {
    { 5, fmc_interrupt },    { UART_IRQ, uart_interrupt }, { 71, crpt_interrupt },
    { 101, trng_interrupt }, { 109, ks_interrupt },
};

void lines_update(struct chip *chip)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        unsigned number = EXC_IRQ0 + lines[i].irq;
        if (exc_is_enabled(chip, number) && !exc_is_active(chip, number) &&
            !exc_pends(chip, number) && lines[i].high(chip))
            exc_pend(chip, number, true);
    }
}
