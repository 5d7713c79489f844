/* SPDX-License-Identifier: MIT */
/*
 * Transfer and TransferBlock: their reads, writes and value matches over swd, and the time that
 * these take. Called by dap.c. After the first acknowledge other than OK nothing more may reach
 * the wire; the rest of the request is parsed and dropped.
 */

#include "target-fw/board/dap_transfer.h"

#include "target-fw/board/chip/chip.h"
#include "target-fw/board/dap.h"

enum {
    REQ_MATCH_VALUE = 1 << 4,
    REQ_MATCH_MASK = 1 << 5,
    REQ_TIMESTAMP = 1 << 7,
    REQ_WIRE = 15,
    RDBUFF = 0x0e, /* DP read at 0xC */
    RESP_MISMATCH = 1 << 4,
    TRANSFER_CLOCKS = 46,
    LISTEN_TRIES = 32,
    POLL_BLOCKS = 2000,  /* the core's share of one match poll, if it runs */
    FOLLOW_CYCLES = 120, /* simulated time: the core is at most 10 us behind the wire */
    CYCLES_PER_US = CHIP_HCLK_HZ / 1000000
};

/* A transfer's run: results go to w, the first bad ack ends it. */
struct run {
    struct dap *dap;
    struct wr *w;
    unsigned ack;
    bool posted; /* an AP read's result is due */
    bool wrote;  /* a write's outcome is due */
    uint8_t done;
};

void dap_let_run_us(struct dap *dap, uint32_t us)
{
    struct chip *chip = dap->chip;
    if (chip->pace.on) {
        pace_us(&chip->pace, us);
        chip_follow(chip);
    } else {
        chip_run_until(chip, chip->cycles + (uint64_t)us * CYCLES_PER_US);
    }
}

void dap_clocks(struct dap *dap, uint32_t clocks)
{
    struct chip *chip = dap->chip;
    if (chip->pace.on) {
        pace_clocks(&chip->pace, clocks, dap->clock_hz);
        if (pace_cycles(&chip->pace, CHIP_HCLK_HZ) >= chip->cycles + FOLLOW_CYCLES)
            chip_follow(chip);
    } else {
        chip_pass(chip, (uint64_t)clocks * CHIP_HCLK_HZ / dap->clock_hz);
    }
}

static void wire_once(struct run *run, uint8_t request, uint32_t *data)
{
    struct chip *chip = run->dap->chip;
    run->ack = swd_transfer(&run->dap->swd, chip, request & REQ_WIRE, data);
    chip->pace.transfers++;
    dap_clocks(run->dap, TRANSFER_CLOCKS + run->dap->idle);
}

/* Did TransferAbort come? Checked once in several tries only: it costs more than a transfer. */
static bool aborted(struct dap *dap, uint32_t tries)
{
    if (dap->listen != NULL && tries % LISTEN_TRIES == 0)
        dap->listen(dap);
    return dap->aborted;
}

static bool wire(struct run *run, uint8_t request, uint32_t *data)
{
    uint32_t tries = run->dap->wait_retry;
    wire_once(run, request, data);
    while (run->ack == SWD_WAIT && tries > 0 && !aborted(run->dap, tries)) {
        tries--;
        wire_once(run, request, data);
    }
    return run->ack == SWD_OK;
}

/* Fetches the result of the posted read. */
static bool collect(struct run *run)
{
    uint32_t data;
    if (!run->posted)
        return true;
    run->posted = false;
    if (!wire(run, RDBUFF, &data))
        return false;
    wr_u32le(run->w, data);
    return true;
}

static bool match_read(struct run *run, uint8_t request, uint32_t want)
{
    struct dap *dap = run->dap;
    uint32_t data, tries = dap->match_retry;
    if (!collect(run))
        return false;
    if ((request & SWD_AP) && !wire(run, request, &data))
        return false;
    for (;;) {
        if (!wire(run, request, &data))
            return false;
        if ((data & dap->match_mask) == want)
            return true;
        if (tries == 0 || aborted(dap, tries))
            break;
        tries--;
        if (!dap->chip->pace.on) /* else it runs while the wire does */
            chip_run(dap->chip, POLL_BLOCKS);
    }
    run->ack |= RESP_MISMATCH;
    return false;
}

