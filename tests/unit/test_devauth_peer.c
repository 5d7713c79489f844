/* SPDX-License-Identifier: MIT */
/* The wire: slots, frames, the board's own calls, bulk. */
#include "tests/unit/test_devauth_peer.h"

#include "common/core/crc32.h"
#include "common/core/sign.h"
#include "common/host/own.h"
#include "hallmark/v1/frame.pb-c.h"
#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { TURNS_MAX = 200000 };

static uint32_t get_word(const struct peer *p, size_t offset)
{
    uint32_t word;
    p->io.read(p->io.context, offset, &word, sizeof(word));
    return word;
}

static void put_word(const struct peer *p, size_t offset, uint32_t word)
{
    p->io.write(p->io.context, offset, &word, sizeof(word));
}

#define DOWN(field) (offsetof(struct mailbox, down) + offsetof(struct mailbox_down, field))
#define UP(field)   (offsetof(struct mailbox, up) + offsetof(struct mailbox_up, field))

void peer_put_frame(struct peer *p, struct span frame, uint32_t length, uint32_t crc,
                    uint32_t sequence)
{
    uint32_t used = ((uint32_t)frame.len + 3) & ~3u;
    p->io.write(p->io.context, DOWN(payload) + MAILBOX_DOWN_MAX - used, frame.ptr, frame.len);
    put_word(p, DOWN(length), length);
    put_word(p, DOWN(crc), crc);
    put_word(p, DOWN(up_ack), p->up);
    put_word(p, DOWN(sequence), sequence);
}

static void wait_room(const struct peer *p)
{
    for (unsigned i = 0; get_word(p, UP(down_ack)) != p->down; i++) {
        assert_true(i < TURNS_MAX);
        assert_true(p->io.turn(p->io.context));
    }
}

static void send_frame(struct peer *p, const Hallmark__V1__Frame *frame)
{
    uint8_t bytes[FRAME_MAX];
    assert_true(hallmark__v1__frame__get_packed_size(frame) <= MAILBOX_DOWN_MAX);
    size_t len = hallmark__v1__frame__pack(frame, bytes);
    wait_room(p);
    struct span all = span_of(bytes, len);
    peer_put_frame(p, all, (uint32_t)len, crc32_of(all), ++p->down);
}

void peer_request_frame(struct buf *out, uint32_t stream, const char *method,
                        struct span payload)
{
    uint8_t run_id[RUN_ID_SIZE] = { 1 };
    Hallmark__V1__Metadata run = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata *metadata[] = { &run };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    char name[80];
    int name_len = snprintf(name, sizeof(name), "hallmark.v1.%s", method);
    assert_in_range(name_len, 0, sizeof(name) - 1);
    run.key = (char *)(uintptr_t) "run-bin"; /* what the board must step over */
    run.value = (ProtobufCBinaryData){ sizeof(run_id), run_id };
    request.stream = stream;
    request.method = name;
    request.n_metadata = 1;
    request.metadata = metadata;
    request.end_stream = true;
    request.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    frame.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    frame.request = &request;
    assert_int_equal(buf_resize(out, hallmark__v1__frame__get_packed_size(&frame)), ERR_OK);
    hallmark__v1__frame__pack(&frame, out->ptr);
}

