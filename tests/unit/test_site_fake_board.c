/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_site_fake.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    uint32_t hello;  /* the stream of Host.Hello */
    bool has_run;
    uint8_t devauth[SHA256_SIZE];
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

static struct fake_unit *board_of(const struct chip *chip)
{
    return scene_unit(chip->uid);
}

static enum err open_chip(struct probe *probe, uint32_t clock_hz, bool shut_is_fine,
                          struct chip **chip_out)
{
    probe->counts.clock_hz = clock_hz;
    bool faulty = scene.faulty_probe == NULL || strcmp(scene.faulty_probe, probe->name) == 0;
    struct chip *chip = calloc(1, sizeof(*chip));
    must(chip != NULL);
    memset(chip->uid, probe->name[strlen(probe->name) - 1], UID_SIZE);
    if (!shut_is_fine && ((faulty && scene.fault == FAULT_LOCKED) || board_of(chip)->shut)) {
        free(chip);
        return fail_quiet(ERR_LOCKED, "the debug port is locked");
    }
    chip->faulty = faulty;
    chip->key = EVP_EC_gen("P-256");
    must(chip->key != NULL);
    scene.boards_opened++;
    *chip_out = chip;
    return ERR_OK;
}

enum err chip_open(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    return open_chip(probe, clock_hz, false, chip_out);
}

enum err chip_open_under_reset(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    scene.opened_under_reset++;
    return open_chip(probe, clock_hz, false, chip_out);
}

enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    return open_chip(probe, clock_hz, true, chip_out);
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

enum err chip_check(struct chip *chip)
{
    return has(chip, FAULT_PASSWORD)
               ? fail_quiet(ERR_MISMATCH, "a debug password was set 1 times, 0 is wanted")
               : ERR_OK;
}

enum err chip_certificate_write(struct chip *chip, struct span certificate, struct span issuer,
                                unsigned *written_out)
{
    (void)chip;
    must(certificate.len != 0 && issuer.len != 0);
    *written_out = 2;
    return ERR_OK;
}

void chip_image_ahead(struct chip *chip, struct span image)
{
    (void)chip, (void)image;
}

