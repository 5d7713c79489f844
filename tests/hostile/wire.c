/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/rand.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/wire.h"

struct place_of_server server_place;
struct bench bench; /* server_board.c takes the images' digests from there */
static struct wire *latest; /* that called */

/* The arrow by which the server goes on after it has answered. */
static const struct {
    const char *method;
    unsigned arrow;
} follows[] = {
    { "hallmark.v1.Runs/Open", 3 },
    { "hallmark.v1.Ca/RequestCertificate", 15 },
    { "hallmark.v1.SecureBoot/RequestKey", 19 },
    { "hallmark.v1.SecureBoot/PutFirmware", 23 },
};

void wire_close(struct wire *wire)
{
    peer_free(TAKE(wire->peer));
    ws_close(&wire->ws);
}

static enum err flush_out(struct wire *wire)
{
    AUTO(buf_free) struct buf message = { 0 };
    while (peer_pull(wire->peer, &message))
        TRY(ws_send(&wire->ws, WS_BINARY, buf_span(&message)));
    return ERR_OK;
}

/* The server's call: to the board. */
static enum err serve(struct wire *wire, const struct peer_event *event)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    const Hallmark__V1__FrameRequest *q = event->frame->request;
    if (wire->party.board != NULL)
        board_pushed(wire->party.board, q->method, span_of(q->payload.data, q->payload.len));
    response.stream = event->stream;
    TRY(peer_respond(wire->peer, &response));
    return flush_out(wire);
}

/* What has come: an answer, if that is waited for. */
static enum err take_events(struct wire *wire, struct peer_event *answer_out, bool *any_out)
{
    for (;;) {
        AUTO(peer_event_free) struct peer_event event = { 0 };
        if (!peer_next_event(wire->peer, &event))
            return flush_out(wire);
        *any_out = true;
        if (event.kind == PEER_REQUEST)
            TRY(serve(wire, &event));
        if (event.kind != PEER_RESPONSE || answer_out == NULL)
            continue;
        *answer_out = event;
        event = (struct peer_event){ 0 };
        return ERR_OK;
    }
}

/* Until an answer has come, or, without answer_out, until anything has. */
static enum err next(struct wire *wire, struct peer_event *answer_out)
{
    for (;;) {
        AUTO(buf_free) struct buf message = { 0 };
        bool any = false;
        TRY(take_events(wire, answer_out, &any));
        if (answer_out == NULL ? any : answer_out->frame != NULL)
            return ERR_OK;
        TRY(ws_receive(&wire->ws, &message));
        TRY(peer_receive(wire->peer, buf_span(&message), rpc_now_ms()));
    }
}

enum err wire_open(struct wire *wire, const char *name)
{
    char ca[512], certificate[512], key[512];
    *wire = (struct wire){ .ws.fd = -1 };
    snprintf(ca, sizeof(ca), "%s/root.pem", server_place.folder);
    snprintf(certificate, sizeof(certificate), "%s/%s.pem", server_place.folder, name);
    snprintf(key, sizeof(key), "%s/%s.key", server_place.folder, name);
    const struct ws_target target = { server_place.host, server_place.port, ca, certificate,
                                      key, RPC_SUBPROTOCOL };
    wire->peer = peer_new(PEER_CLIENT, "hostile", rpc_now_ms());
    snprintf(wire->party.who.name, sizeof(wire->party.who.name), "%s", name);
    if (wire->peer == NULL)
        return fail(ERR_MEMORY, "wire: no memory");
    TRY(ws_open(&wire->ws, &target));
    return next(wire, NULL); /* its HELLO */
}

static enum err take_answer(const struct peer_event *event, struct buf *out)
{
    const Hallmark__V1__FrameResponse *r = event->frame->response;
    if (r->status != 0)
        return fail_quiet(err_from_wire(r->code, r->status), "%s", r->message);
    return out == NULL ? ERR_OK : buf_copy(out, span_of(r->payload.data, r->payload.len));
}

enum err wire_ask(struct wire *wire, Hallmark__V1__FrameRequest *request, struct buf *out)
{
    AUTO(peer_event_free) struct peer_event event = { 0 };
    TRY(peer_call(wire->peer, request, wire, rpc_now_ms()));
    TRY(next(wire, &event));
    return take_answer(&event, out);
}

unsigned wire_bytes(struct wire *wire, struct span bytes)
{
    if (ws_send(&wire->ws, WS_BINARY, bytes) != ERR_OK)
        return wire->ws.close_code;
    while (next(wire, NULL) == ERR_OK)
        continue;
    return wire->ws.close_code;
}

/* --- What server_board.c calls. ----------------------------------------------------------- */

enum { PARTS = 2 };

struct outgoing {
    Hallmark__V1__FrameRequest request;
    Hallmark__V1__Metadata metadata[PARTS];
    Hallmark__V1__Metadata *pointers[PARTS];
    struct buf payload, run, reports, key, method;
};

