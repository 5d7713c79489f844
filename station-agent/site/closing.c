/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "hallmark/v1/closing.pb-c.h"
#include "station-agent/site/engine.h"

static void now(struct site *site, const char *where)
{
    fail_clear();
    site->where = where;
    tell_doing(site->tell, site->index, "%s", where);
}

/* rpc_transport */
static enum err to_board(void *context, const char *method, struct span payload,
                         struct buf *response_out)
{
    struct site *site = context;
    const struct mail_call call = {
        .method = method,
        .payload = payload,
        .timeout_ms = MAIL_CALL_MS,
    };
    return mail_call(&site->mail, &call, response_out);
}

static enum err sign_receipt(struct site *site, Hallmark__V1__SignReceiptResponse **out)
{
    Hallmark__V1__SignReceiptRequest in = HALLMARK__V1__SIGN_RECEIPT_REQUEST__INIT;
    struct rpc_stub closing = rpc_stub_of(&hallmark__v1__closing__descriptor, to_board, site);
    now(site, "Closing.SignReceipt");
    TRY(RPC_CALL(&closing, hallmark__v1__closing__sign_receipt, &in, out));
    return (*out)->receipt != NULL
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the board's answer holds no receipt");
}

/* No tag: the board has committed the key of an earlier run, and keeps it. */
static enum err finish(struct site *site, Hallmark__V1__Receipt *receipt,
                       uint8_t tag_out[static CONFIRMATION_TAG_SIZE], bool *commit_out)
{
    Hallmark__V1__FinishRequest in = HALLMARK__V1__FINISH_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__FinishResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    now(site, "Runs.Finish");
    TRY(site_cut(site, line_check(site->line))); /* the run is over: do not ask it */
    in.confirmation_tag =
        (ProtobufCBinaryData){ CONFIRMATION_TAG_SIZE, site->unit.confirmation_tag };
    in.receipt = receipt;
    enum err e = RPC_CALL(&runs, hallmark__v1__runs__finish, &in, &out);
    if (e == ERR_NOT_FOUND && line_moved(site->line)) {
        site->cut = true;
        return fail_quiet(ERR_CLOSED,
                          "connection to the server lost before it had the receipt");
    }
    TRY(e);
    *commit_out = out->confirmation_tag.len != 0;
    return *commit_out ? unit_field(out->confirmation_tag, "confirmation_tag", tag_out,
                                    CONFIRMATION_TAG_SIZE)
                       : ERR_OK;
}

/* The board keeps AES_NuLink3 from here on. */
static enum err commit(struct site *site, uint8_t tag[static CONFIRMATION_TAG_SIZE])
{
    Hallmark__V1__CommitRequest in = HALLMARK__V1__COMMIT_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__CommitResponse *out = NULL;
    struct rpc_stub closing = rpc_stub_of(&hallmark__v1__closing__descriptor, to_board, site);
    now(site, "Closing.Commit");
    in.confirmation_tag = (ProtobufCBinaryData){ CONFIRMATION_TAG_SIZE, tag };
    return RPC_CALL(&closing, hallmark__v1__closing__commit, &in, &out);
}

/* Chip reset, which puts the armed lock in force; then the debug port must be shut. */
static enum err lock_up(struct site *site, char detail[static CHIP_DETAIL_MAX])
{
    bool refused = false;
    now(site, "reset by nRESET");
    TRY(chip_reset(site->chip));
    now(site, "proving that SWD is refused");
    TRY(chip_debug_refused(site->chip, &refused, detail));
    if (refused)
        return ERR_OK;
    site->advice = "do not ship this board";
    return fail_quiet(ERR_VERIFY, "the debug port is still open: %s", detail);
}

/* detail is what the proof saw, or why there is none. */
static enum err sealed(struct site *site, bool refused, char *detail)
{
    char said[FAIL_WORDS_MAX + 40];
    Hallmark__V1__SealedRequest in = HALLMARK__V1__SEALED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__SealedResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    now(site, "Runs.Sealed");
    in.debug_refused = refused;
    snprintf(said, sizeof(said), "%s%s",
             site->named_uid != NULL ? "uid named by the operator: " : "", detail);
    in.detail = said;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    return RPC_CALL(&runs, hallmark__v1__runs__sealed, &in, &out);
}

/* Before the reset, which cannot be taken back: who shall hear of it must be there. */
static enum err reach_server(struct site *site)
{
    now(site, "before the reset: waiting for the server");
    return site_cut(site, line_move(site->line, site_until_ms(site)));
}

/* The board is done, whatever becomes of this: a run begun anew would find it locked. */
static enum err tell_sealed(struct site *site, char *detail)
{
    char words[FAIL_WORDS_MAX];
    enum err e = sealed(site, true, detail);
    if (e == ERR_OK)
        server_used(site->server);
    if (e != ERR_CLOSED || !site->cut)
        return e;
    site->cut = false;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(ERR_UNAVAILABLE,
                      "the board is finished and locked, but the server does "
                      "not know that it is: %.250s",
                      words);
}

/* The server counts this unit: it must hear how it ended. */
static void tell_unsealed(struct site *site)
{
    char words[FAIL_WORDS_MAX];
    const char *where = site->where;
    line_words(fail_words(), words, sizeof(words));
    if (sealed(site, false, words) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    site->where = where;
    site->cut = false;
    fail_set(words);
}

enum err closing_run(struct site *site)
{
    AUTO(rpc_drop) Hallmark__V1__SignReceiptResponse *answer = NULL;
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    char detail[CHIP_DETAIL_MAX] = "";
    bool uncommitted = false;
    TRY(sign_receipt(site, &answer));
    TRY(finish(site, answer->receipt, tag, &uncommitted));
    enum err shut = uncommitted ? commit(site, tag) : ERR_OK;
    if (shut == ERR_OK && line_lost(site->line))
        TRY(reach_server(site));
    if (shut == ERR_OK)
        shut = lock_up(site, detail);
    if (shut == ERR_OK)
        return tell_sealed(site, detail);
    tell_unsealed(site);
    return shut;
}

/* Before the reset: it would put the armed lock in force, maybe of a board that has committed
 * nothing yet. */
static enum err must_be_shut(struct site *site)
{
    bool refused = false;
    char detail[CHIP_DETAIL_MAX];
    now(site, "looking whether SWD is refused");
    TRY(chip_debug_refused(site->chip, &refused, detail));
    if (refused)
        return ERR_OK;
    site->advice = "do not ship this board; provision completes it";
    return fail_quiet(ERR_VERIFY, "the debug port is open, the board was not reset: %s",
                      detail);
}

enum err closing_seal(struct site *site)
{
    char detail[CHIP_DETAIL_MAX] = "";
    now(site, "opening the probe");
    TRY(probe_open(site->probe_uri, site->probe_timeout_ms, &site->probe));
    now(site, "connecting over SWD");
    TRY(chip_open_shut(site->probe, site->swd_clock_hz, &site->chip));
    memcpy(site->unit.uid, site->named_uid, UID_SIZE);
    now(site, "reaching the server");
    TRY(site_cut(site, line_open(site->server, &site->line)));
    enum err shut = must_be_shut(site);
    if (shut == ERR_OK)
        shut = lock_up(site, detail);
    if (shut == ERR_OK)
        return tell_sealed(site, detail);
    tell_unsealed(site);
    return shut;
}
