/* SPDX-License-Identifier: MIT */
/* The agent's end of the mailbox: a board that writes into its up slot, and into the header,
 * whatever it likes, whenever the agent looks. The board's memory, the probe and the clock are
 * this file's own; each look at the memory lets the input change it once. */
#include <stdio.h>
#include <string.h>

#include "common/core/crc32.h"
#include "station-agent/link/inside.h"
#include "station-agent/probe/when.h"
#include "tests/fuzz/fuzz.h"

enum { BASE = 0x20004000, TIMEOUT_MS = 400, CALLS_MAX = 20, ACCESSES_MAX = 400 };

static struct mailbox box;
static struct rd story;
static uint64_t clock_us;
static unsigned accesses;

/* ---- in place of probe/ ---- */

uint64_t when_us(void)
{
    return clock_us += 100;
}

unsigned when_left_ms(uint64_t deadline_us)
{
    uint64_t now = when_us();
    return now < deadline_us ? (unsigned)((deadline_us - now) / 1000) : 0;
}

void when_sleep_us(unsigned us)
{
    clock_us += us;
}

enum err core_status(struct mem *mem, uint32_t *dhcsr_out)
{
    (void)mem;
    *dhcsr_out = rd_u8(&story) == 1 ? CORE_S_LOCKUP : 0;
    return ERR_OK;
}

void core_describe(struct mem *mem, char words[static CORE_WORDS_MAX])
{
    (void)mem;
    snprintf(words, CORE_WORDS_MAX, "running");
}

/* A board that keeps to the rules takes what is there and answers with what it was sent. */
static void answer_well(void)
{
    uint32_t len = box.down.length % (MAILBOX_UP_MAX + 1);
    memcpy(box.up.payload, box.down.payload, len);
    box.up.down_ack = box.down.sequence;
    box.up.length = len;
    box.up.crc = crc32_of(span_of(box.up.payload, len));
    box.up.sequence++;
}

/* One change by the board: a good answer, a chunk taken, or bytes anywhere in what it owns. */
static void board_acts(void)
{
    uint8_t what = rd_u8(&story);
    if (what == 0)
        return;
    if (what == 1)
        answer_well();
    else if (what == 2)
        box.up.bulk_done++;
    else if (what == 3)
        box.up.down_ack++;
    else {
        size_t at = rd_u16le(&story) % (offsetof(struct mailbox, up.payload) + 16);
        struct span bytes = rd_take(&story, what % 16);
        if (bytes.len != 0)
            memcpy((uint8_t *)&box + at, bytes.ptr, bytes.len);
    }
}

static uint8_t *at(uint32_t address, size_t len)
{
    FUZZ_CHECK(address >= BASE && address - BASE <= sizeof(box));
    FUZZ_CHECK(len <= sizeof(box) - (address - BASE));
    return (uint8_t *)&box + (address - BASE);
}

static void put_down(uint32_t address, struct span bytes)
{
    if (bytes.len == 0)
        return;
    FUZZ_CHECK(address - BASE >= offsetof(struct mailbox, down)); /* not the board's own part */
    memcpy(at(address, bytes.len), bytes.ptr, bytes.len);
}

static bool poll_matches(const struct mem_poll *poll)
{
    uint32_t word = 0;
    if (poll->mask == 0)
        return true;
    memcpy(&word, at(poll->address, 4), 4);
    return (word & poll->mask) == poll->value;
}

enum err mem_exchange(struct mem *mem, const struct mem_exchange *x)
{
    (void)mem;
    if (++accesses > ACCESSES_MAX)
        return ERR_FAULT; /* the probe was pulled out: the story is long enough */
    put_down(x->write_address, x->write);
    put_down(x->more_address, x->more);
    board_acts();
    bool matched = poll_matches(&x->poll);
    if (!matched)
        clock_us += (uint64_t)x->poll.timeout_ms * 1000;
    if (matched && x->read_len != 0)
        memcpy(x->read, at(x->read_address, x->read_len), x->read_len);
    return matched ? ERR_OK : ERR_DEADLINE;
}

/* ---- the story ---- */

static const uint8_t zeros[MAILBOX_DOWN_MAX + 4];

static void act(struct link *link, uint8_t what)
{
    AUTO(buf_free) struct buf frame = { 0 };
    struct span out = span_of(zeros, rd_u16le(&story) % sizeof(zeros));
    enum err e = ERR_OK;
    switch (what % 5) {
    case 0:
        e = link_exchange(link, out, &frame, TIMEOUT_MS);
        break;
    case 1:
        e = link_send(link, out, TIMEOUT_MS);
        break;
    case 2:
        e = link_receive(link, &frame, TIMEOUT_MS);
        break;
    case 3:
        e = link_acknowledge(link);
        break;
    default:
        e = link_bulk_begin(link);
        if (e == ERR_OK)
            e = link_bulk(link, 0, span_of(zeros, out.len % MAILBOX_BULK_MAX + 1), TIMEOUT_MS);
    }
    FUZZ_CHECK(frame.len <= MAILBOX_UP_MAX);
    FUZZ_CHECK(e == ERR_OK || what % 5 > 2 || what % 5 == 1 || frame.len == 0);
}

static void board_starts(void)
{
    memset(&box, 0, sizeof(box));
    box.magic = MAILBOX_MAGIC;
    box.version = MAILBOX_VERSION;
    box.boot_nonce = 7;
}

void fuzz_one(struct span input)
{
    struct mem mem = { 0 };
    AUTO(link_drop) struct link *link = NULL;
    board_starts();
    story = rd_of(input);
    clock_us = 1000000;
    accesses = 0;
    if (link_open(&mem, BASE, TIMEOUT_MS, &link) != ERR_OK)
        return;
    FUZZ_CHECK(link_boot_nonce(link) != 0);
    for (int i = 0; i < CALLS_MAX && story.rest.len != 0; i++)
        act(link, rd_u8(&story));
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

/* Opening takes four looks: four zeros come first. */
void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("exchange", 0, 0, 0, 0, 0, 10, 0, 1, 0, 100, 0, 1);
    SEED("receive", 0, 0, 0, 0, 1, 8, 0, 0, 2, 0, 0, 1, 3, 0, 0, 0);
    SEED("bulk", 0, 0, 0, 0, 4, 0, 1, 0, 0, 4, 0, 1, 2, 2, 4, 0, 1, 2, 2);
    SEED("long-answer", 0, 0, 0, 0, 0, 0xfc, 1, 1, 0);
    SEED("crc-differs", 0, 0, 0, 0, 0, 10, 0, 20, 32, 0, 9, 9, 9, 9);
    SEED("another-nonce", 0, 0, 0, 0, 0, 10, 0, 20, 8, 0, 1, 0, 0, 0);
    SEED("length-over-the-slot", 0, 0, 0, 0, 0, 10, 0, 20, 16, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0,
         0, 0, 0, 0, 0, 8);
}
