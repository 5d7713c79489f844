/* SPDX-License-Identifier: MIT */
/*
 * The closing of a run, after arrow 33: the board's receipt, the keys' confirmation, the key
 * that the board keeps. Called by engine.c; lock.c takes over once the server has the board's
 * commit statement. Up to there the board must stay open, so that the next run can repeat what
 * was lost.
 */
#include <string.h>

#include "common/host/log.h"
#include "hallmark/v1/closing.pb-c.h"
#include "station-agent/site/engine.h"

static struct rpc_stub board_of(struct site *site)
{
    return rpc_stub_of(&hallmark__v1__closing__descriptor, closing_board, site);
}

static enum err sign_receipt(struct site *site, Hallmark__V1__SignReceiptResponse **out)
{
    Hallmark__V1__SignReceiptRequest in = HALLMARK__V1__SIGN_RECEIPT_REQUEST__INIT;
    struct rpc_stub closing = board_of(site);
    site_now(site, "Closing.SignReceipt");
    TRY(RPC_CALL(&closing, hallmark__v1__closing__sign_receipt, &in, out));
    return (*out)->receipt != NULL
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the board's answer holds no receipt");
}

static enum err ask_finish(struct site *site, Hallmark__V1__Receipt *receipt,
                           Hallmark__V1__FinishResponse **out)
{
    Hallmark__V1__FinishRequest in = HALLMARK__V1__FINISH_REQUEST__INIT;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    site_now(site, "Runs.Finish");
    TRY(site_note_loss(site,
                       channel_check(site->channel))); /* the run is over: do not ask it */
    in.confirmation_tag =
        (ProtobufCBinaryData){ CONFIRMATION_TAG_SIZE, site->unit.confirmation_tag };
    in.receipt = receipt;
    return RPC_CALL(&runs, hallmark__v1__runs__finish, &in, out);
}

/* The server's decision about the key, and its tag of that decision; the board verifies it. */
static enum err finish(struct site *site, Hallmark__V1__Receipt *receipt,
                       Hallmark__V1__FinishResponse **out)
{
    enum err e = ask_finish(site, receipt, out);
    if (e == ERR_NOT_FOUND && channel_moved(site->channel)) {
        site->interrupted = true;
        return fail_quiet(ERR_CLOSED,
                          "connection to the server lost before it had the receipt");
    }
    TRY(e);
    return (*out)->confirmation_tag.len == CONFIRMATION_TAG_SIZE
               ? ERR_OK
               : fail_quiet(ERR_INVALID, "the answer's confirmation tag has %zu bytes, not %d",
                            (*out)->confirmation_tag.len, CONFIRMATION_TAG_SIZE);
}

/* The board keeps AES_NuLink3 from here on. */
static enum err commit(struct site *site, const Hallmark__V1__FinishResponse *decided,
                       Hallmark__V1__CommitResponse **out)
{
    Hallmark__V1__CommitRequest in = HALLMARK__V1__COMMIT_REQUEST__INIT;
    struct rpc_stub closing = board_of(site);
    site_now(site, "Closing.Commit");
    in.confirmation_tag = decided->confirmation_tag;
    in.decision = decided->decision;
    TRY(RPC_CALL(&closing, hallmark__v1__closing__commit, &in, out));
    return (*out)->statement != NULL
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the board's answer holds no commit statement");
}

static enum err report_commit(struct site *site, Hallmark__V1__CommitStatement *statement)
{
    Hallmark__V1__UnitCommitRequest in = HALLMARK__V1__UNIT_COMMIT_REQUEST__INIT;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    site_now(site, "Runs.Commit");
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.statement = statement;
    TRY(RPC_CALL(&runs, hallmark__v1__runs__commit, &in, &site->committed));
    return closing_check(site->committed);
}

static enum err until_commit(struct site *site)
{
    AUTO(rpc_drop) Hallmark__V1__SignReceiptResponse *receipt = NULL;
    AUTO(rpc_drop) Hallmark__V1__FinishResponse *decided = NULL;
    AUTO(rpc_drop) Hallmark__V1__CommitResponse *kept = NULL;
    TRY(sign_receipt(site, &receipt));
    TRY(finish(site, receipt->receipt, &decided));
    TRY(commit(site, decided, &kept));
    return report_commit(site, kept->statement);
}

enum err closing_run(struct site *site)
{
    TRY(site_tell_failure(site, until_commit(site)));
    return lock_board(site);
}
