/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_site_fake.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/flow/flow.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/closing.pb-c.h"
#include "hallmark/v1/diagram.pb-c.h"
#include "hallmark/v1/frame.pb-c.h"
#include "station-agent/chip/chip.h"
#include "station-agent/link/link.h"
#include "station-agent/probe/probe.h"

enum { QUEUE_MAX = 4, PDID = 0x00235400 };

/* The board at a probe, its chip and its DevAuth. */
struct chip {
    bool faulty;
    uint8_t uid[UID_SIZE];
    EVP_PKEY *key;
    uint8_t cri_signature[P256_SIGNATURE_SIZE];
    uint32_t stream; /* of the board's last call */
    struct buf queue[QUEUE_MAX];
    size_t queued;
    uint32_t burn_stream;
    struct buf bulk;
};

struct link {
    struct chip *chip;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool has(const struct chip *chip, enum fault fault)
{
    return chip->faulty && scene.fault == fault;
}

enum err probe_open(const char *uri, unsigned reply_ms, struct probe **probe_out)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    must(probe != NULL);
    probe->reply_ms = reply_ms;
    probe->counts.packets = 7;
    snprintf(probe->name, sizeof(probe->name), "%s", uri);
    *probe_out = probe;
    return ERR_OK;
}

void probe_close(struct probe *probe)
{
    free(probe);
}

enum err chip_open(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    probe->counts.clock_hz = clock_hz;
    bool faulty = scene.faulty_probe == NULL || strcmp(scene.faulty_probe, probe->name) == 0;
    if (faulty && scene.fault == FAULT_LOCKED)
        return fail_quiet(ERR_LOCKED, "the debug port is locked");
    struct chip *chip = calloc(1, sizeof(*chip));
    must(chip != NULL);
    chip->faulty = faulty;
    chip->key = EVP_EC_gen("P-256");
    must(chip->key != NULL);
    memset(chip->uid, probe->name[strlen(probe->name) - 1], UID_SIZE);
    scene.boards_opened++;
    *chip_out = chip;
    return ERR_OK;
}

/* Locked is what such a board should be. */
enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    enum fault fault = scene.fault;
    scene.fault = FAULT_NONE;
    enum err e = chip_open(probe, clock_hz, chip_out);
    scene.fault = fault;
    return e;
}

void chip_close(struct chip *chip)
{
    if (chip == NULL)
        return;
    for (size_t i = 0; i < chip->queued; i++)
        buf_free(&chip->queue[i]);
    buf_free(&chip->bulk);
    EVP_PKEY_free(chip->key);
    free(chip);
    scene.boards_closed++;
}

struct mem *chip_mem(struct chip *chip)
{
    return (struct mem *)chip;
}

uint32_t chip_pdid(const struct chip *chip)
{
    (void)chip;
    return PDID;
}

enum err chip_prepare(struct chip *chip)
{
    (void)chip;
    return ERR_OK;
}

enum err chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE])
{
    memcpy(uid_out, chip->uid, UID_SIZE);
    return ERR_OK;
}

enum err chip_certificate_write(struct chip *chip, struct span certificate, struct span issuer,
                                unsigned *written_out)
{
    (void)chip;
    must(certificate.len != 0 && issuer.len != 0);
    *written_out = 2;
    return ERR_OK;
}

enum err chip_image_load(struct chip *chip, struct span image, struct devauth_image *header_out)
{
    (void)chip;
    *header_out = (struct devauth_image){
        .load_address = SRAM_BASE,
        .mailbox_address = SRAM_BASE + 0x4000,
        .image_size = (uint32_t)image.len,
    };
    return ERR_OK;
}

enum err chip_image_start(struct chip *chip, const struct devauth_image *header)
{
    (void)chip;
    must(header->mailbox_address == SRAM_BASE + 0x4000);
    return ERR_OK;
}

enum err chip_reset(struct chip *chip)
{
    (void)chip;
    scene.resets++;
    return ERR_OK;
}

