/* SPDX-License-Identifier: MIT */
/*
 * The flash regions, their rules and their bytes in the board's store. Called by fmc_cmd.c, the
 * bus and the boot ROM. Programming must only clear bits; a bit is set by an erase only.
 */

#include <stdatomic.h>
#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum { CONFIGURATION = 0x200000 }; /* and above: NSCBA, CONFIG, flash OTP, SCRLOCK */

#define OFFSET(member) offsetof(struct store_image, member)

static const struct row {
    struct flash_region region;
    size_t offset;
} rows[] = {
    { { "APROM", 0x00000000, STORE_APROM_BYTES, FMC_ISPCTL_APUEN, true, true }, OFFSET(aprom) },
    { { "LDROM", 0x00100000, STORE_LDROM_BYTES, FMC_ISPCTL_LDUEN, true, true }, OFFSET(ldrom) },
    { { "data flash", 0x00110000, STORE_DATA_BYTES, FMC_ISPCTL_APUEN, true, true },
      OFFSET(data) },
    { { "NSCBA", 0x00210800, STORE_PAGE_BYTES, FMC_ISPCTL_CFGUEN, false, false },
      OFFSET(nscba) },
    { { "CONFIG", FMC_CONFIG0, STORE_PAGE_BYTES, FMC_ISPCTL_CFGUEN, true, false },
      OFFSET(config) },
    { { "flash OTP", 0x00310000, STORE_FLASH_OTP_BYTES, 0, false, false }, OFFSET(flash_otp) },
    { { "SCRLOCK", 0x00610000, STORE_PAGE_BYTES, FMC_ISPCTL_CFGUEN, true, false },
      OFFSET(scrlock) },
};

const struct flash_region *flash_region_at(unsigned n)
{
    return n < COUNT(rows) ? &rows[n].region : NULL;
}

static const struct row *row_of(uint32_t address, uint32_t len)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct flash_region *r = &rows[i].region;
        if (address >= r->base && address - r->base < r->size &&
            len <= r->size - (address - r->base))
            return &rows[i];
    }
    return NULL;
}

const struct flash_region *flash_region_of(uint32_t address, uint32_t len)
{
    const struct row *row = row_of(address, len);
    return row == NULL ? NULL : &row->region;
}

/* A stretch over both banks is in one piece only if they are not swapped. */
uint8_t *flash_bytes(struct chip *chip, uint32_t address, uint32_t len)
{
    const struct row *row = row_of(address, len);
    if (row == NULL)
        return NULL;
    if (chip->fmc.banks_swapped && address < STORE_APROM_BYTES) {
        if (address % FMC_BANK_BYTES + len > FMC_BANK_BYTES)
            return NULL;
        address ^= FMC_BANK_BYTES;
    }
    return (uint8_t *)chip->store.image + row->offset + (address - row->region.base);
}

const uint8_t *flash_seen(struct chip *chip, uint32_t address, uint32_t len)
{
    bool mapped = chip->fmc.vecmap != 0 && address < FMC_VECTOR_BYTES;
    return flash_bytes(chip, mapped ? chip->fmc.vecmap + address : address, len);
}

uint32_t flash_word(struct chip *chip, uint32_t address)
{
    const uint8_t *at = flash_bytes(chip, address, 4);
    uint32_t word = 0xffffffffU;
    if (at != NULL)
        memcpy(&word, at, sizeof(word));
    return word;
}

/* What decides about the part is written to the disk now; firmware may be burnt again. */
static void keep(struct chip *chip, uint32_t address, const uint8_t *at, uint32_t len)
{
    if (address >= CONFIGURATION)
        store_sync(&chip->store, at, len);
}

/* Address 0 may show what lies elsewhere. */
static void changed(struct chip *chip, uint32_t address, uint32_t len)
{
    cpu_code_changed(chip->cpu, address, len);
    if (chip->fmc.vecmap != 0 &&
        (address < FMC_SHADOW_BYTES ||
         (address < chip->fmc.vecmap + FMC_VECTOR_BYTES && chip->fmc.vecmap < address + len)))
        cpu_map_changed(chip->cpu);
}

static enum oneway_kind kind_of(uint32_t address, bool erase)
{
    if (address - FMC_CONFIG0 < STORE_PAGE_BYTES)
        return erase ? ONEWAY_CONFIG_ERASE : ONEWAY_CONFIG_WRITE;
    return erase ? ONEWAY_FLASH_ERASE : ONEWAY_FLASH_WRITE;
}

bool flash_program_word(struct chip *chip, uint32_t address, uint32_t word)
{
    uint8_t *at = flash_bytes(chip, address, 4);
    if (at == NULL)
        return false;
    enum oneway_kind kind = kind_of(address, false);
    enum oneway_go go = oneway_begin(chip, kind);
    if (go == ONEWAY_NOT)
        return true;
    uint32_t stored = go == ONEWAY_HALF ? word | 0xffff0000U : word;
    uint32_t after = flash_word(chip, address) & stored;
    memcpy(at, &after, sizeof(after));
    atomic_signal_fence(memory_order_seq_cst);
    keep(chip, address, at, 4);
    changed(chip, address, 4);
    oneway_end(chip, kind, address, word);
    return go == ONEWAY_HALF || after == word;
}

void flash_erase(struct chip *chip, uint32_t address, uint32_t len)
{
    uint8_t *at = flash_bytes(chip, address, len);
    enum oneway_kind kind = kind_of(address, true);
    if (at == NULL)
        return;
    enum oneway_go go = oneway_begin(chip, kind);
    if (go == ONEWAY_NOT)
        return;
    if (go == ONEWAY_WHOLE)
        memset(at, 0xff, len);
    for (uint32_t i = 0; go == ONEWAY_HALF && i < len; i += 8)
        memset(at + i, 0xff, 4);
    keep(chip, address, at, len);
    changed(chip, address, len);
    oneway_end(chip, kind, address, 0);
}

bool flash_is_blank(struct chip *chip, uint32_t address, uint32_t len)
{
    const uint8_t *at = flash_bytes(chip, address, len);
    for (uint32_t i = 0; at != NULL && i < len; i++)
        if (at[i] != 0xff)
            return false;
    return at != NULL;
}

/*
 * Clears APROM, LDROM, data flash, CONFIG, SCRLOCK and NSCBA (back to all secure: wolfBoot's
 * M2354 script), KS Flash and the debug protection (assumed). OTP of both kinds survives.
 */
void flash_mass_erase(struct chip *chip)
{
    flash_erase(chip, 0, FMC_BANK_BYTES);
    flash_erase(chip, FMC_BANK_BYTES, FMC_BANK_BYTES);
    for (size_t i = 1; i < COUNT(rows); i++) /* after APROM */
        if (strcmp(rows[i].region.name, "flash OTP") != 0)
            flash_erase(chip, rows[i].region.base, rows[i].region.size);
    if (chip->cut_wanted)
        return;
    struct store_head *head = &chip->store.image->head;
    for (size_t i = 0; i < STORE_KEY_SLOTS; i++)
        head->keys[i].used = 0;
    for (size_t i = 0; i < COUNT(head->dpm); i++) {
        head->dpm[i] = (struct store_dpm){ 0 };
        store_dpm_seal(&head->dpm[i]);
    }
    store_sync(&chip->store, chip->store.image, sizeof(*chip->store.image));
}
