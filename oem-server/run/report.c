/* SPDX-License-Identifier: MIT */
/*
 * report: the arrows that the station reports, because the server does not see them. Called for
 * Runs.Report, and by call.c for reports in the metadata of another call; they are checked
 * against the flow, and staged. What the board says of itself in arrow 7 may end the run; it
 * must never fail a unit (tests/e2e/refusals/units).
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/run/run.h"

struct own_key {
    const struct run *run;
    char scope[80];
    struct buf wrapped;
    uint8_t rotpk[ROTPK_SIZE];
};

static enum err read_own_key(struct store_tx *tx, void *context)
{
    struct own_key *key = context;
    buf_free(&key->wrapped);
    TRY(run_station_check(tx, key->run));
    return unit_boot_key_get(tx, key->scope, &key->wrapped, key->rotpk);
}

/* Checks that the board's OTP holds what this server gave it. A blank record proves nothing:
 * then arrow 20 decides, with the server's permission to write it again (recreate). */
static enum err check_rotpk(const struct run *run, const Hallmark__V1__BoardState *state,
                            uint64_t deadline_ms)
{
    struct own_key key = { .run = run };
    uint8_t ours[SHA256_SIZE];
    if (state->rotpk_slots == 0 || state->rotpk_sha256.len == 0)
        return ERR_OK;
    run_boot_scope(run, key.scope);
    enum err e = store_read(run->server->store, read_own_key, &key, deadline_ms);
    buf_free(&key.wrapped);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    SHA256(key.rotpk, sizeof(key.rotpk), ours);
    if (e == ERR_OK &&
        span_eq(SPAN(ours), span_of(state->rotpk_sha256.data, state->rotpk_sha256.len)))
        return ERR_OK;
    return fail_quiet(ERR_MISMATCH,
                      "the board's OTP holds another ROTPK than this unit's: it cannot boot "
                      "this order's firmware; an operator decides what becomes of the board");
}

/* The key in the slot is identified later, by the signed receipt. */
static enum err check_slot(const Hallmark__V1__BoardState *state)
{
    uint32_t slot = state->shared_key_slot;
    return slot == 0 || (slot >= OTP_AES_FIRST && slot <= OTP_AES_LAST)
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH,
                            "the board says that OTP slot %u holds AES_NuLink3: that key is "
                            "kept in slots %d to %d; an operator decides what becomes of the "
                            "board",
                            slot, OTP_AES_FIRST, OTP_AES_LAST);
}

static void hello_drop(Hallmark__V1__HelloRequest **hello)
{
    hallmark__v1__hello_request__free_unpacked(*hello, NULL);
}

/* Arrow 7: the board's identity and what it already has, as it reports them. */
static enum err take_hello(struct run *run, const Hallmark__V1__ArrowReport *report,
                           uint64_t deadline_ms)
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
    run->auth_unrecorded = hello->state->auth_key && !hello->state->auth_key_recorded;
    TRY(check_rotpk(run, hello->state, deadline_ms));
    return check_slot(hello->state);
}

static bool passes_mailbox(const struct flow_row *row)
{
    return strcmp(row->service, "Host") == 0 || strcmp(row->service, "Target") == 0;
}

/* Arrow 5's request names DevAuth by digest: it must be that of the order. */
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

static enum err stage(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    char method[64];
    struct event event;
    flow_method(flow_row((uint8_t)report->arrow), method);
    event_init(&event, "arrow", run->station.uri, ERR_OK, report->message);
    event_run(&event, run);
    event_text(&event, EVENT_METHOD, method);
    event_bytes(&event, EVENT_REQUEST_SHA256, span_in(&report->request_sha256));
    event_bytes(&event, EVENT_RESPONSE_SHA256, span_in(&report->response_sha256));
    event.pb.arrow = report->arrow;
    event.pb.reported = true;
    event.pb.status = report->status;
    event.pb.code = report->status == 0 ? 0 : report->code != 0 ? report->code : report->status;
    event.pb.took_us = report->took_us;
    return staged_add(&run->staged, &event.pb, true, NULL);
}

/* Checks one report, stages it and advances the flow. */
static enum err take_one(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    TRY(check_report(run, report));
    TRY(stage(run, report));
    if (report->status != 0)
        return ERR_OK;
    if (passes_mailbox(flow_row((uint8_t)report->arrow)))
        run_transcript(run, (uint8_t)report->arrow,
                       span_of(report->request_sha256.data, report->request_sha256.len),
                       span_of(report->response_sha256.data, report->response_sha256.len));
    flow_done(&run->flow);
    return ERR_OK;
}

/* All of them, or none. */
static enum err take_all(struct run *run, Hallmark__V1__ArrowReport *const *reports,
                         size_t count)
{
    struct flow flow = run->flow;
    uint8_t transcript[SHA256_SIZE];
    unsigned staged = run->staged.count;
    memcpy(transcript, run->transcript, sizeof(transcript));
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = take_one(run, reports[i]);
    if (e == ERR_OK)
        return ERR_OK;
    run->flow = flow;
    memcpy(run->transcript, transcript, sizeof(transcript));
    staged_undo(&run->staged, run->staged.count - staged);
    return e;
}

static void end_failed(struct run *run, const Hallmark__V1__ArrowReport *report)
{
    enum err e =
        err_from_wire(report->code != 0 ? report->code : report->status, report->status);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "arrow %u failed at the station: %s", report->arrow,
             report->message);
    run_end(run, e == ERR_OK ? ERR_UNKNOWN : e, words);
    if (peer_is_hidden(e)) /* the station failed, and not the server (test_run) */
        run->why = ERR_ABORTED;
}

enum err run_reports(struct run *run, Hallmark__V1__ArrowReport *const *reports, size_t count,
                     uint64_t deadline_ms)
{
    run_own(run);
    if (count > FLOW_ARROWS)
        return fail_quiet(ERR_LIMIT, "%zu reports at once, limit %d", count, FLOW_ARROWS);
    TRY(run_charge(run, count));
    TRY(take_all(run, reports, count));
    for (size_t i = 0; i < count && !run->over; i++) {
        if (reports[i]->status != 0)
            end_failed(run, reports[i]);
        if (reports[i]->arrow != 7 || reports[i]->status != 0)
            continue;
        enum err e = take_hello(run, reports[i], deadline_ms);
        if (e != ERR_OK) {
            run_fail(run, e);
            return fail_quiet(e, "%s", run->words);
        }
    }
    return ERR_OK;
}
