/* SPDX-License-Identifier: MIT */
/*
 * Flash and CONFIG through ISP commands (M2354BSP and m460bsp fmc.c). Called by devauth through
 * port.h, and by each chip's lock.c. No command may run without a check of ISPFF and PGFF
 * afterwards, and CONFIG's word 0 must be written last.
 */

#include "target-fw/port/nuvoton/fmc.h"

#include "target-fw/port/nuvoton/sys.h"
#include "target-fw/port/port.h"

enum {
    ISPEN = 1 << 0,
    APUEN = 1 << 3,
    CFGUEN = 1 << 4,
    CTL_ISPFF = 1 << 6,
    STS_PGFF = 1 << 5,
    STS_ISPFF = 1 << 6,
    STS_VECMAP = 0x7fff << 9,

    CMD_READ = 0x00,
    CMD_READ_UID = 0x04,
    CMD_PROGRAM = 0x21,
    CMD_ERASE = 0x22,
    CMD_VECMAP = 0x2e,
    CMD_PROGRAM_64 = 0x61,
    CMD_PROGRAM_MULTI = 0x27,

    MPSTS_BUSY = 1 << 0,
    MPSTS_PAIR = 3 << 4, /* D0 and D1; D2 and D3 are two bits further */

    UNIT = 8,
    RUN_SIZE = 512, /* one multi-word command stays within so many bytes */
    RUN_LEAST = 2 * UNIT,
};

#define BLANK  0xffffffffu
#define ALWAYS 0xffffffffu

