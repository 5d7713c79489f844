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
    in.confirmation_tag =
        (ProtobufCBinaryData){ CONFIRMATION_TAG_SIZE, site->unit.confirmation_tag };
    in.receipt = receipt;
    TRY(RPC_CALL(&runs, hallmark__v1__runs__finish, &in, &out));
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
    return refused ? ERR_OK
                   : fail_quiet(ERR_VERIFY, "the debug port is still open: %s", detail);
}

/* detail is what the proof saw, or why there is none. */
static enum err sealed(struct site *site, bool refused, char *detail)
{
    Hallmark__V1__SealedRequest in = HALLMARK__V1__SEALED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__SealedResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    now(site, "Runs.Sealed");
    in.debug_refused = refused;
    in.detail = detail;
    return RPC_CALL(&runs, hallmark__v1__runs__sealed, &in, &out);
}

enum err closing_run(struct site *site)
{
    AUTO(rpc_drop) Hallmark__V1__SignReceiptResponse *answer = NULL;
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    char detail[CHIP_DETAIL_MAX] = "", words[FAIL_WORDS_MAX];
    TRY(sign_receipt(site, &answer));
    bool uncommitted = false;
    TRY(finish(site, answer->receipt, tag, &uncommitted));
    enum err shut = uncommitted ? commit(site, tag) : ERR_OK;
    if (shut == ERR_OK)
        shut = lock_up(site, detail);
    /* The server counts this unit by now: it must hear how it ended, well or badly. */
    const char *where = site->where;
    line_words(fail_words(), words, sizeof(words));
    enum err told = sealed(site, shut == ERR_OK, shut == ERR_OK ? detail : words);
    if (shut == ERR_OK)
        return told;
    if (told != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    site->where = where;
    return fail_quiet(shut, "%s", words);
}