static void chain(struct peer *p, unsigned arrow, struct span request, struct span response)
{
    uint8_t in[SHA256_SIZE], out[SHA256_SIZE], bytes[200];
    if (arrow <= p->chained)
        return; /* each once */
    assert_int_equal(EVP_Digest(request.ptr, request.len, in, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_Digest(response.ptr, response.len, out, NULL, EVP_sha256(), NULL), 1);
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_transcript(&w, SPAN(p->transcript), (uint8_t)arrow, SPAN(in), SPAN(out));
    assert_int_equal(EVP_Digest(bytes, w.len, p->transcript, NULL, EVP_sha256(), NULL), 1);
    p->chained = (uint8_t)arrow;
}

/* The arrow of a method that passes the mailbox; 0: none. */
static unsigned arrow_of(const char *method)
{
    static const struct {
        const char *method;
        unsigned arrow;
    } rows[] = {
        { "Host/Hello", 7 },
        { "Target/GenerateAuthKey", 8 },
        { "Target/DeriveAuthPublicKey", 9 },
        { "Target/PutCertificationRequestInfo", 10 },
        { "Target/SignCertificationRequestInfo", 11 },
        { "Host/PutSignature", 12 },
        { "Target/ProgramDeviceCertificate", 16 },
        { "Target/BurnRotpk", 20 },
        { "Target/BurnFirmware", 24 },
        { "Target/EnableSecureLock", 25 },
        { "Target/GenerateAgreementKey", 26 },
        { "Target/DeriveAgreementPublicKey", 27 },
        { "Target/PutServerPublicKey", 30 },
        { "KeyAgreement/PutTargetPublicKey", 31 },
        { "Target/DeriveSharedKey", 32 },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(method, rows[i].method) == 0)
            return rows[i].arrow;
    return 0;
}

static size_t answer_hello(struct peer *p, struct span payload, uint8_t *out)
{
    Hallmark__V1__HelloResponse response = HALLMARK__V1__HELLO_RESPONSE__INIT;
    if (p->hello != NULL)
        hallmark__v1__hello_request__free_unpacked(p->hello, NULL);
    p->hello = hallmark__v1__hello_request__unpack(NULL, payload.len, payload.ptr);
    assert_non_null(p->hello);
    assert_int_equal(p->hello->uid.len, UID_SIZE);
    assert_int_equal(p->hello->nonce.len, NONCE_SIZE);
    memcpy(p->uid, p->hello->uid.data, UID_SIZE);
    memcpy(p->board_nonce, p->hello->nonce.data, NONCE_SIZE);
    if (p->no_run)
        memset(p->run_id, 0, sizeof(p->run_id));
    response.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, p->devauth_sha256 };
    response.run_id = (ProtobufCBinaryData){ RUN_ID_SIZE, p->run_id };
    response.server_nonce = (ProtobufCBinaryData){ NONCE_SIZE, p->server_nonce };
    return hallmark__v1__hello_response__pack(&response, out);
}

static void take_signature(struct peer *p, struct span payload)
{
    Hallmark__V1__PutSignatureRequest *m =
        hallmark__v1__put_signature_request__unpack(NULL, payload.len, payload.ptr);
    assert_non_null(m);
    assert_int_equal(m->signature.len, P256_SIGNATURE_SIZE);
    memcpy(p->signature, m->signature.data, P256_SIGNATURE_SIZE);
    hallmark__v1__put_signature_request__free_unpacked(m, NULL);
}

/* What the board calls by itself is answered at once. */
static void serve(struct peer *p, const Hallmark__V1__FrameRequest *request)
{
    uint8_t payload[PEER_ANSWER_MAX];
    size_t len = 0;
    struct span in = span_of(request->payload.data, request->payload.len);
    assert_int_equal(request->stream % 2, 0);
    assert_true(request->end_stream);
    assert_int_equal(strncmp(request->method, "hallmark.v1.", 12), 0);
    unsigned arrow = arrow_of(request->method + 12);
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (p->refuse_board_calls == 0) {
        if (arrow == 7)
            len = answer_hello(p, in, payload);
        else if (arrow == 12)
            take_signature(p, in);
        else
            assert_int_equal(arrow, 31);
        chain(p, arrow, in, span_of(payload, len));
    }
    p->board_calls++;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    response.stream = request->stream;
    response.status = p->refuse_board_calls;
    response.payload = (ProtobufCBinaryData){ len, payload };
    frame.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    frame.response = &response;
    send_frame(p, &frame);
}

static void take_response(struct peer *p, const Hallmark__V1__FrameResponse *response)
{
    assert_true(response->payload.len <= sizeof(p->answer));
    if (response->payload.len != 0)
        memcpy(p->answer, response->payload.data, response->payload.len);
    p->answer_len = response->payload.len;
    p->status = response->status;
    p->code = response->code;
}

