/* SPDX-License-Identifier: MIT */
/* Frames of a board, as the agent reads them: answers, calls of its own, and what is neither.
 * The link is this file's own: it sends what the input says. */
#include <string.h>

#include "common/core/mailbox.h"
#include "station-agent/site/mail.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

enum { ACTS_MAX = 24, TIMEOUT_MS = 1000 };

static struct rd story;
static struct link *const somewhere = (struct link *)&story; /* mail only passes it on */

/* ---- in place of link/ ---- */

static void put_answer(struct buf *out)
{
    uint32_t stream = rd_u8(&story), status = rd_u8(&story);
    frames_response(out, stream, status, rd_take(&story, rd_u8(&story)));
}

static void put_call(struct buf *out)
{
    static const char longest[] = "hallmark.v1.Host/"
                                  "HelloHelloHelloHelloHelloHelloHelloHelloHelloHelloHelloHello"
                                  "HelloHello";
    uint32_t stream = rd_u8(&story);
    uint8_t how = rd_u8(&story);
    frames_request(out, stream, longest + (how & 15), rd_take(&story, rd_u8(&story)),
                   (how & 16) == 0);
}

enum err link_receive(struct link *link, struct buf *out, unsigned timeout_ms)
{
    (void)timeout_ms;
    FUZZ_CHECK(link == somewhere);
    buf_free(out);
    if (story.rest.len == 0)
        return ERR_DEADLINE;
    switch (rd_u8(&story) % 4) {
    case 0:
        put_answer(out);
        break;
    case 1:
        put_call(out);
        break;
    case 2:
        return ERR_DEADLINE;
    default:
        TRY(buf_copy(out, rd_take(&story, rd_u8(&story))));
    }
    return out->len <= MAILBOX_UP_MAX ? ERR_OK : ERR_PROTO;
}

enum err link_send(struct link *link, struct span bytes, unsigned timeout_ms)
{
    (void)timeout_ms;
    FUZZ_CHECK(link == somewhere && bytes.len >= 1 && bytes.len <= MAILBOX_DOWN_MAX);
    return ERR_OK;
}

enum err link_exchange(struct link *link, struct span bytes, struct buf *reply,
                       unsigned timeout_ms)
{
    TRY(link_send(link, bytes, timeout_ms));
    return link_receive(link, reply, timeout_ms);
}

enum err link_bulk_begin(struct link *link)
{
    FUZZ_CHECK(link == somewhere);
    return ERR_OK;
}

enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms)
{
    (void)timeout_ms;
    FUZZ_CHECK(link == somewhere && offset % MAILBOX_BULK_MAX == 0);
    FUZZ_CHECK(chunk.len >= 1 && chunk.len <= MAILBOX_BULK_MAX);
    return rd_u8(&story) == 1 ? ERR_ABORTED : ERR_OK;
}

/* ---- the story ---- */

static void call(struct mail *mail, uint8_t how)
{
    static uint8_t bytes[3 * MAILBOX_BULK_MAX - 1];
    const struct buf image = { .ptr = bytes, .len = sizeof(bytes) };
    AUTO(buf_free) struct buf response = { 0 };
    const struct mail_call request = {
        .method = "hallmark.v1.Target/BurnFirmware",
        .payload = span_of(bytes, rd_u16le(&story) % (MAILBOX_DOWN_MAX + 1)),
        .timeout_ms = TIMEOUT_MS,
        .bulk = (how & 8) != 0 ? &image : NULL,
    };
    uint32_t stream = mail->stream;
    enum err e = mail_call(mail, &request, &response);
    FUZZ_CHECK(e == ERR_OK || response.len == 0);
    FUZZ_CHECK(mail->stream % 2 == 1 && mail->stream > stream);
}

static void next(struct mail *mail)
{
    AUTO(mail_frame_drop) frame *f = NULL;
    if (mail_next(mail, TIMEOUT_MS, &f) != ERR_OK) {
        FUZZ_CHECK(f == NULL);
        return;
    }
    FUZZ_CHECK(f->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST);
    FUZZ_CHECK(f->request->stream != 0 && f->request->stream % 2 == 0);
    FUZZ_CHECK(mail->kept == NULL && f->request->stream <= mail->last_theirs);
    (void)!mail_answer(mail, f->request->stream, ERR_OK, (struct span){ NULL, 0 });
}

void fuzz_one(struct span input)
{
    AUTO(mail_fini) struct mail mail = { 0 };
    story = rd_of(input);
    mail_open(&mail, somewhere);
    for (int i = 0; i < ACTS_MAX && story.rest.len != 0; i++) {
        uint8_t how = rd_u8(&story);
        if (how % 2 == 0)
            call(&mail, how);
        else
            next(&mail);
    }
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

enum { CALL = 0, NEXT = 1, BURN = 8 };
enum { ANSWERS, CALLS, SILENT, SAYS };

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("answer", CALL, 4, 0, ANSWERS, 1, 0, 3, 8, 1, 5);
    SEED("refusal", CALL, 4, 0, ANSWERS, 1, 9, 0);
    SEED("stream-0", CALL, 4, 0, ANSWERS, 0, 13, 0);
    SEED("another-stream", CALL, 4, 0, ANSWERS, 3, 0, 0);
    SEED("early-call", CALL, 4, 0, CALLS, 2, 0, 2, 8, 1, ANSWERS, 1, 0, 0, NEXT);
    SEED("two-early-calls", CALL, 4, 0, CALLS, 2, 0, 0, CALLS, 4, 0, 0, NEXT);
    SEED("next", NEXT, CALLS, 2, 0, 0, NEXT, CALLS, 2, 0, 0, NEXT, CALLS, 4, 16, 0);
    SEED("burn", BURN, 4, 0, 0, 0, 0, ANSWERS, 1, 0, 0);
    SEED("burn-refused", BURN, 4, 0, 0, 1, ANSWERS, 1, 9, 0);
    SEED("no-frame", CALL, 4, 0, SAYS, 3, 0xff, 0xff, 0xff);
    SEED("silent", CALL, 4, 0, SILENT, NEXT, SILENT);
    SEED("long-call", CALL, 0xff, 0xff, ANSWERS, 1, 0, 0);
}