enum err chip_image_load(struct chip *chip, struct span image, struct devauth_image *header_out)
{
    SHA256(image.ptr, image.len, chip->devauth);
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

/* The probe is unplugged, once, at this step of the site's. */
static bool unplugged(const char *what, enum unplug_when when)
{
    if (scene.unplug == NULL || scene.unplug_when != when || strcmp(scene.unplug, what) != 0)
        return false;
    scene.unplug = NULL;
    return true;
}

static enum err gone(void)
{
    return fail_quiet(ERR_CLOSED, "probe: unplugged");
}

enum err chip_reset(struct chip *chip)
{
    struct fake_unit *board = board_of(chip);
    if (has(chip, FAULT_RESET) || unplugged("chip_reset", UNPLUG_BEFORE))
        return gone();
    scene.resets++;
    scene.early_resets += board->lock_written && !board->locked && !board->shut;
    board->shut = board->shut || board->lock_written;
    return unplugged("chip_reset", UNPLUG_AFTER) ? gone() : ERR_OK;
}

static void say_on_uart(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    must(len == 0 || write(scene.uart, text, len) == (ssize_t)len);
}

enum err chip_boot_reset(struct chip *chip)
{
    must(!board_of(chip)->lock_written);
    if (unplugged("chip_boot_reset", UNPLUG_BEFORE))
        return gone();
    scene.boots++;
    say_on_uart(scene.uart_text);
    return unplugged("chip_boot_reset", UNPLUG_AFTER) ? gone() : ERR_OK;
}

void chip_boot_look(struct chip *chip, unsigned timeout_ms, struct chip_boot_result *out)
{
    (void)timeout_ms;
    bool fails = has(chip, FAULT_BOOT_FAILED) && scene.boots == 1;
    bool known = !has(chip, FAULT_BOOT_NOT_KNOWN);
    *out = (struct chip_boot_result){
        .boot = fails   ? CHIP_BOOT_FAILED
                : known ? CHIP_BOOT_STARTED
                        : CHIP_BOOT_NOT_KNOWN,
        .answered = known,
        .reset_seen = known,
    };
    snprintf(out->detail, sizeof(out->detail), "BTF %d", out->boot == CHIP_BOOT_STARTED);
}

enum err chip_attach(struct chip *chip)
{
    if (has(chip, FAULT_BOOT_ATTACH) || unplugged("chip_attach", UNPLUG_BEFORE))
        return fail_quiet(ERR_UNAVAILABLE, "no answer on SWD");
    return ERR_OK;
}

void chip_debug_look(struct chip *chip, enum chip_level level, struct chip_debug_result *out)
{
    bool mute = has(chip, FAULT_DEBUG_MUTE) || unplugged("chip_debug_look", UNPLUG_BEFORE);
    bool shut = board_of(chip)->shut && !(has(chip, FAULT_DEBUG_OPEN) && scene.resets != 0);
    scene.looked_for = (int)level;
    out->port = mute ? CHIP_DEBUG_NOT_KNOWN : shut ? CHIP_DEBUG_SHUT : CHIP_DEBUG_OPEN;
    out->level = out->port != CHIP_DEBUG_SHUT ? CHIP_LEVEL_ANY
                 : scene.shut_below           ? CHIP_LEVEL_ANY
                                    : (enum chip_level)(scene.level ? scene.level : 1);
    snprintf(out->detail, sizeof(out->detail), "%s",
             mute   ? "no answer\x1b[31m that tells"
             : shut ? "SRAM is refused"
                    : "SRAM is readable");
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
    Hallmark__V1__BoardState board = HALLMARK__V1__BOARD_STATE__INIT;
    board.lock_begun = board_of(chip)->lock_written;
    in.state = &board;
    call(chip, "Host/Hello", &in.base);
    chip->hello = chip->stream;
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
    if (has(link->chip, FAULT_BOOT_HELLO) && scene.boots != 0)
        call_put_signature(link->chip);
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
    uint8_t mark[] = { MARK_BOARD };
    receipt.uid = (ProtobufCBinaryData){ UID_SIZE, chip->uid };
    receipt.signature = (ProtobufCBinaryData){ sizeof(mark), mark };
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

static void serve_rotpk(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    Hallmark__V1__BurnRotpkRequest *in = hallmark__v1__burn_rotpk_request__unpack(
        NULL, request->payload.len, request->payload.data);
    must(in != NULL && in->recreate); /* as the server sent it */
    hallmark__v1__burn_rotpk_request__free_unpacked(in, NULL);
    Hallmark__V1__BurnRotpkResponse out = HALLMARK__V1__BURN_ROTPK_RESPONSE__INIT;
    out.rotpk_slots = has(chip, FAULT_BOARD_HALF) ? 1 : 3;
    respond(chip, request->stream, has(chip, FAULT_BOARD_REFUSES) ? ERR_SIG : ERR_OK,
            &out.base);
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
        serve_rotpk(chip, request);
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

/* By the server's tag of its decision, which test_site_fake_server.c gives. */
static void serve_commit(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    uint8_t mark[] = { MARK_BOARD };
    Hallmark__V1__CommitResponse out = HALLMARK__V1__COMMIT_RESPONSE__INIT;
    Hallmark__V1__CommitStatement statement = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    Hallmark__V1__CommitRequest *in =
        hallmark__v1__commit_request__unpack(NULL, request->payload.len, request->payload.data);
    must(in != NULL && in->confirmation_tag.len == CONFIRMATION_TAG_SIZE &&
         in->confirmation_tag.data[0] == (uint8_t)in->decision && in->decision != 0);
    hallmark__v1__commit_request__free_unpacked(in, NULL);
    statement.signature = (ProtobufCBinaryData){ sizeof(mark), mark };
    out.statement = has(chip, FAULT_COMMIT_EMPTY) ? NULL : &statement;
    scene.commits++;
    respond(chip, request->stream, has(chip, FAULT_COMMIT) ? ERR_SIG : ERR_OK, &out.base);
}

static bool is_marked(ProtobufCBinaryData field, size_t len, uint8_t mark)
{
    return field.len == len && field.data[0] == mark;
}

static enum err lock_outcome(const struct chip *chip)
{
    if (has(chip, FAULT_LOCK_CHIP))
        return ERR_CHIP;
    if (has(chip, FAULT_LOCK_VERIFY_ONCE) && scene.locks == 1)
        return ERR_VERIFY;
    bool finds =
        has(chip, FAULT_LOCK_FINDS) || (has(chip, FAULT_LOCK_FINDS_ONCE) && scene.locks == 1);
    return finds ? ERR_MISMATCH : ERR_OK;
}

/* Takes what the server answered, not what the board said itself. */
static void serve_lock(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    Hallmark__V1__LockResponse out = HALLMARK__V1__LOCK_RESPONSE__INIT;
    Hallmark__V1__LockStatement statement = HALLMARK__V1__LOCK_STATEMENT__INIT;
    uint8_t mark[] = { MARK_LOCK };
    Hallmark__V1__LockRequest *in =
        hallmark__v1__lock_request__unpack(NULL, request->payload.len, request->payload.data);
    must(in != NULL && in->statement != NULL && in->receipt != NULL &&
         is_marked(in->statement->signature, 1, MARK_SERVER) &&
         is_marked(in->receipt->signature, 1, MARK_SERVER) &&
         is_marked(in->rotpk, ROTPK_SIZE, MARK_ROTPK) &&
         is_marked(in->lock_tag, CONFIRMATION_TAG_SIZE, MARK_SERVER));
    hallmark__v1__lock_request__free_unpacked(in, NULL);
    scene.locks++;
    enum err e = lock_outcome(chip);
    board_of(chip)->lock_written = board_of(chip)->lock_written || e == ERR_OK;
    statement.lock_level = has(chip, FAULT_LOCK_LEVEL)
                               ? HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_UNSPECIFIED
                           : scene.level != 0 ? (Hallmark__V1__LockLevel)scene.level
                                              : HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    statement.signature = (ProtobufCBinaryData){ sizeof(mark), mark };
    out.statement = has(chip, FAULT_LOCK_EMPTY) ? NULL : &statement;
    respond(chip, request->stream, e, &out.base);
}

/* DevAuth's own rule: without a run it takes Closing.Lock alone. In one it takes the arrows
 * also after lock writes (test_devauth_refuse_lock, arrows_are_repeated_after_lock_writes). */
static bool is_allowed(const struct chip *chip, const char *method)
{
    bool lock = strcmp(method, "hallmark.v1.Closing/Lock") == 0;
    return lock || chip->has_run;
}

static void serve(struct chip *chip, const Hallmark__V1__FrameRequest *request)
{
    const struct flow_row *row = flow_row_of_method(request->method);
    must(request->stream % 2 == 1 && request->end_stream);
    if (!is_allowed(chip, request->method))
        respond(chip, request->stream, ERR_ORDER, NULL);
    else if (row != NULL)
        serve_arrow(chip, row->arrow, request);
    else if (strcmp(request->method, "hallmark.v1.Closing/SignReceipt") == 0)
        serve_receipt(chip, request->stream);
    else if (strcmp(request->method, "hallmark.v1.Closing/Commit") == 0)
        serve_commit(chip, request);
    else
        serve_lock(chip, request);
}

/* The image's digest is the station's word, and run id 0 stands for no run. */
static void take_hello(struct chip *chip, const Hallmark__V1__FrameResponse *response)
{
    static const uint8_t none[RUN_ID_SIZE] = { 0 };
    Hallmark__V1__HelloResponse *out = hallmark__v1__hello_response__unpack(
        NULL, response->payload.len, response->payload.data);
    must(out != NULL && out->run_id.len == RUN_ID_SIZE && out->server_nonce.len == NONCE_SIZE &&
         out->devauth_sha256.len == SHA256_SIZE &&
         memcmp(out->devauth_sha256.data, chip->devauth, SHA256_SIZE) == 0);
    chip->has_run = memcmp(out->run_id.data, none, RUN_ID_SIZE) != 0;
    scene.hellos += !chip->has_run;
    hallmark__v1__hello_response__free_unpacked(out, NULL);
}

static void take_response(struct chip *chip, const Hallmark__V1__FrameResponse *response)
{
    if (response->status != 0)
        scene.board_refusals++;
    else if (response->stream == chip->hello)
        take_hello(chip, response);
}

/* "Closing/Lock" */
static const char *name_of(const Hallmark__V1__Frame *frame)
{
    return frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST
               ? frame->request->method + strlen("hallmark.v1.")
               : "an answer";
}

enum err link_send(struct link *link, struct span bytes, unsigned timeout_ms)
{
    (void)timeout_ms;
    Hallmark__V1__Frame *frame = hallmark__v1__frame__unpack(NULL, bytes.len, bytes.ptr);
    if (frame == NULL)
        abort();
    bool pulled = has(link->chip, FAULT_PROBE) &&
                  strcmp(name_of(frame), "Target/ProgramDeviceCertificate") == 0;
    pulled = pulled || unplugged(name_of(frame), UNPLUG_BEFORE);
    bool late = !pulled && unplugged(name_of(frame), UNPLUG_AFTER);
    if (!pulled && frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST)
        serve(link->chip, frame->request);
    else if (!pulled)
        take_response(link->chip, frame->response);
    hallmark__v1__frame__free_unpacked(frame, NULL);
    return pulled || late ? gone() : ERR_OK;
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
