/* SPDX-License-Identifier: MIT */
/*
 * link: the mailbox in the board's SRAM (common/core/mailbox.h) as a carrier of Frames.
 *
 * It carries opaque bytes; common/rpc decodes Frames. Each call blocks until it is done or its
 * time is up (ERR_DEADLINE). An exchange is one round trip of the probe if the board answers
 * while the probe waits. What the board writes is checked before it is used
 * (`test_link_frame`): a length over its limit, a sequence that jumps or a CRC that differs is
 * ERR_PROTO. If DevAuth stopped, the error is ERR_FAULT with the core's state and PC; if the
 * board was reset, ERR_ABORTED. Failures of the probe keep their own errors.
 *
 * A link lives between chip_image_start() and the end of the run; it borrows the mem. Used by
 * the site, on its thread.
 */
#pragma once

#include "common/host/own.h"

struct link;
struct mem;

/* Waits for DevAuth to be ready. *link_out is the caller's. */
enum err link_open(struct mem *mem, uint32_t mailbox_address, unsigned timeout_ms,
                   struct link **link_out);
void link_close(struct link *link);
void link_drop(struct link **link);                /* AUTO(link_drop) */
uint32_t link_boot_nonce(const struct link *link); /* of this boot of DevAuth */

/* Sends 1 to MAILBOX_DOWN_MAX bytes, after the board has taken the earlier frame. */
enum err link_send(struct link *link, struct span frame, unsigned timeout_ms);

/* The board's next frame, which replaces frame's content. ERR_DEADLINE, quietly: none came. */
enum err link_receive(struct link *link, struct buf *frame, unsigned timeout_ms);

/* Sends, then receives the board's next frame, which need not be the answer. */
enum err link_exchange(struct link *link, struct span frame, struct buf *reply,
                       unsigned timeout_ms);

/* Acknowledges what was received; the next send or receive does that too. */
enum err link_acknowledge(struct link *link);

/*
 * Sends an image in chunks of at most MAILBOX_BULK_MAX bytes, while a call on the board
 * consumes them. link_bulk waits for a free buffer. ERR_ABORTED, quietly: the board sent a
 * frame instead of taking more; receive it for the reason.
 */
enum err link_bulk_begin(struct link *link);
enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms);
