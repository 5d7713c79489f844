/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/svc/run.h"

/* Does the board's OTP hold what this server gave it? An empty pair is fine; anything that this
 * server did not issue is not this unit's ROTPK. */
static enum err check_rotpk(struct run *run, const Hallmark__V1__BoardState *state)
{
    if (state->rotpk_slots == 0)
        return ERR_OK;
    char scope[80];
    AUTO(store_rollback) struct store_tx *tx = NULL;
    struct store_boot_key key = { 0 };
    TRY(run_boot_scope(run, scope));
    TRY(store_begin(run->server->store, 10000, &tx));
    enum err e = store_boot_key_get(tx, scope, &key);
    uint8_t ours[SHA256_SIZE];
    SHA256(key.rotpk, sizeof(key.rotpk), ours);
    store_boot_key_free(&key);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    struct span theirs = span_of(state->rotpk_sha256.data, state->rotpk_sha256.len);
    run->scrap = e == ERR_NOT_FOUND || !span_eq(SPAN(ours), theirs);
    if (run->scrap)
        return fail_quiet(
            ERR_MISMATCH,
            "the board's OTP holds another ROTPK than this unit's: it can never boot "
            "this order's firmware");
    return ERR_OK;
}

/* AES_NuLink3 in the board's OTP must be the one of a run that this server saw finished. */
static enum err check_shared_key(struct run *run, const Hallmark__V1__BoardState *state)
{
    if (!state->shared_key)
        return ERR_OK;
    AUTO(store_rollback) struct store_tx *tx = NULL;
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    TRY(store_begin(run->server->store, 10000, &tx));
    TRY(store_unit_get(tx, run->uid, &unit));
    run->committed = unit.state == STORE_UNIT_FINISHED && unit.shared_key.len != 0;
    run->scrap = !run->committed;
    return run->committed
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "the board's OTP holds a shared key that this "
                                          "server did not agree on");
}

static void hello_drop(Hallmark__V1__HelloRequest **hello)
{
    hallmark__v1__hello_request__free_unpacked(*hello, NULL);
}

/* Arrow 7: who the board says it is, and what it already has. */
static enum err take_hello(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    AUTO(hello_drop)
    Hallmark__V1__HelloRequest *hello =
        hallmark__v1__hello_request__unpack(NULL, report->request.len, report->request.data);
    if (hello == NULL || hello->nonce.len != NONCE_SIZE || hello->state == NULL)
        return fail_quiet(ERR_INVALID, "report of arrow 7 carries no HelloRequest");
    uint8_t digest[SHA256_SIZE];
    SHA256(report->request.data, report->request.len, digest);
    if (!span_eq(SPAN(digest),
                 span_of(report->request_sha256.data, report->request_sha256.len)))
        return fail_quiet(ERR_INVALID, "report of arrow 7: the digest is not its request's");
    if (!span_eq(SPAN(run->uid), span_of(hello->uid.data, hello->uid.len)))
        return fail_quiet(ERR_MISMATCH, "the board that talks is not the one this run is for");
    memcpy(run->board_nonce, hello->nonce.data, NONCE_SIZE);
    TRY(check_rotpk(run, hello->state));
    return check_shared_key(run, hello->state);
}

static bool passes_mailbox(const struct flow_row *row)
{
    return strcmp(row->service, "Host") == 0 || strcmp(row->service, "Target") == 0;
}

/* Arrow 5's request names DevAuth by digest: the one of the order. */
static enum err check_devauth(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    uint8_t named[SHA256_SIZE], digest[SHA256_SIZE];
    Hallmark__V1__LoadDevAuthRequest want = HALLMARK__V1__LOAD_DEV_AUTH_REQUEST__INIT;
    AUTO(buf_free) struct buf packed = { 0 };
    memcpy(named, run->order.devauth_sha256, SHA256_SIZE);
    want.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, named };
    TRY(rpc_pack(&want.base, &packed));
    SHA256(packed.ptr, packed.len, digest);
    return span_eq(SPAN(digest),
                   span_of(report->request_sha256.data, report->request_sha256.len))
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "report of arrow 5: not the DevAuth of order %s",
                            run->order.name);
}

