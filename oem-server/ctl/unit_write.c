/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/unit.h"

typedef enum err write_piece(struct span bytes, const char *path);

static enum err write_raw(struct span bytes, const char *path)
{
    return file_write_new(path, bytes);
}

static enum err write_pem(const char *label, struct span der, const char *path)
{
    AUTO(buf_free) struct buf pem = { 0 };
    TRY(credential_pem(label, der, &pem));
    return file_write_new(path, buf_span(&pem));
}

static enum err write_csr_pem(struct span bytes, const char *path)
{
    return write_pem("CERTIFICATE REQUEST", bytes, path);
}

static enum err write_certificate_pem(struct span bytes, const char *path)
{
    return write_pem("CERTIFICATE", bytes, path);
}

static void der_drop(unsigned char **der)
{
    OPENSSL_free(*der);
}

/* X and Y as a SubjectPublicKeyInfo (RFC 5480). */
static enum err write_rotpk_pem(struct span bytes, const char *path)
{
    uint8_t point[P256_POINT_SIZE] = { 4 };
    AUTO(credential_key_drop) EVP_PKEY *key = NULL;
    AUTO(der_drop) unsigned char *der = NULL;
    if (bytes.len != ROTPK_SIZE)
        return fail_quiet(ERR_PROTO, "the server's ROTPK has %zu bytes", bytes.len);
    memcpy(point + 1, bytes.ptr, ROTPK_SIZE);
    TRY(p256_key_of(SPAN(point), &key));
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return fail_quiet(ERR_INTERNAL, "%s: cannot encode the key", path);
    return write_pem("PUBLIC KEY", span_of(der, (size_t)len), path);
}

#define PIECE(field) offsetof(Hallmark__V1__ShowUnitResponse, field)

static const struct {
    const char *name;
    const char *meaning;
    size_t offset; /* of its bytes */
    write_piece *write;
} pieces[] = {
    { "csr.der", "the board's request, signed with AUTHKEY (arrow 13)", PIECE(csr), write_raw },
    { "csr.pem", "the same in PEM", PIECE(csr), write_csr_pem },
    { "certificate.pem", "the device certificate (arrow 15)", PIECE(certificate),
      write_certificate_pem },
    { "rotpk.bin", "X and Y of the boot key, as in OTP (arrow 20)", PIECE(rotpk), write_raw },
    { "rotpk.pem", "the same as SubjectPublicKeyInfo", PIECE(rotpk), write_rotpk_pem },
    { "fwinfo.bin", "FwInfo, signed with the boot key (arrow 22)", PIECE(firmware_information),
      write_raw },
    { "signed-image.bin", "image and FwInfo, as burnt (arrow 24)", PIECE(signed_image),
      write_raw },
};

static enum err write_at(struct report *files, const char *folder, const char *name,
                         const char *meaning, struct span bytes, write_piece *write)
{
    AUTO(free_drop) char *path = NULL;
    if (bytes.len == 0)
        return ERR_OK;
    TRY(file_join(folder, name, &path));
    TRY(write(bytes, path));
    report_text(files, name, meaning);
    return ERR_OK;
}

void unit_receipt(struct report *report, const Hallmark__V1__Receipt *r)
{
    const struct {
        const char *name;
        const ProtobufCBinaryData *bytes;
    } fields[] = {
        { "run_id", &r->run_id },
        { "uid", &r->uid },
        { "auth_public_key", &r->auth_public_key },
        { "device_certificate_sha256", &r->device_certificate_sha256 },
        { "web_server_certificate_sha256", &r->web_server_certificate_sha256 },
        { "rotpk_sha256", &r->rotpk_sha256 },
        { "firmware_sha256", &r->firmware_sha256 },
        { "transcript_sha256", &r->transcript_sha256 },
        { "server_nonce", &r->server_nonce },
        { "signature", &r->signature },
    };
    report_text(report, "lock_level", option_word(order_locks, r->lock_level));
    for (size_t i = 0; i < COUNT(fields); i++)
        report_hex(report, fields[i].name,
                   span_of(fields[i].bytes->data, fields[i].bytes->len));
}

static enum err write_receipt(struct report *files, const char *folder,
                              const Hallmark__V1__Receipt *receipt)
{
    AUTO(buf_free) struct buf packed = { 0 };
    AUTO(report_free) struct report report = report_new();
    AUTO(free_drop) char *json = NULL;
    unit_receipt(&report, receipt);
    TRY(report_dump(&report, &json));
    TRY(rpc_pack(&receipt->base, &packed));
    TRY(write_at(files, folder, "receipt.bin", "the board's receipt (message Receipt)",
                 buf_span(&packed), write_raw));
    return write_at(files, folder, "receipt.json", "its fields, in hex",
                    span_of(json, strlen(json)), write_raw);
}

enum err unit_write(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                    const char *folder)
{
    AUTO(report_free) struct report files = report_new();
    TRY(file_folder(folder));
    for (size_t i = 0; i < COUNT(pieces); i++) {
        const ProtobufCBinaryData *data =
            (const ProtobufCBinaryData *)((const char *)unit + pieces[i].offset);
        TRY(write_at(&files, folder, pieces[i].name, pieces[i].meaning,
                     span_of(data->data, data->len), pieces[i].write));
    }
    if (unit->receipt != NULL)
        TRY(write_receipt(&files, folder, unit->receipt));
    report_object(report, "files", &files);
    return ERR_OK;
}
