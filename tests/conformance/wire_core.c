/* SPDX-License-Identifier: MIT */
/* Core debug (DDI 0553): halting, stepping, registers, breakpoints, vector catch, watchpoints.
 */
#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

#define CODE      0x20001000u
#define VECTORS   0x20002000u
#define STACK     0x20003000u
#define DSCSR     0xe000ee08u
#define DAUTH     0xe000efb8u
#define FP_CTRL   0xe0002000u
#define FP_COMP0  0xe0002008u
#define DWT_CTRL  0xe0001000u
#define DWT_COMP0 0xe0001020u
#define DWT_FN0   0xe0001028u

enum {
    C_DEBUGEN = 1 << 0,
    C_HALT = 1 << 1,
    C_STEP = 1 << 2,
    C_MASKINTS = 1 << 3,
    DFSR_HALTED = 1 << 0,
    DFSR_BKPT = 1 << 1,
    DFSR_DWTTRAP = 1 << 2,
    DFSR_VCATCH = 1 << 3,
    DFSR_ALL = 0x1f,
    VC_HARDERR = 1 << 10,
    TRCENA = 1 << 24,
    XPSR_T = 1 << 24,
    WAIT_MS = 10000,
};
#define DBGKEY 0xa05f0000u

/* Thumb code, two instructions a word. */
static enum err load(struct bench *bench, const uint16_t *code, size_t count)
{
    for (size_t i = 0; i < count; i += 2)
        TRY(wire_poke(bench, CODE + 2 * (uint32_t)i,
                      code[i] | (i + 1 < count ? (uint32_t)code[i + 1] << 16 : 0xbf000000)));
    TRY(core_register_write(&bench->mem, CORE_XPSR, XPSR_T));
    TRY(core_register_write(&bench->mem, CORE_MSP, STACK));
    TRY(core_register_write(&bench->mem, CORE_CONTROL, 0));
    TRY(core_register_write(&bench->mem, CORE_PC, CODE));
    return wire_poke(bench, WIRE_DFSR, DFSR_ALL);
}

static enum err run_until(struct bench *bench, struct rows *rows, const char *name,
                          uint32_t status)
{
    TRY(core_run(&bench->mem));
    enum err e =
        mem_poll(&bench->mem, &(struct mem_poll){ WIRE_DHCSR, status, status, WAIT_MS });
    if (e != ERR_OK && e != ERR_DEADLINE)
        return e;
    row_of(rows, e == ERR_OK, ROW_SURE, name, "never came");
    return ERR_OK;
}

static enum err look_register(struct bench *bench, struct rows *rows, const char *name,
                              enum core_register reg, uint32_t want)
{
    uint32_t value;
    TRY(core_register_read(&bench->mem, reg, &value));
    row_value(rows, ROW_SURE, name, value, want);
    return ERR_OK;
}

static enum err identification(struct bench *bench, struct rows *rows)
{
    static const uint32_t ids[] = { 0x0d, 0x10, 0x05, 0xb1 };
    TRY(wire_look(bench, rows, ROW_SURE, "DHCSR: halted, ready, secure debug allowed",
                  WIRE_DHCSR, 0x130003, 0x130003));
    TRY(wire_look(bench, rows, ROW_SURE, "DAUTHSTATUS: all debug is allowed", DAUTH, 0xff,
                  0xff));
    TRY(wire_look(bench, rows, ROW_SURE, "DSCSR.CDS: the core is in the secure state", DSCSR,
                  1u << 16, 1u << 16));
    for (uint32_t i = 0; i < COUNT(ids); i++)
        TRY(wire_look(bench, rows, ROW_SURE, "the ROM table's component identification",
                      0xe00ffff0 + 4 * i, 0xff, ids[i]));
    TRY(wire_poke(bench, WIRE_DFSR, DFSR_ALL));
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR is cleared by ones", WIRE_DFSR, DFSR_ALL, 0));
    TRY(wire_poke(bench, WIRE_DHCSR, C_DEBUGEN));
    return wire_look(bench, rows, ROW_SURE, "DHCSR without its key is not written", WIRE_DHCSR,
                     1u << 17, 1u << 17);
}

static enum err registers(struct bench *bench, struct rows *rows)
{
    static const struct {
        const char *name;
        enum core_register reg;
        uint32_t value;
    } all[] = {
        { "R0", 0, 0x00c0ffee },           { "R7", 7, 0x77777777 },
        { "R8", 8, 0x88888888 },           { "R12", 12, 0xcccccccc },
        { "LR", CORE_LR, 0xffffffff },     { "PC", CORE_PC, 0x20001234 },
        { "MSP", CORE_MSP, 0x20003ff8 },   { "PSP", CORE_PSP, 0x20003e00 },
        { "PRIMASK", CORE_CONTROL, 1 },    { "MSPLIM", CORE_MSPLIM, 0x20002800 },
        { "xPSR", CORE_XPSR, 0xa1000000 },
    };
    for (size_t i = 0; i < COUNT(all); i++) {
        TRY(core_register_write(&bench->mem, all[i].reg, all[i].value));
        TRY(look_register(bench, rows, all[i].name, all[i].reg, all[i].value));
    }
    TRY(look_register(bench, rows, "SP is MSP", CORE_SP, 0x20003ff8));
    TRY(core_register_write(&bench->mem, CORE_MSPLIM, 0));
    return core_register_write(&bench->mem, CORE_CONTROL, 0);
}

