/* SPDX-License-Identifier: MIT */
/*
 * request: the requests of the server's own calls: o -> n (3, 15, 19, 23) and o -> p (30).
 * Called by engine.c on the run's strand, with the HSM but without the station. A
 * statement must be signed for this run only.
 */
#include "oem-server/engine/request.h"

#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "hallmark/v1/diagram.pb-c.h"

static ProtobufCBinaryData lend(struct span bytes)
{
    return (ProtobufCBinaryData){ bytes.len, (uint8_t *)(uintptr_t)bytes.ptr };
}

static enum err put_web_server_certificate(struct run *run, struct buf *out)
{
    Hallmark__V1__PutWebServerCertificateRequest m =
        HALLMARK__V1__PUT_WEB_SERVER_CERTIFICATE_REQUEST__INIT;
    m.certificate = lend(buf_span(&run->web_server));
    m.issuer = lend(ca_issuing(run->server->ca));
    return rpc_pack(&m.base, out);
}

static enum err put_device_certificate(struct run *run, struct buf *out)
{
    Hallmark__V1__PutDeviceCertificateRequest m =
        HALLMARK__V1__PUT_DEVICE_CERTIFICATE_REQUEST__INIT;
    m.certificate = lend(buf_span(&run->certificate));
    m.issuer = lend(ca_issuer_of(run->server->ca, CA_DEVICE));
    return rpc_pack(&m.base, out);
}

/* The WebServer key's signature over a statement. */
static enum err sign_statement(struct run *run, const struct wr *w,
                               uint8_t digest[static SHA256_SIZE],
                               uint8_t signature[static P256_SIGNATURE_SIZE])
{
    TRY(wr_end(w));
    sha256_of(wr_done(w), digest);
    return hsm_sign_p256(run->server->hsm, HSM_TLS, CA_KEY_WEB_SERVER, digest, signature);
}

static enum err put_rotpk(struct run *run, struct buf *out)
{
    uint8_t statement[SIGN_STATEMENT_MAX], digest[SHA256_SIZE];
    uint8_t server[P256_SIGNATURE_SIZE], boot[P256_SIGNATURE_SIZE];
    struct wr w = wr_of(statement, sizeof(statement));
    struct sign_run bound = run_sign(run);
    sign_rotpk(&w, &bound, SPAN(run->rotpk), run->recreate);
    TRY(sign_statement(run, &w, digest, server));
    TRY(hsm_unit_key_sign(run->boot_key, digest, boot));
    Hallmark__V1__PutRotpkRequest m = HALLMARK__V1__PUT_ROTPK_REQUEST__INIT;
    m.rotpk = lend(SPAN(run->rotpk));
    m.server_signature = lend(SPAN(server));
    m.boot_key_signature = lend(SPAN(boot));
    m.recreate = run->recreate;
    return rpc_pack(&m.base, out);
}

struct image_of {
    const uint8_t *sha256;
    struct image image;
};

static enum err read_image(struct store_tx *tx, void *context)
{
    struct image_of *of = context;
    image_free(&of->image);
    return image_get(tx, of->sha256, &of->image);
}

static enum err put_signed_firmware(struct run *run, struct buf *out)
{
    struct image_of of = { .sha256 = run->order.firmware_sha256 };
    Hallmark__V1__PutSignedFirmwareRequest m = HALLMARK__V1__PUT_SIGNED_FIRMWARE_REQUEST__INIT;
    m.sha256 = lend(SPAN(run->order.firmware_sha256));
    m.firmware_information = lend(SPAN(run->fwinfo));
    m.firmware_information_address = run->fwinfo_address;
    if (!run->have_image) {
        TRY(store_read(run->server->store, read_image, &of, run_deadline_ms(run)));
        m.image = lend(buf_span(&of.image.bytes));
    }
    enum err e = rpc_pack(&m.base, out);
    image_free(&of.image);
    return e;
}

static enum err put_server_public_key(struct run *run, struct buf *out)
{
    uint8_t statement[SIGN_STATEMENT_MAX], digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    struct wr w = wr_of(statement, sizeof(statement));
    struct sign_run bound = run_sign(run);
    sign_server_agreement(&w, &bound, SPAN(run->server_public));
    TRY(sign_statement(run, &w, digest, signature));
    Hallmark__V1__PutServerPublicKeyRequest m =
        HALLMARK__V1__PUT_SERVER_PUBLIC_KEY_REQUEST__INIT;
    m.public_key = lend(SPAN(run->server_public));
    m.signature = lend(SPAN(signature));
    return rpc_pack(&m.base, out);
}

static const struct {
    uint8_t arrow;
    enum err (*make)(struct run *run, struct buf *out);
    const ProtobufCMessageDescriptor *answer;
} requests[] = {
    { 3, put_web_server_certificate,
      &hallmark__v1__put_web_server_certificate_response__descriptor },
    { 15, put_device_certificate, &hallmark__v1__put_device_certificate_response__descriptor },
    { 19, put_rotpk, &hallmark__v1__put_rotpk_response__descriptor },
    { 23, put_signed_firmware, &hallmark__v1__put_signed_firmware_response__descriptor },
    { 30, put_server_public_key, &hallmark__v1__put_server_public_key_response__descriptor },
};

enum err request_make(struct run *run, const struct flow_row *row, struct buf *payload_out)
{
    for (size_t i = 0; i < COUNT(requests); i++)
        if (requests[i].arrow == row->arrow)
            return requests[i].make(run, payload_out);
    return fail(ERR_INTERNAL, "run: arrow %u is no call of the server's", row->arrow);
}

enum err request_check_answer(const struct flow_row *row, struct span payload)
{
    AUTO(rpc_drop) ProtobufCMessage *answer = NULL;
    for (size_t i = 0; i < COUNT(requests); i++)
        if (requests[i].arrow == row->arrow)
            return rpc_unpack(requests[i].answer, payload, &answer) == ERR_OK
                       ? ERR_OK
                       : fail_quiet(ERR_PROTO, "arrow %u: the answer is not a %s", row->arrow,
                                    requests[i].answer->short_name);
    return fail(ERR_INTERNAL, "run: arrow %u is no call of the server's", row->arrow);
}
