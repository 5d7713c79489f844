/* SPDX-License-Identifier: MIT */
/*
 * bitbang: OpenOCD's remote_bitbang protocol, JTAG and SWD: one character in, one pin state.
 *
 * Listens where --bitbang says, by the same rules as link. Protocol: OpenOCD
 * doc/manual/jtag/drivers/remote_bitbang.txt.
 */
#pragma once

#include "target-fw/board/jtag.h"
#include "target-fw/board/link.h"
#include "target-fw/board/wire.h"

struct bitbang {
    struct link link;
    struct jtag jtag;
    struct swd swd;
    struct wire wire; /* over swd */
    bool swclk;
    bool released; /* the host does not drive SWDIO */
};

void bitbang_init(struct bitbang *bang);
void bitbang_serve(struct bitbang *bang, struct chip *chip); /* its client is readable */
bool bitbang_char(struct bitbang *bang, struct chip *chip, char c,
                  char *reply); /* false: quit */
