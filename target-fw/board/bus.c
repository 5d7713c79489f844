/* SPDX-License-Identifier: MIT */
/*
 * Address decoding: which memory or block answers at an address, for the core and for the
 * debugger. Called by cpu and memap. It applies clock gates and bus errors only; whether a
 * debugger may make the access is memap's decision.
 */

#include <string.h>

#include "target-fw/board/chip/chip.h"

static uint32_t mask_of(unsigned size)
{
    return size == 4 ? 0xffffffffU : (1U << (8 * size)) - 1;
}

static bool gate_open(struct chip *chip, const struct periph *p, uint32_t offset)
{
    if (clk_gate_open(chip, p->gate))
        return true;
    chip_note(chip, "%s+0x%03x: access without a clock", p->name, offset);
    return false;
}

static uint32_t word_read(struct chip *chip, const struct periph *p, uint32_t address)
{
    uint32_t offset = address - p->base;
    return gate_open(chip, p, offset) ? p->read(chip, offset) : 0;
}

/* A reset or a power cut is due: the rest of the running block has no effect outside the core.
 */
static bool going_down(const struct chip *chip)
{
    return chip->cut_wanted || chip->reset_wanted != RESET_NONE;
}

static bool read_one(struct chip *chip, uint32_t address, unsigned size, uint32_t *value)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    *value = 0;
    if (address & (size - 1))
        return false;
    if (going_down(chip))
        return true;
    if (in_sram < CHIP_SRAM_BYTES) {
        if (chip_sram_clocked(chip, in_sram, size))
            memcpy(value, chip->sram + in_sram, size);
        return true;
    }
    const struct flash_region *region = flash_region_of(address, size);
    if (region != NULL && region->mapped) {
        memcpy(value, flash_seen(chip, address, size), size);
        return true;
    }
    const struct periph *p = periph_find(chip, address);
    if (p == NULL)
        return false;
    *value = word_read(chip, p, address & ~3U);
    *value = *value >> (8 * (address & 3)) & mask_of(size);
    return true;
}

static void sram_write(struct chip *chip, uint32_t offset, unsigned size, uint32_t value)
{
    if (!chip_sram_clocked(chip, offset, size)) {
        chip_note(chip, "SRAM+0x%05x: write dropped, the bank has no clock", offset);
        return;
    }
    memcpy(chip->sram + offset, &value, size);
    cpu_code_changed(chip->cpu, CHIP_SRAM_BASE + offset, size);
}

static bool write_one(struct chip *chip, uint32_t address, unsigned size, uint32_t value)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    const struct periph *p = periph_find(chip, address);
    if (address & (size - 1))
        return false;
    if (going_down(chip))
        return true;
    if (in_sram < CHIP_SRAM_BYTES) {
        sram_write(chip, in_sram, size, value);
        return true;
    }
    if (p == NULL)
        return false;
    uint32_t word = (value & mask_of(size)) << (8 * (address & 3));
    uint32_t offset = (address & ~3U) - p->base;
    if (gate_open(chip, p, offset))
        p->write(chip, offset, word);
    return true;
}

/* An access may cause others: an exception stacks, an engine fetches. */
bool bus_read(struct chip *chip, uint32_t address, unsigned size, uint32_t *value)
{
    uint32_t outer = chip->accessed;
    chip->accessed = address;
    bool ok = read_one(chip, address, size, value);
    chip->accessed = outer;
    return ok;
}

bool bus_write(struct chip *chip, uint32_t address, unsigned size, uint32_t value)
{
    uint32_t outer = chip->accessed;
    chip->accessed = address;
    bool ok = write_one(chip, address, size, value);
    chip->accessed = outer;
    return ok;
}
