/* SPDX-License-Identifier: MIT */
/* virtual-board's switches that need the wire: the link that drops, the power that goes. */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum { CUT_AT = 0x20000, FLASH = -1, OTPSTS = 0x40035040 };

static enum err control(struct bench *bench, const char *command)
{
    char answer[BENCH_ANSWER_MAX];
    return bench_control(bench, command, answer);
}

static bool skipped(const struct bench *bench, struct rows *rows)
{
    if (bench->control == NULL)
        row_skipped(rows, "all of it", "needs virtual-board's control socket");
    return bench->control == NULL;
}

enum err wire_link(struct bench *bench, struct rows *rows)
{
    uint32_t value = 0;
    if (skipped(bench, rows))
        return ERR_OK;
    TRY(wire_poke(bench, WIRE_SRAM, 0x11223344));
    TRY(control(bench, "fault N link-drop 3"));
    TRY(wire_peek(bench, WIRE_SRAM, &value));
    TRY(wire_peek(bench, WIRE_SRAM, &value));
    row_value(rows, ROW_SURE, "link-drop: a new line reset finds the board as it was", value,
              0x11223344);
    TRY(control(bench, "fault N wait 3"));
    TRY(wire_peek(bench, WIRE_SRAM, &value));
    row_value(rows, ROW_SURE, "wait: WAIT is answered, and waited for", value, 0x11223344);
    TRY(control(bench, "fault N link-down on"));
    bench->mem.quiet = true;
    enum err e = bench_connect(bench);
    bench->mem.quiet = false;
    row_of(rows, e != ERR_OK && swd_wire_failed(&bench->swd), ROW_SURE,
           "link-down: nothing answers", "it answers");
    TRY(control(bench, "fault N link-down off"));
    TRY(bench_connect(bench));
    TRY(wire_peek(bench, WIRE_SRAM, &value));
    row_value(rows, ROW_SURE, "and answers again", value, 0x11223344);
    return ERR_OK;
}

static enum err power_back(struct bench *bench)
{
    TRY(control(bench, "power N on"));
    bench->swd.lost = true;
    TRY(bench_connect(bench));
    TRY(core_halt(&bench->mem));
    return wire_prepare(bench);
}

/* A write that loses the power, and with it its own end: a word of flash, or an OTP slot. */
static enum err cut(struct bench *bench, struct rows *rows, const char *command,
                    const char *name, int slot)
{
    static const uint32_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    bool good = false;
    TRY(control(bench, command));
    bench->mem.quiet = bench->mem.once = true;
    enum err e = slot != FLASH ? wire_otp(bench, (uint32_t)slot, 0x40610, words, &good)
                               : wire_isp(bench, ISP_PROGRAM, CUT_AT, 0xc0ffee00, &good);
    bench->mem.quiet = bench->mem.once = false;
    row_of(rows, e != ERR_OK, ROW_SURE, name, "the board still answers");
    return power_back(bench);
}

enum err wire_cuts(struct bench *bench, struct rows *rows)
{
    if (skipped(bench, rows))
        return ERR_OK;
    TRY(wire_prepare(bench));
    TRY(cut(bench, rows, "cut-at N flash-write 1 before", "cut-at before: the power goes",
            FLASH));
    TRY(wire_look(bench, rows, ROW_SURE, "before the word was programmed", CUT_AT, 0xffffffff,
                  0xffffffff));
    TRY(cut(bench, rows, "cut-at N flash-write 1 during", "cut-at during: the power goes",
            FLASH));
    TRY(wire_look(bench, rows, ROW_SURE, "with half of the word programmed", CUT_AT, 0xffffffff,
                  0xffffee00));
    TRY(cut(bench, rows, "fault N flash-cut 1", "flash-cut: the power goes", FLASH));
    TRY(wire_look(bench, rows, ROW_SURE, "after the word was programmed", CUT_AT, 0xffffffff,
                  0xc0ffee00));
    TRY(cut(bench, rows, "fault N otp-cut 0", "otp-cut: the power goes", 0));
    TRY(wire_look(bench, rows, ROW_SURE, "between the two halves of ROTPK", OTPSTS, 3, 1));
    TRY(cut(bench, rows, "fault N otp-tear 3 4 unused", "otp-tear: the power goes", 3));
    TRY(wire_look(bench, rows, ROW_SURE, "with the slot torn and not used", OTPSTS, 0xf8, 0));
    TRY(cut(bench, rows, "fault N otp-tear 4 4 used", "otp-tear: the power goes again", 4));
    return wire_look(bench, rows, ROW_SURE, "with the slot torn and used", OTPSTS, 0xf8, 0x10);
}

enum { UART = 0x40070000, SENT_MAX = 64 };

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

/* By the debugger's writes to DAT; the line is set up as in programs/uart.c. */
static enum err send(struct bench *bench, const char *text)
{
    TRY(wire_prepare(bench));
    TRY(mem_change_word(&bench->mem, 0x40000208, 0, 1u << 16));
    TRY(wire_poke(bench, UART + 0x0c, 3));
    TRY(wire_poke(bench, UART + 0x24, 0x30000066));
    TRY(wire_poke(bench, UART + 0x30, 0));
    for (; *text != '\0'; text++)
        TRY(wire_poke(bench, UART, (uint8_t)*text));
    return ERR_OK;
}

/* What came since the file had that length. */
static enum err came(const struct bench *bench, long from, char text[static SENT_MAX])
{
    AUTO(file_drop) FILE *file = fopen(bench->uart, "rb");
    if (file == NULL || fseek(file, from, SEEK_SET) != 0)
        return fail(ERR_IO, "wire: cannot read %s", bench->uart);
    text[fread(text, 1, SENT_MAX - 1, file)] = '\0';
    return ERR_OK;
}

static enum err length_of(const struct bench *bench, long *length_out)
{
    AUTO(file_drop) FILE *file = fopen(bench->uart, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return fail(ERR_IO, "wire: cannot read %s", bench->uart);
    *length_out = ftell(file);
    return ERR_OK;
}

enum err wire_sent(struct bench *bench, struct rows *rows)
{
    char text[SENT_MAX];
    long from;
    if (bench->uart == NULL || bench->control == NULL) {
        row_skipped(rows, "all of it", "needs --uart and virtual-board's control socket");
        return ERR_OK;
    }
    TRY(length_of(bench, &from));
    TRY(send(bench, "abcdef"));
    TRY(came(bench, from, text));
    row_of(rows, strcmp(text, "abcdef") == 0, ROW_SURE, "UART0's bytes arrive in order", text);
    TRY(length_of(bench, &from));
    TRY(control(bench, "fault N uart-loss 3"));
    TRY(send(bench, "abcdef"));
    TRY(control(bench, "fault N uart-loss off"));
    TRY(came(bench, from, text));
    row_of(rows, strcmp(text, "abde") == 0, ROW_SURE, "uart-loss: every third byte is lost",
           text);
    return ERR_OK;
}
