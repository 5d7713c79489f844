/* SPDX-License-Identifier: MIT */
/* Runs: what lies around the diagram: open, reports, finish, sealed. */
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "common/core/sign.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/svc/run.h"
#include "oem-server/svc/services.h"

enum { CHUNK_MAX = 256 << 10 };

static bool names_station(const struct store_order *order, const char *station)
{
    for (size_t i = 0; i < order->station_count; i++)
        if (strcmp(order->stations[i], station) == 0)
            return true;
    return false;
}

static enum err check_order(const struct store_order *order,
                            const struct auth_principal *station)
{
    int64_t now = (int64_t)time(NULL);
    if (!names_station(order, station->name))
        return fail_quiet(ERR_DENIED, "order %s is not station %s's", order->name,
                          station->name);
    if (now < order->not_before || now >= order->not_after)
        return fail_quiet(ERR_PRECONDITION, "order %s is %s", order->name,
                          now < order->not_before ? "not open yet"
                                                  : "over: its window has passed");
    return ERR_OK;
}

static enum err check_unit(struct call *call, const struct store_unit *unit, const char *order)
{
    (void)call;
    char uid[2 * UID_SIZE + 1];
    if (unit->state == STORE_UNIT_SEALED)
        return fail_quiet(ERR_EXISTS, "unit %s is done: a board is prepared once",
                          hex_of(SPAN(unit->uid), uid));
    if (unit->state == STORE_UNIT_FAILED)
        return fail_quiet(ERR_PRECONDITION, "unit %s has failed and is to be scrapped",
                          hex_of(SPAN(unit->uid), uid));
    if (strcmp(unit->order, order) != 0)
        return fail_quiet(ERR_PRECONDITION, "unit %s belongs to order %s",
                          hex_of(SPAN(unit->uid), uid), unit->order);
    return ERR_OK;
}

/* In the call's transaction: is there a unit left for this board? */
static enum err reserve(struct call *call, struct run *run)
{
    struct store_order_counts counts;
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    enum err e = store_unit_get(call->tx, run->uid, &unit);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool finished =
        e == ERR_OK && unit.state == STORE_UNIT_FINISHED; /* but not sealed: go on */
    bool counted = finished || (e == ERR_OK && unit.state == STORE_UNIT_OPEN);
    if (e == ERR_OK)
        TRY(check_unit(call, &unit, run->order.name));
    TRY(store_order_count(call->tx, run->order.name, &counts));
    if (counts.open + counts.done - (counted ? 1 : 0) >= run->order.quantity)
        return fail_quiet(ERR_QUOTA, "order %s is exhausted: %u of %u done, %u under way",
                          run->order.name, counts.done, run->order.quantity, counts.open);
    memcpy(unit.uid, run->uid, UID_SIZE);
    memcpy(unit.run_id, run->id, RUN_ID_SIZE);
    snprintf(unit.order, sizeof(unit.order), "%s", run->order.name);
    snprintf(unit.station, sizeof(unit.station), "%s", run->station.name);
    if (!finished)
        unit.state = STORE_UNIT_OPEN;
    unit.opened_us = (int64_t)svc_now_us();
    return store_unit_put(call->tx, &unit);
}

static enum err image_of(struct call *call, const uint8_t sha256[static SHA256_SIZE],
                         Hallmark__V1__Image **out)
{
    AUTO(store_image_free) struct store_image image = { 0 };
    TRY(store_image_get(call->tx, sha256, &image));
    Hallmark__V1__Image *m = rpc_alloc(&call->rpc, sizeof(*m));
    if (m == NULL)
        return fail(ERR_MEMORY, "runs: no memory for the answer");
    hallmark__v1__image__init(m);
    m->size = (uint32_t)image.bytes.len;
    *out = m;
    return rpc_bytes(&call->rpc, &m->sha256, span_of(sha256, SHA256_SIZE));
}

static enum err fill_open(struct call *call, const struct run *run,
                          Hallmark__V1__OpenResponse *out)
{
    AUTO(buf_free) struct buf subject = { 0 };
    TRY(ca_device_subject(call->server->ca, run->order.name, run->uid, &subject));
    TRY(rpc_bytes(&call->rpc, &out->run_id, SPAN(run->id)));
    TRY(rpc_bytes(&call->rpc, &out->server_nonce, SPAN(run->server_nonce)));
    TRY(rpc_bytes(&call->rpc, &out->subject, buf_span(&subject)));
    TRY(image_of(call, run->order.devauth_sha256, &out->devauth));
    TRY(image_of(call, run->order.firmware_sha256, &out->firmware));
    out->lock_level = (Hallmark__V1__LockLevel)run->order.lock_level;
    return ERR_OK;
}