static void outgoing_drop(struct outgoing *o)
{
    buf_free(&o->payload);
    buf_free(&o->run);
    buf_free(&o->reports);
    buf_free(&o->key);
    buf_free(&o->method);
}

static ProtobufCBinaryData data_of(const struct buf *b)
{
    return (ProtobufCBinaryData){ b->len, b->ptr };
}

static void add_metadata(struct outgoing *o, const char *key, const struct buf *value)
{
    Hallmark__V1__Metadata *m = &o->metadata[o->request.n_metadata];
    if (value->len == 0)
        return;
    hallmark__v1__metadata__init(m);
    m->key = (char *)(uintptr_t)key;
    m->value = data_of(value);
    o->pointers[o->request.n_metadata++] = m;
}

static void tell(struct wire *wire, const char *method, struct outgoing *o)
{
    bool lies = hop_is(STATION, method, REQUEST) || hop_is(BOARD, method, REQUEST);
    hop(hop_is(BOARD, method, REQUEST) ? BOARD : STATION, method, REQUEST, &o->payload);
    if (lies && tongue.lie->signed_again)
        assert_int_equal(signed_again(wire->party.board, tongue.lie->method, &o->payload),
                         ERR_OK);
    if (o->run.len != 0)
        hop(STATION, method, RUN, &o->run);
    if (o->reports.len != 0 || hop_is(STATION, method, REPORTS))
        hop(hop_is(BOARD, method, REPORTS) ? BOARD : STATION, method, REPORTS, &o->reports);
    hop(STATION, method, KEY, &o->key);
    hop(STATION, method, METHOD, &o->method);
}

static void fill(struct wire *wire, const char *method, const struct asking *asking,
                 struct outgoing *o)
{
    uint8_t fresh[16];
    RAND_bytes(fresh, sizeof(fresh));
    assert_int_equal(buf_copy(&o->method, span_of(method, strlen(method))), ERR_OK);
    assert_int_equal(buf_copy(&o->run, asking->run_id), ERR_OK);
    assert_int_equal(buf_copy(&o->key, asking->key != NULL ? span_of(asking->key, 16)
                                                           : SPAN(fresh)),
                     ERR_OK);
    if (asking->reports != NULL)
        assert_int_equal(rpc_pack(&asking->reports->base, &o->reports), ERR_OK);
    tell(wire, method, o);
    assert_int_equal(buf_append(&o->method, span_of("", 1)), ERR_OK);
    memcpy(wire->last_key, o->key.ptr, o->key.len < 16 ? o->key.len : 16);
    hallmark__v1__frame_request__init(&o->request);
    o->request.metadata = o->pointers;
    o->request.method = (char *)o->method.ptr;
    o->request.end_stream = true;
    o->request.payload = data_of(&o->payload);
    o->request.idempotency_key = data_of(&o->key);
    add_metadata(o, "run-bin", &o->run);
    add_metadata(o, "reports-bin", &o->reports);
}

static void note_due(struct wire *wire, const char *method, const ProtobufCMessage *in)
{
    wire->due = 0;
    for (size_t i = 0; i < COUNT(follows); i++)
        if (strcmp(follows[i].method, method) == 0)
            wire->due = follows[i].arrow;
    if (strcmp(method, "hallmark.v1.Runs/Report") != 0)
        return;
    const Hallmark__V1__ReportRequest *reports = (const void *)in;
    if (reports->n_reports != 0 && reports->reports[reports->n_reports - 1]->arrow == 27)
        wire->due = 30;
}

static bool is_silent(const char *method)
{
    return (hop_is(STATION, method, REQUEST) || hop_is(BOARD, method, REQUEST)) &&
           tongue.lie->how == SILENT;
}

enum err party_call(struct party *p, const char *method, const ProtobufCMessage *in,
                    const struct asking *asking, const ProtobufCMessageDescriptor *type,
                    ProtobufCMessage **out)
{
    static const struct asking none;
    struct wire *wire = (struct wire *)p;
    struct board *board = p->board;
    AUTO(outgoing_drop) struct outgoing o = { 0 };
    AUTO(buf_free) struct buf answer = { 0 };
    assert_int_equal(rpc_pack(in, &o.payload), ERR_OK);
    fill(wire, method, asking == NULL ? &none : asking, &o);
    if (board != NULL)
        board->pushed = 0;
    latest = wire;
    wire->due = 0;
    if (is_silent(method))
        return ERR_OK;
    TRY(wire_ask(wire, &o.request, &answer));
    note_due(wire, method, in);
    return out == NULL ? ERR_OK : rpc_unpack(type, buf_span(&answer), out);
}

/* The server's call that follows the latest answer has come, or the run's end. */
void bench_settle_run(const uint8_t id[static RUN_ID_SIZE])
{
    struct wire *wire = latest;
    const struct board *board = wire->party.board;
    (void)id;
    while (wire->due != 0 && board->pushed != wire->due && board->ended == ERR_OK)
        if (next(wire, NULL) != ERR_OK)
            return;
    wire->due = 0;
}
