/* SPDX-License-Identifier: MIT */
/*
 * Tables of Thumb encodings: length, memory accesses, and whether v8-M Baseline has the
 * instruction. Called by cpu_code.c. An instruction that is missing here must be counted as not
 * Baseline, so that it faults.
 */

#include "target-fw/board/insn.h"

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

/* The long ones; all short ones but IT are Baseline. Masks and values of both halfwords. */
static const struct known {
    uint16_t first_mask, first, second_mask, second;
} known[] = {
    { 0xf800, 0xf000, 0xd000, 0xd000 }, /* BL */
    { 0xf800, 0xf000, 0xd000, 0x9000 }, /* B.W */
    { 0xfff0, 0xf380, 0xff00, 0x8800 }, /* MSR */
    { 0xffff, 0xf3ef, 0xf000, 0x8000 }, /* MRS */
    { 0xffff, 0xf3bf, 0xff00, 0x8f00 }, /* CLREX, DSB, DMB, ISB */
    { 0xfff0, 0xf7f0, 0xf000, 0xa000 }, /* UDF.W, undefined by definition */
    { 0xfbf0, 0xf240, 0x8000, 0x0000 }, /* MOVW */
    { 0xfbf0, 0xf2c0, 0x8000, 0x0000 }, /* MOVT */
    { 0xfff0, 0xfb90, 0xf0f0, 0xf0f0 }, /* SDIV */
    { 0xfff0, 0xfbb0, 0xf0f0, 0xf0f0 }, /* UDIV */
    { 0xfff0, 0xe840, 0x0000, 0x0000 }, /* STREX, TT */
    { 0xfff0, 0xe850, 0x0000, 0x0000 }, /* LDREX */
    { 0xffff, 0xe97f, 0xffff, 0xe97f }, /* SG */
};

/* LDA, STL, LDREXB and their like, by the halfword that says which; TBB and LDREXD are not. */
static bool is_ordered(uint16_t first, uint16_t second)
{
    static const uint16_t kinds = 1 << 4 | 1 << 5 | 7 << 8 | 7 << 12;
    return (first & 0xffe0) == STORE_RELEASE && (kinds >> (second >> 4 & 15) & 1) != 0;
}

bool insn_is_baseline(uint16_t first, uint16_t second)
{
    bool is_it = (first & 0xff00) == 0xbf00 && (first & 15) != 0;
    if (insn_bytes(first) == 2)
        return !is_it;
    if (is_ordered(first, second))
        return true;
    for (size_t i = 0; i < COUNT(known); i++)
        if ((first & known[i].first_mask) == known[i].first &&
            (second & known[i].second_mask) == known[i].second)
            return true;
    return false;
}