enum err chip_debug_refused(struct chip *chip, bool *refused_out,
                            char detail[static CHIP_DETAIL_MAX])
{
    *refused_out =
        !has(chip, FAULT_DEBUG_OPEN) && (!has(chip, FAULT_DEBUG_REOPENS) || scene.resets == 0);
    if (has(chip, FAULT_DEBUG_MUTE))
        return fail_quiet(ERR_UNAVAILABLE, "cannot tell whether debug is refused");
    snprintf(detail, CHIP_DETAIL_MAX, "SRAM is %s", *refused_out ? "refused" : "readable");
    return ERR_OK;
}

static void put(struct chip *chip, Hallmark__V1__Frame *frame)
{
    must(chip->queued < QUEUE_MAX);
    must(rpc_pack(&frame->base, &chip->queue[chip->queued++]) == ERR_OK);
}

static void respond(struct chip *chip, uint32_t stream, enum err e, const ProtobufCMessage *out)
{
    struct buf payload = { 0 };
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (e == ERR_OK && out != NULL)
        must(rpc_pack(out, &payload) == ERR_OK);
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e > 16 ? (uint32_t)e : 0;
    response.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    frame.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    frame.response = &response;
    put(chip, &frame);
    buf_free(&payload);
}

static void call(struct chip *chip, const char *method, const ProtobufCMessage *in)
{
    char name[RPC_METHOD_MAX];
    struct buf payload = { 0 };
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    must(rpc_pack(in, &payload) == ERR_OK);
    snprintf(name, sizeof(name), "hallmark.v1.%s", method);
    chip->stream += 2;
    request.stream = chip->stream;
    request.method = name;
    request.end_stream = true;
    request.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    frame.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    frame.request = &request;
    put(chip, &frame);
    buf_free(&payload);
}

static void call_hello(struct chip *chip)
{
    uint8_t uid[UID_SIZE], nonce[NONCE_SIZE] = { 7 };
    char version[] = "1.2.3";
    Hallmark__V1__HelloRequest in = HALLMARK__V1__HELLO_REQUEST__INIT;
    memcpy(uid, chip->uid, UID_SIZE);
    uid[0] ^= has(chip, FAULT_UID) ? 1 : 0;
    in.version = version;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, uid };
    in.pdid = has(chip, FAULT_PDID) ? 1 : PDID;
    in.nonce = (ProtobufCBinaryData){ NONCE_SIZE, nonce };
    call(chip, "Host/Hello", &in.base);
}

static void call_put_signature(struct chip *chip)
{
    Hallmark__V1__PutSignatureRequest in = HALLMARK__V1__PUT_SIGNATURE_REQUEST__INIT;
    in.signature = (ProtobufCBinaryData){ P256_SIGNATURE_SIZE, chip->cri_signature };
    call(chip, "Host/PutSignature", &in.base);
}

static void call_put_target_key(struct chip *chip)
{
    uint8_t point[P256_POINT_SIZE] = { 4 }, signature[P256_SIGNATURE_SIZE] = { 1 };
    Hallmark__V1__PutTargetPublicKeyRequest in =
        HALLMARK__V1__PUT_TARGET_PUBLIC_KEY_REQUEST__INIT;
    in.public_key = (ProtobufCBinaryData){ sizeof(point), point };
    in.signature = (ProtobufCBinaryData){ sizeof(signature), signature };
    call(chip, "KeyAgreement/PutTargetPublicKey", &in.base);
}

enum err link_open(struct mem *mem, uint32_t mailbox_address, unsigned timeout_ms,
                   struct link **link_out)
{
    (void)mailbox_address;
    (void)timeout_ms;
    struct link *link = calloc(1, sizeof(*link));
    must(link != NULL);
    link->chip = (struct chip *)mem;
    if (has(link->chip, FAULT_BOARD_ORDER))
        call_put_signature(link->chip);
    if (has(link->chip, FAULT_BOARD_STRANGER)) {
        Hallmark__V1__GenerateCsrRequest in = HALLMARK__V1__GENERATE_CSR_REQUEST__INIT;
        call(link->chip, "Station/GenerateCsr", &in.base);
    }
    call_hello(link->chip);
    *link_out = link;
    return ERR_OK;
}

void link_close(struct link *link)
{
    free(link);
}

uint32_t link_boot_nonce(const struct link *link)
{
    (void)link;
    return 42;
}

