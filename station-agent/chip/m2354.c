/* SPDX-License-Identifier: MIT */
/*
 * The M2354's registers, over SWD, the core halted. Called by the files of this folder. A flash
 * word must never be programmed twice: after an interruption, flash itself says whether it was.
 */
#include "station-agent/chip/m2354.h"

#include <stdio.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"

#define SYS_REGLCTL 0x40000100u
#define CLK_PWRCTL  0x40000200u
#define CLK_AHBCLK  0x40000204u
#define CLK_APBCLK0 0x40000208u
#define CLK_APBCLK1 0x4000020Cu
#define CLK_CLKSEL0 0x40000210u
#define CLK_STATUS  0x40000250u
#define FMC_ISPCTL  0x4000C000u
#define FMC_ISPADDR 0x4000C004u
#define FMC_ISPDAT  0x4000C008u
#define FMC_ISPTRG  0x4000C010u
#define FMC_ISPSTS  0x4000C040u
#define DPM_CTL     0x4002F600u
#define DPM_STS     0x4002F604u
#define DPM_NSCTL   0x4002F650u
#define DPM_NSSTS   0x4002F654u
#define PLM_STS     0x4002F704u
#define KS_OTPSTS   0x40035040u
#define CONFIG      0x00300000u

enum {
    PWRCTL_HIRC = 1 << 2,
    STATUS_HIRC = 1 << 4,
    HCLK_MASK = 7,
    HCLK_HIRC = 7,
    AHB_ISP = 1 << 2,
    AHB_CRPT = 1 << 12,
    AHB_KS = 1 << 13,
    AHB_SRAM = 7 << 20, /* after reset only the first bank has its clock */
    APB0_RTC = 1 << 1,
    APB0_UART0 = 1 << 16,
    APB1_TRNG = 1 << 25,
    PWUCNT_SHIFT = 8, /* of DPM_STS and DPM_NSSTS */
    PWUCNT_MASK = 7,
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
    CLOCK_MS = 100,
    READ_MS = 250, /* the BSP waits 125 ms for reads and words, 250 ms for an erase */
    ERASE_MS = 1000,
    TRIES_MAX = 3, /* of what the wire interrupts */
};

/* SYS_PDID, M2354 series. */
static const struct m2354_part parts[] = {
    { 0xA1735400, "M2354LJFAE", 0x40000, 0x100000 },
    { 0xA1735410, "M2354SJFAE", 0x40000, 0x100000 },
    { 0xA1735440, "M2354KJFAE", 0x40000, 0x100000 },
    { 0xB1735440, "M2354KJFBE", 0x40000, 0x100000 },
};

const struct m2354_part *m2354_find(uint32_t pdid)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i].pdid == pdid)
            return &parts[i];
    return NULL;
}

void m2354_names(char *out, size_t size)
{
    struct wr w = wr_of(out, size - 1);
    for (size_t i = 0; i < COUNT(parts); i++) {
        wr_text(&w, i == 0 ? "" : ", ");
        wr_text(&w, parts[i].name);
    }
    out[w.len] = '\0';
}

/* Three writes in a row open the protected registers; any other write closes them, also one
 * of these that was done again for the wire's sake. */
static enum err unlock(struct mem *mem)
{
    static const struct mem_word keys[] = { { SYS_REGLCTL, 0x59 },
                                            { SYS_REGLCTL, 0x16 },
                                            { SYS_REGLCTL, 0x88 } };
    uint32_t open = 0;
    for (unsigned tries = 0; tries < TRIES_MAX && (open & 1) == 0; tries++) {
        TRY(mem_write_words(mem, keys, COUNT(keys)));
        TRY(mem_read_word(mem, SYS_REGLCTL, &open));
    }
    if ((open & 1) == 0)
        return fail(ERR_CHIP, "m2354: SYS_REGLCTL does not open (reads 0x%08x)", open);
    return ERR_OK;
}

static enum err select_hirc(struct mem *mem)
{
    TRY(mem_change_word(mem, CLK_PWRCTL, 0, PWRCTL_HIRC));
    enum err e =
        mem_poll(mem, &(struct mem_poll){ CLK_STATUS, STATUS_HIRC, STATUS_HIRC, CLOCK_MS });
    if (e == ERR_DEADLINE)
        return fail(ERR_CHIP, "m2354: the 12 MHz oscillator is not stable after %d ms",
                    CLOCK_MS);
    TRY(e);
    return mem_change_word(mem, CLK_CLKSEL0, HCLK_MASK, HCLK_HIRC);
}

enum err m2354_prepare(struct mem *mem)
{
    static const struct {
        uint32_t address, set;
    } gates[] = {
        { CLK_AHBCLK, AHB_ISP | AHB_CRPT | AHB_KS | AHB_SRAM },
        { CLK_APBCLK0, APB0_RTC | APB0_UART0 },
        { CLK_APBCLK1, APB1_TRNG },
    };
    TRY(unlock(mem));
    TRY(select_hirc(mem));
    for (size_t i = 0; i < COUNT(gates); i++)
        TRY(mem_change_word(mem, gates[i].address, 0, gates[i].set));
    return ERR_OK;
}

enum err m2354_pin_reset_clear(struct mem *mem)
{
    uint32_t status = 0;
    TRY(unlock(mem));
    TRY(mem_write_word(mem, M2354_RSTSTS, M2354_RSTSTS_PIN));
    TRY(mem_read_word(mem, M2354_RSTSTS, &status));
    if ((status & M2354_RSTSTS_PIN) != 0)
        return fail(ERR_CHIP, "m2354: SYS_RSTSTS keeps its pin bit (reads 0x%08x)", status);
    return ERR_OK;
}

