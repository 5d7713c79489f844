/* SPDX-License-Identifier: MIT */
/*
 * DevAuth to the board's SRAM, and started: as arrows 5 and 6 (steps.c), and without a run, for
 * a board that only has to be locked. Without a run nothing is reported as an arrow, and Hello
 * is answered with run id 0; it must never be answered so while a run has arrows to come.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "station-agent/site/engine.h"

enum err devauth_load(struct site *site, rpc_transport *via)
{
    struct unit *unit = &site->unit;
    Hallmark__V1__LoadDevAuthRequest in = HALLMARK__V1__LOAD_DEV_AUTH_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__LoadDevAuthResponse *out = NULL;
    struct rpc_stub board = rpc_stub_of(&hallmark__v1__board__descriptor, via, site);
    TRY(site_image(site, "DevAuth", unit->devauth_sha256, &unit->devauth));
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, unit->devauth_sha256 };
    return RPC_CALL(&board, hallmark__v1__board__load_dev_auth, &in, &out);
}

/* An image that does not come is asked for again by arrow 5, which is the one to fail by it. */
void devauth_ahead(struct site *site)
{
    struct unit *unit = &site->unit;
    if (site_image(site, "DevAuth", unit->devauth_sha256, &unit->devauth) == ERR_OK)
        chip_image_ahead(site->chip, buf_span(&unit->devauth->bytes));
    else
        log_line(LOG_LEVEL_DEBUG, "site: DevAuth ahead of arrow 5: %s", fail_words());
}

/* An earlier DevAuth, if there was one, has ended, and its mailbox with it. */
static void forget_devauth(struct site *site)
{
    mail_fini(&site->mail);
    link_close(site->unit.link);
    site->unit.link = NULL;
}

enum err devauth_run(struct site *site, rpc_transport *via)
{
    Hallmark__V1__RunDevAuthRequest in = HALLMARK__V1__RUN_DEV_AUTH_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__RunDevAuthResponse *out = NULL;
    struct rpc_stub board = rpc_stub_of(&hallmark__v1__board__descriptor, via, site);
    forget_devauth(site);
    TRY(RPC_CALL(&board, hallmark__v1__board__run_dev_auth, &in, &out));
    mail_open(&site->mail, site->unit.link);
    return ERR_OK;
}

static enum err serve_hello(struct site *site, const Hallmark__V1__FrameRequest *request,
                            struct buf *response_out)
{
    if (strcmp(request->method, "hallmark.v1.Host/Hello") != 0)
        return fail_quiet(ERR_ORDER, "DevAuth calls %.80s where Host/Hello is due",
                          request->method);
    return serve_self(site, request->method,
                      span_of(request->payload.data, request->payload.len), response_out);
}

static enum err answer_hello(struct site *site)
{
    char words[FAIL_WORDS_MAX];
    AUTO(mail_frame_drop) Hallmark__V1__Frame *frame = NULL;
    AUTO(buf_free) struct buf response = { 0 };
    TRY(mail_next(&site->mail, MAIL_NEXT_MS, &frame));
    enum err e = serve_hello(site, frame->request, &response);
    clean_put(words, sizeof(words), fail_words());
    enum err answered =
        mail_answer(&site->mail, frame->request->stream, e, buf_span(&response));
    return e == ERR_OK ? answered : fail_quiet(e, "%s", words);
}

enum err devauth_without_run(struct site *site)
{
    unit_leave_run(&site->unit);
    site_point(site, "DevAuth", "before");
    site_now(site, "loading DevAuth to lock the board");
    TRY(devauth_load(site, serve_self));
    site_now(site, "starting DevAuth to lock the board");
    TRY(devauth_run(site, serve_self));
    site_now(site, "Host.Hello without a run");
    site_point(site, "DevAuth", "inside");
    TRY(answer_hello(site));
    site_point(site, "DevAuth", "after");
    return ERR_OK;
}
