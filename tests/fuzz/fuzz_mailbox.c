/* SPDX-License-Identifier: MIT */
/* The board's end of the mailbox: a hostile agent writes frames, chunks and words where it may
 * write, in any order, and DevAuth takes its turns between. It never dies, never writes outside
 * of its own part, and still answers a good frame in the end. */
#include <string.h>

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/closing.pb-c.h"
#include "target-fw/devauth/devauth.h"
#include "target-fw/port/host/host.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

enum { ACTS_MAX = 64, TURNS = 4 };

static struct mailbox box;
static struct devauth devauth;
static uint32_t sequence;

static const char *const methods[] = {
    "hallmark.v1.Target/GenerateAuthKey",
    "hallmark.v1.Target/DeriveAuthPublicKey",
    "hallmark.v1.Target/PutCertificationRequestInfo",
    "hallmark.v1.Target/SignCertificationRequestInfo",
    "hallmark.v1.Target/ProgramDeviceCertificate",
    "hallmark.v1.Target/BurnRotpk",
    "hallmark.v1.Target/BurnFirmware",
    "hallmark.v1.Target/EnableSecureLock",
    "hallmark.v1.Target/GenerateAgreementKey",
    "hallmark.v1.Target/PutServerPublicKey",
    "hallmark.v1.Target/DeriveSharedKey",
    "hallmark.v1.Closing/SignReceipt",
    "hallmark.v1.Closing/Commit",
    "hallmark.v1.Closing/Lock",
};

static void turns(void)
{
    for (int i = 0; i < TURNS; i++)
        (void)devauth_step(&devauth);
    FUZZ_CHECK(box.magic == MAILBOX_MAGIC && box.up.length <= MAILBOX_UP_MAX);
    box.down.up_ack = box.up.sequence; /* whatever it says is taken */
}

/* A frame with a right length, CRC and sequence; what it says is another matter. */
static void put_frame(struct span bytes)
{
    if (bytes.len == 0 || bytes.len > MAILBOX_DOWN_MAX)
        return;
    size_t used = (bytes.len + 3) & ~(size_t)3;
    memcpy(box.down.payload + MAILBOX_DOWN_MAX - used, bytes.ptr, bytes.len);
    box.down.length = (uint32_t)bytes.len;
    box.down.crc = crc32_of(bytes);
    box.down.sequence = sequence = box.up.down_ack + 1;
    turns();
}

static void put_request(struct rd *r)
{
    AUTO(buf_free) struct buf out = { 0 };
    const char *method = methods[rd_u8(r) % COUNT(methods)];
    uint32_t stream = rd_u8(r);
    frames_request(&out, stream, method, rd_take(r, rd_u16le(r)), true);
    put_frame(buf_span(&out));
}

/* The answer to what the board itself called: Hello, PutSignature and the like. */
static void put_answer(struct rd *r)
{
    AUTO(buf_free) struct buf out = { 0 };
    uint32_t stream = rd_u8(r), status = rd_u8(r);
    frames_response(&out, stream, status, rd_take(r, rd_u8(r)));
    put_frame(buf_span(&out));
}

static void put_chunk(struct rd *r)
{
    struct mailbox_bulk *chunk = &box.bulk[rd_u8(r) % MAILBOX_BULK_COUNT];
    chunk->length = rd_u16le(r);
    chunk->offset = rd_u32le(r);
    chunk->crc =
        chunk->length <= MAILBOX_BULK_MAX ? crc32_of(span_of(chunk->data, chunk->length)) : 0;
    chunk->sequence = box.up.bulk_done + 1 + rd_u8(r) % 3;
    turns();
}

/* Any bytes anywhere in what the agent may write: the down slot and the bulk buffers. */
static void put_bytes(struct rd *r)
{
    size_t from = offsetof(struct mailbox, down), room = sizeof(box) - from;
    size_t at = rd_u16le(r) % room;
    struct span bytes = rd_take(r, rd_u8(r));
    if (bytes.len != 0 && bytes.len <= room - at)
        memcpy((uint8_t *)&box + from + at, bytes.ptr, bytes.len);
    turns();
}

/* Arrow 24 waits for its chunks; an agent that sends none is waited for only so long. */
static unsigned waits;
static void on_wait(void *context)
{
    (void)context;
    if (++waits > 100)
        box.down.sequence = box.up.down_ack + 1;
}

static void raw_frame(struct rd *r)
{
    put_frame(rd_take(r, rd_u8(r)));
}

static void reset(struct rd *r)
{
    (void)r;
    host_reset();
    devauth_start(&devauth, &box);
    turns();
}

static void (*const acts[])(struct rd *r) = {
    put_request, put_answer, raw_frame, put_bytes, put_chunk, reset,
};

