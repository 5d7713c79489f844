/* SPDX-License-Identifier: MIT */
/*
 * link: the mailbox in the board's SRAM (common/core/mailbox.h) as a carrier of Frames.
 *
 * It carries opaque bytes: what a Frame says is the business of common/rpc. Each call blocks
 * until it is done or its time is up. An exchange is one round trip of the probe if the board
 * answers while the probe waits. What the board writes is checked before it is believed: a
 * length over its limit, a sequence that jumps or a CRC that differs is ERR_PROTO. A board that
 * stopped is ERR_FAULT with the core's state and PC, one that started anew is ERR_ABORTED.
 *
 * Lives between chip_image_start and the end of the run; borrows the mem. Used by the site.
 */
#pragma once

#include "common/host/own.h"

struct link;
struct mem;

/* Wait for DevAuth to be ready. */
enum err link_open(struct mem *mem, uint32_t mailbox_address, unsigned timeout_ms,
                   struct link **link_out);
void link_close(struct link *link);
void link_drop(struct link **link);                /* AUTO(link_drop) */
uint32_t link_boot_nonce(const struct link *link); /* of this boot of DevAuth */

/* Waits until the board took the frame before; 1 to MAILBOX_DOWN_MAX bytes. */
enum err link_send(struct link *link, struct span frame, unsigned timeout_ms);

/* The board's next frame, in place of what frame held. ERR_DEADLINE, quietly, if none came. */
enum err link_receive(struct link *link, struct buf *frame, unsigned timeout_ms);

/* Send, then receive the board's next frame (whatever it is about). */
enum err link_exchange(struct link *link, struct span frame, struct buf *reply,
                       unsigned timeout_ms);

/* Tell the board what was received; the next send or receive does it too. */
enum err link_acknowledge(struct link *link);

/*
 * An image in chunks of at most MAILBOX_BULK_MAX bytes, while a call on the board consumes
 * them. link_bulk waits for a free buffer. ERR_ABORTED, quietly: the board sent a frame instead
 * of asking for more; receive it to know why.
 */
enum err link_bulk_begin(struct link *link);
enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms);