static enum err prepare(struct call *call, struct run *run, const Hallmark__V1__OpenRequest *in)
{
    run->station = *call->principal;
    snprintf(run->peer, sizeof(run->peer), "%s", call->peer);
    if (in->uid.len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "UID of %zu bytes, not %d", in->uid.len, UID_SIZE);
    memcpy(run->uid, in->uid.data, UID_SIZE);
    TRY(buf_copy(&run->web_server, ca_web_server(call->server->ca)));
    if (RAND_bytes(run->id, sizeof(run->id)) != 1 ||
        RAND_bytes(run->server_nonce, sizeof(run->server_nonce)) != 1)
        return fail(ERR_INTERNAL, "runs: no randomness");
    /* Copies: the event is written when in is gone. */
    TRY(rpc_bytes(&call->rpc, &call->event.uid, SPAN(run->uid)));
    TRY(rpc_text(&call->rpc, &call->event.order, in->order));
    TRY(svc_tx(call));
    enum err e = store_order_get(call->tx, in->order, &run->order);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no order %s", in->order);
    TRY(e);
    TRY(check_order(&run->order, call->principal));
    return reserve(call, run);
}

static enum err runs_open(struct rpc_call *rpc, const Hallmark__V1__OpenRequest *in,
                          Hallmark__V1__OpenResponse *out)
{
    struct call *call = call_of(rpc);
    if (call->session == NULL)
        return fail_quiet(ERR_PRECONDITION, "runs: only a connected station opens a run");
    AUTO(run_drop) struct run *run = run_new(call->session);
    if (run == NULL)
        return fail(ERR_MEMORY, "runs: no memory for a run");
    TRY(prepare(call, run, in));
    TRY(fill_open(call, run, out));
    call->opened = TAKE(run);
    return ERR_OK;
}

static enum err runs_fetch_image(struct rpc_call *rpc,
                                 const Hallmark__V1__FetchImageRequest *in,
                                 Hallmark__V1__FetchImageResponse *out)
{
    struct call *call = call_of(rpc);
    const struct store_order *order = &call->run->order;
    struct span named = span_of(in->sha256.data, in->sha256.len);
    AUTO(store_image_free) struct store_image image = { 0 };
    if (!span_eq(named, SPAN(order->devauth_sha256)) &&
        !span_eq(named, SPAN(order->firmware_sha256)))
        return fail_quiet(ERR_DENIED, "order %s names no such image", order->name);
    TRY(svc_tx(call));
    TRY(store_image_get(call->tx, named.ptr, &image));
    if (in->offset > image.bytes.len)
        return fail_quiet(ERR_RANGE, "offset %u in an image of %zu bytes", in->offset,
                          image.bytes.len);
    size_t left = image.bytes.len - in->offset;
    out->size = (uint32_t)image.bytes.len;
    return rpc_bytes(
        rpc, &out->chunk,
        span_of(image.bytes.ptr + in->offset, left < CHUNK_MAX ? left : CHUNK_MAX));
}

static enum err runs_report(struct rpc_call *rpc, const Hallmark__V1__ReportRequest *in,
                            Hallmark__V1__ReportResponse *out)
{
    (void)out;
    return run_reports(call_of(rpc), in->reports, in->n_reports);
}

static enum err same(const char *what, struct span got, struct span want)
{
    return span_eq(got, want) ? ERR_OK
                              : fail_quiet(ERR_MISMATCH, "receipt: %s is not this run's", what);
}

