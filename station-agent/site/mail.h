/* SPDX-License-Identifier: MIT */
/*
 * mail: calls to and from DevAuth, as Frames through the mailbox.
 *
 * The agent's streams are odd, the board's even. One frame is in flight each way; a call of the
 * board that comes while an answer is awaited is kept for mail_next() (`test_site_mail`). The
 * board's answers carry no message: its error's fixed text is used. Used by the site's thread;
 * borrows the link. ERR_PROTO: a frame that is not possible here; others are the link's, or
 * those of the board's answer.
 */
#pragma once

#include "hallmark/v1/frame.pb-c.h"
#include "station-agent/link/link.h"

enum {
    MAIL_CALL_MS = 20000,
    MAIL_LOCK_MS = 60000, /* for Closing.Lock: all of the board is checked twice */
    MAIL_SLOW_CALL_MS =
        180000,           /* a whole firmware to burn, or certificates over a slow probe */
    MAIL_NEXT_MS = 20000, /* for the board's own call */
};

struct mail {
    struct link *link;
    uint32_t stream;           /* of our last call: odd */
    uint32_t last_theirs;      /* of the board's last: even */
    Hallmark__V1__Frame *kept; /* a request that came early; NULL: none */
};

/* Caller's storage. mail_fini drops what is kept; the link stays open. */
void mail_open(struct mail *mail, struct link *link);
void mail_fini(struct mail *mail);

struct mail_call {
    const char *method;
    struct span payload;
    uint32_t timeout_ms;
    const struct buf *bulk; /* an image that follows through the bulk buffers; NULL: none */
};

/* Calls the board, and waits for its answer; *response_out is the caller's. ERR_DEADLINE: none.
 */
enum err mail_call(struct mail *mail, const struct mail_call *call, struct buf *response_out);

/* Waits for the board's own call. The frame is the caller's, holds a request and must be
 * answered. ERR_DEADLINE: none came. */
enum err mail_next(struct mail *mail, uint32_t timeout_ms, Hallmark__V1__Frame **request_out);
enum err mail_answer(struct mail *mail, uint32_t stream, enum err e, struct span payload);

void mail_frame_drop(Hallmark__V1__Frame **frame); /* AUTO: wipes, frees */
