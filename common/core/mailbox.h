/* SPDX-License-Identifier: MIT */
/*
 * mailbox: the block of SRAM through which the agent and DevAuth call each other over SWD.
 *
 * Each direction has one slot for one encoded Frame (proto/hallmark/v1/frame.proto), written by
 * one side only. A slot is new when its sequence differs from the last one its reader took, by
 * exactly one; the reader then publishes that sequence as its acknowledgement, and the writer
 * may use the slot again only after that. Either side may send requests, so one frame is in
 * flight each way.
 *
 * The order of the words lets a probe do one exchange in one packet (ADIv5 MEM-AP with TAR
 * auto-increment): a frame going down is written as [payload | length | crc | up_ack |
 * sequence], its payload ending where length begins, sequence last; an answer is awaited by a
 * value match on mailbox_up.sequence and read upwards from there. The writer orders payload
 * before sequence (DMB).
 *
 * Bulk buffers carry images: chunk number k (from 1, counted since boot) goes to buffer
 * (k - 1) % MAILBOX_BULK_COUNT once up.bulk_done >= k - MAILBOX_BULK_COUNT.
 *
 * All words are little-endian. A length over the maximum, a sequence that jumps or a CRC that
 * differs is an error, and nothing is copied (test_link_frame, test_devauth_mailbox). For both
 * CPUs; the layout is pinned by the assertions below.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAILBOX_VERSION = 1,
    MAILBOX_DOWN_MAX = 1664, /* bytes of one Frame to the board */
    MAILBOX_UP_MAX = 512,    /* bytes of one Frame from the board */
    MAILBOX_BULK_MAX = 2048, /* bytes of one chunk: a flash page */
    MAILBOX_BULK_COUNT = 2,
};

#define MAILBOX_MAGIC 0x584d4d48u /* "HMMX" */

/* From the agent to the board. */
struct mailbox_down {
    uint8_t payload[MAILBOX_DOWN_MAX]; /* the last (length rounded up to 4) bytes are used */
    uint32_t length;   /* bytes of the Frame; it begins at the first used byte */
    uint32_t crc;      /* CRC-32 (IEEE 802.3) of the Frame */
    uint32_t up_ack;   /* sequence of the last frame taken from mailbox_up */
    uint32_t sequence; /* 0: none since boot */
};

/* From the board to the agent. */
struct mailbox_up {
    uint32_t sequence;
    uint32_t down_ack;  /* sequence of the last frame taken from mailbox_down */
    uint32_t bulk_done; /* chunks consumed since boot */
    uint32_t length;
    uint32_t crc;
    uint8_t payload[MAILBOX_UP_MAX];
};

struct mailbox_bulk {
    uint8_t data[MAILBOX_BULK_MAX];
    uint32_t length;
    uint32_t offset;   /* of this chunk in the image */
    uint32_t crc;      /* CRC-32 of data[0..length) */
    uint32_t sequence; /* chunk number, written last */
};

/* The firmware zeroes the block at start, fills the header, and sets magic last: ready. */
struct mailbox {
    uint32_t magic;
    uint32_t version;
    uint32_t boot_nonce; /* random, not 0: distinguishes one boot of DevAuth from another */
    uint32_t reserved;
    struct mailbox_up up;
    struct mailbox_down down;
    struct mailbox_bulk bulk[MAILBOX_BULK_COUNT];
};

/*
 * Words 4-7 of DevAuth's vector table (reserved exceptions on v8-M baseline), which tell a
 * loader where the image goes and where its mailbox is: the image is self-describing.
 */
struct devauth_image {
    uint32_t initial_sp;
    uint32_t reset_handler;
    uint32_t nmi_handler;
    uint32_t hard_fault_handler;
    uint32_t magic;           /* DEVAUTH_IMAGE_MAGIC */
    uint32_t load_address;    /* where byte 0 of the image goes */
    uint32_t mailbox_address; /* of struct mailbox, 16-byte aligned */
    uint32_t image_size;      /* bytes */
};

#define DEVAUTH_IMAGE_MAGIC 0x41444d48u /* "HMDA" */

static_assert(sizeof(struct mailbox_down) == MAILBOX_DOWN_MAX + 16, "pinned");
static_assert(sizeof(struct mailbox_up) == MAILBOX_UP_MAX + 20, "pinned");
static_assert(sizeof(struct mailbox_bulk) == MAILBOX_BULK_MAX + 16, "pinned");
static_assert(offsetof(struct mailbox, up) == 16, "pinned");
static_assert(offsetof(struct mailbox, down) == 548, "pinned");
static_assert(offsetof(struct mailbox, bulk) == 2228, "pinned");
static_assert(sizeof(struct devauth_image) == 32, "pinned");