void fuzz_one(struct span input)
{
    struct rd r = rd_of(input);
    memset(&box, 0, sizeof(box));
    host_blank();
    host_chip.wait = on_wait;
    waits = 0;
    devauth_start(&devauth, &box);
    turns();
    for (int i = 0; i < ACTS_MAX && r.rest.len != 0; i++)
        acts[rd_u8(&r) % COUNT(acts)](&r);
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

enum { REQUEST, ANSWER, RAW, BYTES, CHUNK, RESET };

/* A HelloResponse: a run id of 16 bytes, a nonce of 32. */
#define HELLO                                                                                  \
    ANSWER, 2, 0, 52, 0x0a, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x12,   \
        32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9,  \
        10, 11, 12, 13, 14, 15, 16

/* Run id 0: no run, and Closing.Lock only. */
#define HELLO_NO_RUN ANSWER, 2, 0, 18, 0x0a, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

enum { METHOD_COMMIT = 12, METHOD_LOCK = 13, SEED_MAX = 1500 };

/* What stands before, then one request of that method. */
static void seed_request(fuzz_put *put, void *context, const char *name, struct span before,
                         uint8_t method, const ProtobufCMessage *message)
{
    uint8_t bytes[SEED_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    AUTO(buf_free) struct buf payload = { 0 };
    FUZZ_CHECK(rpc_pack(message, &payload) == ERR_OK);
    wr_span(&w, before);
    const uint8_t head[] = { REQUEST, method, 1, (uint8_t)payload.len,
                             (uint8_t)(payload.len >> 8) };
    wr_span(&w, SPAN(head));
    wr_span(&w, buf_span(&payload));
    FUZZ_CHECK(wr_end(&w) == ERR_OK);
    put(context, name, wr_done(&w));
}

static void seed_lock(fuzz_put *put, void *context)
{
    static const uint8_t no_run[] = { HELLO_NO_RUN }, run[] = { HELLO };
    static uint8_t bytes[65] = { 4, 1, 2 };
    const ProtobufCBinaryData id = { 16, bytes }, uid = { 12, bytes }, digest = { 32, bytes },
                              signature = { 64, bytes }, point = { 65, bytes };
    Hallmark__V1__CommitStatement commit = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    commit.run_id = commit.kcv = id;
    commit.uid = uid;
    commit.slot = 3;
    commit.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    commit.receipt_sha256 = digest;
    commit.signature = signature;
    Hallmark__V1__Receipt receipt = HALLMARK__V1__RECEIPT__INIT;
    receipt.run_id = id;
    receipt.uid = uid;
    receipt.auth_public_key = point;
    receipt.device_certificate_sha256 = receipt.web_server_certificate_sha256 =
        receipt.rotpk_sha256 = receipt.firmware_sha256 = receipt.transcript_sha256 =
            receipt.server_nonce = receipt.devauth_sha256 = digest;
    receipt.lock_level = commit.lock_level;
    receipt.signature = signature;
    Hallmark__V1__LockRequest lock = HALLMARK__V1__LOCK_REQUEST__INIT;
    lock.statement = &commit;
    lock.receipt = &receipt;
    lock.rotpk = signature;
    lock.lock_tag = id;
    seed_request(put, context, "lock", SPAN(no_run), METHOD_LOCK, &lock.base);
    seed_request(put, context, "lock-in-a-run", SPAN(run), METHOD_LOCK, &lock.base);
    lock.receipt = NULL;
    seed_request(put, context, "lock-without-receipt", SPAN(no_run), METHOD_LOCK, &lock.base);
    Hallmark__V1__CommitRequest write = HALLMARK__V1__COMMIT_REQUEST__INIT;
    write.confirmation_tag = id;
    write.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    seed_request(put, context, "commit", SPAN(run), METHOD_COMMIT, &write.base);
    seed_request(put, context, "commit-without-run", SPAN(no_run), METHOD_COMMIT, &write.base);
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("hello", HELLO);
    SEED("keys", HELLO, REQUEST, 0, 1, 0, 0, REQUEST, 1, 3, 0, 0);
    SEED("sign-without-request", HELLO, REQUEST, 0, 1, 0, 0, REQUEST, 1, 3, 0, 0, REQUEST, 3, 5,
         0, 0);
    SEED("out-of-order", HELLO, REQUEST, 5, 1, 2, 0, 0x0a, 0);
    seed_lock(put, context);
    SEED("hello-refused", ANSWER, 2, 7, 0);
    SEED("not-a-frame", HELLO, RAW, 3, 0xff, 0xff, 0xff);
    SEED("words", BYTES, 0x80, 6, 16, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
    SEED("chunk", HELLO, CHUNK, 0, 0, 8, 0, 0, 0, 0, 0);
    SEED("reset", HELLO, REQUEST, 0, 1, 0, 0, RESET, HELLO, REQUEST, 0, 1, 0, 0);
}
