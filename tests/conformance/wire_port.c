/* SPDX-License-Identifier: MIT */
/* SW-DP and AHB5-AP, transfer by transfer (ARM IHI 0031), in CMSIS-DAP's Transfer command. */
#include <stdio.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum {
    DAP_COMMAND_TRANSFER = 0x05,
    AP = 1 << 0,
    READ = 1 << 1,
    A4 = 1 << 2,
    A8 = 2 << 2,
    AC = 3 << 2,
    ACK_OK = 1,
    ACK_FAULT = 4,
    STAT_STICKYERR = 1 << 5,
    STAT_READOK = 1 << 6,
    REPLY_MS = 5000,
};
#define POWER_UP  0x50000000u
#define POWER_ACK 0xf0000000u
#define CSW_WORD  0x23000002u
#define SCRATCH   0x20007b00u

/* One transfer; its acknowledgement, and what was read. */
static enum err one(struct bench *bench, uint8_t request, uint32_t operand, uint8_t *ack_out,
                    uint32_t *value_out)
{
    uint8_t packet[8];
    struct span reply;
    struct wr w = wr_of(packet, sizeof(packet));
    wr_u8(&w, DAP_COMMAND_TRANSFER);
    wr_u8(&w, 0);
    wr_u8(&w, 1);
    wr_u8(&w, request);
    if ((request & READ) == 0)
        wr_u32le(&w, operand);
    TRY(bench->probe->send(bench->probe, wr_done(&w)));
    TRY(bench->probe->receive(bench->probe, &reply, REPLY_MS));
    struct rd r = rd_of(reply);
    uint8_t command = rd_u8(&r);
    (void)rd_u8(&r); /* how many; a refused one may count or not */
    *ack_out = rd_u8(&r) & 7;
    *value_out = (request & READ) != 0 && *ack_out == ACK_OK ? rd_u32le(&r) : 0;
    if (r.err != ERR_OK || command != DAP_COMMAND_TRANSFER)
        return fail(ERR_PROTO, "wire: reply to request %02x", request);
    return ERR_OK;
}

static enum err get(struct bench *bench, uint8_t request, uint32_t *value_out)
{
    uint8_t ack;
    TRY(one(bench, (uint8_t)(request | READ), 0, &ack, value_out));
    return ack == ACK_OK ? ERR_OK : fail(ERR_FAULT, "wire: request %02x: ACK %u", request, ack);
}

static enum err put(struct bench *bench, uint8_t request, uint32_t value)
{
    uint8_t ack;
    uint32_t ignored;
    TRY(one(bench, request, value, &ack, &ignored));
    return ack == ACK_OK ? ERR_OK : fail(ERR_FAULT, "wire: request %02x: ACK %u", request, ack);
}

static enum err identification(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    TRY(get(bench, 0, &value));
    row_value(rows, ROW_SURE, "DPIDR", value, 0x0bf11477);
    TRY(get(bench, A4, &value));
    row_value(rows, ROW_SURE, "CTRL/STAT: debug and system power are up", value & POWER_ACK,
              POWER_ACK);
    TRY(put(bench, A8, 0xf0)); /* SELECT: bank F of AP 0 */
    TRY(get(bench, AP | AC, &value));
    row_value(rows, ROW_U, "IDR: an AHB5-AP", value, 0x84770001);
    TRY(get(bench, AC, &value));
    row_value(rows, ROW_SURE, "RDBUFF gives the last AP read again", value, 0x84770001);
    TRY(get(bench, A8, &value));
    row_value(rows, ROW_SURE, "so does RESEND", value, 0x84770001);
    TRY(get(bench, A4, &value));
    row_value(rows, ROW_SURE, "CTRL/STAT.READOK", value & STAT_READOK, STAT_READOK);
    TRY(put(bench, A8, 0x010000f0)); /* AP 1, which is not there */
    TRY(get(bench, AP | AC, &value));
    row_value(rows, ROW_SURE, "an AP that is not there has IDR 0", value, 0);
    return put(bench, A8, 0);
}

