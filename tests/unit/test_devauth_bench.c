/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_devauth_bench.h"

#include "tests/unit/check.h"

#include <string.h>

struct mailbox bench_mailbox;
struct devauth bench_devauth;
struct buf *bench_seen;

static void seen(const void *bytes, size_t len)
{
    if (bench_seen != NULL)
        assert_int_equal(buf_append(bench_seen, span_of(bytes, len)), ERR_OK);
}

static void io_read(void *context, size_t offset, void *bytes, size_t len)
{
    (void)context;
    memcpy(bytes, (uint8_t *)&bench_mailbox + offset, len);
}

static void io_write(void *context, size_t offset, const void *bytes, size_t len)
{
    (void)context;
    memcpy((uint8_t *)&bench_mailbox + offset, bytes, len);
    seen(bytes, len);
}

static void io_flash(void *context, uint32_t address, struct span bytes)
{
    (void)context;
    memcpy(host_chip.flash + address, bytes.ptr, bytes.len);
    seen(bytes.ptr, bytes.len);
}

static bool io_turn(void *context)
{
    (void)context;
    devauth_step(&bench_devauth);
    seen(&bench_mailbox, sizeof(bench_mailbox));
    return true;
}

/* Arrow 24 waits for its chunks: the peer's turn. */
static void io_wait(void *context)
{
    peer_feed(context);
}

int bench_open(void **state)
{
    static struct peer peer;
    const struct peer_io io = { io_read, io_write, io_flash, io_turn, NULL };
    host_blank();
    peer_open(&peer, &io);
    host_chip.wait = io_wait;
    host_chip.wait_context = &peer;
    devauth_start(&bench_devauth, &bench_mailbox);
    *state = &peer;
    return 0;
}

int bench_close(void **state)
{
    peer_close(*state);
    return 0;
}

void bench_reboot(struct peer *p)
{
    host_reset();
    peer_restart(p);
    devauth_start(&bench_devauth, &bench_mailbox);
}

enum port_lock bench_level(void)
{
    enum port_lock level;
    assert_int_equal(port_lock_level(&level), ERR_OK);
    return level;
}

bool bench_lock_begun(void)
{
    const struct host_chip *c = &host_chip;
    uint32_t blank = c->config[0] & c->config[1] & c->config[2] & c->config[3];
    return blank != UINT32_MAX || c->deployed || c->dpm[0] || c->dpm[1];
}

void bench_refuse(void **state, const struct bench_refusal *row)
{
    assert_int_equal(bench_open(state), 0);
    struct peer *p = *state;
    peer_run_to(p, row->after);
    uint32_t got = row->spoil(p);
    if (got != row->want)
        fail_msg("%s: code %u, want %u", row->name, got, row->want);
    peer_run_to(p, 32);
    assert_int_equal(peer_finish(p), 0);
    assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
    assert_int_equal(bench_close(state), 0);
}
