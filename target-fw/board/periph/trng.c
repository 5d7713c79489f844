/* SPDX-License-Identifier: MIT */
/*
 * The noise source, and the RTC and GPIO pages of which it and others need a few bits. Called
 * by the bus. Data must not be ready before the clock that the noise source needs is on.
 */

#include "target-fw/board/chip/trng.h"

#include <openssl/rand.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum {
    CTL = 0x00,
    DATA = 0x04,
    ACT = 0x0c,
    CTL_EN = 1 << 0,
    CTL_DVIF = 1 << 1,
    CTL_DVIEN = 1 << 6,
    CTL_READY = 1 << 7,
    CTL_SEEDGEN = 1 << 8,
    CTL_SEEDRDY = 1 << 9,
    ACT_ON = 1 << 7,
    LXTCTL = 0x100,
    LXTCTL_LIRC = 0x41 /* C32KSEL and LIRC32KEN: what the seed generator runs on */
};

static void finish(struct chip *chip)
{
    struct trng *trng = &chip->trng;
    if (!trng->ready) {
        trng->ready = true;
    } else if (trng->ctl & CTL_SEEDGEN) {
        trng->seed_ready = (chip->rtc.lxtctl & LXTCTL_LIRC) == LXTCTL_LIRC;
        if (!trng->seed_ready)
            chip_note(chip, "TRNG: no seed: RTC_LXTCTL does not select the 32 kHz LIRC");
    } else if (trng->ctl & CTL_EN) {
        trng->byte_ready = true;
    }
    if ((trng->ctl & CTL_EN) && !trng->byte_ready)
        busy_start(&trng->busy);
}

static uint32_t data(struct chip *chip)
{
    struct trng *trng = &chip->trng;
    uint8_t byte = 0;
    if (!trng->byte_ready)
        chip_note(chip, "TRNG: DATA read without DVIF");
    else if (RAND_bytes(&byte, 1) != 1)
        byte = 0;
    trng->byte_ready = false;
    if (trng->ctl & CTL_EN)
        busy_start(&trng->busy);
    return byte;
}

bool trng_interrupt(struct chip *chip)
{
    struct trng *trng = &chip->trng;
    if (busy_poll(&trng->busy))
        finish(chip);
    return trng->byte_ready && (trng->ctl & CTL_DVIEN) != 0;
}

static uint32_t trng_read(struct chip *chip, uint32_t offset)
{
    struct trng *trng = &chip->trng;
    switch (offset) {
    case CTL:
        if (busy_poll(&trng->busy))
            finish(chip);
        return trng->ctl | (trng->byte_ready ? CTL_DVIF : 0U) | (trng->ready ? CTL_READY : 0U) |
               (trng->seed_ready ? CTL_SEEDRDY : 0U);
    case DATA:
        return data(chip);
    case ACT:
        return trng->active ? ACT_ON : 0;
    default:
        return 0;
    }
}

static void trng_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct trng *trng = &chip->trng;
    if (offset == ACT) {
        if ((value & ACT_ON) && !trng->active)
            busy_start(&trng->busy);
        trng->active = (value & ACT_ON) != 0;
        trng->ready = trng->ready && trng->active;
    } else if (offset == CTL) {
        trng->ctl = value & 0x17dU;
        if ((value & (CTL_EN | CTL_SEEDGEN)) == 0)
            return;
        if (!trng->ready)
            chip_note(chip, "TRNG: used before READY");
        else if (!trng->byte_ready)
            busy_start(&trng->busy);
    }
}

static void trng_reset(struct chip *chip)
{
    chip->trng = (struct trng){ .busy.stuck = chip->trng.busy.stuck };
}

const struct periph periph_trng = {
    .name = "TRNG",
    .base = 0x400b9000,
    .size = 0x1000,
    .gate = GATE_TRNG,
    .read = trng_read,
    .write = trng_write,
    .reset = trng_reset,
};

static uint32_t rtc_read(struct chip *chip, uint32_t offset)
{
    return offset == LXTCTL ? chip->rtc.lxtctl : 0;
}

static void rtc_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    if (offset == LXTCTL)
        chip->rtc.lxtctl = value;
}

static void rtc_reset(struct chip *chip)
{
    chip->rtc = (struct rtc){ 0 };
}

const struct periph periph_rtc = {
    .name = "RTC",
    .base = 0x40041000,
    .size = 0x1000,
    .gate = GATE_RTC,
    .read = rtc_read,
    .write = rtc_write,
    .reset = rtc_reset,
};

static uint32_t gpio_read(struct chip *chip, uint32_t offset)
{
    return chip->gpio.regs[offset / 4];
}

static void gpio_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    chip->gpio.regs[offset / 4] = value;
}

static void gpio_reset(struct chip *chip)
{
    wipe(&chip->gpio, sizeof(chip->gpio));
}

const struct periph periph_gpio = {
    .name = "GPIO",
    .base = 0x40004000,
    .size = 0x1000,
    .read = gpio_read,
    .write = gpio_write,
    .reset = gpio_reset,
};