/* The probe flushes a write, so that its own acknowledgement tells. */
static enum err sticky(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    uint8_t ack;
    TRY(put(bench, AP, CSW_WORD));
    TRY(put(bench, AP | A4, 0x60000000)); /* TAR: nothing is there */
    TRY(one(bench, AP | AC | READ, 0, &ack, &value));
    row_value(rows, ROW_SURE, "a bus error is FAULT", ack, ACK_FAULT);
    TRY(get(bench, A4, &value));
    row_value(rows, ROW_SURE, "CTRL/STAT can be read, with STICKYERR", value & STAT_STICKYERR,
              STAT_STICKYERR);
    TRY(one(bench, AP | A4, SCRATCH, &ack, &value));
    row_value(rows, ROW_SURE, "while it sticks, the AP answers FAULT", ack, ACK_FAULT);
    TRY(get(bench, 0, &value));
    row_value(rows, ROW_SURE, "DPIDR answers all the same", value, 0x0bf11477);
    TRY(put(bench, 0, 1u << 2)); /* ABORT.STKERRCLR */
    TRY(get(bench, A4, &value));
    row_value(rows, ROW_SURE, "ABORT clears STICKYERR", value & STAT_STICKYERR, 0);
    TRY(put(bench, AP | A4, SCRATCH));
    TRY(one(bench, AP | AC | READ, 0, &ack, &value));
    row_value(rows, ROW_SURE, "and the AP goes on", ack, ACK_OK);
    return ERR_OK;
}

static enum err unpowered(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    uint8_t ack;
    TRY(put(bench, A4, 0));
    TRY(get(bench, A4, &value));
    row_value(rows, ROW_SURE, "without its requests debug power goes", value & POWER_ACK, 0);
    TRY(one(bench, AP | READ, 0, &ack, &value));
    row_value(rows, ROW_SURE, "and the AP answers FAULT", ack, ACK_FAULT);
    TRY(put(bench, 0, 0x1e));
    return put(bench, A4, POWER_UP);
}

enum err wire_swdp(struct bench *bench, struct rows *rows)
{
    TRY(identification(bench, rows));
    TRY(sticky(bench, rows));
    TRY(unpowered(bench, rows));
    return bench_connect(bench);
}

static enum err address(struct bench *bench, uint32_t csw, uint32_t tar)
{
    TRY(put(bench, AP, csw));
    return put(bench, AP | A4, tar);
}

static enum err registers(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    TRY(put(bench, A8, 0xf0));
    TRY(get(bench, AP | A8, &value));
    row_value(rows, ROW_SURE, "BASE names the ROM table", value, 0xe00ff003);
    TRY(put(bench, A8, 0));
    TRY(put(bench, AP, CSW_WORD));
    TRY(get(bench, AP, &value));
    row_value(rows, ROW_SURE, "CSW.DeviceEn", value & 1u << 6, 1u << 6);
    row_value(rows, ROW_SURE, "CSW.SPIDEN: secure debug is allowed", value & 1u << 23,
              1u << 23);
    row_value(rows, ROW_SURE, "CSW.Size is a word", value & 7, 2);
    TRY(put(bench, AP, CSW_WORD | 1));
    TRY(get(bench, AP, &value));
    row_value(rows, ROW_SURE, "CSW.Size has no 64 bits", value & 7, 2);
    TRY(put(bench, AP, (CSW_WORD & ~7u) | 0x21));
    TRY(get(bench, AP, &value));
    row_value(rows, ROW_SURE, "CSW has no packed transfers", value & 0x30, 0);
    TRY(put(bench, AP | A4, 0x12345678));
    TRY(get(bench, AP | A4, &value));
    row_value(rows, ROW_SURE, "TAR is read back", value, 0x12345678);
    return ERR_OK;
}

