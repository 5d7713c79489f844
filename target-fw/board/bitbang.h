/*
 * bitbang: OpenOCD's remote_bitbang protocol, JTAG half: one character in, one pin state.
 *
 * Listens where --bitbang says, by the same rules as link. Protocol: OpenOCD
 * doc/manual/jtag/drivers/remote_bitbang.txt.
 */
#pragma once

#include "target-fw/board/jtag.h"
#include "target-fw/board/link.h"

struct bitbang {
    struct link link;
    struct jtag jtag;
};

void bitbang_serve(struct bitbang *bang, struct chip *chip); /* its client is readable */
bool bitbang_char(struct bitbang *bang, struct chip *chip, char c,
                  char *reply); /* false: quit */
