/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/core/sign.h"
#include "common/host/hex.h"
#include "common/host/p256.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/unit.h"

/* FwInfo, P-256 (M2354BSP, SecureBootDemo, NuBL2): the signature covers what lies before it. */
enum { FWINFO_REGION = 0x48, FWINFO_DIGEST = 0x60, FWINFO_SIGNATURE = 0x80 };

enum outcome { ABSENT, HOLDS, FAILS };

/* What the checks look at. Keys and certificates are NULL, spans empty, where there is none. */
struct evidence {
    const Hallmark__V1__ShowUnitResponse *unit;
    const Hallmark__V1__Receipt *receipt;
    const struct settings *trust;
    X509 *certificate;
    X509_REQ *csr;
    uint8_t point[P256_POINT_SIZE]; /* of the certificate's key */
};

static struct span bytes_of(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

static enum outcome outcome_of(bool holds)
{
    return holds ? HOLDS : FAILS;
}

static bool is_digest_of(const ProtobufCBinaryData *digest, const ProtobufCBinaryData *bytes)
{
    uint8_t computed[SHA256_SIZE];
    sha256_of(bytes_of(bytes), computed);
    return span_eq(bytes_of(digest), SPAN(computed));
}

static bool is_state(const struct evidence *e, const char *const words[])
{
    while (*words != NULL && strcmp(*words, e->unit->state) != 0)
        words++;
    return *words != NULL;
}

static enum outcome state_known(const struct evidence *e)
{
    static const char *const all[] = { "open", "cut", "failed", "finished", "sealed", NULL };
    return outcome_of(is_state(e, all));
}

/* Its receipt was accepted, so everything was there: what is absent now was taken away. */
static bool is_whole(const struct evidence *e)
{
    static const char *const ended[] = { "finished", "sealed", NULL };
    return is_state(e, ended);
}

static enum outcome csr_signature(const struct evidence *e)
{
    if (e->unit->csr.len == 0)
        return ABSENT;
    return outcome_of(e->csr != NULL &&
                      X509_REQ_verify(e->csr, X509_REQ_get0_pubkey(e->csr)) == 1);
}

static enum outcome certificate_key(const struct evidence *e)
{
    if (e->unit->certificate.len == 0 || e->unit->csr.len == 0)
        return ABSENT;
    return outcome_of(
        e->certificate != NULL && e->csr != NULL &&
        EVP_PKEY_eq(X509_get0_pubkey(e->certificate), X509_REQ_get0_pubkey(e->csr)) == 1);
}

static enum outcome certificate_uid(const struct evidence *e)
{
    char want[2 * UID_SIZE + 1], have[2 * UID_SIZE + 1];
    if (e->unit->certificate.len == 0)
        return ABSENT;
    if (e->certificate == NULL || e->unit->uid.len != UID_SIZE)
        return FAILS;
    hex_of(bytes_of(&e->unit->uid), want);
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(e->certificate), NID_serialNumber,
                                        have, sizeof(have));
    return outcome_of(len == 2 * UID_SIZE && strcasecmp(want, have) == 0);
}

static enum outcome certificate_chain(const struct evidence *e)
{
    if (e->unit->certificate.len == 0)
        return ABSENT;
    return outcome_of(e->certificate != NULL && credential_verify(e->certificate, e->trust->ca,
                                                                  e->trust->cert) == ERR_OK);
}

static struct sign_receipt receipt_fields(const Hallmark__V1__Receipt *r)
{
    return (struct sign_receipt){
        .run_id = bytes_of(&r->run_id),
        .uid = bytes_of(&r->uid),
        .auth_public_key = bytes_of(&r->auth_public_key),
        .device_certificate_sha256 = bytes_of(&r->device_certificate_sha256),
        .web_server_certificate_sha256 = bytes_of(&r->web_server_certificate_sha256),
        .rotpk_sha256 = bytes_of(&r->rotpk_sha256),
        .firmware_sha256 = bytes_of(&r->firmware_sha256),
        .lock_level = (uint8_t)r->lock_level,
        .transcript_sha256 = bytes_of(&r->transcript_sha256),
        .server_nonce = bytes_of(&r->server_nonce),
    };
}

static enum outcome receipt_signature(const struct evidence *e)
{
    uint8_t statement[SIGN_STATEMENT_MAX], digest[SHA256_SIZE];
    struct wr w = wr_of(statement, sizeof(statement));
    if (e->receipt == NULL)
        return ABSENT;
    const struct sign_receipt fields = receipt_fields(e->receipt);
    sign_receipt(&w, &fields);
    sha256_of(wr_done(&w), digest);
    return outcome_of(e->certificate != NULL && wr_end(&w) == ERR_OK &&
                      p256_verify(SPAN(e->point), digest, bytes_of(&e->receipt->signature)) ==
                          ERR_OK);
}

static enum outcome receipt_key(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(e->certificate != NULL &&
                            span_eq(bytes_of(&e->receipt->auth_public_key), SPAN(e->point)));
}

