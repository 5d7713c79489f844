/* SPDX-License-Identifier: MIT */
/*
 * The ISP commands, a row each, and multi-word programming. Called by fmc.c when a command is
 * started. A command that is refused (ISPFF) must change nothing.
 */

#include "target-fw/board/periph/fmc_cmd.h"

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum {
    CID = 0xda,
    ALLONE_YES = 0xa11fffff,
    ALLONE_NO = 0xa1100000,
    MULTI_RUN_BYTES = 512,
    PAIR = 0x61, /* two words of a multi-word program take as long as this command */
    FLASH_OTP = 0x00310000,
    FLASH_OTP_LOCKS = 0x00310800
};

static bool refuse(struct chip *chip, const char *why)
{
    chip_note(chip, "FMC: ISPFF: command 0x%02x at 0x%08x: %s", chip->fmc.cmd, chip->fmc.addr,
              why);
    return false;
}

/* May the command update len bytes at address? */
static bool may_update(struct chip *chip, uint32_t address, uint32_t len)
{
    const struct flash_region *region = flash_region_of(address, len);
    if (region == NULL)
        return refuse(chip, "no flash there");
    if ((chip->fmc.ctl & region->enable) != region->enable)
        return refuse(chip, "update of the region is not enabled");
    if (chip->lock.config && chip->master == MASTER_DEBUG)
        return refuse(chip, "locked: a debugger may only erase all");
    if (region->base == FLASH_OTP) {
        uint32_t entry = address >= FLASH_OTP_LOCKS ? (address - FLASH_OTP_LOCKS) / 4
                                                    : (address & 0x7ff) / 8;
        if (flash_word(chip, FLASH_OTP_LOCKS + 4 * entry) != 0xffffffffU)
            return refuse(chip, "OTP entry is locked");
    }
    return true;
}

static bool program(struct chip *chip, uint32_t address, const uint32_t *words, uint32_t count)
{
    if (!may_update(chip, address, count * 4))
        return false;
    if (fault_ispff(chip))
        return refuse(chip, "injected fault");
    for (uint32_t i = 0; i < count; i++)
        if (!flash_program_word(chip, address + 4 * i, words[i])) {
            chip_note(chip, "FMC: PGFF: program over bits already clear at 0x%08x",
                      address + 4 * i);
            chip->fmc.pgff = true;
        }
    fault_after_flash(chip);
    return true;
}

static bool run_read(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    const uint8_t *at = flash_bytes(chip, fmc->addr & ~3U, 4);
    fmc->result_dat = 0xffffffffU;
    if (at == NULL)
        return refuse(chip, "no flash there");
    if (chip->lock.config && chip->master == MASTER_DEBUG)
        return refuse(chip, "locked: a debugger may not read");
    memcpy(&fmc->result_dat, at, 4);
    return true;
}

static bool run_read64(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    const uint8_t *at = flash_bytes(chip, fmc->addr & ~7U, 8);
    memset(fmc->mpdat, 0xff, 8);
    if (at == NULL || flash_region_of(fmc->addr, 1)->base == FLASH_OTP)
        return refuse(chip, "no flash there for 64-bit access");
    if (chip->lock.config && chip->master == MASTER_DEBUG)
        return refuse(chip, "locked: a debugger may not read");
    memcpy(fmc->mpdat, at, 8);
    return true;
}

static bool run_program32(struct chip *chip)
{
    if (chip->fmc.addr & 3)
        return refuse(chip, "address is not word aligned");
    return program(chip, chip->fmc.addr, &chip->fmc.dat, 1);
}

static bool is_flash_otp(uint32_t address)
{
    const struct flash_region *region = flash_region_of(address, 1);
    return region != NULL && region->base == FLASH_OTP;
}

static bool run_program64(struct chip *chip)
{
    if ((chip->fmc.addr & 7) || is_flash_otp(chip->fmc.addr))
        return refuse(chip, "64-bit program: alignment or flash OTP");
    return program(chip, chip->fmc.addr, chip->fmc.mpdat, 2);
}

/* The pair under way begins where the one before ended. */
static void pair_takes(struct chip *chip)
{
    if (!chip->pace.on)
        return;
    uint64_t us = pace_flash_ns(PAIR) / 1000;
    chip->fmc.mp_until += us * (CHIP_HCLK_HZ / 1000000);
    chip->pace.flash_us += us;
}

