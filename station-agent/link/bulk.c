/* SPDX-License-Identifier: MIT */
/*
 * An image in chunks through the mailbox's bulk buffers. Called by the site's mail.c through
 * link.h. A buffer must not be written before the board has freed it.
 */

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/link/inside.h"
#include "station-agent/probe/when.h"

enum { COUNTS_SIZE = 12 }; /* sequence, down_ack, bulk_done */

/* The counts are re-read with every chunk; length and crc of link->up are not touched. */
static void want_counts(struct link *link, struct mem_exchange *x)
{
    x->read_address = link_up_address(link, 0);
    x->read = link->up;
    x->read_len = COUNTS_SIZE;
}

static enum err run_and_count(struct link *link, struct mem_exchange *x)
{
    want_counts(link, x);
    enum err e = link_run(link, x);
    if (e != ERR_OK)
        return e;
    struct head h = link_head_of(link);
    return link_check_head(link, &h);
}

/* A board that was reset, or dropped what a failed transfer left, reports where it starts. */
enum err link_bulk_begin(struct link *link)
{
    TRY(link_read_at(link, link_up_address(link, 0), link->up, HEAD_SIZE));
    struct head h = link_head_of(link);
    TRY(link_check_head(link, &h));
    link->bulk_sent = h.bulk_done;
    return ERR_OK;
}

/* The probe waits for the count that frees a buffer; a higher count is found by reading. */
static enum err look(struct link *link, uint32_t wanted)
{
    struct mem_exchange x = {
        .poll = { link_up_address(link, offsetof(struct mailbox_up, bulk_done)), UINT32_MAX,
                  wanted, BULK_WAIT_MS },
    };
    enum err e = run_and_count(link, &x);
    if (e != ERR_DEADLINE)
        return e;
    TRY(link_check_alive(link));
    return run_and_count(link, &(struct mem_exchange){ .poll = { .mask = 0 } });
}

static bool is_free(const struct link *link)
{
    return link->bulk_sent - link->bulk_done < MAILBOX_BULK_COUNT;
}

static enum err await_buffer(struct link *link, unsigned timeout_ms)
{
    uint64_t deadline = when_us() + (uint64_t)timeout_ms * 1000;
    while (!link->answered && !is_free(link)) {
        if (when_left_ms(deadline) == 0)
            return fail(ERR_DEADLINE, "link: the board takes no chunk after %u",
                        link->bulk_done);
        TRY(look(link, link->bulk_sent + 1 - MAILBOX_BULK_COUNT));
    }
    if (link->answered)
        return fail_quiet(ERR_ABORTED, "link: the board answered instead of taking chunks");
    return ERR_OK;
}

/* [data | length | offset | crc | sequence]; a short chunk leaves a gap after its data. */
static void put_chunk(struct link *link, uint32_t offset, struct span chunk,
                      struct mem_exchange *x)
{
    static const uint8_t pad[3] = { 0 };
    size_t used = (chunk.len + 3) & ~(size_t)3;
    uint32_t slot =
        link->base + (uint32_t)offsetof(struct mailbox, bulk) +
        link->bulk_sent % MAILBOX_BULK_COUNT * (uint32_t)sizeof(struct mailbox_bulk);
    struct wr w = wr_of(link->block, sizeof(link->block));
    wr_span(&w, chunk);
    wr_span(&w, span_of(pad, used - chunk.len));
    wr_u32le(&w, (uint32_t)chunk.len);
    wr_u32le(&w, offset);
    wr_u32le(&w, crc32_of(chunk));
    wr_u32le(&w, ++link->bulk_sent);
    x->write_address = slot;
    x->write = span_of(link->block, used);
    x->more_address = slot + MAILBOX_BULK_MAX;
    x->more = span_of(link->block + used, TAIL_SIZE);
}

enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms)
{
    struct mem_exchange x = { .poll = { .mask = 0 } };
    if (chunk.len == 0 || chunk.len > MAILBOX_BULK_MAX)
        return fail(ERR_LIMIT, "link: a chunk of %zu bytes, limit %d", chunk.len,
                    MAILBOX_BULK_MAX);
    TRY(await_buffer(link, timeout_ms));
    put_chunk(link, offset, chunk, &x);
    return run_and_count(link, &x);
}
