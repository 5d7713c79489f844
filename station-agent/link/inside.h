/* SPDX-License-Identifier: MIT */
/* inside: shared by the files of link/. link.c opens and watches, frame.c carries frames,
 * bulk.c images. All on the site's thread. */
#pragma once

#include "common/core/mailbox.h"
#include "station-agent/link/link.h"
#include "station-agent/probe/core.h"

enum {
    HEAD_SIZE = offsetof(struct mailbox_up, payload),
    GUESS = 172,    /* bytes of a frame read together with its head: most replies fit */
    SLICE_MS = 250, /* between looks at the core while waiting */
    BULK_WAIT_MS = 20,
    TAIL_SIZE = 16, /* the words after a payload or a chunk */
    BLOCK_MAX = MAILBOX_BULK_MAX + TAIL_SIZE,
};

/* The head of mailbox_up as read. */
struct head {
    uint32_t sequence, down_ack, bulk_done, length, crc;
};

struct link {
    struct mem *mem; /* borrowed */
    uint32_t base;   /* of the mailbox */
    uint32_t boot_nonce;
    uint32_t down_sequence; /* of the last frame sent */
    uint32_t down_ack;      /* of the last frame the board took */
    uint32_t up_sequence;   /* of the last frame received */
    bool ack_due;           /* the board does not know yet that it was */
    bool answered;          /* a frame waits on the board: seen while sending chunks */
    uint32_t bulk_sent;     /* chunks, counted since boot */
    uint32_t bulk_done;
    bool has_inbox; /* a frame that came while a send had to wait */
    struct buf inbox;
    uint8_t block[BLOCK_MAX]; /* what is being written */
    uint8_t up[sizeof(struct mailbox_up)];
};

/* Addresses on the board of a field of the two slots, and the head of the latest read. */
uint32_t link_up_address(const struct link *link, size_t field);
uint32_t link_down_address(const struct link *link, size_t field);
struct head link_head_of(const struct link *link);

/* All accesses of this folder go through these two, which put the link's message before a
 * failure. Errors are mem.h's; a board that has stopped or was reset: see link.h. */
enum err link_run(struct link *link, const struct mem_exchange *x);
enum err link_read_at(struct link *link, uint32_t address, void *out, size_t len);

/* For use when nothing has come for a while: ERR_OK if the same DevAuth still runs, else
 * ERR_FAULT or ERR_ABORTED as in link.h. */
enum err link_check_alive(struct link *link);

/* ERR_PROTO if the head is not possible. Else its acknowledgements and counts are taken over.
 */
enum err link_check_head(struct link *link, const struct head *h);
