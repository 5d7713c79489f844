/* SPDX-License-Identifier: MIT */
/* SYS: the register lock, resets of blocks, core voltage, identification. sys_reg.h. */
#include "tests/conformance/programs/board.h"

PROGRAM("SYS", 0);

static void identification(void)
{
    check("PDID is an M2354's", SYS_PDID >> 16 & 0x0fff, 0x173);
    uint32_t was = SYS_PDID;
    SYS_PDID = 0;
    check("PDID is read-only", SYS_PDID, was);
}

static void lock_keys(void)
{
    static const uint32_t wrong[][3] = {
        { 0x59, 0x16, 0x89 },
        { 0x16, 0x59, 0x88 },
        { 0x59, 0x59, 0x88 },
        { 0x88, 0x16, 0x59 },
    };
    check("REGLCTL is closed after reset", SYS_REGLCTL & 1, 0);
    for (uint32_t i = 0; i < COUNT(wrong); i++) {
        for (uint32_t k = 0; k < 3; k++)
            SYS_REGLCTL = wrong[i][k];
        check("REGLCTL stays closed after wrong keys", SYS_REGLCTL & 1, 0);
    }
    board_unlock();
    check("59 16 88 open REGLCTL", SYS_REGLCTL & 1, 1);
    SYS_REGLCTL = 0x59;
    check("any further write closes it", SYS_REGLCTL & 1, 0);
}

/* Fidelity rule: a write to a protected register while the lock is closed is ignored, and told.
 */
static void protection(void)
{
    board_lock();
    uint32_t pc = board_store(&SYS_SRAMPC1, 3u << 28);
    check("SRAMPC1 ignores a write while closed", SYS_SRAMPC1 & 3u << 28, 0);
    told_at("SYS+0x0e0: write ignored, register lock is closed [SYS_SRAMPC1]", pc);
    SYS_IPRST0 = IPRST0_CRPT;
    check("IPRST0 ignores a write while closed", SYS_IPRST0, 0);
    told("SYS+0x008: write ignored, register lock is closed [SYS_IPRST0]");
    board_unlock();
    SYS_SRAMPC1 = 3u << 28;
    check("SRAMPC1 takes it when open", SYS_SRAMPC1 & 3u << 28, 3u << 28);
    SYS_SRAMPC1 = 0;
}

/* PLCTL: the core's voltage; both show that it is under way, and PLSTS what was reached. */
static void voltage(void)
{
    board_lock();
    SYS_PLCTL = 1;
    check("PLCTL ignores a write while closed", SYS_PLCTL & 3, 0);
    told("SYS+0x1f8: write ignored, register lock is closed [SYS_PLCTL]");
    board_unlock();
    SYS_PLCTL = 1;
    check("PLCTL.WRBUSY is seen", SYS_PLCTL >> 7 & 1, 1);
    check("PLCTL.WRBUSY ends", until(&SYS_PLCTL, 1u << 7, 0), 1);
    check("PLSTS.PLCBUSY ends", until(&SYS_PLSTS, 1, 0), 1);
    check("PLSTS shows the level", SYS_PLSTS >> 8 & 3, 1);
    SYS_PLCTL = 0;
    until(&SYS_PLCTL, 1u << 7, 0);
}

/* IPRST0's bits reset a block for as long as they are set, from its registers' view: at the
 * edge. */
static void block_resets(void)
{
    board_clocks();
    CRPT_INTEN = 1;
    KS_METADATA = META_256 | META_ECC;
    SYS_IPRST0 = IPRST0_CRPT | IPRST0_KS;
    SYS_IPRST0 = 0;
    check("CRPTRST clears CRPT's registers", CRPT_INTEN, 0);
    check("KSRST clears the KeyStore's registers", KS_METADATA & (7u << 16), 0);
    check("KSRST takes INITDONE back", KS_STS & KS_STS_INITDONE, 0);
}

static void others(void)
{
    uint32_t was = SYS_GPA_MFPL;
    SYS_GPA_MFPL = (was & 0x00ffffff) | 0x77000000;
    check("GPA_MFPL is kept", SYS_GPA_MFPL >> 24, 0x77);
    SYS_GPA_MFPL = was;
}

void phase(uint32_t number)
{
    (void)number;
    identification();
    lock_keys();
    protection();
    voltage();
    block_resets();
    others();
}
