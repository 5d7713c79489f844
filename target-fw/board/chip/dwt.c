/* SPDX-License-Identifier: MIT */
/*
 * The registers of the watchpoint unit, and the comparators that are in force. Called by
 * core.c, and by cpu.c with each access of the core. It only reports a hit; halting is core.c's
 * part.
 */

#include "target-fw/board/chip/dwt.h"

enum {
    DWT_CTRL = 0x000,
    DWT_COMP0 = 0x020,
    DWT_FUNCTION = 8, /* after its comparator */
    DWT_STRIDE = 16,
    DWT_DEVARCH = 0xfbc,
    DEVARCH = 0x47701a02,          /* ARM, DWT of ARMv8-M, 2.0 */
    CTRL_NO_COUNTERS = 0x0f000000, /* NOTRCPKT, NOEXTTRIG, NOCYCCNT, NOPRFCNT */
    MATCH = 15,
    MATCH_ACCESS = 4,
    MATCH_WRITE = 5,
    MATCH_READ = 6,
    ACTION_HALT = 1,
    FUNCTION_KEPT = 0xc3f, /* MATCH, ACTION, DATAVSIZE */
    FUNCTION_MATCHED = 1 << 24
};
#define FUNCTION_ID 0x50000000U /* ID 0b01010: instruction and data address */

static bool comparator(uint32_t offset, unsigned *n, uint32_t *part)
{
    *n = (offset - DWT_COMP0) / DWT_STRIDE;
    *part = (offset - DWT_COMP0) % DWT_STRIDE;
    return offset >= DWT_COMP0 && *n < DWT_COUNT;
}

uint32_t dwt_read(struct dwt *dwt, uint32_t offset)
{
    unsigned n;
    uint32_t part;
    if (offset == DWT_CTRL)
        return (uint32_t)DWT_COUNT << 28 | CTRL_NO_COUNTERS;
    if (offset == DWT_DEVARCH)
        return DEVARCH;
    if (!comparator(offset, &n, &part))
        return 0;
    if (part == 0)
        return dwt->comp[n];
    if (part != DWT_FUNCTION)
        return 0;
    uint32_t value =
        dwt->function[n] | FUNCTION_ID | (dwt->matched[n] ? (uint32_t)FUNCTION_MATCHED : 0);
    dwt->matched[n] = false;
    return value;
}

void dwt_write(struct dwt *dwt, uint32_t offset, uint32_t value)
{
    unsigned n;
    uint32_t part;
    if (!comparator(offset, &n, &part))
        return;
    if (part == 0)
        dwt->comp[n] = value;
    else if (part == DWT_FUNCTION)
        dwt->function[n] = value & FUNCTION_KEPT;
}

struct dwt_set dwt_active(const struct dwt *dwt)
{
    struct dwt_set set = { .count = 0 };
    for (unsigned n = 0; n < DWT_COUNT; n++) {
        uint32_t match = dwt->function[n] & MATCH, bytes = 1U << (dwt->function[n] >> 10 & 3);
        if (match < MATCH_ACCESS || match > MATCH_READ || bytes > 4 ||
            (dwt->function[n] >> 4 & 3) != ACTION_HALT)
            continue;
        set.at[set.count++] = (struct dwt_watch){ .from = dwt->comp[n] & ~(bytes - 1),
                                                  .bytes = bytes,
                                                  .reads = match != MATCH_WRITE,
                                                  .writes = match != MATCH_READ,
                                                  .number = n };
    }
    return set;
}

const struct dwt_watch *dwt_hit(const struct dwt_set *set, uint32_t address, unsigned size,
                                bool write)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct dwt_watch *w = &set->at[i];
        bool meets = address < w->from + w->bytes && w->from < address + size;
        if (meets && (write ? w->writes : w->reads))
            return w;
    }
    return NULL;
}