static struct span span_in(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

/* Each field of the board's account against the server's own, then the signature over them. */
static enum err check_receipt(const struct run *run, const Hallmark__V1__Receipt *r)
{
    uint8_t device[SHA256_SIZE], web[SHA256_SIZE], rotpk[SHA256_SIZE], digest[SHA256_SIZE];
    uint8_t statement[SIGN_STATEMENT_MAX];
    sha256_of(buf_span(&run->certificate), device);
    sha256_of(buf_span(&run->web_server), web);
    sha256_of(SPAN(run->rotpk), rotpk);
    struct sign_receipt s = {
        SPAN(run->id),
        SPAN(run->uid),
        SPAN(run->auth_public),
        SPAN(device),
        SPAN(web),
        SPAN(rotpk),
        SPAN(run->order.firmware_sha256),
        (uint8_t)run->order.lock_level,
        SPAN(run->transcript),
        SPAN(run->server_nonce),
    };
    TRY(same("run id", span_in(&r->run_id), s.run_id));
    TRY(same("UID", span_in(&r->uid), s.uid));
    TRY(same("AUTHKEY", span_in(&r->auth_public_key), s.auth_public_key));
    TRY(same("device certificate", span_in(&r->device_certificate_sha256),
             s.device_certificate_sha256));
    TRY(same("WebServer certificate", span_in(&r->web_server_certificate_sha256),
             s.web_server_certificate_sha256));
    TRY(same("ROTPK", span_in(&r->rotpk_sha256), s.rotpk_sha256));
    TRY(same("firmware", span_in(&r->firmware_sha256), s.firmware_sha256));
    TRY(same("transcript", span_in(&r->transcript_sha256), s.transcript_sha256));
    TRY(same("server nonce", span_in(&r->server_nonce), s.server_nonce));
    if (r->lock_level != run->order.lock_level)
        return fail_quiet(ERR_MISMATCH, "receipt: the lock level is not the order's");
    struct wr w = wr_of(statement, sizeof(statement));
    sign_receipt(&w, &s);
    TRY(wr_end(&w));
    sha256_of(wr_done(&w), digest);
    if (p256_verify(s.auth_public_key, digest, span_in(&r->signature)) != ERR_OK)
        return fail_quiet(ERR_SIG, "receipt: its signature is not AUTHKEY's");
    return ERR_OK;
}

static enum err keep_unit(struct call *call, const Hallmark__V1__FinishRequest *in)
{
    struct run *run = call->run;
    AUTO(buf_free) struct buf receipt = { 0 };
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    TRY(rpc_pack(&in->receipt->base, &receipt));
    TRY(svc_tx(call));
    TRY(store_unit_get(call->tx, run->uid, &unit));
    if ((unit.state != STORE_UNIT_OPEN && unit.state != STORE_UNIT_FINISHED) ||
        memcmp(unit.run_id, run->id, RUN_ID_SIZE) != 0)
        return fail_quiet(ERR_ABORTED, "the unit is not open any more");
    unit.state = STORE_UNIT_FINISHED;
    unit.done_us = (int64_t)svc_now_us();
    buf_free(&unit.receipt); /* of an earlier run, which was finished but not sealed */
    unit.receipt = buf_take(&receipt);
    if (!run->committed) /* else the board keeps the key of the run that was cut, and so do we
                          */
        TRY(buf_copy(&unit.shared_key, buf_span(&run->shared_key)));
    TRY(svc_digest(call, "receipt", buf_span(&unit.receipt)));
    TRY(svc_digest(call, "transcript", SPAN(run->transcript)));
    return store_unit_put(call->tx, &unit);
}

static enum err runs_finish(struct rpc_call *rpc, const Hallmark__V1__FinishRequest *in,
                            Hallmark__V1__FinishResponse *out)
{
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    if (!flow_finished(&run->flow))
        return fail_quiet(ERR_ORDER, "the run is at arrow %u, not past 33", run->flow.next);
    if (in->receipt == NULL)
        return fail_quiet(ERR_INVALID, "finish: no receipt");
    struct span repeat = SPAN(run->receipt_sha256);
    uint8_t digest[SHA256_SIZE];
    AUTO(buf_free) struct buf packed = { 0 };
    TRY(rpc_pack(&in->receipt->base, &packed));
    sha256_of(buf_span(&packed), digest);
    if (!run->finished) {
        if (!ct_eq(span_in(&in->confirmation_tag), SPAN(run->tag_target)))
            return fail_quiet(ERR_SIG,
                              "finish: the board's confirmation tag is wrong: the two ends "
                              "do not share AES_NuLink3");
        TRY(check_receipt(run, in->receipt));
        TRY(keep_unit(call, in));
        memcpy(run->receipt_sha256, digest, sizeof(digest));
    } else if (!span_eq(repeat, SPAN(digest))) {
        return fail_quiet(ERR_ABORTED, "finish: this run was finished with another receipt");
    }
    call->finished = true;
    return run->committed ? ERR_OK
                          : rpc_bytes(rpc, &out->confirmation_tag, SPAN(run->tag_server));
}

/* The event's, by copies: it is written when unit is gone. */
static enum err describe_unit(struct call *call, const struct store_unit *unit)
{
    TRY(rpc_bytes(&call->rpc, &call->event.uid, SPAN(unit->uid)));
    TRY(rpc_bytes(&call->rpc, &call->event.run_id, SPAN(unit->run_id)));
    return rpc_text(&call->rpc, &call->event.order, unit->order);
}

/* In the call's transaction: the unit of a run that ended with its connection. Its receipt was
 * accepted and its board may be locked by now, so the station's word on that is still good. */
static enum err find_finished(struct call *call, const Hallmark__V1__SealedRequest *in,
                              struct store_unit *unit)
{
    struct span run_id = rpc_call_metadata(&call->rpc, "run-bin");
    enum err e =
        in->uid.len == UID_SIZE ? store_unit_get(call->tx, in->uid.data, unit) : ERR_NOT_FOUND;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND || unit->state != STORE_UNIT_FINISHED ||
        !span_eq(run_id, SPAN(unit->run_id)) ||
        strcmp(unit->station, call->principal->name) != 0)
        return fail_quiet(ERR_NOT_FOUND, "no such run of %s", call->principal->uri);
    return describe_unit(call, unit);
}

