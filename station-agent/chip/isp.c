/* SPDX-License-Identifier: MIT */
/*
 * The M2354's flash controller, over SWD, the core halted. Called by the files of this folder.
 * A flash word must never be programmed twice: after an interruption, flash itself says whether
 * it was.
 */
#include <stdio.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/chip/m2354.h"

#define FMC_ISPCTL  0x4000C000u
#define FMC_ISPADDR 0x4000C004u
#define FMC_ISPDAT  0x4000C008u
#define FMC_ISPCMD  0x4000C00Cu
#define FMC_ISPTRG  0x4000C010u
#define FMC_ISPSTS  0x4000C040u
#define FMC_MPDAT0  0x4000C080u
#define FMC_MPDAT1  0x4000C084u
#define CONFIG      0x00300000u

enum {
    ISPCTL_ISPEN = 1 << 0,
    ISPCTL_APUEN = 1 << 3,
    ISPCTL_ISPFF = 1 << 6, /* write 1 to clear */
    ISPSTS_BUSY = 1 << 0,  /* as ISPTRG */
    ISPSTS_PGFF = 1 << 5,
    ISPSTS_ISPFF = 1 << 6,
    ISP_READ = 0x00,
    ISP_READ_UID = 0x04,
    ISP_PROGRAM = 0x21,
    ISP_PAGE_ERASE = 0x22,
    ISP_PROGRAM_64 = 0x61, /* MPDAT0 and MPDAT1 */
    READ_MS = 250,         /* the BSP waits 125 ms for reads and words, 250 ms for an erase */
    ERASE_MS = 1000,
    TRIES_MAX = 3, /* of what the wire interrupts */
};

enum err m2354_isp_open(struct mem *mem)
{
    uint32_t ahb = 0, control = 0;
    const struct mem_want now[] = { { M2354_AHBCLK, &ahb }, { FMC_ISPCTL, &control } };
    TRY(m2354_unlock(mem, now, COUNT(now)));
    const struct mem_word words[] = {
        { M2354_AHBCLK, ahb | M2354_AHB_ISP },
        { FMC_ISPCTL, control | ISPCTL_ISPEN | ISPCTL_APUEN | ISPCTL_ISPFF },
    };
    return mem_write_words(mem, words, COUNT(words));
}

enum err m2354_isp_close(struct mem *mem)
{
    return mem_change_word(mem, FMC_ISPCTL, ISPCTL_ISPEN | ISPCTL_APUEN | ISPCTL_ISPFF, 0);
}

static enum err check_status(struct mem *mem, uint32_t status, uint8_t command,
                             uint32_t address)
{
    if ((status & (ISPSTS_ISPFF | ISPSTS_PGFF)) == 0)
        return ERR_OK;
    TRY(mem_change_word(mem, FMC_ISPCTL, 0, ISPCTL_ISPFF));
    return fail(ERR_CHIP, "m2354: flash command 0x%02x at 0x%08x: %s (ISPSTS 0x%08x)", command,
                address,
                (status & ISPSTS_ISPFF) != 0 ? "refused (ISPFF); locked region or brown-out?"
                                             : "programmed word does not verify (PGFF)",
                status);
}

static enum err busy(uint8_t command, uint32_t address, unsigned timeout_ms)
{
    return fail(ERR_CHIP, "m2354: flash command 0x%02x at 0x%08x: busy for %u ms", command,
                address, timeout_ms);
}

/* ISPADDR, ISPDAT, ISPCMD and ISPTRG lie in a row. */
static void put_command(uint8_t out[static 16], uint8_t command, uint32_t address,
                        uint32_t data)
{
    struct wr w = wr_of(out, 16);
    wr_u32le(&w, address);
    wr_u32le(&w, data);
    wr_u32le(&w, command);
    wr_u32le(&w, 1);
}

/* One command, with *data, which is what ISPDAT holds after it; done when ISPTRG reads 0. The
 * wire may interrupt it (mem_is_unsure, in quiet): then it ran, runs, or was never started. */
static enum err isp(struct mem *mem, uint8_t command, uint32_t address, uint32_t *data,
                    unsigned timeout_ms)
{
    uint8_t words[16], status_bytes[4];
    uint32_t found = 0;
    put_command(words, command, address, *data);
    const struct mem_exchange x = {
        .write_address = FMC_ISPADDR,
        .write = SPAN(words),
        .poll = { FMC_ISPTRG, 1, 0, timeout_ms },
        .word_address = FMC_ISPDAT,
        .word = &found,
        .read_address = FMC_ISPSTS,
        .read = status_bytes,
        .read_len = sizeof(status_bytes),
    };
    mem->quiet = mem->once = true;
    enum err e = mem_exchange(mem, &x);
    mem->quiet = mem->once = false;
    if (e == ERR_DEADLINE)
        return busy(command, address, timeout_ms);
    TRY(e);
    *data = found;
    struct rd r = rd_of(SPAN(status_bytes));
    return check_status(mem, rd_u32le(&r), command, address);
}

