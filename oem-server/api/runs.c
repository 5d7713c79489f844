/* SPDX-License-Identifier: MIT */
/*
 * Runs: the calls around the diagram: open, images, reports; runs_finish.c and runs_closing.c
 * have the rest. Called by stations. A run must not be listed before its unit's holder is
 * durable (call.c does it then).
 */
#include "oem-server/api/runs.h"

#include <openssl/rand.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

enum { CHUNK_MAX = 256 << 10 };

struct opening {
    struct call *call;
    struct run *run; /* not listed yet: no other thread knows it */
    const Hallmark__V1__OpenRequest *in;
    Hallmark__V1__OpenResponse *out;
    struct order order;
    struct unit_opened opened;
};

static void opening_drop(struct opening *o)
{
    order_free(&o->order);
    unit_opened_free(&o->opened);
}

static enum err image_of(struct store_tx *tx, struct call *call,
                         const uint8_t sha256[static SHA256_SIZE], Hallmark__V1__Image **out)
{
    struct image image = { 0 };
    Hallmark__V1__Image *m = rpc_alloc(&call->rpc, sizeof(*m));
    if (m == NULL)
        return fail(ERR_MEMORY, "runs: no memory for the answer");
    TRY(image_info(tx, sha256, &image));
    hallmark__v1__image__init(m);
    m->size = image.size;
    image_free(&image);
    *out = m;
    return rpc_bytes(&call->rpc, &m->sha256, span_of(sha256, SHA256_SIZE));
}

static enum err fill_run(struct opening *o)
{
    struct rpc_call *rpc = &o->call->rpc;
    AUTO(buf_free) struct buf subject = { 0 };
    TRY(ca_device_subject(o->call->server->ca, o->order.name, o->run->uid, &subject));
    TRY(rpc_bytes(rpc, &o->out->subject, buf_span(&subject)));
    TRY(rpc_bytes(rpc, &o->out->run_id, SPAN(o->run->id)));
    event_bytes(&o->call->event, EVENT_RUN_ID, SPAN(o->run->id));
    return rpc_bytes(rpc, &o->out->server_nonce, SPAN(o->run->server_nonce));
}

static enum err fill_committed(struct opening *o)
{
    struct rpc_call *rpc = &o->call->rpc;
    o->out->repeat = o->opened.repeat;
    o->out->committed = rpc_alloc(rpc, sizeof(*o->out->committed));
    if (o->out->committed == NULL)
        return fail(ERR_MEMORY, "runs: no memory for the answer");
    hallmark__v1__unit_commit_response__init(o->out->committed);
    return runs_fill_committed(rpc, &o->opened.answer, o->out->committed);
}

/* Is the board's part one that the order is for? The station reads it, and so does DevAuth. */
static enum err check_part(struct opening *o)
{
    ProtobufCMessage *message = NULL;
    TRY(message_unpack(&o->call->rpc, &hallmark__v1__order__descriptor,
                       buf_span(&o->order.attributes), &message));
    const Hallmark__V1__Order *terms = (const Hallmark__V1__Order *)message;
    for (size_t i = 0; i < terms->n_pdids; i++)
        if (terms->pdids[i] == o->in->pdid)
            return ERR_OK;
    return terms->n_pdids == 0
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "part: found PDID 0x%08x, order %s wants 0x%08x%s",
                            o->in->pdid, o->order.name, terms->pdids[0],
                            terms->n_pdids > 1 ? " or another of its list" : "");
}

/* What an anchor that cannot be written holds up: a place is not given to a board. */
static enum err check_begin(struct store_tx *tx, const struct opening *o)
{
    struct unit unit = { .state = UNIT_FREE };
    enum err found = unit_get(tx, o->run->uid, &unit);
    if (found != ERR_NOT_FOUND)
        TRY(found);
    return unit.state == UNIT_FREE || unit.state == UNIT_STARTED
               ? server_anchor_check(o->call->server, tx)
               : ERR_OK;
}

static enum err open_unit(struct store_tx *tx, void *context)
{
    struct opening *o = context;
    struct call *call = o->call;
    const struct server *server = call->server;
    const struct unit_open in = { o->run->uid,          o->in->order, call->principal->name,
                                  server->config->name, o->run->id,   o->in->repeat };
    opening_drop(o);
    hallmark__v1__open_response__init(o->out);
    event_bytes(&call->event, EVENT_RUN_ID, span_of(NULL, 0));
    TRY(check_begin(tx, o));
    TRY(unit_open_run(tx, &server->limits, &in, &o->opened));
    TRY(order_get(tx, o->in->order, &o->order));
    TRY(check_part(o));
    TRY(image_of(tx, call, o->order.devauth_sha256, &o->out->devauth));
    TRY(image_of(tx, call, o->order.firmware_sha256, &o->out->firmware));
    o->out->lock_level = (Hallmark__V1__LockLevel)o->order.lock_level;
    return o->opened.committed ? fill_committed(o) : fill_run(o);
}