static bool run_multi(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    if ((fmc->addr & 7) || is_flash_otp(fmc->addr))
        return refuse(chip, "multi-word program: alignment or flash OTP");
    if (!may_update(chip, fmc->addr, 16))
        return false;
    fmc->mp_active = true;
    fmc->mp_until = chip->cycles;
    pair_takes(chip);
    fmc->mp_addr = fmc->addr;
    fmc->mp_left = MULTI_RUN_BYTES - (fmc->addr & (MULTI_RUN_BYTES - 1));
    fmc->mp_next = 0;
    for (unsigned i = 0; i < 4; i++)
        fmc->mp_full[i] = true;
    return true;
}

static void multi_end(struct fmc *fmc)
{
    fmc->mp_active = false;
    memset(fmc->mp_full, 0, sizeof(fmc->mp_full));
}

static bool pair_is_there(const struct fmc *fmc)
{
    return fmc->mp_full[fmc->mp_next] && fmc->mp_full[fmc->mp_next + 1];
}

/* The pair under way is programmed; if the other one is not there by then, or the run is full,
 * that was the last. Without simulated time "by then" is the next poll. */
static void multi_step(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    unsigned n = fmc->mp_next;
    if (!pair_is_there(fmc)) {
        multi_end(fmc);
        return;
    }
    if (!program(chip, fmc->mp_addr, fmc->mpdat + n, 2)) {
        fmc->ispff = true;
        multi_end(fmc);
        return;
    }
    fmc->mp_full[n] = fmc->mp_full[n + 1] = false;
    fmc->mp_addr += 8;
    fmc->mp_left -= 8;
    fmc->mp_next = n ^ 2;
    if (fmc->mp_left < 8 || (chip->pace.on && !pair_is_there(fmc)))
        multi_end(fmc);
    else
        pair_takes(chip);
}

/* Without simulated time a step is a poll by software, else as many as its time has come for.
 */
void fmc_cmd_multi_poll(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    if (fmc->busy.stuck || fmc->busy.dead)
        return;
    if (fmc->mp_active && !chip->pace.on)
        multi_step(chip);
    while (fmc->mp_active && chip->pace.on && chip->cycles >= fmc->mp_until)
        multi_step(chip);
}

static bool erase(struct chip *chip, uint32_t address, uint32_t len)
{
    const struct flash_region *region = flash_region_of(address, len);
    if (!may_update(chip, address, len))
        return false;
    if (!region->erasable)
        return refuse(chip, "region cannot be page-erased");
    if (region->base == FMC_CONFIG0 && flash_is_blank(chip, address, len))
        return refuse(chip, "configuration page is blank already");
    if (fault_ispff(chip))
        return refuse(chip, "injected fault");
    flash_erase(chip, address, len);
    chip->fmc.pgff = false;
    fault_after_flash(chip);
    return true;
}

static bool run_page_erase(struct chip *chip)
{
    return erase(chip, chip->fmc.addr & ~(FMC_PAGE_BYTES - 1U), FMC_PAGE_BYTES);
}

static bool run_bank_erase(struct chip *chip)
{
    if (chip->fmc.addr >= STORE_APROM_BYTES)
        return refuse(chip, "bank erase is for APROM");
    return erase(chip, chip->fmc.addr & ~(FMC_BANK_BYTES - 1U), FMC_BANK_BYTES);
}

static bool run_mass_erase(struct chip *chip)
{
    if (chip->fmc.icpctl != 1)
        return refuse(chip, "mass erase is not enabled in ICPCTL");
    if (!chip->lock.mass_erase)
        return refuse(chip, "mass erase is disabled by CONFIG0.MERASE");
    if (chip->plm.stage >= PLM_DEPLOYED)
        return refuse(chip, "mass erase is refused in Deployed and RMA");
    flash_mass_erase(chip);
    chip->fmc.pgff = false;
    return true;
}