/* r | s over the digest, by the board's key; or by one that is not its own. */
static void sign(struct chip *chip, struct span message)
{
    AUTO(buf_free) struct buf der = { 0 };
    EVP_PKEY *other = EVP_EC_gen("P-256");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = 80;
    must(buf_resize(&der, len) == ERR_OK);
    EVP_PKEY *key = has(chip, FAULT_BOARD_SIGNATURE) ? other : chip->key;
    must(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestSign(context, der.ptr, &len, message.ptr, message.len) == 1);
    const uint8_t *p = der.ptr;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)len);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(signature), chip->cri_signature, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), chip->cri_signature + 32, 32) == 32);
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(other);
}

static void public_point(struct chip *chip, uint8_t point[static P256_POINT_SIZE])
{
    size_t len = 0;
    must(EVP_PKEY_get_octet_string_param(chip->key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         P256_POINT_SIZE, &len) == 1 &&
         len == P256_POINT_SIZE);
    if (has(chip, FAULT_BOARD_POINT))
        point[1] ^= 1;
}

static void serve_receipt(struct chip *chip, uint32_t stream)
{
    Hallmark__V1__SignReceiptResponse out = HALLMARK__V1__SIGN_RECEIPT_RESPONSE__INIT;
    Hallmark__V1__Receipt receipt = HALLMARK__V1__RECEIPT__INIT;
    receipt.uid = (ProtobufCBinaryData){ UID_SIZE, chip->uid };
    out.receipt = &receipt;
    respond(chip, stream, ERR_OK, &out.base);
}

static void serve_device_certificate(struct chip *chip,
                                     const Hallmark__V1__FrameRequest *request)
{
    uint8_t digest[SHA256_SIZE];
    Hallmark__V1__ProgramDeviceCertificateResponse out =
        HALLMARK__V1__PROGRAM_DEVICE_CERTIFICATE_RESPONSE__INIT;
    Hallmark__V1__ProgramDeviceCertificateRequest *in =
        hallmark__v1__program_device_certificate_request__unpack(NULL, request->payload.len,
                                                                 request->payload.data);
    must(in != NULL);
    SHA256(in->certificate.data, in->certificate.len, digest);
    out.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
    respond(chip, request->stream, ERR_OK, &out.base);
    hallmark__v1__program_device_certificate_request__free_unpacked(in, NULL);
}

static void serve_sign(struct chip *chip, uint32_t stream)
{
    Hallmark__V1__SignCertificationRequestInfoResponse out =
        HALLMARK__V1__SIGN_CERTIFICATION_REQUEST_INFO_RESPONSE__INIT;
    sign(chip, buf_span(&chip->bulk)); /* where arrow 10 left the info */
    respond(chip, stream, ERR_OK, &out.base);
    call_put_signature(chip);
}

static void serve_cri(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    Hallmark__V1__PutCertificationRequestInfoRequest *in =
        hallmark__v1__put_certification_request_info_request__unpack(NULL, request->payload.len,
                                                                     request->payload.data);
    must(in != NULL);
    must(buf_copy(&chip->bulk, span_of(in->certification_request_info.data,
                                       in->certification_request_info.len)) == ERR_OK);
    hallmark__v1__put_certification_request_info_request__free_unpacked(in, NULL);
    respond(chip, request->stream, ERR_OK, NULL);
}

static void serve_point(struct chip *chip, uint32_t stream)
{
    uint8_t point[P256_POINT_SIZE];
    Hallmark__V1__DeriveAuthPublicKeyResponse out =
        HALLMARK__V1__DERIVE_AUTH_PUBLIC_KEY_RESPONSE__INIT;
    public_point(chip, point);
    out.public_key = (ProtobufCBinaryData){ sizeof(point), point };
    respond(chip, stream, ERR_OK, &out.base);
}

static void serve_rotpk(struct chip *chip, uint32_t stream)
{
    Hallmark__V1__BurnRotpkResponse out = HALLMARK__V1__BURN_ROTPK_RESPONSE__INIT;
    out.rotpk_slots = has(chip, FAULT_BOARD_HALF) ? 1 : 3;
    respond(chip, stream, has(chip, FAULT_BOARD_REFUSES) ? ERR_SIG : ERR_OK, &out.base);
}

