/* SPDX-License-Identifier: MIT */
/* What the locks let through, seen from the debug port. Boards end closed for good, or erased.
 */
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum { CONFIG0 = 0x300000, PAGE = 0x20000, DPM_MS = 10000 };

#define DPM_CTL      0x4002f600u
#define DPM_STS      0x4002f604u
#define DPM_NSCTL    0x4002f650u
#define DPM_CODE     0x5a000000u
#define DPM_DBGDIS   1u
#define DPM_LOCK     2u
#define DPM_DACCWDIS (1u << 12)
#define DPM_DACCDIS  (1u << 13)
#define WINDOW       0xf0001600u
#define KEYSTORE     0x40035000u
#define LOCK_ON      0xfffffffdu /* CONFIG0.LOCK is bit 1, active low */
#define ICE_OFF      0xfffff7ffu /* CONFIG0.ICELOCK is bit 11 */

static enum err all_open(struct bench *bench, struct rows *rows, const char *name)
{
    row_of(rows, !wire_refused(bench, WIRE_SRAM) && !wire_refused(bench, 0), ROW_U, name,
           "refused");
    return ERR_OK;
}

static enum err program_config(struct bench *bench, struct rows *rows, uint32_t value)
{
    bool good;
    TRY(wire_prepare(bench));
    TRY(wire_isp(bench, ISP_PROGRAM, CONFIG0, value, &good));
    row_of(rows, good, ROW_SURE, "CONFIG0 is programmed", "ISPFF");
    return ERR_OK;
}

static enum err locked_flash(struct bench *bench, struct rows *rows)
{
    bool good;
    TRY(wire_prepare(bench));
    TRY(wire_isp(bench, ISP_READ, PAGE, 0, &good));
    row_of(rows, !good, ROW_SURE, "LOCK: command 00 is ISPFF", "it was done");
    TRY(wire_look(bench, rows, ROW_SURE, "LOCK: and gives all ones", FMC_ISPDAT, 0xffffffff,
                  0xffffffff));
    TRY(wire_isp(bench, ISP_ERASE, PAGE, 0, &good));
    row_of(rows, !good, ROW_SURE, "LOCK: a page erase is ISPFF", "it was done");
    TRY(wire_isp(bench, ISP_PROGRAM, PAGE + 8, 0, &good));
    row_of(rows, !good, ROW_U, "LOCK: a program is ISPFF", "it was done");
    TRY(wire_isp(bench, ISP_UID, 0, 0, &good));
    row_of(rows, good, ROW_U, "LOCK: the UID is read", "ISPFF");
    return ERR_OK;
}

static enum err erase_all(struct bench *bench, struct rows *rows)
{
    bool good;
    TRY(wire_poke(bench, FMC_ICPCTL, 1));
    TRY(wire_isp(bench, ISP_MASS_ERASE, 0, 0, &good));
    row_of(rows, good, ROW_U, "LOCK: a mass erase is done", "ISPFF");
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    TRY(all_open(bench, rows, "and opens the port at the next reset"));
    return wire_look(bench, rows, ROW_SURE, "what was there is gone", PAGE, 0xffffffff,
                     0xffffffff);
}

enum err wire_lock_config(struct bench *bench, struct rows *rows)
{
    static const struct {
        uint32_t address;
        const char *name;
    } refused[] = {
        { WIRE_SRAM, "LOCK: SRAM is refused" },    { PAGE, "LOCK: flash is refused" },
        { KEYSTORE, "LOCK: KeyStore is refused" }, { 0x40032000, "LOCK: CRPT is refused" },
        { 0x4002f600, "LOCK: DPM is refused" },    { 0x40070000, "LOCK: UART0 is refused" },
        { CONFIG0, "LOCK: CONFIG is refused" },
    };
    bool good;
    TRY(wire_prepare(bench));
    TRY(wire_isp(bench, ISP_PROGRAM, PAGE, 0x5ec2e7, &good));
    TRY(program_config(bench, rows, LOCK_ON));
    TRY(all_open(bench, rows, "LOCK is not in force before a reset"));
    TRY(bench_reset(bench, THEN_RESET_SYSTEM));
    TRY(all_open(bench, rows, "nor after SYSRESETREQ"));
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    for (size_t i = 0; i < COUNT(refused); i++)
        row_of(rows, wire_refused(bench, refused[i].address), ROW_U, refused[i].name, "read");
    row_of(rows, !wire_refused(bench, 0x40000000), ROW_U, "LOCK: PDID is read", "refused");
    TRY(locked_flash(bench, rows));
    return erase_all(bench, rows);
}

enum err wire_lock_ice(struct bench *bench, struct rows *rows)
{
    TRY(program_config(bench, rows, ICE_OFF));
    TRY(all_open(bench, rows, "ICELOCK is not in force before a reset"));
    bench->swd.lost = true;
    enum err e = bench_reset_free(bench, THEN_RESET_PIN);
    row_of(rows, e != ERR_OK && swd_wire_failed(&bench->swd), ROW_U,
           "ICELOCK: nothing answers on SWD", "it answers");
    return ERR_OK;
}

static enum err set_dpm(struct bench *bench, uint32_t control, uint32_t bits)
{
    uint32_t status = control + 4;
    TRY(wire_poke(bench, control, DPM_CODE | bits));
    return mem_poll(&bench->mem, &(struct mem_poll){ status, 1, 0, DPM_MS });
}