static enum err sizes(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    TRY(address(bench, CSW_WORD, SCRATCH));
    TRY(put(bench, AP | AC, 0x44332211));
    TRY(address(bench, CSW_WORD & ~7u, SCRATCH + 2));
    TRY(put(bench, AP | AC, 0x00aa0000));
    TRY(address(bench, CSW_WORD, SCRATCH));
    TRY(get(bench, AP | AC, &value));
    row_value(rows, ROW_SURE, "a byte is written in its lane", value, 0x44aa2211);
    TRY(address(bench, (CSW_WORD & ~7u) | 1, SCRATCH + 2));
    TRY(get(bench, AP | AC, &value));
    row_value(rows, ROW_SURE, "a halfword is read in its lane", value & 0xffff0000, 0x44aa0000);
    TRY(put(bench, AP | AC, 0x77660000));
    TRY(address(bench, CSW_WORD, SCRATCH));
    TRY(get(bench, AP | AC, &value));
    row_value(rows, ROW_SURE, "and written there", value, 0x77662211);
    return ERR_OK;
}

/* Only the low ten bits of TAR increment. */
static enum err increment(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    TRY(address(bench, CSW_WORD, SCRATCH));
    TRY(get(bench, AP | AC, &value));
    TRY(get(bench, AP | A4, &value));
    row_value(rows, ROW_SURE, "TAR stands without AddrInc", value, SCRATCH);
    TRY(address(bench, CSW_WORD | 0x10, SCRATCH));
    TRY(get(bench, AP | AC, &value));
    TRY(get(bench, AP | A4, &value));
    row_value(rows, ROW_SURE, "and goes on by a word with it", value, SCRATCH + 4);
    TRY(address(bench, (CSW_WORD & ~7u) | 0x10, SCRATCH));
    TRY(get(bench, AP | AC, &value));
    TRY(get(bench, AP | A4, &value));
    row_value(rows, ROW_SURE, "by a byte for bytes", value, SCRATCH + 1);
    TRY(address(bench, CSW_WORD | 0x10, 0x200073fc));
    TRY(get(bench, AP | AC, &value));
    TRY(get(bench, AP | A4, &value));
    row_value(rows, ROW_U, "TAR wraps at 1 KiB", value, 0x20007000);
    return ERR_OK;
}

static enum err banked(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    TRY(address(bench, CSW_WORD, SCRATCH));
    TRY(put(bench, A8, 0x10));
    for (uint8_t i = 0; i < 4; i++)
        TRY(put(bench, (uint8_t)(AP | i << 2), 0xb0 + i));
    TRY(put(bench, A8, 0));
    for (uint32_t i = 0; i < 4; i++) {
        TRY(address(bench, CSW_WORD, SCRATCH + 4 * i));
        TRY(get(bench, AP | AC, &value));
        row_value(rows, ROW_SURE, "BD0 to BD3 are the four words at TAR", value, 0xb0 + i);
    }
    return ERR_OK;
}

static enum err refusals(struct bench *bench, struct rows *rows)
{
    uint32_t value;
    uint8_t ack;
    TRY(address(bench, CSW_WORD, SCRATCH + 2));
    TRY(one(bench, AP | AC | READ, 0, &ack, &value));
    row_value(rows, ROW_U, "an unaligned word is FAULT", ack, ACK_FAULT);
    TRY(put(bench, 0, 0x1e));
    TRY(address(bench, CSW_WORD | 1u << 30, SCRATCH));
    TRY(one(bench, AP | AC | READ, 0, &ack, &value));
    row_value(rows, ROW_U, "a non-secure transfer is FAULT: all is secure", ack, ACK_FAULT);
    return put(bench, 0, 0x1e);
}

enum err wire_memap(struct bench *bench, struct rows *rows)
{
    TRY(registers(bench, rows));
    TRY(sizes(bench, rows));
    TRY(increment(bench, rows));
    TRY(banked(bench, rows));
    TRY(refusals(bench, rows));
    return bench_connect(bench);
}