static enum err prepare(struct call *call, struct run *run, const Hallmark__V1__OpenRequest *in)
{
    run->station = *call->principal;
    snprintf(run->peer, sizeof(run->peer), "%s", call->peer);
    event_text(&call->event, EVENT_ORDER, in->order);
    event_text(&call->event, EVENT_PROBE, in->probe);
    if (in->software[0] != '\0')
        event_text(&call->event, EVENT_SOFTWARE, in->software);
    TRY(ca_name_check("order", in->order));
    TRY(message_uid(call, &in->uid, run->uid));
    TRY(buf_copy(&run->web_server, ca_web_server(call->server->ca)));
    if (RAND_bytes(run->id, sizeof(run->id)) != 1 ||
        RAND_bytes(run->server_nonce, sizeof(run->server_nonce)) != 1)
        return fail(ERR_INTERNAL, "runs: no randomness");
    return ERR_OK;
}

static enum err runs_open(struct rpc_call *rpc, const Hallmark__V1__OpenRequest *in,
                          Hallmark__V1__OpenResponse *out)
{
    struct call *call = call_of(rpc);
    if (call->session == NULL)
        return fail_quiet(ERR_PRECONDITION, "runs: only a connected station opens a run");
    AUTO(run_drop) struct run *run = NULL;
    TRY(run_new(call->session, &run));
    AUTO(opening_drop)
    struct opening o = { .call = call, .run = run, .in = in, .out = out };
    TRY(prepare(call, run, in));
    TRY(call_change(call, open_unit, &o, &out->base));
    if (call->replayed)
        return ERR_OK;
    if (o.opened.committed) {
        if (o.opened.superseded)
            run_end_of_id(call->server, o.opened.superseded_run, ERR_ABORTED, RUN_SUPERSEDED,
                          false);
        return ERR_OK;
    }
    run->supersedes = o.opened.superseded;
    memcpy(run->superseded_run, o.opened.superseded_run, RUN_ID_SIZE);
    run->order = o.order;
    o.order = (struct order){ 0 };
    call->opened = TAKE(run);
    return ERR_OK;
}

/* --- Images. ------------------------------------------------------------------------------ */

struct fetching {
    struct call *call;
    const Hallmark__V1__FetchImageRequest *in;
    Hallmark__V1__FetchImageResponse *out;
};

static enum err fetch_named(struct store_tx *tx, struct fetching *f, const struct order *order)
{
    struct span named = span_in(&f->in->sha256);
    struct image image = { 0 };
    if (!span_eq(named, SPAN(order->devauth_sha256)) &&
        !span_eq(named, SPAN(order->firmware_sha256)))
        return fail_quiet(ERR_DENIED, "order %s names no such image", order->name);
    TRY(image_get(tx, named.ptr, &image));
    size_t size = image.bytes.len, offset = f->in->offset;
    enum err e = offset <= size ? ERR_OK
                                : fail_quiet(ERR_RANGE, "offset %zu in an image of %zu bytes",
                                             offset, size);
    f->out->size = (uint32_t)size;
    if (e == ERR_OK)
        e = rpc_bytes(&f->call->rpc, &f->out->chunk,
                      span_of(image.bytes.ptr + offset,
                              size - offset < CHUNK_MAX ? size - offset : CHUNK_MAX));
    image_free(&image);
    return e;
}

/* The order of a unit that this station made. */
static enum err order_of_unit(struct store_tx *tx, const struct fetching *f,
                              struct order *order)
{
    struct unit unit;
    enum err e = f->in->uid.len == UID_SIZE
                     ? unit_get(tx, f->in->uid.data, &unit)
                     : fail_quiet(ERR_INVALID,
                                  "neither metadata run-bin nor a UID of "
                                  "%d bytes",
                                  UID_SIZE);
    if (e == ERR_NOT_FOUND ||
        (e == ERR_OK && strcmp(unit.station, f->call->principal->name) != 0))
        return fail_quiet(ERR_NOT_FOUND, "no such unit of %s", f->call->principal->uri);
    TRY(e);
    return order_get(tx, unit.order, order);
}

static enum err fetch(struct store_tx *tx, void *context)
{
    struct fetching *f = context;
    struct order order = { 0 };
    if (f->call->run != NULL)
        return fetch_named(tx, f, &f->call->run->order);
    TRY(order_of_unit(tx, f, &order));
    enum err e = fetch_named(tx, f, &order);
    order_free(&order);
    return e;
}

static enum err runs_fetch_image(struct rpc_call *rpc,
                                 const Hallmark__V1__FetchImageRequest *in,
                                 Hallmark__V1__FetchImageResponse *out)
{
    struct fetching f = { call_of(rpc), in, out };
    return call_read(f.call, fetch, &f);
}

static enum err runs_report(struct rpc_call *rpc, const Hallmark__V1__ReportRequest *in,
                            Hallmark__V1__ReportResponse *out)
{
    (void)out;
    return run_reports(call_of(rpc)->run, in->reports, in->n_reports, rpc->deadline_ms);
}

RPC_HANDLER(runs, Runs, open, Open, Open)
RPC_HANDLER(runs, Runs, fetch_image, FetchImage, FetchImage)
RPC_HANDLER(runs, Runs, report, Report, Report)
RPC_HANDLER(runs, Runs, finish, Finish, Finish)
RPC_HANDLER(runs, Runs, commit, Commit, UnitCommit)
RPC_HANDLER(runs, Runs, booted, Booted, UnitBooted)
RPC_HANDLER(runs, Runs, locked, Locked, UnitLocked)
RPC_HANDLER(runs, Runs, sealed, Sealed, UnitSealed)

Hallmark__V1__Runs_Service runs_service = HALLMARK__V1__RUNS__INIT(runs__);
