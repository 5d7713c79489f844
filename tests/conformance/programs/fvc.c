/* SPDX-License-Identifier: MIT */
/* FVC: version counters (scu_reg.h, fvc.c). */
#include "tests/conformance/programs/board.h"

PROGRAM("FVC", PROGRAM_DESTRUCTIVE);

enum { INIT = 1 << 0, MONOEN = 1 << 1, BUSY = 1 << 0, RDY = 1 << 1 };
#define KEY (0x7710u << 16)

static void init(void)
{
    FVC_CTL = KEY | INIT;
    check("INIT: RDY", until(&FVC_STS, BUSY | RDY, RDY), 1);
}

static bool set(uint32_t n, uint32_t was, uint32_t value)
{
    FVC_NVC[n] = was << 16 | value;
    until(&FVC_STS, BUSY, 0);
    return FVC_NVC[n] == value;
}

static void before_init(void)
{
    check("not ready after reset", FVC_STS & RDY, 0);
    FVC_NVC[0] = 1;
    told("FVC: counter 0: 0x00000001 refused [FVC_NVC0]");
    FVC_CTL = INIT;
    check("CTL without its key takes nothing", FVC_STS & (BUSY | RDY), 0);
    init();
    check("counter 0 begins at 0", FVC_NVC[0], 0);
}

static void limits(void)
{
    static const struct {
        uint32_t counter, most;
        const char *name, *beyond, *said;
    } all[] = {
        { 0, 63, "counter 0 goes to 63", "not beyond",
          "FVC: counter 0: 0x003f0040 refused [FVC_NVC0]" },
        { 1, 63, "counter 1 goes to 63", "not beyond",
          "FVC: counter 1: 0x003f0040 refused [FVC_NVC1]" },
        { 4, 255, "counter 4 goes to 255", "not beyond",
          "FVC: counter 4: 0x00ff0100 refused [FVC_NVC4]" },
        { 5, 255, "counter 5 goes to 255", "not beyond",
          "FVC: counter 5: 0x00ff0100 refused [FVC_NVC5]" },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        check("a counter rises", set(all[i].counter, 0, 5), 1);
        check(all[i].name, set(all[i].counter, 5, all[i].most), 1);
        check(all[i].beyond, set(all[i].counter, all[i].most, all[i].most + 1), 0);
        told(all[i].said);
        check("and down again", set(all[i].counter, all[i].most, 7), 1);
    }
}

static void refused(void)
{
    check("the present value must be named", set(0, 6, 8), 0);
    told("FVC: counter 0: 0x00060008 refused [FVC_NVC0]");
    check("counter 2 does not exist", set(2, 0, 1), 0);
    told("FVC: counter 2: 0x00000001 refused [FVC_NVC2]");
    FVC_NVC[4] = 7u << 16 | 9;
    check("BUSY is seen", FVC_STS & BUSY, BUSY);
    FVC_NVC[4] = 9u << 16 | 11;
    told("FVC: counter 4: 0x0009000b refused [FVC_NVC4]");
    until(&FVC_STS, BUSY, 0);
    check("a write while BUSY is lost", FVC_NVC[4], 9);
}

static void monotonic(void)
{
    check("MONOEN is clear", FVC_CTL & MONOEN, 0);
    FVC_CTL = KEY | MONOEN;
    check("MONOEN is set", FVC_CTL & MONOEN, MONOEN);
    check("and then no counter falls", set(0, 7, 6), 0);
    told("FVC: counter 0: 0x00070006 refused [FVC_NVC0]");
    check("but rises", set(0, 7, 8), 1);
    FVC_CTL = KEY;
    check("MONOEN cannot be taken back", FVC_CTL & MONOEN, MONOEN);
}

void phase(uint32_t number)
{
    if (number == 0) {
        before_init();
        limits();
        refused();
        monotonic();
        then(THEN_POWER);
        return;
    }
    check("not ready after power-on", FVC_STS & RDY, 0);
    init();
    check("counter 0 over power-off", FVC_NVC[0], 8);
    check("counter 4 over power-off", FVC_NVC[4], 9);
    check("MONOEN over power-off", FVC_CTL & MONOEN, MONOEN);
}
