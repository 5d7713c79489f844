/* SPDX-License-Identifier: MIT */
/*
 * A TAP controller and its instruction and data registers, over the same access port as swd.
 * Called by bitbang.c with each change of the pins. It must not bypass a lock: all accesses go
 * through swd_access().
 */

#include "target-fw/board/jtag.h"

#include "target-fw/board/chip/chip.h"

enum state {
    RESET,
    IDLE,
    SELECT_DR,
    CAPTURE_DR,
    SHIFT_DR,
    EXIT1_DR,
    PAUSE_DR,
    EXIT2_DR,
    UPDATE_DR,
    SELECT_IR,
    CAPTURE_IR,
    SHIFT_IR,
    EXIT1_IR,
    PAUSE_IR,
    EXIT2_IR,
    UPDATE_IR
};

enum {
    IR_DPACC = 10,
    IR_APACC = 11,
    IR_IDCODE = 14,
    IR_ABORT = 8,
    IR_BITS = 4,
    IR_CAPTURE = 1,
    ACCESS_BITS = 35,
    ACK_OK_FAULT = 2,
    IDCODE = 0x0bf11477,
    A23_CONTROL = 1,
    A23_RDBUFF = 3,
    STICKY_ERROR = 1 << 5,
    SCAN_CYCLES = 500 /* of HCLK, for a scan at about 1 MHz */
};

/* Next state with TMS low, high. */
static const uint8_t next[][2] = {
    [RESET] = { IDLE, RESET },
    [IDLE] = { IDLE, SELECT_DR },
    [SELECT_DR] = { CAPTURE_DR, SELECT_IR },
    [CAPTURE_DR] = { SHIFT_DR, EXIT1_DR },
    [SHIFT_DR] = { SHIFT_DR, EXIT1_DR },
    [EXIT1_DR] = { PAUSE_DR, UPDATE_DR },
    [PAUSE_DR] = { PAUSE_DR, EXIT2_DR },
    [EXIT2_DR] = { SHIFT_DR, UPDATE_DR },
    [UPDATE_DR] = { IDLE, SELECT_DR },
    [SELECT_IR] = { CAPTURE_IR, RESET },
    [CAPTURE_IR] = { SHIFT_IR, EXIT1_IR },
    [SHIFT_IR] = { SHIFT_IR, EXIT1_IR },
    [EXIT1_IR] = { PAUSE_IR, UPDATE_IR },
    [PAUSE_IR] = { PAUSE_IR, EXIT2_IR },
    [EXIT2_IR] = { SHIFT_IR, UPDATE_IR },
    [UPDATE_IR] = { IDLE, SELECT_DR },
};

void jtag_init(struct jtag *jtag)
{
    *jtag = (struct jtag){ .state = RESET, .ir = IR_IDCODE };
    swd_init(&jtag->dp);
}

static bool is_access(uint32_t ir)
{
    return ir == IR_DPACC || ir == IR_APACC || ir == IR_ABORT;
}

static unsigned dr_bits(uint32_t ir)
{
    return is_access(ir) ? ACCESS_BITS : ir == IR_IDCODE ? 32 : 1;
}

static uint64_t dr_capture(const struct jtag *jtag)
{
    if (is_access(jtag->ir))
        return (uint64_t)jtag->result << 3 | ACK_OK_FAULT;
    return jtag->ir == IR_IDCODE ? IDCODE : 0;
}

static void dp_access(struct jtag *jtag, struct chip *chip, uint8_t request, uint32_t data)
{
    unsigned a23 = request >> 2;
    bool read = (request & SWD_READ) != 0;
    jtag->result = 0;
    if (a23 == A23_RDBUFF || a23 == 0)
        return; /* the result came with this scan's capture */
    if (!read && a23 == A23_CONTROL && (data & STICKY_ERROR) != 0)
        jtag->dp.sticky_error = false;
    if (swd_access(&jtag->dp, chip, request, &data) == SWD_OK && read)
        jtag->result = data;
}

static void ap_access(struct jtag *jtag, struct chip *chip, uint8_t request, uint32_t data)
{
    swd_access(&jtag->dp, chip, request | SWD_AP, &data);
    jtag->result = request & SWD_READ ? jtag->dp.posted : 0;
}

static void dr_update(struct jtag *jtag, struct chip *chip)
{
    uint8_t request = (uint8_t)((jtag->shift & 1) << 1 | (jtag->shift >> 1 & 3) << 2);
    uint32_t data = (uint32_t)(jtag->shift >> 3);
    if (jtag->ir == IR_DPACC)
        dp_access(jtag, chip, request, data);
    else if (jtag->ir == IR_APACC)
        ap_access(jtag, chip, request, data);
    chip_pass(chip, SCAN_CYCLES);
}

static void rising_edge(struct jtag *jtag, struct chip *chip, bool tms, bool tdi)
{
    unsigned bits = dr_bits(jtag->ir);
    switch (jtag->state) {
    case CAPTURE_DR:
        jtag->shift = dr_capture(jtag);
        break;
    case SHIFT_DR:
        jtag->shift = jtag->shift >> 1 | (uint64_t)tdi << (bits - 1);
        break;
    case CAPTURE_IR:
        jtag->ir_shift = IR_CAPTURE;
        break;
    case SHIFT_IR:
        jtag->ir_shift = jtag->ir_shift >> 1 | (uint32_t)tdi << (IR_BITS - 1);
        break;
    default:
        break;
    }
    jtag->state = next[jtag->state][tms];
    if (jtag->state == RESET)
        jtag->ir = IR_IDCODE;
    else if (jtag->state == UPDATE_IR)
        jtag->ir = jtag->ir_shift;
    else if (jtag->state == UPDATE_DR)
        dr_update(jtag, chip);
}

void jtag_pins(struct jtag *jtag, struct chip *chip, bool tck, bool tms, bool tdi)
{
    if (tck && !jtag->tck && chip->powered)
        rising_edge(jtag, chip, tms, tdi);
    jtag->tck = tck;
}

bool jtag_tdo(const struct jtag *jtag)
{
    return ((jtag->state == SHIFT_IR ? jtag->ir_shift : jtag->shift) & 1) != 0;
}
