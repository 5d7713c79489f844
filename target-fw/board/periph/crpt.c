/* SPDX-License-Identifier: MIT */
/*
 * The crypto engine's page: sends each offset to its engine, holds INTEN and INTSTS, and checks
 * DMA. Called by the bus. An engine must not reach memory other than through crpt_dma(), which
 * takes clocked SRAM only.
 */

#include "target-fw/board/chip/crpt.h"

#include <string.h>

#include "target-fw/board/chip/chip.h"

enum { INTEN = 0x000, INTSTS = 0x004 };

/* Which engine owns an offset. */
static const struct engine {
    uint32_t from, to;
    uint32_t (*read)(struct chip *, uint32_t);
    void (*write)(struct chip *, uint32_t, uint32_t);
} engines[] = {
    { 0x008, 0x034, prng_read, prng_write }, { 0xf00, 0xf08, prng_read, prng_write },
    { 0x080, 0x200, aes_read, aes_write },   { 0xf10, 0xf14, aes_read, aes_write },
    { 0x300, 0x500, sha_read, sha_write },   { 0xf30, 0xf34, sha_read, sha_write },
    { 0x800, 0xa58, ecc_read, ecc_write },   { 0xf40, 0xf4c, ecc_read, ecc_write },
};

static const struct engine *engine_of(uint32_t offset)
{
    for (size_t i = 0; i < COUNT(engines); i++)
        if (offset >= engines[i].from && offset < engines[i].to)
            return &engines[i];
    return NULL;
}

static uint32_t flags(struct chip *chip)
{
    prng_poll(chip);
    ecc_poll(chip);
    sha_poll(chip);
    aes_poll(chip);
    return chip->crpt.intsts;
}

bool crpt_interrupt(struct chip *chip)
{
    return flags(chip) != 0;
}

static uint32_t crpt_read(struct chip *chip, uint32_t offset)
{
    if (offset == INTEN)
        return chip->crpt.inten;
    if (offset == INTSTS)
        return flags(chip);
    const struct engine *engine = engine_of(offset);
    return engine == NULL ? 0 : engine->read(chip, offset);
}

static void crpt_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    const struct engine *engine = engine_of(offset);
    if (offset == INTEN)
        chip->crpt.inten = value;
    else if (offset == INTSTS)
        chip->crpt.intsts &= ~value;
    else if (engine != NULL)
        engine->write(chip, offset, value);
    else
        chip_note(chip, "CRPT+0x%03x: engine is not modelled", offset);
}

static void crpt_reset(struct chip *chip)
{
    struct crpt *crpt = &chip->crpt;
    struct crpt fresh = { .prng.busy.stuck = crpt->prng.busy.stuck,
                          .ecc.busy.stuck = crpt->ecc.busy.stuck,
                          .sha.busy.stuck = crpt->sha.busy.stuck,
                          .aes.busy.stuck = crpt->aes.busy.stuck };
    buf_free(&crpt->sha.message);
    wipe(crpt, sizeof(*crpt));
    *crpt = fresh;
}

const struct periph periph_crpt = {
    .name = "CRPT",
    .base = 0x40032000,
    .size = 0x1000,
    .gate = GATE_CRPT,
    .read = crpt_read,
    .write = crpt_write,
    .reset = crpt_reset,
};
