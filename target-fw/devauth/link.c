/* SPDX-License-Identifier: MIT */
/*
 * DevAuth's side of the mailbox. Called by devauth.c, and by firmware.c for bulk chunks. The
 * agent writes these bytes at any time: a word must be read once, and checked before it is
 * used.
 */

#include "target-fw/devauth/link.h"

#include "common/core/crc32.h"
#include "target-fw/port/port.h"

#include <string.h>

/* The agent may write at the same time: each word is read once, through this. */
static uint32_t fetch(const uint32_t *word)
{
    return *(const volatile uint32_t *)word;
}

static void publish(uint32_t *word, uint32_t value)
{
    port_barrier();
    *(volatile uint32_t *)word = value;
}

void link_open(struct link *l, struct mailbox *mailbox, uint32_t boot_nonce)
{
    publish(&mailbox->magic, 0);
    memset(mailbox, 0, sizeof(*mailbox));
    *l = (struct link){ .mailbox = mailbox };
    mailbox->version = MAILBOX_VERSION;
    mailbox->boot_nonce = boot_nonce;
    publish(&mailbox->magic, MAILBOX_MAGIC);
}

bool link_has_frame(const struct link *l)
{
    uint32_t sequence = fetch(&l->mailbox->down.sequence);
    return sequence != l->down_taken && sequence != l->down_refused;
}

bool link_can_send(const struct link *l)
{
    return fetch(&l->mailbox->down.up_ack) == l->up_sent;
}

enum err link_take(struct link *l, struct span *frame_out)
{
    const struct mailbox_down *down = &l->mailbox->down;
    uint32_t sequence = fetch(&down->sequence);
    if (sequence != l->down_taken + 1) {
        l->down_refused = sequence;
        return ERR_PROTO;
    }
    l->down_taken = sequence;
    l->down_refused = sequence;
    port_barrier();
    uint32_t length = fetch(&down->length);
    if (length == 0 || length > MAILBOX_DOWN_MAX)
        return ERR_LIMIT;
    uint32_t used = (length + 3) & ~3u;
    struct span frame = span_of(down->payload + MAILBOX_DOWN_MAX - used, length);
    if (crc32_of(frame) != fetch(&down->crc))
        return ERR_DATA_LOSS;
    *frame_out = frame;
    return ERR_OK;
}

void link_ack(struct link *l)
{
    publish(&l->mailbox->up.down_ack, l->down_taken);
}

uint8_t *link_frame(struct link *l)
{
    return l->mailbox->up.payload;
}

void link_send(struct link *l, size_t len)
{
    struct mailbox_up *up = &l->mailbox->up;
    up->length = (uint32_t)len;
    up->crc = crc32_of(span_of(up->payload, len));
    l->up_sent++;
    publish(&up->sequence, l->up_sent);
}

static struct mailbox_bulk *next_bulk(const struct link *l)
{
    return &l->mailbox->bulk[l->bulk_done % MAILBOX_BULK_COUNT];
}

enum err link_chunk(const struct link *l, struct link_chunk *out)
{
    const struct mailbox_bulk *bulk = next_bulk(l);
    uint32_t sequence = fetch(&bulk->sequence);
    if (sequence <= l->bulk_done)
        return ERR_BUSY;
    if (sequence != l->bulk_done + 1)
        return ERR_PROTO;
    port_barrier();
    uint32_t length = fetch(&bulk->length);
    if (length == 0 || length > MAILBOX_BULK_MAX)
        return ERR_LIMIT;
    struct span bytes = span_of(bulk->data, length);
    if (crc32_of(bytes) != fetch(&bulk->crc))
        return ERR_DATA_LOSS;
    *out = (struct link_chunk){ fetch(&bulk->offset), bytes };
    return ERR_OK;
}

void link_chunk_done(struct link *l)
{
    l->bulk_done++;
    publish(&l->mailbox->up.bulk_done, l->bulk_done);
}

void link_chunks_drop(struct link *l)
{
    for (size_t i = 0; i < MAILBOX_BULK_COUNT; i++)
        publish(&l->mailbox->bulk[i].sequence, 0);
}
