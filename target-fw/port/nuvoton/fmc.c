/* SPDX-License-Identifier: MIT */
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

enum err port_flash_program(uint32_t address, const uint8_t unit[8])
{
    if (address % 8 != 0 || address >= FLASH_APROM_SIZE)
        return ERR_RANGE;
    REG(FMC_MPDAT0) = word_of(unit);
    REG(FMC_MPDAT1) = word_of(unit + 4);
    return operate(CMD_PROGRAM_64, address, APUEN);
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
