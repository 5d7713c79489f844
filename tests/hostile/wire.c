/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/rand.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/wire.h"

struct place_of_server server_place;
struct bench bench;         /* server_board.c takes the images' digests from there */
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

static void said_free(struct said *said)
{
    buf_free(&said->method);
    buf_free(&said->payload);
    buf_free(&said->run);
    buf_free(&said->reports);
    buf_free(&said->key);
}

void wire_close(struct wire *wire)
{
    said_free(&wire->latest);
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

/* Does the call belong to the board's present run? RunControl.End of a run that a later Open
 * has superseded may come after that Open's answer, before arrow 3. */
static bool is_of_run(const struct board *board, const Hallmark__V1__FrameRequest *q)
{
    for (size_t i = 0; i < q->n_metadata; i++)
        if (strcmp(q->metadata[i]->key, "run-bin") == 0)
            return span_eq(span_of(q->metadata[i]->value.data, q->metadata[i]->value.len),
                           SPAN(board->run_id));
    return false;
}

/* The server's call: to the board. */
static enum err serve(struct wire *wire, const struct peer_event *event)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    const Hallmark__V1__FrameRequest *q = event->frame->request;
    if (wire->party.board != NULL && is_of_run(wire->party.board, q))
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
    const struct ws_target target = {
        server_place.host, server_place.port, ca, certificate, key, RPC_SUBPROTOCOL
    };
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

static ProtobufCBinaryData data_of(const struct buf *b)
{
    return (ProtobufCBinaryData){ b->len, b->ptr };
}

static enum err ask(struct wire *wire, const struct said *said, struct buf *out)
{
    static char names[PARTS][12] = { "run-bin", "reports-bin" };
    const struct buf *values[PARTS] = { &said->run, &said->reports };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    Hallmark__V1__Metadata metadata[PARTS], *pointers[PARTS];
    AUTO(peer_event_free) struct peer_event event = { 0 };
    for (size_t i = 0; i < PARTS; i++) {
        if (values[i]->len == 0)
            continue;
        hallmark__v1__metadata__init(&metadata[i]);
        metadata[i].key = names[i];
        metadata[i].value = data_of(values[i]);
        pointers[request.n_metadata++] = &metadata[i];
    }
    request.metadata = pointers;
    request.method = (char *)said->method.ptr;
    request.end_stream = true;
    request.payload = data_of(&said->payload);
    request.idempotency_key = data_of(&said->key);
    TRY(peer_call(wire->peer, &request, wire, rpc_now_ms()));
    TRY(next(wire, &event));
    return take_answer(&event, out);
}

static void fresh_key(struct buf *key)
{
    uint8_t fresh[16];
    RAND_bytes(fresh, sizeof(fresh));
    assert_int_equal(buf_copy(key, SPAN(fresh)), ERR_OK);
}

enum err wire_again(struct wire *wire, const struct said *said, bool same_key, struct buf *out)
{
    AUTO(buf_free) struct buf key = { 0 };
    struct said again = *said;
    fresh_key(&key);
    if (!same_key)
        again.key = key;
    return ask(wire, &again, out);
}

/* By whom this row lies here. */
static enum liar liar_of(const char *method, enum part part)
{
    return hop_is(BOARD, method, part) ? BOARD : STATION;
}

static void tell(struct wire *wire, const char *method, struct said *said)
{
    enum liar who = liar_of(method, REQUEST);
    hop(who, method, REQUEST, &said->payload);
    if (hop_is(who, method, REQUEST) && tongue.lie->signed_again)
        assert_int_equal(signed_again(wire->party.board, tongue.lie->method, &said->payload),
                         ERR_OK);
    hop(STATION, method, RUN, &said->run);
    hop(liar_of(method, REPORTS), method, REPORTS, &said->reports);
    hop(STATION, method, KEY, &said->key);
    hop(STATION, method, METHOD, &said->method);
}

static void say(struct wire *wire, const char *method, const ProtobufCMessage *in,
                const struct asking *asking)
{
    struct said *said = &wire->latest;
    said_free(said);
    assert_int_equal(rpc_pack(in, &said->payload), ERR_OK);
    assert_int_equal(buf_copy(&said->method, span_of(method, strlen(method))), ERR_OK);
    assert_int_equal(buf_copy(&said->run, asking->run_id), ERR_OK);
    fresh_key(&said->key);
    if (asking->key != NULL)
        assert_int_equal(buf_copy(&said->key, span_of(asking->key, 16)), ERR_OK);
    if (asking->reports != NULL)
        assert_int_equal(rpc_pack(&asking->reports->base, &said->reports), ERR_OK);
    tell(wire, method, said);
    assert_int_equal(buf_append(&said->method, span_of("", 1)), ERR_OK);
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
    AUTO(buf_free) struct buf answer = { 0 };
    say(wire, method, in, asking == NULL ? &none : asking);
    if (board != NULL)
        board->pushed = 0;
    latest = wire;
    wire->due = 0;
    if (is_silent(method))
        return ERR_OK;
    TRY(ask(wire, &wire->latest, &answer));
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
