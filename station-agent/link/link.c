/* SPDX-License-Identifier: MIT */
/*
 * Opens the mailbox, watches that the same DevAuth still runs, and checks heads. Called by the
 * site through link.h, and by frame.c and bulk.c. A word that the board wrote must not be used
 * before link_check_head() has accepted it.
 */

#include "station-agent/link/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/host/log.h"
#include "station-agent/link/inside.h"

uint32_t link_up_address(const struct link *link, size_t field)
{
    return link->base + (uint32_t)(offsetof(struct mailbox, up) + field);
}

uint32_t link_down_address(const struct link *link, size_t field)
{
    return link->base + (uint32_t)(offsetof(struct mailbox, down) + field);
}

struct head link_head_of(const struct link *link)
{
    struct rd r = rd_of(SPAN(link->up));
    struct head h = { .sequence = rd_u32le(&r) };
    h.down_ack = rd_u32le(&r);
    h.bulk_done = rd_u32le(&r);
    h.length = rd_u32le(&r);
    h.crc = rd_u32le(&r);
    return h;
}

enum err link_run(struct link *link, const struct mem_exchange *x)
{
    char words[FAIL_WORDS_MAX], core[CORE_WORDS_MAX];
    bool quiet = link->mem->quiet;
    link->mem->quiet = true;
    enum err e = mem_exchange(link->mem, x);
    link->mem->quiet = quiet;
    if (e == ERR_OK || e == ERR_DEADLINE)
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    core_describe(link->mem, core);
    return fail(e, "link: DevAuth cannot be reached: %s (%s)", core, words);
}

enum err link_read_at(struct link *link, uint32_t address, void *out, size_t len)
{
    return link_run(
        link, &(struct mem_exchange){ .read_address = address, .read = out, .read_len = len });
}

static enum err stopped(struct link *link)
{
    char core[CORE_WORDS_MAX];
    core_describe(link->mem, core);
    return fail(ERR_FAULT, "link: DevAuth stopped: %s", core);
}

enum err link_check_alive(struct link *link)
{
    uint8_t bytes[16];
    uint32_t dhcsr = 0;
    TRY(link_read_at(link, link->base, bytes, sizeof(bytes)));
    TRY(core_status(link->mem, &dhcsr));
    if ((dhcsr & (CORE_S_LOCKUP | CORE_S_HALT)) != 0)
        return stopped(link);
    struct rd r = rd_of(SPAN(bytes));
    uint32_t magic = rd_u32le(&r);
    rd_u32le(&r);
    uint32_t nonce = rd_u32le(&r);
    if (magic != MAILBOX_MAGIC || nonce != link->boot_nonce)
        return fail(ERR_ABORTED, "link: the board was reset: DevAuth is not the one started");
    return ERR_OK;
}

static const char *flaw(const struct link *link, const struct head *h)
{
    if (h->sequence != link->up_sequence && h->sequence != link->up_sequence + 1)
        return "its sequence jumps";
    if (h->down_ack != link->down_sequence && h->down_ack != link->down_sequence - 1)
        return "it acknowledges what was not sent";
    if (h->bulk_done < link->bulk_done || h->bulk_done > link->bulk_sent)
        return "it counts chunks that were not sent";
    return NULL;
}

enum err link_check_head(struct link *link, const struct head *h)
{
    const char *what = flaw(link, h);
    if (what != NULL) {
        TRY(link_check_alive(link)); /* if the board was reset, that is the error */
        return fail(ERR_PROTO, "link: %s: frame %u after %u, took %u of %u, chunk %u of %u",
                    what, h->sequence, link->up_sequence, h->down_ack, link->down_sequence,
                    h->bulk_done, link->bulk_sent);
    }
    link->down_ack = h->down_ack;
    link->bulk_done = h->bulk_done;
    link->answered = h->sequence != link->up_sequence;
    return ERR_OK;
}

/* The counts at which an earlier link stopped: all zero after a start. */
static enum err read_counts(struct link *link)
{
    uint8_t words[8];
    TRY(link_read_at(link, link_up_address(link, 0), link->up, HEAD_SIZE));
    TRY(link_read_at(link, link_down_address(link, offsetof(struct mailbox_down, up_ack)),
                     words, sizeof(words)));
    struct rd r = rd_of(SPAN(words));
    link->up_sequence = rd_u32le(&r);
    link->down_sequence = rd_u32le(&r);
    struct head h = link_head_of(link);
    link->bulk_sent = link->bulk_done = h.bulk_done;
    return link_check_head(link, &h);
}

static enum err check_header(struct link *link, struct span bytes)
{
    struct rd r = rd_of(bytes);
    rd_u32le(&r);
    uint32_t version = rd_u32le(&r);
    link->boot_nonce = rd_u32le(&r);
    if (version != MAILBOX_VERSION)
        return fail(ERR_MISMATCH, "link: DevAuth's mailbox has version %u, not %d", version,
                    MAILBOX_VERSION);
    if (link->boot_nonce == 0)
        return fail(ERR_PROTO, "link: DevAuth's boot nonce is 0");
    return ERR_OK;
}

static enum err await_ready(struct link *link, unsigned timeout_ms)
{
    uint8_t header[16];
    char core[CORE_WORDS_MAX];
    enum err e = link_run(link, &(struct mem_exchange){ .poll = { link->base, UINT32_MAX,
                                                                  MAILBOX_MAGIC, timeout_ms },
                                                        .read_address = link->base,
                                                        .read = header,
                                                        .read_len = sizeof(header) });
    if (e == ERR_OK)
        return check_header(link, SPAN(header));
    if (e != ERR_DEADLINE)
        return e;
    core_describe(link->mem, core);
    return fail(ERR_FAULT, "link: DevAuth is not ready after %u ms: %s", timeout_ms, core);
}

enum err link_open(struct mem *mem, uint32_t mailbox_address, unsigned timeout_ms,
                   struct link **link_out)
{
    AUTO(link_drop) struct link *link = calloc(1, sizeof(*link));
    if (link == NULL)
        return fail(ERR_MEMORY, "link: out of memory");
    link->mem = mem;
    link->base = mailbox_address;
    TRY(await_ready(link, timeout_ms));
    TRY(read_counts(link));
    *link_out = TAKE(link);
    return ERR_OK;
}

void link_close(struct link *link)
{
    if (link == NULL)
        return;
    buf_free(&link->inbox);
    wipe(link, sizeof(*link));
    free(link);
}

void link_drop(struct link **link)
{
    link_close(*link);
    *link = NULL;
}

uint32_t link_boot_nonce(const struct link *link)
{
    return link->boot_nonce;
}