/* Takes what lies in the up slot; true if it is the answer on this stream. */
static bool take(struct peer *p, uint32_t stream)
{
    uint8_t bytes[MAILBOX_UP_MAX];
    if (get_word(p, UP(sequence)) == p->up)
        return false;
    assert_int_equal(get_word(p, UP(sequence)), p->up + 1);
    uint32_t len = get_word(p, UP(length));
    assert_in_range(len, 1, MAILBOX_UP_MAX);
    p->io.read(p->io.context, UP(payload), bytes, len);
    assert_int_equal(get_word(p, UP(crc)), crc32_of(span_of(bytes, len)));
    p->up++;
    put_word(p, DOWN(up_ack), p->up);
    Hallmark__V1__Frame *frame = hallmark__v1__frame__unpack(NULL, len, bytes);
    assert_non_null(frame);
    bool answered = false;
    if (frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST) {
        serve(p, frame->request);
    } else {
        assert_int_equal(frame->kind_case, HALLMARK__V1__FRAME__KIND_RESPONSE);
        answered = frame->response->stream == stream;
        if (answered)
            take_response(p, frame->response);
    }
    hallmark__v1__frame__free_unpacked(frame, NULL);
    return answered;
}

uint32_t peer_await(struct peer *p, uint32_t stream)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        if (take(p, stream))
            return p->code != 0 ? p->code : p->status;
        peer_feed(p);
        if (!p->io.turn(p->io.context))
            return PEER_DEAD;
    }
    fail_msg("no answer on stream %u", stream);
    return 0;
}

uint32_t peer_call_raw(struct peer *p, const char *method, struct span payload)
{
    AUTO(buf_free) struct buf frame = { 0 };
    assert_true(payload.len <= sizeof(p->request));
    if (payload.len != 0)
        memmove(p->request, payload.ptr, payload.len);
    p->request_len = payload.len;
    p->stream += 2;
    peer_request_frame(&frame, p->stream, method, payload);
    struct span all = buf_span(&frame);
    wait_room(p);
    peer_put_frame(p, all, (uint32_t)all.len, crc32_of(all), ++p->down);
    uint32_t result = peer_await(p, p->stream);
    if (result == 0 && arrow_of(method) != 0)
        chain(p, arrow_of(method), payload, span_of(p->answer, p->answer_len));
    return result;
}

void peer_let_board_call(struct peer *p, unsigned count)
{
    for (unsigned i = 0; p->board_calls < count; i++) {
        assert_true(i < TURNS_MAX);
        take(p, 0);
        assert_true(p->io.turn(p->io.context));
    }
}

uint32_t peer_call(struct peer *p, const char *method, const ProtobufCMessage *request)
{
    uint8_t payload[FRAME_MAX];
    size_t len = 0;
    if (request != NULL) {
        assert_true(protobuf_c_message_get_packed_size(request) <= sizeof(payload));
        len = protobuf_c_message_pack(request, payload);
    }
    return peer_call_raw(p, method, span_of(payload, len));
}

void peer_put_chunk(struct peer *p, uint32_t number, uint32_t offset, struct span bytes,
                    uint32_t crc_error)
{
    size_t at = offsetof(struct mailbox, bulk) +
                (number - 1) % MAILBOX_BULK_COUNT * sizeof(struct mailbox_bulk);
    size_t stored = bytes.len < MAILBOX_BULK_MAX ? bytes.len : MAILBOX_BULK_MAX;
    p->io.write(p->io.context, at, bytes.ptr, stored);
    put_word(p, at + offsetof(struct mailbox_bulk, length), (uint32_t)bytes.len);
    put_word(p, at + offsetof(struct mailbox_bulk, offset), offset);
    put_word(p, at + offsetof(struct mailbox_bulk, crc), crc32_of(bytes) ^ crc_error);
    put_word(p, at + offsetof(struct mailbox_bulk, sequence), number);
}

void peer_feed(struct peer *p)
{
    uint32_t done = get_word(p, UP(bulk_done));
    if (!p->feeding || p->fed >= p->image_len || p->chunk - done >= MAILBOX_BULK_COUNT)
        return;
    uint32_t left = p->image_len - p->fed;
    uint32_t len = left < MAILBOX_BULK_MAX ? left : MAILBOX_BULK_MAX;
    peer_put_chunk(p, ++p->chunk, p->fed, span_of(p->image + p->fed, len), 0);
    p->fed += len;
}
