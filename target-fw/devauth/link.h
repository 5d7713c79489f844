/* SPDX-License-Identifier: MIT */
/*
 * link: DevAuth's side of the mailbox (common/core/mailbox.h), one Frame at a time.
 *
 * A struct link lives as long as the mailbox it was opened on. A frame taken is borrowed from
 * the mailbox until link_ack(); until then the agent may not touch the slot. The agent writes
 * what is read here, so it is checked before it is used (`test_devauth_mailbox`). Used by
 * devauth.c and firmware.c.
 */
#pragma once

#include "common/core/mailbox.h"
#include "common/core/rd.h"

struct link {
    struct mailbox *mailbox;
    uint32_t down_taken;   /* sequence of the last frame taken */
    uint32_t down_refused; /* a sequence that jumped, already answered */
    uint32_t up_sent;
    uint32_t bulk_done;
};

/* Zeroes the mailbox and writes its head, the magic last. boot_nonce is not 0. */
void link_open(struct link *l, struct mailbox *mailbox, uint32_t boot_nonce);

bool link_has_frame(const struct link *l); /* something new lies in the down slot */
bool link_can_send(const struct link *l);  /* the agent took the last frame sent */

/* ERR_PROTO a sequence jumped, ERR_LIMIT the length, ERR_DATA_LOSS the CRC is wrong. */
enum err link_take(struct link *l, struct span *frame_out);
void link_ack(struct link *l);

/* The place of the next frame, MAILBOX_UP_MAX bytes; then sent. Only while link_can_send(). */
uint8_t *link_frame(struct link *l);
void link_send(struct link *l, size_t len);

/* The next chunk of a bulk transfer: ERR_BUSY if it is not there yet. */
struct link_chunk {
    uint32_t offset;
    struct span bytes; /* borrowed until link_chunk_done() */
};
enum err link_chunk(const struct link *l, struct link_chunk *out);
void link_chunk_done(struct link *l);
void link_chunks_drop(struct link *l); /* drops what a failed transfer left behind */