static enum err check_finished(const struct call *call, const struct store_unit *unit)
{
    char uid[2 * UID_SIZE + 1];
    hex_of(SPAN(unit->uid), uid);
    AUTO(run_drop) struct run *under_way = run_find_uid(call->server, unit->uid);
    if (under_way != NULL)
        return fail_quiet(ERR_PRECONDITION, "unit %s has a run under way", uid);
    if (unit->state == STORE_UNIT_SEALED)
        return fail_quiet(ERR_EXISTS, "unit %s is sealed already", uid);
    if (unit->state != STORE_UNIT_FINISHED)
        return fail_quiet(ERR_PRECONDITION,
                          "unit %s is not finished: its receipt never came; there is nothing "
                          "to seal",
                          uid);
    return ERR_OK;
}

/* In the call's transaction, for a call without a run: the station has forgotten it, and its
 * board tells nobody its UID any more. That it is this unit's is the operator's word. */
static enum err find_named(struct call *call, const Hallmark__V1__SealedRequest *in,
                           struct store_unit *unit)
{
    char words[] = "uid named by the operator, not read from the board";
    char uid[2 * UID_SIZE + 1];
    if (in->uid.len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "sealed: neither metadata run-bin nor a UID of %d bytes",
                          UID_SIZE);
    TRY(rpc_bytes(&call->rpc, &call->event.uid, span_in(&in->uid)));
    enum err e = store_unit_get(call->tx, in->uid.data, unit);
    if (e == ERR_NOT_FOUND ||
        (e == ERR_OK && strcmp(unit->station, call->principal->name) != 0))
        return fail_quiet(ERR_NOT_FOUND, "%s has finished no unit %s", call->principal->uri,
                          hex_of(span_in(&in->uid), uid));
    TRY(e);
    TRY(describe_unit(call, unit));
    TRY(check_finished(call, unit));
    return rpc_text(&call->rpc, &call->event.message, words);
}

static enum err find_unit(struct call *call, const Hallmark__V1__SealedRequest *in,
                          struct store_unit *unit)
{
    if (call->run != NULL)
        return store_unit_get(call->tx, call->run->uid, unit);
    return rpc_call_metadata(&call->rpc, "run-bin").len == 0 ? find_named(call, in, unit)
                                                             : find_finished(call, in, unit);
}

static enum err runs_sealed(struct rpc_call *rpc, const Hallmark__V1__SealedRequest *in,
                            Hallmark__V1__SealedResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    if (run != NULL && !run->finished)
        return fail_quiet(ERR_ORDER, "sealed: the run is not finished");
    TRY(svc_tx(call));
    TRY(find_unit(call, in, &unit));
    if (!in->debug_refused)
        return fail_quiet(ERR_PRECONDITION,
                          "sealed: the board still answers the debugger: %.200s", in->detail);
    unit.state = STORE_UNIT_SEALED;
    TRY(store_unit_put(call->tx, &unit));
    TRY(svc_digest(call, "detail", span_of(in->detail, strlen(in->detail))));
    call->sealed = run != NULL;
    return ERR_OK;
}

RPC_HANDLER(runs, Runs, open, Open, Open)
RPC_HANDLER(runs, Runs, fetch_image, FetchImage, FetchImage)
RPC_HANDLER(runs, Runs, report, Report, Report)
RPC_HANDLER(runs, Runs, finish, Finish, Finish)
RPC_HANDLER(runs, Runs, sealed, Sealed, Sealed)

Hallmark__V1__Runs_Service runs_service = HALLMARK__V1__RUNS__INIT(runs__);
