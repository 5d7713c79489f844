/* SPDX-License-Identifier: MIT */
/* test_devauth_bench: DevAuth over the host port, with a peer at its mailbox. For cmocka. */
#pragma once

#include "target-fw/devauth/devauth.h"
#include "target-fw/port/host/host.h"
#include "tests/unit/test_devauth_peer.h"

extern struct mailbox bench_mailbox;
extern struct devauth bench_devauth;
/* Not NULL: all that the peer writes, and the whole mailbox after each of the board's turns. */
extern struct buf *bench_seen;

int bench_open(void **state); /* a factory-fresh chip, DevAuth started; *state is the peer */
int bench_close(void **state);
void bench_reboot(struct peer *p); /* reset, DevAuth started again, a new run */
enum port_lock bench_level(void);  /* that the lock bits of the chip amount to */
bool bench_lock_begun(void);       /* any of them is set */

/*
 * A refusal: run up to an arrow, spoil one thing, expect one answer; then the right request
 * must still go through, to the end of the run and the lock.
 */
struct bench_refusal {
    const char *name;
    unsigned after; /* arrows done before */
    uint32_t (*spoil)(struct peer *p);
    uint32_t want;
};
void bench_refuse(void **state, const struct bench_refusal *row);