static void serve_shared(struct chip *chip, uint32_t stream)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE] = { 9 };
    Hallmark__V1__DeriveSharedKeyResponse out = HALLMARK__V1__DERIVE_SHARED_KEY_RESPONSE__INIT;
    out.confirmation_tag = (ProtobufCBinaryData){ sizeof(tag), tag };
    respond(chip, stream, ERR_OK, &out.base);
}

static void serve_arrow(struct chip *chip, uint8_t arrow,
                        const Hallmark__V1__FrameRequest *request)
{
    switch (arrow) {
    case 9:
    case 27: /* the same kind of answer */
        if (arrow == 27 || !has(chip, FAULT_BOARD_SILENT))
            serve_point(chip, request->stream);
        break;
    case 10:
        serve_cri(chip, request);
        break;
    case 11:
        serve_sign(chip, request->stream);
        break;
    case 16:
        serve_device_certificate(chip, request);
        break;
    case 20:
        serve_rotpk(chip, request->stream);
        break;
    case 24:
        chip->burn_stream = request->stream;
        break;
    case 30:
        respond(chip, request->stream, ERR_OK, NULL);
        call_put_target_key(chip);
        break;
    case 32:
        serve_shared(chip, request->stream);
        break;
    default:
        respond(chip, request->stream, ERR_OK, NULL);
    }
}

static void serve(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    const struct flow_row *row = flow_row_of_method(request->method);
    must(request->stream % 2 == 1 && request->end_stream);
    if (row != NULL)
        serve_arrow(chip, row->arrow, request);
    else if (strcmp(request->method, "hallmark.v1.Closing/SignReceipt") == 0)
        serve_receipt(chip, request->stream);
    else
        respond(chip, request->stream, has(chip, FAULT_COMMIT) ? ERR_SIG : ERR_OK, NULL);
}

enum err link_send(struct link *link, struct span bytes, unsigned timeout_ms)
{
    (void)timeout_ms;
    Hallmark__V1__Frame *frame = hallmark__v1__frame__unpack(NULL, bytes.len, bytes.ptr);
    if (frame == NULL)
        abort();
    if (has(link->chip, FAULT_PROBE) && frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST &&
        strstr(frame->request->method, "ProgramDeviceCertificate") != NULL) {
        hallmark__v1__frame__free_unpacked(frame, NULL);
        return fail_quiet(ERR_CLOSED, "probe: unplugged");
    }
    if (frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST)
        serve(link->chip, frame->request);
    else if (frame->response->status != 0)
        scene.board_refusals++;
    hallmark__v1__frame__free_unpacked(frame, NULL);
    return ERR_OK;
}

enum err link_receive(struct link *link, struct buf *frame, unsigned timeout_ms)
{
    (void)timeout_ms;
    struct chip *chip = link->chip;
    if (chip->queued == 0)
        return ERR_DEADLINE;
    buf_free(frame);
    *frame = chip->queue[0];
    chip->queued--;
    memmove(&chip->queue[0], &chip->queue[1], chip->queued * sizeof(chip->queue[0]));
    chip->queue[chip->queued] = (struct buf){ 0 };
    return ERR_OK;
}

enum err link_exchange(struct link *link, struct span frame, struct buf *reply,
                       unsigned timeout_ms)
{
    TRY(link_send(link, frame, timeout_ms));
    return link_receive(link, reply, timeout_ms);
}

enum err link_bulk_begin(struct link *link)
{
    buf_free(&link->chip->bulk);
    return ERR_OK;
}

static void finish_burn(struct chip *chip)
{
    uint8_t digest[SHA256_SIZE];
    Hallmark__V1__BurnFirmwareResponse out = HALLMARK__V1__BURN_FIRMWARE_RESPONSE__INIT;
    SHA256(chip->bulk.ptr, chip->bulk.len, digest);
    digest[0] ^= has(chip, FAULT_BOARD_DIGEST) ? 1 : 0;
    out.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
    respond(chip, chip->burn_stream, ERR_OK, &out.base);
    scene.firmware_ok = true;
}

/* The firmware of test_site_fake_server.c ends in a short chunk. */
enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms)
{
    (void)timeout_ms;
    must(offset == link->chip->bulk.len);
    must(buf_append(&link->chip->bulk, chunk) == ERR_OK);
    if (chunk.len < MAILBOX_BULK_MAX)
        finish_burn(link->chip);
    return ERR_OK;
}
