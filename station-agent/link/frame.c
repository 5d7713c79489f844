/* SPDX-License-Identifier: MIT */
/*
 * Frames through the mailbox's two slots. Called by the site's mail.c through link.h. A frame
 * must be acknowledged only after it was read whole and its CRC is right; a frame of the board
 * must not be lost while a send waits.
 */

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/link/inside.h"
#include "station-agent/probe/when.h"

static enum err take_frame(struct link *link, struct buf *frame)
{
    struct head h = link_head_of(link);
    TRY(link_check_head(link, &h));
    if (!link->answered)
        return fail(ERR_PROTO, "link: the board took its frame %u back", link->up_sequence + 1);
    if (h.length == 0 || h.length > MAILBOX_UP_MAX)
        return fail(ERR_PROTO, "link: a frame of %u bytes, limit %d", h.length, MAILBOX_UP_MAX);
    if (h.length > GUESS) {
        size_t have = HEAD_SIZE + GUESS, used = HEAD_SIZE + ((h.length + 3) & ~3u);
        TRY(link_read_at(link, link_up_address(link, have), link->up + have, used - have));
    }
    struct span bytes = span_of(link->up + HEAD_SIZE, h.length);
    if (crc32_of(bytes) != h.crc)
        return fail(ERR_PROTO, "link: CRC of frame %u (%u bytes) differs", h.sequence,
                    h.length);
    TRY(buf_copy(frame, bytes));
    link->up_sequence = h.sequence;
    link->answered = false;
    link->ack_due = true;
    return ERR_OK;
}

/* The poll and the read that fetch the board's next frame. */
static struct mem_exchange fetch_of(struct link *link, unsigned timeout_ms)
{
    return (struct mem_exchange){
        .poll = { link_up_address(link, 0), UINT32_MAX, link->up_sequence + 1, timeout_ms },
        .read_address = link_up_address(link, 0),
        .read = link->up,
        .read_len = HEAD_SIZE + GUESS,
    };
}

static void put_ack(struct link *link, struct mem_exchange *x)
{
    if (!link->ack_due)
        return;
    struct wr w = wr_of(link->block, sizeof(link->block));
    wr_u32le(&w, link->up_sequence);
    x->write_address = link_down_address(link, offsetof(struct mailbox_down, up_ack));
    x->write = wr_done(&w);
}

/* [payload | length | crc | up_ack | sequence], ending where the slot ends. */
static void put_frame(struct link *link, struct span frame, struct mem_exchange *x)
{
    static const uint8_t pad[3] = { 0 };
    size_t used = (frame.len + 3) & ~(size_t)3;
    struct wr w = wr_of(link->block, sizeof(link->block));
    wr_span(&w, frame);
    wr_span(&w, span_of(pad, used - frame.len));
    wr_u32le(&w, (uint32_t)frame.len);
    wr_u32le(&w, crc32_of(frame));
    wr_u32le(&w, link->up_sequence);
    wr_u32le(&w, ++link->down_sequence);
    x->write_address = link_down_address(link, MAILBOX_DOWN_MAX - used);
    x->write = wr_done(&w);
}

static unsigned slice(uint64_t deadline_us)
{
    unsigned left = when_left_ms(deadline_us);
    return left < SLICE_MS ? left : SLICE_MS;
}

static uint64_t deadline_of(unsigned timeout_ms)
{
    return when_us() + (uint64_t)timeout_ms * 1000;
}

/* Run first, then wait on until the board has a frame; take it. */
static enum err await_frame(struct link *link, const struct mem_exchange *first,
                            uint64_t deadline, struct buf *frame)
{
    enum err e = link_run(link, first);
    if (first->write.len > 0 && (e == ERR_OK || e == ERR_DEADLINE))
        link->ack_due = false;
    while (e == ERR_DEADLINE) {
        TRY(link_check_alive(link));
        if (when_left_ms(deadline) == 0) {
            TRY(link_read_at(link, link_up_address(link, 0), link->up, HEAD_SIZE));
            struct head h = link_head_of(link);
            TRY(link_check_head(link, &h));
            return fail_quiet(ERR_DEADLINE, "link: no frame from the board in time");
        }
        const struct mem_exchange again = fetch_of(link, slice(deadline));
        e = link_run(link, &again);
    }
    TRY(e);
    return take_frame(link, frame);
}