static bool plain_read(struct run *run, uint8_t request)
{
    uint32_t data;
    bool ap = (request & SWD_AP) != 0;
    if (run->posted && !ap && !collect(run))
        return false;
    if (!wire(run, request, &data))
        return false;
    if (run->posted || !ap)
        wr_u32le(run->w, data); /* the one before, or the DP register */
    run->posted = ap;
    return true;
}

static bool write_one(struct run *run, uint8_t request, uint32_t data)
{
    if (!collect(run))
        return false;
    if (request & REQ_MATCH_MASK) {
        run->dap->match_mask = data;
        return true;
    }
    run->wrote = true;
    return wire(run, request, &data);
}

/* One operation of a Transfer. Parsed even when skipped. */
static bool operation(struct run *run, struct rd *r, bool skip)
{
    uint8_t request = rd_u8(r);
    bool read = (request & SWD_READ) != 0;
    uint32_t data = !read || (request & REQ_MATCH_VALUE) ? rd_u32le(r) : 0;
    if (skip || r->err != ERR_OK)
        return false;
    if (request & REQ_TIMESTAMP) {
        run->ack = SWD_NONE; /* not among the capabilities */
        return false;
    }
    bool ok = !read                       ? write_one(run, request, data)
              : request & REQ_MATCH_VALUE ? match_read(run, request, data)
                                          : plain_read(run, request);
    if (read && ok)
        run->wrote = false;
    run->done = (uint8_t)(run->done + ok);
    return ok;
}

/* The last read's value, or the last write's outcome. */
static void flush(struct run *run)
{
    uint32_t data;
    if (run->posted)
        collect(run);
    else if (run->wrote)
        wire(run, RDBUFF, &data);
}

void dap_transfer(struct dap *dap, struct rd *r, struct wr *w)
{
    struct run run = { .dap = dap, .w = w, .ack = SWD_OK };
    dap->aborted = false;
    (void)rd_u8(r);
    uint8_t count = rd_u8(r);
    size_t head = w->len;
    wr_u8(w, 0);
    wr_u8(w, 0);
    if (!dap->connected)
        run.ack = 0;
    bool skip = !dap->connected;
    for (unsigned i = 0; i < count && r->err == ERR_OK; i++)
        if (!operation(&run, r, skip))
            skip = true;
    if (!skip)
        flush(&run);
    if (w->err == ERR_OK) {
        w->ptr[head] = run.done;
        w->ptr[head + 1] = (uint8_t)run.ack;
    }
}

static uint16_t block_write(struct run *run, uint8_t request, struct rd *r, uint16_t count)
{
    uint16_t done = 0;
    struct span data = rd_take(r, (size_t)count * 4);
    struct rd words = rd_of(data);
    while (done < count && r->err == ERR_OK) {
        uint32_t word = rd_u32le(&words);
        if (!wire(run, request, &word))
            return done;
        done++;
    }
    uint32_t ignored;
    if (done != 0)
        wire(run, RDBUFF, &ignored);
    return done;
}

static uint16_t block_read(struct run *run, uint8_t request, uint16_t count)
{
    uint16_t done = 0;
    uint32_t data;
    bool ap = (request & SWD_AP) != 0;
    if (count == 0 || (ap && !wire(run, request, &data)))
        return 0;
    while (done < count && run->w->err == ERR_OK) {
        bool last = ap && done + 1 == count;
        if (!wire(run, last ? RDBUFF : request, &data))
            return done;
        wr_u32le(run->w, data);
        done++;
    }
    return done;
}

void dap_transfer_block(struct dap *dap, struct rd *r, struct wr *w)
{
    struct run run = { .dap = dap, .w = w, .ack = dap->connected ? SWD_OK : 0 };
    (void)rd_u8(r);
    dap->aborted = false;
    uint16_t count = rd_u16le(r), done = 0;
    uint8_t request = rd_u8(r);
    size_t head = w->len;
    wr_u16le(w, 0);
    wr_u8(w, 0);
    if (r->err != ERR_OK)
        return;
    if (request & SWD_READ)
        done = dap->connected ? block_read(&run, request, count) : 0;
    else if (dap->connected)
        done = block_write(&run, request, r, count);
    else
        (void)rd_take(r, (size_t)count * 4);
    if (w->err != ERR_OK)
        return;
    w->ptr[head] = (uint8_t)done;
    w->ptr[head + 1] = (uint8_t)(done >> 8);
    w->ptr[head + 2] = (uint8_t)run.ack;
}
