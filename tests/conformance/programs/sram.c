/* SPDX-License-Identifier: MIT */
/* SRAM: three banks, each with a clock of its own (AHBCLK 20 to 22). m33mu, hence mostly [U].
 */
#include "tests/conformance/programs/board.h"

PROGRAM("SRAM", 0);

#define AT(address) (*(volatile uint32_t *)(address))
#define KEPT        0x20007800u /* in bank 0, above the program */

static void banks(void)
{
    static const struct {
        uint32_t first, last;
        const char *first_name, *last_name;
    } all[] = {
        { 0x20008000, 0x20027ffc, "the first word of bank 1", "the last word of bank 1" },
        { 0x20028000, 0x2003fffc, "the first word of bank 2", "the last word of bank 2" },
    };
    CLK_AHBCLK |= AHBCLK_SRAM1 | AHBCLK_SRAM2;
    for (uint32_t i = 0; i < COUNT(all); i++) {
        AT(all[i].first) = 0xa5a50001 + i;
        AT(all[i].last) = 0x5a5a0001 + i;
        check(all[i].first_name, AT(all[i].first), 0xa5a50001 + i);
        check(all[i].last_name, AT(all[i].last), 0x5a5a0001 + i);
    }
    AT(0x20007ffc) = 0x11223344;
    check("the last word of bank 0", AT(0x20007ffc), 0x11223344);
    *(volatile uint8_t *)0x20008002 = 0x77;
    check("a byte in bank 1", AT(0x20008000), 0xa5770001);
    *(volatile uint16_t *)0x20028000 = 0x8899;
    check("a halfword in bank 2", AT(0x20028000), 0xa5a58899);
}

/* Fidelity rule: a write to a bank without a clock is dropped, and told. */
static void unclocked(uint32_t address, uint32_t bit, const char *reads, const char *keeps,
                      const char *said)
{
    AT(address) = 0xcafe0000;
    CLK_AHBCLK &= ~bit;
    __asm__ volatile("dsb\n\tisb" ::: "memory"); /* a gate of the bus fabric, not of a block */
    told_at(said, board_store(&AT(address), 0xdead0000));
    checku(reads, AT(address), 0);
    CLK_AHBCLK |= bit;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    checku(keeps, AT(address), 0xcafe0000);
}

/* Gate and store side by side: the very next access meets the closed gate. */
static void at_once(void)
{
    AT(0x20008020) = 0xcafe0001;
    uint32_t off = CLK_AHBCLK & ~(uint32_t)AHBCLK_SRAM1, on = CLK_AHBCLK;
    __asm__ volatile("str %0, [%2]\n\tstr %0, [%3]\n\tstr %1, [%2]\n\tdsb\n\tisb" ::"l"(off),
                     "l"(on), "l"(&CLK_AHBCLK), "l"(0x20008020)
                     : "memory");
    told("SRAM+0x08020: write dropped, the bank has no clock [0x20008020]");
    checku("the store right after the gate closes is dropped", AT(0x20008020), 0xcafe0001);
}

static void code_in_bank2(void)
{
    AT(0x20030000) = 0x4770202a; /* movs r0, #42; bx lr */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    check("code runs in bank 2", ((uint32_t(*)(void))(uintptr_t)0x20030001u)(), 42);
}

void phase(uint32_t number)
{
    (void)number;
    checku("only bank 0 is clocked after reset", CLK_AHBCLK >> 20 & 7, 1);
    AT(KEPT) = 1;
    check("bank 0 takes words", AT(KEPT), 1);
    banks();
    unclocked(0x20008010, AHBCLK_SRAM1, "bank 1 without its clock reads zero",
              "bank 1 keeps what it had",
              "SRAM+0x08010: write dropped, the bank has no clock [0x20008010]");
    unclocked(0x20028010, AHBCLK_SRAM2, "bank 2 without its clock reads zero",
              "bank 2 keeps what it had",
              "SRAM+0x28010: write dropped, the bank has no clock [0x20028010]");
    at_once();
    code_in_bank2();
}