static enum err check_frame(struct span frame)
{
    if (frame.len == 0 || frame.len > MAILBOX_DOWN_MAX)
        return fail(ERR_LIMIT, "link: a frame of %zu bytes, limit %d", frame.len,
                    MAILBOX_DOWN_MAX);
    return ERR_OK;
}

static enum err receive_now(struct link *link, struct buf *frame, uint64_t deadline)
{
    struct mem_exchange x = fetch_of(link, slice(deadline));
    put_ack(link, &x);
    return await_frame(link, &x, deadline, frame);
}

/* The board may not take a frame before its own was taken: take that meanwhile. */
static enum err make_way(struct link *link)
{
    if (!link->answered || link->has_inbox)
        return ERR_OK;
    TRY(receive_now(link, &link->inbox, deadline_of(SLICE_MS)));
    link->has_inbox = true;
    return link_acknowledge(link);
}

static enum err await_slot(struct link *link, uint64_t deadline)
{
    while (link->down_ack != link->down_sequence) {
        struct mem_exchange x = {
            .poll = { link_up_address(link, offsetof(struct mailbox_up, down_ack)), UINT32_MAX,
                      link->down_sequence, slice(deadline) / 5 },
        };
        put_ack(link, &x);
        enum err e = link_run(link, &x);
        if (e != ERR_OK && e != ERR_DEADLINE)
            return e;
        link->ack_due = false;
        TRY(link_read_at(link, link_up_address(link, 0), link->up, HEAD_SIZE));
        struct head h = link_head_of(link);
        TRY(link_check_head(link, &h));
        TRY(make_way(link));
        if (link->down_ack == link->down_sequence)
            return ERR_OK;
        TRY(link_check_alive(link));
        if (when_left_ms(deadline) == 0)
            return fail(ERR_DEADLINE, "link: the board does not take frame %u",
                        link->down_sequence);
    }
    return ERR_OK;
}

enum err link_send(struct link *link, struct span frame, unsigned timeout_ms)
{
    struct mem_exchange x = { .poll = { .mask = 0 } };
    TRY(check_frame(frame));
    TRY(await_slot(link, deadline_of(timeout_ms)));
    put_frame(link, frame, &x);
    TRY(link_run(link, &x));
    link->ack_due = false;
    return ERR_OK;
}

enum err link_receive(struct link *link, struct buf *frame, unsigned timeout_ms)
{
    if (!link->has_inbox)
        return receive_now(link, frame, deadline_of(timeout_ms));
    buf_free(frame);
    *frame = buf_take(&link->inbox);
    link->has_inbox = false;
    return ERR_OK;
}

enum err link_exchange(struct link *link, struct span frame, struct buf *reply,
                       unsigned timeout_ms)
{
    uint64_t deadline = deadline_of(timeout_ms);
    TRY(check_frame(frame));
    TRY(await_slot(link, deadline));
    if (link->has_inbox) {
        TRY(link_send(link, frame, timeout_ms));
        return link_receive(link, reply, timeout_ms);
    }
    struct mem_exchange x = fetch_of(link, slice(deadline));
    put_frame(link, frame, &x);
    return await_frame(link, &x, deadline, reply);
}

enum err link_acknowledge(struct link *link)
{
    struct mem_exchange x = { .poll = { .mask = 0 } };
    if (!link->ack_due)
        return ERR_OK;
    put_ack(link, &x);
    TRY(link_run(link, &x));
    link->ack_due = false;
    return ERR_OK;
}
