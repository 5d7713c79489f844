/* SPDX-License-Identifier: MIT */
/*
 * unit show --out: a unit's evidence as files that other tools read. Called by unit_show.c. An
 * existing file with other contents is never replaced (test_ctl_file).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/rpc/statement.h"
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

struct field {
    const char *name;
    const ProtobufCBinaryData *bytes;
};

static void report_fields(struct report *report, const struct field fields[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        report_hex(report, fields[i].name,
                   span_of(fields[i].bytes->data, fields[i].bytes->len));
}

void unit_receipt(struct report *report, const Hallmark__V1__Receipt *r)
{
    const struct field fields[] = {
        { "run_id", &r->run_id },
        { "uid", &r->uid },
        { "auth_public_key", &r->auth_public_key },
        { "device_certificate_sha256", &r->device_certificate_sha256 },
        { "web_server_certificate_sha256", &r->web_server_certificate_sha256 },
        { "rotpk_sha256", &r->rotpk_sha256 },
        { "firmware_sha256", &r->firmware_sha256 },
        { "transcript_sha256", &r->transcript_sha256 },
        { "server_nonce", &r->server_nonce },
        { "devauth_sha256", &r->devauth_sha256 },
        { "slot_kcv", &r->slot_kcv },
        { "signature", &r->signature },
    };
    report_text(report, "lock_level_wanted", option_word(order_locks, r->lock_level));
    report_bool(report, "rotpk_unproven", r->rotpk_unproven != 0);
    report_number(report, "slot_in_use", r->slot);
    report_fields(report, fields, COUNT(fields));
}

void unit_commit(struct report *report, const Hallmark__V1__CommitStatement *c)
{
    const struct field fields[] = {
        { "run_id", &c->run_id },       { "uid", &c->uid },
        { "key_check_value", &c->kcv }, { "receipt_sha256", &c->receipt_sha256 },
        { "signature", &c->signature },
    };
    report_number(report, "aes_slot", c->slot);
    report_text(report, "lock_level_wanted", option_word(order_locks, c->lock_level));
    report_fields(report, fields, COUNT(fields));
}

void unit_lock(struct report *report, const Hallmark__V1__LockStatement *l)
{
    const struct field fields[] = {
        { "run_id", &l->run_id },
        { "uid", &l->uid },
        { "statement_sha256", &l->statement_sha256 },
        { "signature", &l->signature },
    };
    report_text(report, "lock_level_read_back", option_word(order_locks, l->lock_level));
    report_fields(report, fields, COUNT(fields));
}

/* A statement's four files: NAME.bin (the message), NAME.json, and NAME.tbs with NAME.sig,
 * which openssl-dgst(1) verifies with the certificate's key. */
static enum err write_statement(struct report *files, const char *folder, const char *name,
                                const ProtobufCMessage *message, const struct report *fields,
                                const struct statement *said,
                                const ProtobufCBinaryData *signature)
{
    AUTO(buf_free) struct buf packed = { 0 };
    AUTO(buf_free) struct buf der = { 0 };
    AUTO(free_drop) char *json = NULL;
    TRY(report_dump(fields, &json));
    TRY(rpc_pack(message, &packed));
    if (said->made && signature->len == P256_SIGNATURE_SIZE)
        TRY(p256_signature_der(span_of(signature->data, signature->len), &der));
    const struct {
        const char *ending, *meaning;
        struct span bytes;
    } parts[] = {
        { "bin", "the board's statement, as a message", buf_span(&packed) },
        { "json", "its fields, in hex", span_of(json, strlen(json)) },
        { "tbs", "the bytes that AUTHKEY signed (SHA-256, ECDSA)",
          span_of(said->bytes, said->len) },
        { "sig", "the signature over them, DER", buf_span(&der) },
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        char file[32];
        snprintf(file, sizeof(file), "%s.%s", name, parts[i].ending);
        TRY(write_at(files, folder, file, parts[i].meaning, parts[i].bytes, write_raw));
    }
    return ERR_OK;
}

static enum err write_receipt(struct report *files, const char *folder,
                              const Hallmark__V1__Receipt *receipt)
{
    AUTO(report_free) struct report fields = report_new();
    const struct statement said = statement_of_receipt(receipt);
    unit_receipt(&fields, receipt);
    return write_statement(files, folder, "receipt", &receipt->base, &fields, &said,
                           &receipt->signature);
}

static enum err write_commit(struct report *files, const char *folder,
                             const Hallmark__V1__CommitStatement *commit)
{
    AUTO(report_free) struct report fields = report_new();
    const struct statement said = statement_of_commit(commit);
    unit_commit(&fields, commit);
    return write_statement(files, folder, "commit", &commit->base, &fields, &said,
                           &commit->signature);
}

static enum err write_lock(struct report *files, const char *folder,
                           const Hallmark__V1__LockStatement *lock)
{
    AUTO(report_free) struct report fields = report_new();
    const struct statement said = statement_of_lock(lock);
    unit_lock(&fields, lock);
    return write_statement(files, folder, "lock", &lock->base, &fields, &said,
                           &lock->signature);
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
    if (unit->commit != NULL)
        TRY(write_commit(&files, folder, unit->commit));
    if (unit->lock != NULL)
        TRY(write_lock(&files, folder, unit->lock));
    report_object(report, "files", &files);
    return ERR_OK;
}