static enum err check_report(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    const struct flow_row *row =
        report->arrow > UINT8_MAX ? NULL : flow_row((uint8_t)report->arrow);
    if (row == NULL || row->tail == FLOW_O || row->head == FLOW_O)
        return fail_quiet(ERR_INVALID, "arrow %u is not one to be reported", report->arrow);
    if (report->request_sha256.len != SHA256_SIZE ||
        (report->status == 0 && report->response_sha256.len != SHA256_SIZE) ||
        strlen(report->message) >= RPC_MESSAGE_TEXT_MAX)
        return fail_quiet(ERR_INVALID, "report of arrow %u: digests are not SHA-256",
                          report->arrow);
    TRY(flow_accept(&run->flow, (uint8_t)report->arrow));
    return report->arrow == 5 && report->status == 0 ? check_devauth(run, report) : ERR_OK;
}

static enum err append(struct call *call, struct store_tx *tx,
                       const Hallmark__V1__ArrowReport *report)
{
    struct run *run = call->run;
    char method[64], words[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__Event event;
    flow_method(flow_row((uint8_t)report->arrow), method);
    snprintf(words, sizeof(words), "%s", report->message);
    for (char *c = words; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    event_init(&event, "arrow", run->station.uri, ERR_OK, words);
    event_run(&event, run);
    event.arrow = report->arrow;
    event.method = method;
    event.reported = true;
    event.status = report->status;
    event.code = report->code;
    event.request_sha256 = report->request_sha256;
    event.response_sha256 = report->response_sha256;
    event.took_us = report->took_us;
    return tlog_append(call->server->log, tx, &event, NULL);
}

/* One report: checked, logged in tx, and the flow moved on a copy that counts once tx is done.
 */
static enum err take_one(struct call *call, struct store_tx *tx, struct run *run,
                         const Hallmark__V1__ArrowReport *report)
{
    TRY(check_report(run, report));
    TRY(append(call, tx, report));
    if (report->status != 0)
        return ERR_OK;
    if (passes_mailbox(flow_row((uint8_t)report->arrow)))
        run_transcript(run, (uint8_t)report->arrow,
                       span_of(report->request_sha256.data, report->request_sha256.len),
                       span_of(report->response_sha256.data, report->response_sha256.len));
    flow_done(&run->flow);
    return ERR_OK;
}

static enum err take_all(struct call *call, Hallmark__V1__ArrowReport *const *reports,
                         size_t count)
{
    struct run *run = call->run;
    struct flow flow = run->flow;
    uint8_t transcript[SHA256_SIZE];
    memcpy(transcript, run->transcript, sizeof(transcript));
    AUTO(store_rollback) struct store_tx *tx = NULL;
    TRY(store_begin(call->server->store, 10000, &tx));
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = take_one(call, tx, run, reports[i]);
    if (e == ERR_OK)
        e = store_commit(&tx);
    if (e != ERR_OK) {
        run->flow = flow;
        memcpy(run->transcript, transcript, sizeof(transcript));
    }
    return e;
}

static enum err end_failed(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    enum err e =
        err_from_wire(report->code != 0 ? report->code : report->status, report->status);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "arrow %u failed at the station: %s", report->arrow,
             report->message);
    run_end(run, e == ERR_OK ? ERR_UNKNOWN : e, words);
    return ERR_OK;
}

enum err run_reports(struct call *call, Hallmark__V1__ArrowReport *const *reports, size_t count)
{
    if (count > FLOW_ARROWS)
        return fail_quiet(ERR_LIMIT, "%zu reports at once, limit %d", count, FLOW_ARROWS);
    TRY(take_all(call, reports, count));
    for (size_t i = 0; i < count; i++) {
        if (reports[i]->status != 0)
            return end_failed(call->run, reports[i]);
        if (reports[i]->arrow != 7)
            continue;
        enum err e = take_hello(call->run, reports[i]);
        if (e != ERR_OK) {
            run_fail(call->run, e);
            return fail_quiet(e, "%s", call->run->words);
        }
    }
    return ERR_OK;
}