static enum outcome receipt_uid(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(span_eq(bytes_of(&e->receipt->uid), bytes_of(&e->unit->uid)));
}

static enum outcome receipt_certificate(const struct evidence *e)
{
    return e->receipt == NULL ? ABSENT
                              : outcome_of(is_digest_of(&e->receipt->device_certificate_sha256,
                                                        &e->unit->certificate));
}

static enum outcome receipt_rotpk(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(is_digest_of(&e->receipt->rotpk_sha256, &e->unit->rotpk));
}

static enum outcome fwinfo_signature(const struct evidence *e)
{
    const ProtobufCBinaryData *info = &e->unit->firmware_information;
    uint8_t point[P256_POINT_SIZE] = { 4 }, digest[SHA256_SIZE];
    if (info->len == 0)
        return ABSENT;
    if (info->len != FWINFO_SIZE || e->unit->rotpk.len != ROTPK_SIZE)
        return FAILS;
    memcpy(point + 1, e->unit->rotpk.data, ROTPK_SIZE);
    sha256_of(span_of(info->data, FWINFO_SIGNATURE), digest);
    return outcome_of(
        p256_verify(SPAN(point), digest,
                    span_of(info->data + FWINFO_SIGNATURE, P256_SIGNATURE_SIZE)) == ERR_OK);
}

static struct span fwinfo_digest(const struct evidence *e)
{
    const ProtobufCBinaryData *info = &e->unit->firmware_information;
    return info->len == FWINFO_SIZE ? span_of(info->data + FWINFO_DIGEST, SHA256_SIZE)
                                    : span_of(NULL, 0);
}

static enum outcome fwinfo_image(const struct evidence *e)
{
    struct span want = fwinfo_digest(e);
    uint8_t digest[SHA256_SIZE];
    if (want.len == 0 || e->unit->signed_image.len == 0)
        return ABSENT;
    struct rd info = rd_of(span_of(e->unit->firmware_information.data + FWINFO_REGION, 8));
    struct rd image = rd_of(bytes_of(&e->unit->signed_image));
    uint32_t base = rd_u32le(&info), size = rd_u32le(&info);
    rd_take(&image, base);
    sha256_of(rd_take(&image, size), digest);
    return outcome_of(image.err == ERR_OK && span_eq(want, SPAN(digest)));
}

static enum outcome receipt_firmware(const struct evidence *e)
{
    struct span want = fwinfo_digest(e);
    if (e->receipt == NULL || want.len == 0)
        return ABSENT;
    return outcome_of(span_eq(bytes_of(&e->receipt->firmware_sha256), want));
}

static const struct {
    const char *name;
    enum outcome (*check)(const struct evidence *e);
} checks[] = {
    { "state_known", state_known },
    { "csr_signed_by_its_key", csr_signature },
    { "certificate_for_that_key", certificate_key },
    { "certificate_names_unit", certificate_uid },
    { "certificate_under_root", certificate_chain },
    { "fwinfo_signed_by_rotpk", fwinfo_signature },
    { "fwinfo_of_that_image", fwinfo_image },
    { "receipt_signed_by_authkey", receipt_signature },
    { "receipt_names_that_key", receipt_key },
    { "receipt_names_unit", receipt_uid },
    { "receipt_names_certificate", receipt_certificate },
    { "receipt_names_rotpk", receipt_rotpk },
    { "receipt_names_firmware", receipt_firmware },
};

static void csr_drop(X509_REQ **csr)
{
    X509_REQ_free(*csr);
}

static X509_REQ *csr_of(struct span der)
{
    const uint8_t *p = der.ptr;
    return der.len == 0 ? NULL : d2i_X509_REQ(NULL, &p, (long)der.len);
}

static bool report_checks(struct report *report, const struct evidence *e)
{
    static const char *const words[] = {
        [ABSENT] = "absent", [HOLDS] = "holds", [FAILS] = "FAILS"
    };
    bool good = true;
    struct report part = report_new();
    for (size_t i = 0; i < COUNT(checks); i++) {
        enum outcome outcome = checks[i].check(e);
        if (outcome == ABSENT && is_whole(e))
            outcome = FAILS;
        report_text(&part, checks[i].name, words[outcome]);
        good = good && outcome != FAILS;
    }
    report_object(report, "checks", &part);
    report_free(&part);
    return good;
}

bool unit_check(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                const struct settings *trust)
{
    AUTO(credential_certificate_drop) X509 *certificate = NULL;
    AUTO(csr_drop) X509_REQ *csr = csr_of(bytes_of(&unit->csr));
    struct evidence e = { .unit = unit, .receipt = unit->receipt, .trust = trust, .csr = csr };
    if (credential_certificate_parse(bytes_of(&unit->certificate), "it", &certificate) ==
            ERR_OK &&
        p256_point_of(X509_get0_pubkey(certificate), e.point) == ERR_OK)
        e.certificate = certificate;
    return report_checks(report, &e);
}
