#include "target-fw/board/insn.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/host/own.h"

/* Encodings: ARMv8-M Architecture Reference Manual (DDI 0553), "T32 instruction set encoding".
 * An exclusive store reads, compares and writes; one that has lost its monitor does none of it
 * and is counted all the same. */
static const struct shape {
    uint16_t mask, value;
    uint8_t accesses; /* 0: a list of registers in the low bits of mask's complement */
} shapes[] = {
    { 0xf800, 0x4800, 1 }, /* LDR literal */
    { 0xf000, 0x5000, 1 }, /* register offset */
    { 0xe000, 0x6000, 1 }, /* word and byte, immediate */
    { 0xf000, 0x8000, 1 }, /* halfword, immediate */
    { 0xf000, 0x9000, 1 }, /* SP relative */
    { 0xfe00, 0xb400, 0 }, /* PUSH */
    { 0xfe00, 0xbc00, 0 }, /* POP */
    { 0xf000, 0xc000, 0 }, /* STM, LDM */
    { 0xfff0, 0xe840, 2 }, /* STREX */
    { 0xfff0, 0xe850, 1 }, /* LDREX */
    { 0xfff0, 0xe8d0, 1 }, /* LDA, LDAEX, LDREXB */
};

enum {
    PUSH_LR = 1 << 8,
    LIST = 0xff,
    STORE_RELEASE = 0xe8c0,
    PLAIN = 0x80,
    EXCLUSIVE_BIT = 0x40
};

unsigned insn_bytes(uint16_t first)
{
    return first >> 11 >= 0x1d ? 4 : 2;
}

static unsigned listed(uint16_t first)
{
    bool stack = (first & 0xf000) == 0xb000;
    return (unsigned)__builtin_popcount(first & (stack ? LIST | PUSH_LR : LIST));
}

unsigned insn_accesses(uint16_t first, uint16_t second)
{
    if ((first & 0xfff0) == STORE_RELEASE) /* STL, or STLEX and STREXB */
        return (second & PLAIN) != 0 && (second & EXCLUSIVE_BIT) == 0 ? 1 : 2;
    for (size_t i = 0; i < COUNT(shapes); i++)
        if ((first & shapes[i].mask) == shapes[i].value)
            return shapes[i].accesses != 0 ? shapes[i].accesses : listed(first);
    return 0;
}