static enum err steps(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0x2007, 0x3001, 0x4601, 0xe7fe }; /* movs adds mov b . */
    TRY(load(bench, code, COUNT(code)));
    for (uint32_t i = 1; i <= 3; i++) {
        TRY(wire_poke(bench, WIRE_DHCSR, DBGKEY | C_STEP | C_DEBUGEN));
        TRY(look_register(bench, rows, "a step is one instruction", CORE_PC, CODE + 2 * i));
    }
    TRY(look_register(bench, rows, "R0 after three steps", 0, 8));
    TRY(look_register(bench, rows, "R1 after three steps", 1, 8));
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR.HALTED after a step", WIRE_DFSR, DFSR_HALTED,
                  DFSR_HALTED));
    TRY(core_run(&bench->mem));
    TRY(wire_look(bench, rows, ROW_SURE, "it runs", WIRE_DHCSR, 1u << 17, 0));
    TRY(core_halt(&bench->mem));
    return look_register(bench, rows, "asked to halt, it does so where it is", CORE_PC,
                         CODE + 6);
}

static enum err sleeps(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0xb672, 0xbf30, 0xe7fd }; /* cpsid i; wfi; b back */
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "WFI shows as S_SLEEP", CORE_S_SLEEP));
    TRY(core_halt(&bench->mem));
    return wire_look(bench, rows, ROW_SURE, "a sleeping core halts", WIRE_DHCSR, 1u << 17,
                     1u << 17);
}

/* A pending SysTick is not taken while stepping with C_MASKINTS: there is no handler here. */
static enum err masks(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0x2001, 0x2002, 0x2003, 0xe7fe };
    TRY(load(bench, code, COUNT(code)));
    TRY(core_vector_table(&bench->mem, VECTORS));
    TRY(wire_poke(bench, 0xe000ed04, 1u << 26)); /* ICSR.PENDSTSET */
    TRY(wire_poke(bench, WIRE_DHCSR, DBGKEY | C_MASKINTS | C_HALT | C_DEBUGEN));
    TRY(wire_poke(bench, WIRE_DHCSR, DBGKEY | C_MASKINTS | C_STEP | C_DEBUGEN));
    TRY(look_register(bench, rows, "C_MASKINTS: a step is not an interrupt's", CORE_PC,
                      CODE + 2));
    TRY(wire_look(bench, rows, ROW_SURE, "which stays pending", 0xe000ed04, 1u << 26,
                  1u << 26));
    TRY(wire_poke(bench, 0xe000ed04, 1u << 25));
    return wire_poke(bench, WIRE_DHCSR, DBGKEY | C_HALT | C_DEBUGEN);
}

enum err wire_core(struct bench *bench, struct rows *rows)
{
    TRY(identification(bench, rows));
    TRY(registers(bench, rows));
    TRY(steps(bench, rows));
    TRY(masks(bench, rows));
    return sleeps(bench, rows);
}

static enum err software_break(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0x2001, 0xbe00, 0x2002, 0xe7fe };
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "BKPT halts", CORE_S_HALT));
    TRY(look_register(bench, rows, "PC is at the BKPT", CORE_PC, CODE + 2));
    return wire_look(bench, rows, ROW_SURE, "DFSR.BKPT", WIRE_DFSR, DFSR_BKPT, DFSR_BKPT);
}

static enum err hardware_break(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0x2001, 0x2002, 0x2003, 0x2004, 0xbe00 };
    TRY(wire_look(bench, rows, ROW_SURE, "FP_CTRL: version 2, four comparators", FP_CTRL,
                  0xf00000f0, 0x10000040));
    TRY(wire_poke(bench, FP_COMP0, (CODE + 4) | 1));
    TRY(wire_poke(bench, FP_CTRL, 3));
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "a comparator halts", CORE_S_HALT));
    TRY(look_register(bench, rows, "before the instruction", CORE_PC, CODE + 4));
    TRY(look_register(bench, rows, "which has not run", 0, 2));
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR.BKPT", WIRE_DFSR, DFSR_BKPT, DFSR_BKPT));
    TRY(wire_poke(bench, FP_CTRL, 0));
    TRY(wire_look(bench, rows, ROW_SURE, "FP_CTRL without its key is not written", FP_CTRL, 1,
                  1));
    TRY(wire_poke(bench, FP_CTRL, 2));
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "with the unit off it goes on", CORE_S_HALT));
    TRY(look_register(bench, rows, "to the BKPT", CORE_PC, CODE + 8));
    return wire_poke(bench, FP_COMP0, 0);
}