static uint32_t word_of(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* A mask of 0 starts nothing. */
static enum err go(uint32_t command, uint32_t address, uint32_t mask)
{
    REG(FMC_ISPCMD) = command;
    REG(FMC_ISPADDR) = address;
    REG(FMC_ISPTRG) = 1 & mask;
    __asm__ volatile("isb" ::: "memory");
    TRY(reg_wait(WAIT_FLASH, FMC_ISPTRG, 1, 0));
    return (REG(FMC_ISPSTS) & (STS_ISPFF | STS_PGFF)) == 0 ? ERR_OK : ERR_CHIP;
}

/* One ISP operation with these update enables; data registers are loaded already. */
static enum err operate_masked(uint32_t command, uint32_t address, uint32_t enables,
                               uint32_t mask)
{
    TRY(sys_open());
    REG(FMC_ISPCTL) = ISPEN | CTL_ISPFF | enables; /* clears ISPFF */
    REG(FMC_ISPSTS) = STS_ISPFF;
    enum err e = go(command, address, mask);
    REG(FMC_ISPCTL) = ISPEN | CTL_ISPFF;
    sys_close();
    return e;
}

static enum err operate(uint32_t command, uint32_t address, uint32_t enables)
{
    return operate_masked(command, address, enables, ALWAYS);
}

static enum err read_word(uint32_t command, uint32_t address, uint32_t *out)
{
    REG(FMC_ISPDAT) = 0;
    TRY(operate(command, address, 0));
    *out = REG(FMC_ISPDAT);
    return ERR_OK;
}

/* An application may have left another page mapped over the vectors; it would be hashed. */
enum err fmc_open(void)
{
    TRY(sys_open());
    REG(FMC_ISPCTL) = ISPEN | CTL_ISPFF;
    sys_close();
    if ((REG(FMC_ISPSTS) & STS_VECMAP) == 0)
        return ERR_OK;
    return operate(CMD_VECMAP, 0, 0);
}

enum err port_identify(struct port_identity *out)
{
    for (uint32_t i = 0; i < UID_SIZE; i += 4) {
        uint32_t word;
        TRY(read_word(CMD_READ_UID, i, &word));
        for (uint32_t k = 0; k < 4; k++)
            out->uid[i + k] = (uint8_t)(word >> (8 * k));
    }
    out->pdid = REG(SYS_PDID);
    return ERR_OK;
}

struct span port_flash(uint32_t address, size_t len)
{
    const uint8_t *flash = NULL;
    __asm__("" : "+r"(flash)); /* flash begins at 0: not a null pointer to the compiler */
    return span_of(flash + address, len);
}

enum err fmc_erase(uint32_t page)
{
    return operate(CMD_ERASE, page, APUEN);
}

static enum err program_unit(uint32_t address, const uint8_t *unit)
{
    REG(FMC_MPDAT0) = word_of(unit);
    REG(FMC_MPDAT1) = word_of(unit + 4);
    return operate(CMD_PROGRAM_64, address, APUEN);
}

static void load_pair(uint32_t pair, const uint8_t *unit)
{
    REG(FMC_MPDAT0 + 8 * pair) = word_of(unit);
    REG(FMC_MPDAT1 + 8 * pair) = word_of(unit + 4);
}

/* Until the pair can be loaded: false if the controller has ended instead, for data that came
 * late, or an error. */
static bool await_pair(uint32_t pair)
{
    for (uint32_t left = reg_polls(WAIT_FLASH); left > 0; left--) {
        uint32_t status = REG(FMC_MPSTS);
        if ((status & MPSTS_BUSY) == 0)
            return false;
        if ((status & (uint32_t)MPSTS_PAIR << 2 * pair) == 0)
            return true;
    }
    return false;
}

/* One command: a pair of words is programmed while the next is loaded. Not all may be done. */
static enum err run(uint32_t address, struct span bytes)
{
    uint32_t pair = 0;
    load_pair(0, bytes.ptr);
    load_pair(1, bytes.ptr + UNIT);
    REG(FMC_ISPCMD) = CMD_PROGRAM_MULTI;
    REG(FMC_ISPADDR) = address;
    REG(FMC_ISPTRG) = 1;
    __asm__ volatile("isb" ::: "memory");
    for (size_t at = RUN_LEAST; at < bytes.len && await_pair(pair); at += UNIT) {
        load_pair(pair, bytes.ptr + at);
        pair ^= 1;
    }
    TRY(reg_wait(WAIT_FLASH, FMC_MPSTS, MPSTS_BUSY, 0));
    TRY(reg_wait(WAIT_FLASH, FMC_ISPTRG, 1, 0));
    return (REG(FMC_ISPSTS) & (STS_ISPFF | STS_PGFF)) == 0 ? ERR_OK : ERR_CHIP;
}

static enum err program_run(uint32_t address, struct span bytes)
{
    TRY(sys_open());
    REG(FMC_ISPCTL) = ISPEN | CTL_ISPFF | APUEN;
    REG(FMC_ISPSTS) = STS_ISPFF;
    enum err e = run(address, bytes);
    REG(FMC_ISPCTL) = ISPEN | CTL_ISPFF;
    sys_close();
    return e;
}

/* What a run that ended early has left is programmed unit by unit. The last 16 bytes that it
 * reached are done again, as M2354BSP does: that changes no bit. */
static enum err program_stretch(uint32_t address, struct span bytes)
{
    size_t done = 0;
    if (bytes.len >= RUN_LEAST) {
        TRY(program_run(address, bytes));
        uint32_t reached = REG(FMC_MPADDR);
        if (reached == address + bytes.len)
            return ERR_OK;
        reached &= ~(uint32_t)(RUN_LEAST - 1);
        if (reached > address && reached < address + bytes.len)
            done = reached - address;
    }
    for (; done < bytes.len; done += UNIT)
        TRY(program_unit(address + (uint32_t)done, bytes.ptr + done));
    return ERR_OK;
}

static bool is_blank(const uint8_t *unit)
{
    for (size_t i = 0; i < UNIT; i++)
        if (unit[i] != 0xff)
            return false;
    return true;
}

/* Units from at that are not blank, as far as one command goes. */
static size_t stretch(uint32_t address, struct span bytes, size_t at)
{
    size_t end = at;
    while (end < bytes.len && !is_blank(bytes.ptr + end) &&
           (end == at || (address + end) % RUN_SIZE != 0))
        end += UNIT;
    return end - at;
}

enum err port_flash_program(uint32_t address, struct span bytes)
{
    if (address % UNIT != 0 || bytes.len % UNIT != 0 || address >= FLASH_APROM_SIZE ||
        bytes.len > FLASH_APROM_SIZE - address)
        return ERR_RANGE;
    for (size_t at = 0; at < bytes.len;) {
        size_t len = stretch(address, bytes, at);
        if (len != 0)
            TRY(program_stretch(address + (uint32_t)at, span_of(bytes.ptr + at, len)));
        at += len != 0 ? len : UNIT;
    }
    return ERR_OK;
}

enum err fmc_read(uint32_t address, uint32_t *word_out)
{
    return read_word(CMD_READ, address, word_out);
}

enum err port_config_read(uint32_t words[PORT_CONFIG_WORDS])
{
    for (uint32_t i = 0; i < PORT_CONFIG_WORDS; i++)
        TRY(fmc_read(fmc_config_address + 4 * i, &words[i]));
    return ERR_OK;
}

/* Words 3, 2 and 1 are there, and word 0 is blank: only word 0 is left to do. */
static bool word_0_is_left(const uint32_t *now, const uint32_t *words)
{
    return now[0] == BLANK && now[1] == words[1] && now[2] == words[2] && now[3] == words[3];
}

/* Erasing a blank configuration page is reported to raise ISPFF (wolfBoot, M2354 scripts). */
static enum err config_erase(const uint32_t *now, uint32_t mask)
{
    if ((now[0] & now[1] & now[2] & now[3]) == BLANK)
        return ERR_OK;
    return operate_masked(CMD_ERASE, fmc_config_address, CFGUEN, mask);
}

static enum err config_word(uint32_t i, uint32_t word, uint32_t mask)
{
    uint32_t now;
    if (word == BLANK)
        return ERR_OK;
    REG(FMC_ISPDAT) = word;
    TRY(operate_masked(CMD_PROGRAM, fmc_config_address + 4 * i, CFGUEN, mask));
    TRY(fmc_read(fmc_config_address + 4 * i, &now));
    return now == word ? ERR_OK : ERR_VERIFY;
}

enum err fmc_config_write(const uint32_t words[PORT_CONFIG_WORDS], uint32_t word_0,
                          uint32_t mask)
{
    uint32_t now[PORT_CONFIG_WORDS];
    TRY(port_config_read(now));
    if (now[0] == word_0 && now[1] == words[1] && now[2] == words[2] && now[3] == words[3])
        return ERR_OK;
    if (!word_0_is_left(now, words)) {
        TRY(config_erase(now, mask));
        for (uint32_t i = PORT_CONFIG_WORDS - 1; i > 0; i--)
            TRY(config_word(i, words[i], mask));
        TRY(port_config_read(now));
        if (!word_0_is_left(now, words))
            return ERR_VERIFY;
    }
    return config_word(0, word_0, mask);
}
