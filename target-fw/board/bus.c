/* SPDX-License-Identifier: MIT */
/*
 * Address decoding: which memory or block answers at an address, for the core and for the
 * debugger. Called by cpu and memap. It applies clock gates and bus errors only; whether a
 * debugger may make the access is memap's decision.
 */

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip.h"

enum { PPB_BASE = 0xe0000000, PPB_BYTES = 0x100000 };

static const struct periph *const all[] = {
    &periph_sys, &periph_clk,  &periph_gpio, &periph_fmc, &periph_scu,
    &periph_fvc, &periph_dpm,  &periph_plm,  &periph_btf, &periph_crpt,
    &periph_ks,  &periph_uart, &periph_trng, &periph_rtc,
};

const struct periph *periph_at(size_t n)
{
    return n < COUNT(all) ? all[n] : NULL;
}

const struct periph *periph_find(uint32_t address)
{
    for (size_t i = 0; i < COUNT(all); i++)
        if (address - all[i]->base < all[i]->size)
            return all[i];
    return NULL;
}

bool chip_sram_clocked(const struct chip *chip, uint32_t offset, uint32_t len)
{
    static const uint32_t starts[] = { 0, CHIP_SRAM_BANK1, CHIP_SRAM_BANK2, CHIP_SRAM_BYTES };
    for (unsigned i = 0; i < 3; i++)
        if (offset < starts[i + 1] && offset + len > starts[i] && !clk_sram_bank_on(chip, i))
            return false;
    return true;
}

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
    const struct periph *p;
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
    if (address - PPB_BASE < PPB_BYTES)
        *value = core_read(chip, (address & ~3U) - PPB_BASE);
    else if ((p = periph_find(address)) != NULL)
        *value = word_read(chip, p, address & ~3U);
    else
        return false;
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
    const struct periph *p = periph_find(address);
    if (address & (size - 1))
        return false;
    if (going_down(chip))
        return true;
    if (in_sram < CHIP_SRAM_BYTES) {
        sram_write(chip, in_sram, size, value);
        return true;
    }
    uint32_t word = (value & mask_of(size)) << (8 * (address & 3));
    if (address - PPB_BASE < PPB_BYTES) {
        core_write(chip, (address & ~3U) - PPB_BASE, word);
        return true;
    }
    if (p == NULL)
        return false;
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
