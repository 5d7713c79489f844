/* SPDX-License-Identifier: MIT */
/*
 * Turns the characters of remote_bitbang into clock edges for wire (SWD) and jtag. Called by
 * board.c when its client is readable. A character that the protocol does not have is ignored;
 * it must not end the connection.
 */

#include "target-fw/board/bitbang.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"

void bitbang_init(struct bitbang *bang)
{
    bang->link.listener = bang->link.client = -1;
    jtag_init(&bang->jtag);
    swd_init(&bang->swd);
    wire_init(&bang->wire, &bang->swd);
    bang->swclk = bang->released = false;
}

/* d e f g: SWCLK, SWDIO 00 01 10 11. */
static void swd_pins(struct bitbang *bang, struct chip *chip, unsigned pins)
{
    bool clock = (pins & 2) != 0;
    if (clock && !bang->swclk)
        wire_clock(&bang->wire, chip, !bang->released, (pins & 1) != 0);
    bang->swclk = clock;
}

bool bitbang_char(struct bitbang *bang, struct chip *chip, char c, char *reply)
{
    *reply = '\0';
    if (c >= '0' && c <= '7') {
        unsigned pins = (unsigned)(c - '0');
        jtag_pins(&bang->jtag, chip, (pins & 4) != 0, (pins & 2) != 0, (pins & 1) != 0);
        return true;
    }
    switch (c) {
    case 'R':
        *reply = jtag_tdo(&bang->jtag) ? '1' : '0';
        return true;
    case 'r':
    case 's':
    case 't':
    case 'u': /* TRST, SRST: 00 01 10 11 */
        if (c == 't' || c == 'u')
            jtag_init(&bang->jtag);
        chip_pin_reset(chip, c == 's' || c == 'u');
        return true;
    case 'd':
    case 'e':
    case 'f':
    case 'g':
        swd_pins(bang, chip, (unsigned)(c - 'd'));
        return true;
    case 'c':
        *reply = wire_out(&bang->wire) ? '1' : '0';
        return true;
    case 'o':
    case 'O':
        bang->released = c == 'o';
        return true;
    case 'Q':
        return false;
    default:
        return true; /* LED, sleep: nothing to do */
    }
}

void bitbang_serve(struct bitbang *bang, struct chip *chip)
{
    struct link *link = &bang->link;
    char out[LINK_IN_MAX];
    size_t replies = 0;
    ssize_t n = recv(link->client, link->in, sizeof(link->in), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    bool on = n > 0;
    for (ssize_t i = 0; i < n && on; i++) {
        on = bitbang_char(bang, chip, (char)link->in[i], &out[replies]);
        replies += out[replies] != '\0';
    }
    if (!on ||
        (replies > 0 && send(link->client, out, replies, MSG_NOSIGNAL) != (ssize_t)replies))
        link_hang_up(link);
}