static enum err half_closed(struct bench *bench, struct rows *rows)
{
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "secure DPM closed: SRAM is refused",
           "read");
    row_of(rows, wire_refused(bench, 0), ROW_U, "secure DPM closed: flash is refused", "read");
    row_of(rows, wire_refused(bench, KEYSTORE), ROW_U, "secure DPM closed: KeyStore is refused",
           "read");
    return wire_look(bench, rows, ROW_SURE, "secure DPM closed: S_SDE is 0", WIRE_DHCSR,
                     CORE_S_SDE, 0);
}

/* DACCWDIS and DACCDIS keep the debugger from DPM's registers until the next cold reset. */
static enum err no_access(struct bench *bench, struct rows *rows)
{
    TRY(set_dpm(bench, DPM_CTL, DPM_DACCWDIS));
    TRY(wire_poke(bench, DPM_CTL, DPM_CODE | DPM_DBGDIS));
    TRY(wire_look(bench, rows, ROW_SURE, "DACCWDIS: a debugger's write is not taken", DPM_STS,
                  1u << 16, 0));
    TRY(wire_look(bench, rows, ROW_SURE, "DACCWDIS: a debugger reads", DPM_CTL, 0xff000000,
                  0xa5000000));
    TRY(bench_reset(bench, THEN_RESET_PIN));
    TRY(set_dpm(bench, DPM_CTL, DPM_DACCDIS));
    TRY(wire_look(bench, rows, ROW_SURE, "DACCDIS: a debugger reads zero", DPM_CTL, 0xffffffff,
                  0));
    return bench_reset(bench, THEN_RESET_PIN);
}

/* DBGDIS of the secure side: armed by a debugger here, in force from the next cold reset. */
enum err wire_lock_dpm(struct bench *bench, struct rows *rows)
{
    TRY(no_access(bench, rows));
    TRY(set_dpm(bench, DPM_CTL, DPM_DBGDIS));
    TRY(wire_look(bench, rows, ROW_SURE, "DBGDIS shows at once", DPM_STS, 1u << 16, 1u << 16));
    TRY(all_open(bench, rows, "DBGDIS is not in force before a reset"));
    TRY(bench_reset(bench, THEN_RESET_SYSTEM));
    TRY(all_open(bench, rows, "nor after SYSRESETREQ"));
    TRY(half_closed(bench, rows));
    row_value(rows, ROW_SURE, "DPIDR answers all the same", bench->swd.dpidr, 0x0bf11477);
    return ERR_OK;
}

static enum err window_password(struct bench *bench, uint32_t value, uint32_t operation)
{
    for (uint32_t i = 0; i < 4; i++) {
        TRY(wire_poke(bench, WINDOW + 0x10 + 4 * i, value + i));
        TRY(mem_poll(&bench->mem, &(struct mem_poll){ WINDOW + 4, 1, 0, DPM_MS }));
    }
    TRY(wire_poke(bench, WINDOW, DPM_CODE | operation));
    return mem_poll(&bench->mem, &(struct mem_poll){ WINDOW + 4, 1, 0, DPM_MS });
}

enum { PWCMP = 1 << 2, PWUPD = 1 << 3, PWUOK = 1 << 5, PWCERR = 1 << 4 };

enum err wire_dpm_window(struct bench *bench, struct rows *rows)
{
    TRY(wire_look(bench, rows, ROW_U, "ID is \"DPM\"", WINDOW + 0xfc, 0xffffffff, 0x44504d00));
    TRY(window_password(bench, 0x1000, PWUPD));
    TRY(wire_look(bench, rows, ROW_U, "a password is set there", WINDOW + 4, PWUOK, PWUOK));
    TRY(set_dpm(bench, DPM_CTL, DPM_DBGDIS));
    TRY(set_dpm(bench, DPM_NSCTL, DPM_DBGDIS));
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "both sides closed: SRAM is refused",
           "read");
    row_of(rows, wire_refused(bench, WIRE_DHCSR), ROW_U, "both sides closed: DHCSR is refused",
           "read");
    TRY(wire_look(bench, rows, ROW_U, "the window answers", WINDOW + 0xfc, 0xffffffff,
                  0x44504d00));
    TRY(window_password(bench, 0x2000, PWCMP));
    TRY(wire_look(bench, rows, ROW_U, "a wrong password: PWCERR", WINDOW + 4, PWCERR, PWCERR));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "and SRAM is still refused", "read");
    TRY(window_password(bench, 0x1000, PWCMP));
    row_of(rows, !wire_refused(bench, WIRE_SRAM), ROW_U, "the right one opens the port",
           "refused");
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "until the next cold reset", "read");
    return ERR_OK;
}

/* What the level "production" does: LOCK on both sides; no password helps. */
enum err wire_lock_full(struct bench *bench, struct rows *rows)
{
    TRY(window_password(bench, 0x1000, PWUPD));
    TRY(set_dpm(bench, DPM_CTL, DPM_DBGDIS | DPM_LOCK));
    TRY(set_dpm(bench, DPM_NSCTL, DPM_DBGDIS | DPM_LOCK));
    TRY(all_open(bench, rows, "LOCK is not in force before a reset"));
    TRY(bench_reset_free(bench, THEN_RESET_PIN));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_SURE, "DPM locked: SRAM is refused",
           "read");
    row_of(rows, wire_refused(bench, 0), ROW_SURE, "DPM locked: flash is refused", "read");
    row_of(rows, wire_refused(bench, WIRE_DHCSR), ROW_SURE, "DPM locked: DHCSR is refused",
           "read");
    row_of(rows, wire_refused(bench, 0x4000c000), ROW_U, "DPM locked: FMC is refused", "read");
    TRY(window_password(bench, 0x1000, PWCMP));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "the right password does not open it",
           "read");
    row_value(rows, ROW_SURE, "DPIDR answers all the same", bench->swd.dpidr, 0x0bf11477);
    return ERR_OK;
}