/* After an interruption: wait until what was started is over. */
static enum err await_idle(struct mem *mem, uint8_t command, uint32_t address,
                           unsigned timeout_ms)
{
    mem->swd->probe->counts.redone++;
    log_line(LOG_LEVEL_WARN, "m2354: flash command 0x%02x at 0x%08x was interrupted: %s",
             command, address, fail_words());
    enum err e = mem_poll(mem, &(struct mem_poll){ FMC_ISPTRG, 1, 0, timeout_ms });
    return e == ERR_DEADLINE ? busy(command, address, timeout_ms) : e;
}

/* The last words, as an error of the flash controller's. */
static enum err failed(enum err e, uint8_t command, uint32_t address)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e, "m2354: flash command 0x%02x at 0x%08x: %s", command, address, words);
}

/* Of a command that may run twice. *data_out: what it read, if it reads. */
static enum err isp_again(struct mem *mem, uint8_t command, uint32_t address,
                          unsigned timeout_ms, uint32_t *data_out)
{
    *data_out = 0;
    enum err e = isp(mem, command, address, data_out, timeout_ms);
    for (unsigned tries = 1; tries < TRIES_MAX && mem_is_unsure(mem, e); tries++) {
        TRY(await_idle(mem, command, address, timeout_ms));
        *data_out = 0;
        e = isp(mem, command, address, data_out, timeout_ms);
    }
    return e == ERR_OK || e == ERR_CHIP ? e : failed(e, command, address);
}

enum err m2354_uid(struct mem *mem, uint8_t uid_out[static UID_SIZE])
{
    struct wr w = wr_of(uid_out, UID_SIZE);
    for (uint32_t at = 0; at < UID_SIZE; at += 4) {
        uint32_t word = 0;
        TRY(isp_again(mem, ISP_READ_UID, at, READ_MS, &word));
        wr_u32le(&w, word);
    }
    return wr_end(&w);
}

enum err m2354_config(struct mem *mem, uint32_t words[static M2354_CONFIG_WORDS])
{
    for (uint32_t i = 0; i < M2354_CONFIG_WORDS; i++)
        TRY(isp_again(mem, ISP_READ, CONFIG + 4 * i, READ_MS, &words[i]));
    return ERR_OK;
}

/* The wire may interrupt the request. It is then made again, and awaited here. */
enum err m2354_erase_begin(struct mem *mem, uint32_t address)
{
    uint8_t words[16];
    uint32_t unused;
    put_command(words, ISP_PAGE_ERASE, address, 0);
    mem->quiet = mem->once = true;
    enum err e = mem_write(mem, FMC_ISPADDR, SPAN(words));
    mem->quiet = mem->once = false;
    if (!mem_is_unsure(mem, e))
        return e == ERR_OK ? ERR_OK : failed(e, ISP_PAGE_ERASE, address);
    TRY(await_idle(mem, ISP_PAGE_ERASE, address, ERASE_MS));
    return isp_again(mem, ISP_PAGE_ERASE, address, ERASE_MS, &unused);
}

enum err m2354_erase_end(struct mem *mem, uint32_t address)
{
    uint32_t status = 0;
    const struct mem_exchange x = {
        .poll = { FMC_ISPTRG, 1, 0, ERASE_MS },
        .word_address = FMC_ISPSTS,
        .word = &status,
    };
    enum err e = mem_exchange(mem, &x);
    if (e == ERR_DEADLINE)
        return busy(ISP_PAGE_ERASE, address, ERASE_MS);
    TRY(e);
    return check_status(mem, status, ISP_PAGE_ERASE, address);
}

/* A word must not be programmed twice: after an interruption, flash itself says whether it was.
 */
enum err m2354_word_program(struct mem *mem, uint32_t address, uint32_t value)
{
    for (unsigned tries = 0;; tries++) {
        uint32_t now = 0, data = value;
        enum err e = isp(mem, ISP_PROGRAM, address, &data, READ_MS);
        if (!mem_is_unsure(mem, e) || tries == TRIES_MAX)
            return e == ERR_OK || e == ERR_CHIP ? e : failed(e, ISP_PROGRAM, address);
        TRY(await_idle(mem, ISP_PROGRAM, address, READ_MS));
        TRY(mem_read_word(mem, address, &now));
        if (now == value)
            return ERR_OK;
        if (now != UINT32_MAX)
            return fail(ERR_VERIFY,
                        "m2354: flash 0x%08x reads 0x%08x after an interruption, 0x%08x "
                        "was to be written",
                        address, now, value);
    }
}

