/* SPDX-License-Identifier: MIT */
#include "tests/conformance/wire.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

static const struct wire all[] = {
    { "swdp", "SW-DP", false, wire_swdp },
    { "memap", "AHB5-AP", false, wire_memap },
    { "dap", "CMSIS-DAP", false, wire_dap },
    { "debug", "Core debug", false, wire_core },
    { "breaks", "Core debug", false, wire_breaks },
    { "catch", "Core debug", false, wire_catch },
    { "attach", "Core debug", false, wire_attach },
    { "vecmap", "FMC", false, wire_vecmap },
    { "link", "Fault switches", false, wire_link },
    { "sent", "UART0", false, wire_sent },
    { "cuts", "Fault switches", true, wire_cuts },
    { "boot", "Boot ROM", true, wire_boot },
    { "half", "Boot ROM", true, wire_half },
    { "source", "Boot source", true, wire_source },
    { "banks", "FMC", true, wire_banks },
    { "lock_config", "Locks on the debug port", true, wire_lock_config },
    { "lock_dpm", "Locks on the debug port", true, wire_lock_dpm },
    { "lock_full", "Locks on the debug port", true, wire_lock_full },
    { "lock_ice", "Locks on the debug port", true, wire_lock_ice },
    { "dpm_window", "Debugger's DPM window", true, wire_dpm_window },
};

const struct wire *wire_at(size_t n)
{
    return n < COUNT(all) ? &all[n] : NULL;
}

const struct wire *wire_find(const char *name)
{
    for (size_t i = 0; i < COUNT(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

enum err wire_run(const struct wire *wire, struct bench *bench, struct rows *rows)
{
    TRY(bench_connect(bench));
    TRY(bench_reset(bench, THEN_RESET_SYSTEM));
    return wire->run(bench, rows);
}

enum err wire_poke(struct bench *bench, uint32_t address, uint32_t value)
{
    return mem_write_word(&bench->mem, address, value);
}

enum err wire_peek(struct bench *bench, uint32_t address, uint32_t *value_out)
{
    return mem_read_word(&bench->mem, address, value_out);
}

enum err wire_look(struct bench *bench, struct rows *rows, enum row_mark mark, const char *name,
                   uint32_t address, uint32_t mask, uint32_t want)
{
    uint32_t value;
    TRY(wire_peek(bench, address, &value));
    row_value(rows, mark, name, value & mask, want);
    return ERR_OK;
}

bool wire_refused(struct bench *bench, uint32_t address)
{
    uint32_t value;
    bench->mem.quiet = true;
    enum err e = wire_peek(bench, address, &value);
    bench->mem.quiet = false;
    return e == ERR_FAULT && !swd_wire_failed(&bench->swd);
}

/* M2354BSP: SYS_REGLCTL's keys; AHBCLK ISP 2, CRPT 12, KS 13; ISPCTL ISPEN, APUEN, CFGUEN,
 * LDUEN. */
enum err wire_prepare(struct bench *bench)
{
    static const struct {
        uint32_t address, value;
    } steps[] = {
        { 0x40000100, 0x59 },       { 0x40000100, 0x16 }, { 0x40000100, 0x88 },
        { 0x40000204, 0x0070b004 }, { 0x4000c000, 0x39 },
    };
    for (size_t i = 0; i < COUNT(steps); i++)
        TRY(wire_poke(bench, steps[i].address, steps[i].value));
    return ERR_OK;
}

enum { ISP_MS = 10000 };

enum err wire_isp(struct bench *bench, uint32_t command, uint32_t address, uint32_t data,
                  bool *good_out)
{
    uint32_t status;
    TRY(mem_change_word(&bench->mem, 0x4000c000, 0, 1u << 6)); /* ISPFF */
    TRY(wire_poke(bench, 0x4000c00c, command));
    TRY(wire_poke(bench, 0x4000c004, address));
    TRY(wire_poke(bench, 0x4000c008, data));
    TRY(wire_poke(bench, 0x4000c010, 1));
    TRY(mem_poll(&bench->mem, &(struct mem_poll){ 0x4000c010, 1, 0, ISP_MS }));
    TRY(wire_peek(bench, 0x4000c040, &status));
    *good_out = (status & 1u << 6) == 0;
    return ERR_OK;
}

/* KeyStore: INIT if need be; create in OTP (DST 2). */
enum err wire_otp(struct bench *bench, uint32_t slot, uint32_t metadata,
                  const uint32_t words[8], bool *good_out)
{
    uint32_t status;
    TRY(wire_poke(bench, 0x40035000, 0x101));
    TRY(mem_poll(&bench->mem, &(struct mem_poll){ 0x40035008, 0x84, 0x80, ISP_MS }));
    TRY(wire_poke(bench, 0x40035004, 2u << 30 | slot << 20 | metadata));
    for (uint32_t i = 0; i < 8; i++)
        TRY(wire_poke(bench, 0x40035020 + 4 * i, words[i]));
    TRY(wire_poke(bench, 0x40035008, 3));
    TRY(wire_poke(bench, 0x40035000, 3));
    TRY(mem_poll(&bench->mem, &(struct mem_poll){ 0x40035008, 4, 0, ISP_MS }));
    TRY(wire_peek(bench, 0x40035008, &status));
    *good_out = (status & 2) == 0;
    return ERR_OK;
}
