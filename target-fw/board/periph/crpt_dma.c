/* SPDX-License-Identifier: MIT */
/* What the engines of CRPT share: their interrupt flags, and their way to SRAM. */
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/chip/crpt.h"

void crpt_raise(struct chip *chip, uint32_t flag)
{
    chip->crpt.intsts |= flag & chip->crpt.inten;
}

uint8_t *crpt_dma(struct chip *chip, const char *who, uint32_t address, uint32_t len)
{
    uint32_t offset = (address & ~0x10000000U) - CHIP_SRAM_BASE;
    const char *why = NULL;
    if (address & 3)
        why = "not word aligned";
    else if (offset >= CHIP_SRAM_BYTES || len > CHIP_SRAM_BYTES - offset)
        why = "not in SRAM";
    else if (!chip_sram_clocked(chip, offset, len))
        why = "SRAM bank has no clock";
    if (why != NULL)
        chip_note(chip, "%s: DMA at 0x%08x, %u bytes: %s", who, address, len, why);
    return why == NULL ? chip->sram + offset : NULL;
}
