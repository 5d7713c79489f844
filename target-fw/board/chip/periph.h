/* SPDX-License-Identifier: MIT */
/*
 * periph: a block of the chip, as the bus sees it.
 *
 * A block is a row of constants and three functions over the chip's state. Registers are 32
 * bits wide; offsets are from base. The bus checks the clock gate before it calls.
 * Register facts: Nuvoton M2354 BSP device headers (Library/Device/Nuvoton/M2354/Include).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

/* A clock enable: register 0 AHBCLK, 1 APBCLK0, 2 APBCLK1. */
#define GATE(reg, bit) (((reg) << 5 | (bit)) + 1)
enum gate {
    GATE_NONE = 0,
    GATE_ISP = GATE(0, 2),
    GATE_CRPT = GATE(0, 12),
    GATE_KS = GATE(0, 13),
    GATE_SRAM0 = GATE(0, 20),
    GATE_RTC = GATE(1, 1),
    GATE_UART0 = GATE(1, 16),
    GATE_TRNG = GATE(2, 25)
};

struct periph {
    const char *name;
    uint32_t base;
    uint32_t size;
    enum gate gate;
    uint32_t (*read)(struct chip *chip, uint32_t offset);
    void (*write)(struct chip *chip, uint32_t offset, uint32_t value);
    void (*reset)(struct chip *chip); /* NULL: chip.c resets it in a way of its own */
};

extern const struct periph periph_sys, periph_clk, periph_gpio, periph_fmc, periph_scu,
    periph_fvc, periph_dpm, periph_plm, periph_btf, periph_crpt, periph_ks, periph_rtc,
    periph_uart, periph_trng, periph_core;

/* The block at address, of those that chip_open() registered; NULL: there is none. */
const struct periph *periph_find(const struct chip *chip, uint32_t address);