static bool run_uid(struct chip *chip)
{
    const struct store_head *head = &chip->store.image->head;
    uint32_t address = chip->fmc.addr;
    if ((address & 3) || address > 0x1c || address == 0x0c)
        return refuse(chip, "no such UID word");
    chip->fmc.result_dat =
        address < 0x10 ? head->uid[address / 4] : head->ucid[(address - 0x10) / 4];
    return true;
}

static bool run_cid(struct chip *chip)
{
    chip->fmc.result_dat = CID;
    chip->fmc.pgff = false;
    return true;
}

static bool run_pid(struct chip *chip)
{
    if (chip->fmc.addr != 4)
        return refuse(chip, "PID is at address 4");
    chip->fmc.result_dat = SYS_PDID;
    return true;
}

/* Range of 2D and 28: whole pages, inside one bank. */
static const uint8_t *range(struct chip *chip)
{
    uint32_t from = chip->fmc.addr, len = chip->fmc.dat;
    bool shape = (from & (FMC_PAGE_BYTES - 1)) == 0 && (len & (FMC_PAGE_BYTES - 1)) == 0 &&
                 len != 0 && len <= FMC_BANK_BYTES &&
                 from / FMC_BANK_BYTES == (from + len - 1) / FMC_BANK_BYTES;
    bool hidden = chip->lock.config && chip->master == MASTER_DEBUG;
    return shape && !hidden ? flash_bytes(chip, from, len) : NULL;
}

static bool run_crc(struct chip *chip)
{
    const uint8_t *at = range(chip);
    if (at == NULL)
        return refuse(chip, "range is not whole pages of one bank");
    chip->fmc.crc_result = store_crc(at, chip->fmc.dat);
    return true;
}

static bool run_crc_result(struct chip *chip)
{
    chip->fmc.result_dat = chip->fmc.crc_result;
    return true;
}

static bool run_allone(struct chip *chip)
{
    if (range(chip) == NULL)
        return refuse(chip, "range is not whole pages of one bank");
    bool blank = flash_is_blank(chip, chip->fmc.addr, chip->fmc.dat);
    chip->fmc.allone_result = blank ? ALLONE_YES : ALLONE_NO;
    chip->fmc.result_allone = blank;
    return true;
}

static bool run_allone_result(struct chip *chip)
{
    chip->fmc.result_dat = chip->fmc.allone_result;
    return true;
}

static bool run_vecmap(struct chip *chip)
{
    uint32_t address = chip->fmc.addr;
    if ((address & 511) != 0 || flash_bytes(chip, address, 512) == NULL || address >= 0x110000)
        return refuse(chip, "vector page is not 512-byte aligned flash");
    chip->fmc.vecmap = address;
    cpu_map_changed(chip->cpu);
    return true;
}

/* Which half of APROM is at address 0; until the next cold reset (assumed). */
static bool run_bank_remap(struct chip *chip)
{
    if (chip->fmc.addr != 0 && chip->fmc.addr != FMC_BANK_BYTES)
        return refuse(chip, "bank remap: no bank begins there");
    chip->fmc.banks_swapped = chip->fmc.addr != 0;
    cpu_map_changed(chip->cpu);
    return true;
}

static const struct command {
    uint8_t code;
    bool (*run)(struct chip *);
} commands[] = {
    { 0x00, run_read },       { 0x40, run_read64 },     { 0x21, run_program32 },
    { 0x61, run_program64 },  { 0x27, run_multi },      { 0x22, run_page_erase },
    { 0x23, run_bank_erase }, { 0x26, run_mass_erase }, { 0x04, run_uid },
    { 0x0b, run_cid },        { 0x0c, run_pid },        { 0x2d, run_crc },
    { 0x0d, run_crc_result }, { 0x28, run_allone },     { 0x08, run_allone_result },
    { 0x2e, run_vecmap },     { 0x2c, run_bank_remap },
};

void fmc_cmd_run(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    bool (*run)(struct chip *) = NULL;
    for (size_t i = 0; i < COUNT(commands); i++)
        if (commands[i].code == fmc->cmd)
            run = commands[i].run;
    bool ok;
    if ((fmc->ctl & FMC_ISPCTL_ISPEN) == 0)
        ok = refuse(chip, "ISPEN is 0");
    else if (run == NULL)
        ok = refuse(chip, "no such command on this part");
    else
        ok = run(chip);
    fmc->result_ispff = !ok;
}
