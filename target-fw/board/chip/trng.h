/* SPDX-License-Identifier: MIT */
/* trng: the noise source, the RTC page's clock bits it needs, and a plain GPIO page. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/busy.h"

struct trng {
    uint32_t ctl;
    bool active;
    bool ready;
    bool seed_ready;
    bool byte_ready;
    struct busy busy; /* waking, making a byte or a seed */
};

struct rtc {
    uint32_t lxtctl;
};

struct gpio {
    uint32_t regs[0x400];
};

struct chip;
bool trng_interrupt(struct chip *chip); /* the line is high; a poll */