enum err m2354_isp_open(struct mem *mem)
{
    TRY(unlock(mem));
    TRY(mem_change_word(mem, CLK_AHBCLK, 0, AHB_ISP));
    return mem_change_word(mem, FMC_ISPCTL, 0, ISPCTL_ISPEN | ISPCTL_APUEN | ISPCTL_ISPFF);
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

/* One command, with *data, which is what ISPDAT holds after it: ISPADDR, ISPDAT, ISPCMD and
 * ISPTRG lie in a row; done when ISPTRG reads 0. The wire may interrupt it (mem_is_unsure, in
 * quiet): then it ran, runs, or was never started. */
static enum err isp(struct mem *mem, uint8_t command, uint32_t address, uint32_t *data,
                    unsigned timeout_ms)
{
    uint8_t words[16], status_bytes[4];
    uint32_t found = 0;
    struct wr w = wr_of(words, sizeof(words));
    wr_u32le(&w, address);
    wr_u32le(&w, *data);
    wr_u32le(&w, command);
    wr_u32le(&w, 1);
    const struct mem_exchange x = {
        .write_address = FMC_ISPADDR,
        .write = wr_done(&w),
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

static unsigned passwords_of(uint32_t status)
{
    return status >> PWUCNT_SHIFT & PWUCNT_MASK;
}

static enum err read_config(struct mem *mem, uint32_t words[static M2354_CONFIG_WORDS])
{
    for (uint32_t i = 0; i < M2354_CONFIG_WORDS; i++)
        TRY(isp_again(mem, ISP_READ, CONFIG + 4 * i, READ_MS, &words[i]));
    return ERR_OK;
}

enum err m2354_state(struct mem *mem, struct m2354_state *out)
{
    uint32_t secure = 0, open = 0;
    TRY(m2354_isp_open(mem));
    TRY(read_config(mem, out->config));
    TRY(m2354_isp_close(mem));
    TRY(mem_read_word(mem, DPM_STS, &secure));
    TRY(mem_read_word(mem, DPM_NSSTS, &open));
    out->passwords = passwords_of(secure) + passwords_of(open);
    TRY(mem_read_word(mem, DPM_CTL, &out->dpm_secure));
    TRY(mem_read_word(mem, DPM_NSCTL, &out->dpm_open));
    TRY(mem_read_word(mem, PLM_STS, &out->plm));
    TRY(mem_read_word(mem, KS_OTPSTS, &out->otp));
    out->dpm_secure &= M2354_DPM_ALL;
    out->dpm_open &= M2354_DPM_ALL;
    out->plm &= M2354_PLM_STAGE | M2354_PLM_DIRTY;
    out->otp &= M2354_OTP_SLOTS;
    return ERR_OK;
}

enum err m2354_page_erase(struct mem *mem, uint32_t address)
{
    uint32_t unused;
    return isp_again(mem, ISP_PAGE_ERASE, address, ERASE_MS, &unused);
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

static enum err finish_words(struct mem *mem, const struct mem_steps *steps)
{
    uint32_t status = 0;
    TRY(await_idle(mem, ISP_PROGRAM, steps->words[0][0], READ_MS));
    TRY(mem_read_word(mem, FMC_ISPSTS, &status));
    for (size_t i = 0; i < steps->count; i++)
        TRY(finish_word(mem, status, steps->words[i][0], steps->words[i][1]));
    return check_status(mem, status, ISP_PROGRAM, steps->words[steps->count - 1][0]);
}

/* The probe stops at a word that the controller reports, or is busy with for too long. */
static enum err program_batch(struct mem *mem, const struct mem_steps *steps)
{
    if (steps->count == 0)
        return ERR_OK;
    enum err e = mem_run_steps(mem, steps);
    if (e == ERR_MISMATCH || mem_is_unsure(mem, e))
        return finish_words(mem, steps);
    return e == ERR_OK ? ERR_OK : failed(e, ISP_PROGRAM, steps->words[0][0]);
}

static uint32_t word_at(struct span bytes, size_t at)
{
    struct rd r = rd_of(span_of(bytes.ptr + at, 4));
    return rd_u32le(&r);
}

static void add_step(struct mem_steps *steps, uint32_t address, uint32_t value)
{
    const uint32_t words[MEM_STEP_WORDS] = { address, value, ISP_PROGRAM, 1 };
    memcpy(steps->words[steps->count++], words, sizeof(words));
}

/* ISPADDR, ISPDAT, ISPCMD and ISPTRG lie in a row, as in isp(). */
static enum err program_in_batches(struct mem *mem, uint32_t address, struct span words,
                                   size_t most)
{
    struct mem_steps steps = {
        .address = FMC_ISPADDR,
        .poll_address = FMC_ISPSTS,
        .poll_mask = ISPSTS_BUSY | ISPSTS_PGFF | ISPSTS_ISPFF,
        .poll_value = 0,
    };
    for (size_t at = words.len; at > 0; at -= 4) {
        uint32_t value = word_at(words, at - 4);
        if (value != UINT32_MAX)
            add_step(&steps, address + (uint32_t)at - 4, value);
        if (steps.count < most)
            continue;
        TRY(program_batch(mem, &steps));
        steps.count = 0;
    }
    return program_batch(mem, &steps);
}

enum err m2354_words_program(struct mem *mem, uint32_t address, struct span words)
{
    size_t most = mem_steps_max(mem);
    if (most > 1)
        return program_in_batches(mem, address, words, most);
    for (size_t at = words.len; at > 0; at -= 4) {
        uint32_t value = word_at(words, at - 4);
        if (value != UINT32_MAX)
            TRY(m2354_word_program(mem, address + (uint32_t)at - 4, value));
    }
    return ERR_OK;
}
