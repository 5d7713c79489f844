/* SPDX-License-Identifier: MIT */
/*
 * The methods that the server calls on the station: they bring what goes to the board. Called
 * through rpc_dispatch() by site/. Lengths must be checked here; the board verifies the
 * content.
 */
#include "station-agent/api/api.h"

#include <openssl/sha.h>

#include "common/host/log.h"

static struct unit *unit_of(const struct rpc_call *call)
{
    return call->user;
}

/* The station does not verify certificates; the board does. */
static enum err take_certificate(ProtobufCBinaryData field, const char *what, struct buf *out)
{
    if (field.len == 0 || field.len > CERTIFICATE_MAX)
        return fail_quiet(ERR_LIMIT, "%s of %zu bytes; a board keeps 1 to %d", what, field.len,
                          CERTIFICATE_MAX);
    return buf_copy(out, span_of(field.data, field.len));
}

static enum err take_pair(ProtobufCBinaryData certificate, ProtobufCBinaryData issuer,
                          struct certificate_pair *out)
{
    TRY(take_certificate(certificate, "certificate", &out->certificate));
    return take_certificate(issuer, "issuer's certificate", &out->issuer);
}

static void say_certificate(struct unit *unit, const struct buf *certificate)
{
    uint8_t digest[SHA256_SIZE];
    SHA256(certificate->ptr, certificate->len, digest);
    unit_say_digest(unit, "sha256", digest);
}

/* Arrow 3. */
static enum err
station_put_web_server_certificate(struct rpc_call *call,
                                   const Hallmark__V1__PutWebServerCertificateRequest *in,
                                   Hallmark__V1__PutWebServerCertificateResponse *out)
{
    (void)out;
    struct unit *unit = unit_of(call);
    TRY(take_pair(in->certificate, in->issuer, &unit->web_server));
    say_certificate(unit, &unit->web_server.certificate);
    return ERR_OK;
}

/* Arrow 13. */
static enum err station_generate_csr(struct rpc_call *call,
                                     const Hallmark__V1__GenerateCsrRequest *in,
                                     Hallmark__V1__GenerateCsrResponse *out)
{
    uint8_t signature[P256_SIGNATURE_SIZE];
    AUTO(buf_free) struct buf csr = { 0 };
    TRY(unit_field(in->signature, "signature", signature, sizeof(signature)));
    ProtobufCBinaryData cri = in->certification_request_info;
    if (cri.len == 0 || cri.len > CRI_MAX)
        return fail_quiet(ERR_LIMIT, "CertificationRequestInfo of %zu bytes; 1 to %d", cri.len,
                          CRI_MAX);
    TRY(csr_make(span_of(cri.data, cri.len), signature, &csr));
    unit_say(unit_of(call), "%zu bytes", csr.len);
    return rpc_bytes(call, &out->csr, buf_span(&csr));
}

/* Arrow 15. */
static enum err
station_put_device_certificate(struct rpc_call *call,
                               const Hallmark__V1__PutDeviceCertificateRequest *in,
                               Hallmark__V1__PutDeviceCertificateResponse *out)
{
    (void)out;
    struct unit *unit = unit_of(call);
    TRY(take_pair(in->certificate, in->issuer, &unit->device));
    say_certificate(unit, &unit->device.certificate);
    return ERR_OK;
}

/* Arrow 19. */
static enum err station_put_rotpk(struct rpc_call *call,
                                  const Hallmark__V1__PutRotpkRequest *in,
                                  Hallmark__V1__PutRotpkResponse *out)
{
    (void)out;
    struct unit *unit = unit_of(call);
    TRY(unit_field(in->rotpk, "rotpk", unit->rotpk, ROTPK_SIZE));
    TRY(unit_field(in->server_signature, "server_signature", unit->rotpk_server_signature,
                   P256_SIGNATURE_SIZE));
    TRY(unit_field(in->boot_key_signature, "boot_key_signature", unit->rotpk_boot_key_signature,
                   P256_SIGNATURE_SIZE));
    unit->rotpk_recreate = in->recreate;
    uint8_t digest[SHA256_SIZE];
    SHA256(unit->rotpk, ROTPK_SIZE, digest);
    unit_say_digest(unit, "sha256", digest);
    return ERR_OK;
}

static enum err take_firmware(struct unit *unit, ProtobufCBinaryData image)
{
    uint8_t digest[SHA256_SIZE];
    if (image.len > FLASH_FIRMWARE_MAX)
        return fail_quiet(ERR_LIMIT, "firmware of %zu bytes; flash has room for %d", image.len,
                          FLASH_FIRMWARE_MAX);
    SHA256(image.data, image.len, digest);
    if (!span_eq(SPAN(digest), SPAN(unit->firmware_sha256)))
        return fail_quiet(ERR_MISMATCH,
                          "firmware's bytes have another digest than the order's");
    return buf_copy(&unit->firmware_brought, span_of(image.data, image.len));
}

/* Arrow 23. */
static enum err station_put_signed_firmware(struct rpc_call *call,
                                            const Hallmark__V1__PutSignedFirmwareRequest *in,
                                            Hallmark__V1__PutSignedFirmwareResponse *out)
{
    (void)out;
    struct unit *unit = unit_of(call);
    uint8_t named[SHA256_SIZE];
    TRY(unit_field(in->sha256, "sha256", named, sizeof(named)));
    if (!span_eq(SPAN(named), SPAN(unit->firmware_sha256)))
        return fail_quiet(ERR_MISMATCH, "signed firmware is not the one the order names");
    TRY(unit_field(in->firmware_information, "firmware_information", unit->fwinfo,
                   FWINFO_SIZE));
    unit->fwinfo_address = in->firmware_information_address;
    if (in->image.len != 0)
        TRY(take_firmware(unit, in->image));
    else if (unit->firmware == NULL)
        return fail_quiet(ERR_PRECONDITION, "signed firmware came without its image, which "
                                            "this station lacks");
    unit_say_digest(unit, "sha256", named);
    return ERR_OK;
}

RPC_HANDLER(station, Station, put_web_server_certificate, PutWebServerCertificate,
            PutWebServerCertificate)
RPC_HANDLER(station, Station, generate_csr, GenerateCsr, GenerateCsr)
RPC_HANDLER(station, Station, put_device_certificate, PutDeviceCertificate,
            PutDeviceCertificate)
RPC_HANDLER(station, Station, put_rotpk, PutRotpk, PutRotpk)
RPC_HANDLER(station, Station, put_signed_firmware, PutSignedFirmware, PutSignedFirmware)

Hallmark__V1__Station_Service station_service = HALLMARK__V1__STATION__INIT(station__);
