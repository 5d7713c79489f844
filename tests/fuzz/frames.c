/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/frames.h"

#include "common/rpc/limits.h"
#include "tests/fuzz/fuzz.h"

static char text[] = "fuzz";

static void encode(struct buf *out, const frame *f)
{
    buf_free(out);
    FUZZ_CHECK(buf_resize(out, hallmark__v1__frame__get_packed_size(f)) == ERR_OK);
    hallmark__v1__frame__pack(f, out->ptr);
}

static ProtobufCBinaryData lend(struct span bytes)
{
    return (ProtobufCBinaryData){ bytes.len, (uint8_t *)(uintptr_t)bytes.ptr };
}

void frames_hello(struct buf *out, uint32_t credit_messages, uint32_t credit_bytes,
                  uint32_t connection_credit_bytes)
{
    Hallmark__V1__FrameHello hello = HALLMARK__V1__FRAME_HELLO__INIT;
    hello.version = RPC_VERSION;
    hello.software = text;
    hello.max_message = RPC_MESSAGE_MAX;
    hello.max_streams = RPC_STREAMS_MAX;
    hello.features = RPC_FEATURE_STREAMING;
    hello.credit_messages = credit_messages;
    hello.credit_bytes = credit_bytes;
    hello.connection_credit_bytes = connection_credit_bytes;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_HELLO;
    f.hello = &hello;
    encode(out, &f);
}

void frames_request(struct buf *out, uint32_t stream, const char *method, struct span payload,
                    bool end)
{
    static char key[] = "run-bin";
    static uint8_t run[16];
    Hallmark__V1__Metadata entry = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata *metadata[] = { &entry };
    entry.key = key;
    entry.value = (ProtobufCBinaryData){ sizeof(run), run };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.stream = stream;
    request.method = (char *)(uintptr_t)method;
    request.timeout_ms = 1000;
    request.n_metadata = 1;
    request.metadata = metadata;
    request.idempotency_key = (ProtobufCBinaryData){ sizeof(run), run };
    request.payload = lend(payload);
    request.end_stream = end;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    f.request = &request;
    encode(out, &f);
}

void frames_data(struct buf *out, uint32_t stream, uint32_t sequence, struct span payload,
                 bool end)
{
    Hallmark__V1__FrameData data = HALLMARK__V1__FRAME_DATA__INIT;
    data.stream = stream;
    data.sequence = sequence;
    data.payload = lend(payload);
    data.end_stream = end;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_DATA;
    f.data = &data;
    encode(out, &f);
}

void frames_response(struct buf *out, uint32_t stream, uint32_t status, struct span payload)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = stream;
    response.status = status;
    response.message = text;
    response.payload = lend(payload);
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    f.response = &response;
    encode(out, &f);
}

void frames_cancel(struct buf *out, uint32_t stream)
{
    Hallmark__V1__FrameCancel cancel = HALLMARK__V1__FRAME_CANCEL__INIT;
    cancel.stream = stream;
    cancel.reason = text;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_CANCEL;
    f.cancel = &cancel;
    encode(out, &f);
}

void frames_credit(struct buf *out, uint32_t stream, uint32_t messages, uint32_t bytes)
{
    Hallmark__V1__FrameCredit credit = HALLMARK__V1__FRAME_CREDIT__INIT;
    credit.stream = stream;
    credit.messages = messages;
    credit.bytes = bytes;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_CREDIT;
    f.credit = &credit;
    encode(out, &f);
}

void frames_go_away(struct buf *out)
{
    Hallmark__V1__FrameGoAway away = HALLMARK__V1__FRAME_GO_AWAY__INIT;
    away.reason = text;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_GO_AWAY;
    f.go_away = &away;
    encode(out, &f);
}