/* str r1, [r2]: r2 is watched for writes; the core halts after the access. */
static enum err watchpoint(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0x2155, 0x6011, 0x2003, 0x2004, 0xbe00 };
    TRY(wire_poke(bench, WIRE_DEMCR, TRCENA));
    TRY(wire_look(bench, rows, ROW_U, "DWT_CTRL: four comparators", DWT_CTRL, 0xf0000000,
                  0x40000000));
    TRY(wire_poke(bench, WIRE_MARK, 0));
    TRY(wire_poke(bench, DWT_COMP0, WIRE_MARK));
    TRY(wire_poke(bench, DWT_FN0, 2u << 10 | 1u << 4 | 5)); /* a word, debug event, a write */
    TRY(load(bench, code, COUNT(code)));
    TRY(core_register_write(&bench->mem, 2, WIRE_MARK));
    TRY(run_until(bench, rows, "a watched write halts", CORE_S_HALT));
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR.DWTTRAP", WIRE_DFSR, DFSR_DWTTRAP,
                  DFSR_DWTTRAP));
    TRY(wire_look(bench, rows, ROW_SURE, "the write was made", WIRE_MARK, 0xffffffff, 0x55));
    TRY(wire_poke(bench, DWT_FN0, 0));
    return wire_poke(bench, WIRE_DEMCR, 0);
}

enum err wire_breaks(struct bench *bench, struct rows *rows)
{
    TRY(software_break(bench, rows));
    TRY(hardware_break(bench, rows));
    return watchpoint(bench, rows);
}

static enum err reset_catch(struct bench *bench, struct rows *rows)
{
    uint32_t first, second;
    TRY(wire_poke(bench, WIRE_DFSR, DFSR_ALL));
    TRY(wire_poke(bench, WIRE_DEMCR, 1));
    bench->mem.quiet = bench->mem.once = true;
    if (wire_poke(bench, 0xe000ed0c, 0x05fa0004) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "wire: the reset cut its own transfer");
    bench->mem.quiet = bench->mem.once = false;
    TRY(wire_peek(bench, WIRE_DHCSR, &first));
    TRY(wire_peek(bench, WIRE_DHCSR, &second));
    row_value(rows, ROW_SURE, "SYSRESETREQ sets S_RESET_ST", first & CORE_S_RESET,
              CORE_S_RESET);
    row_value(rows, ROW_SURE, "which clears when read", second & CORE_S_RESET, 0);
    row_value(rows, ROW_SURE, "VC_CORERESET halts", second & CORE_S_HALT, CORE_S_HALT);
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR.VCATCH", WIRE_DFSR, DFSR_VCATCH, DFSR_VCATCH));
    return wire_poke(bench, WIRE_DEMCR, 0);
}

/* The vector table's HardFault handler is not there: the fault of the fault is a lock-up. */
static enum err lock_up(struct bench *bench, struct rows *rows)
{
    static const uint16_t code[] = { 0xde01, 0xe7fe }; /* udf; b . */
    TRY(wire_poke(bench, VECTORS + 12, 0));
    TRY(core_vector_table(&bench->mem, VECTORS));
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "a fault without a handler shows as S_LOCKUP", CORE_S_LOCKUP));
    TRY(core_halt(&bench->mem));
    TRY(wire_look(bench, rows, ROW_SURE, "a locked-up core halts", WIRE_DHCSR, 1u << 17,
                  1u << 17));
    TRY(wire_poke(bench, WIRE_DEMCR, VC_HARDERR));
    TRY(core_register_write(&bench->mem, CORE_PC, CODE));
    TRY(bench_reset(bench, THEN_RESET_SYSTEM));
    TRY(wire_poke(bench, WIRE_DEMCR, VC_HARDERR));
    TRY(wire_poke(bench, VECTORS + 12, (CODE + 2) | 1));
    TRY(core_vector_table(&bench->mem, VECTORS));
    TRY(load(bench, code, COUNT(code)));
    TRY(run_until(bench, rows, "VC_HARDERR halts instead", CORE_S_HALT));
    TRY(wire_look(bench, rows, ROW_SURE, "DFSR.VCATCH", WIRE_DFSR, DFSR_VCATCH, DFSR_VCATCH));
    return wire_poke(bench, WIRE_DEMCR, 0);
}

enum err wire_catch(struct bench *bench, struct rows *rows)
{
    TRY(reset_catch(bench, rows));
    TRY(lock_up(bench, rows));
    return bench_reset(bench, THEN_RESET_SYSTEM);
}