/* Of a batch that ended early: flash says which words it has; none is programmed twice. */
static enum err finish_word(struct mem *mem, uint32_t status, uint32_t address, uint32_t value)
{
    uint32_t now = 0;
    TRY(mem_read_word(mem, address, &now));
    if (now == value)
        return ERR_OK;
    TRY(check_status(mem, status, ISP_PROGRAM, address));
    if (now == UINT32_MAX)
        return m2354_word_program(mem, address, value);
    return fail(ERR_VERIFY,
                "m2354: flash 0x%08x reads 0x%08x after an interruption, 0x%08x was to be "
                "written",
                address, now, value);
}

/* Of a step's words. */
enum { DATA_0, DATA_1, ADDRESS, DATA, COMMAND, TRIGGER, STEP_WORDS };

static enum err finish_words(struct mem *mem, const struct mem_steps *steps)
{
    uint32_t status = 0, address = 0;
    TRY(await_idle(mem, ISP_PROGRAM_64, steps->words[0][ADDRESS].value, READ_MS));
    TRY(mem_read_word(mem, FMC_ISPSTS, &status));
    for (size_t i = 0; i < steps->count; i++) {
        address = steps->words[i][ADDRESS].value;
        TRY(finish_word(mem, status, address + 4, steps->words[i][DATA_1].value));
        TRY(finish_word(mem, status, address, steps->words[i][DATA_0].value));
    }
    return check_status(mem, status, ISP_PROGRAM_64, address);
}

/* The probe stops at a pair that the controller reports, or is busy with for too long. */
static enum err program_batch(struct mem *mem, const struct mem_steps *steps)
{
    if (steps->count == 0)
        return ERR_OK;
    enum err e = mem_run_steps(mem, steps);
    if (e == ERR_MISMATCH || mem_is_unsure(mem, e))
        return finish_words(mem, steps);
    return e == ERR_OK ? ERR_OK : failed(e, ISP_PROGRAM_64, steps->words[0][ADDRESS].value);
}

static uint32_t word_at(struct span bytes, size_t at)
{
    struct rd r = rd_of(span_of(bytes.ptr + at, 4));
    return rd_u32le(&r);
}

static void set_step(struct mem_word step[static STEP_WORDS], uint32_t address, uint32_t word,
                     uint32_t next)
{
    step[DATA_0] = (struct mem_word){ FMC_MPDAT0, word };
    step[DATA_1] = (struct mem_word){ FMC_MPDAT1, next };
    step[ADDRESS] = (struct mem_word){ FMC_ISPADDR, address };
    step[DATA] = (struct mem_word){ FMC_ISPDAT, word };
    step[COMMAND] = (struct mem_word){ FMC_ISPCMD, ISP_PROGRAM_64 };
    step[TRIGGER] = (struct mem_word){ FMC_ISPTRG, 1 };
}

/* Two words with a command, from the last to the first. */
static enum err program_pairs(struct mem *mem, uint32_t address, struct span words, size_t most)
{
    struct mem_steps steps = {
        .word_count = STEP_WORDS,
        .poll_address = FMC_ISPSTS,
        .poll_mask = ISPSTS_BUSY | ISPSTS_PGFF | ISPSTS_ISPFF,
        .poll_value = 0,
    };
    for (size_t at = words.len; at > 0; at -= 8) {
        uint32_t word = word_at(words, at - 8), next = word_at(words, at - 4);
        if (word != UINT32_MAX || next != UINT32_MAX)
            set_step(steps.words[steps.count++], address + (uint32_t)at - 8, word, next);
        if (steps.count < most)
            continue;
        TRY(program_batch(mem, &steps));
        steps.count = 0;
    }
    return program_batch(mem, &steps);
}

enum err m2354_words_program(struct mem *mem, uint32_t address, struct span words)
{
    struct mem_word step[STEP_WORDS];
    set_step(step, address, 0, 0);
    size_t most = mem_steps_max(mem, step, STEP_WORDS);
    if (most > 0 && address % 8 == 0 && words.len % 8 == 0)
        return program_pairs(mem, address, words, most);
    for (size_t at = words.len; at > 0; at -= 4) {
        uint32_t value = word_at(words, at - 4);
        if (value != UINT32_MAX)
            TRY(m2354_word_program(mem, address + (uint32_t)at - 4, value));
    }
    return ERR_OK;
}
