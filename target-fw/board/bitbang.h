/* SPDX-License-Identifier: MIT */
/*
 * bitbang: OpenOCD's remote_bitbang protocol, JTAG and SWD: one character in, one pin state.
 *
 * Listens where --bitbang says, by the same rules as link. Protocol: OpenOCD
 * doc/manual/jtag/drivers/remote_bitbang.txt. Used by board, on the board's thread.
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

/* Resets line and TAP; the listener is opened and closed by link_open() and link_close(). */
void bitbang_init(struct bitbang *bang);

/* Takes what the client has sent, and sends the replies. A client that quits or does not read
 * them is disconnected. */
void bitbang_serve(struct bitbang *bang, struct chip *chip);

/* One character; *reply is '\0' if it has none. false: the client asked to quit. */
bool bitbang_char(struct bitbang *bang, struct chip *chip, char c, char *reply);
