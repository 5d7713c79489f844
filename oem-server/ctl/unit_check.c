/* SPDX-License-Identifier: MIT */
/*
 * The checks of unit show: request, certificate, FwInfo and image must name each other and
 * verify; those of the signed statements are in unit_closing.c. Called by unit_show.c. A check
 * must never hold for a missing part (test_ctl_unit).
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/unit_evidence.h"

static bool is_state(const struct evidence *e, const char *const words[])
{
    while (*words != NULL && strcmp(*words, e->row->state) != 0)
        words++;
    return *words != NULL;
}

static enum outcome state_known(const struct evidence *e)
{
    static const char *const all[] = { "started", "finished", "committed", "sealed",
                                       "failed",  "scrapped", NULL };
    return outcome_of(is_state(e, all));
}

/* The unit has reached that state, so the part existed: if it is absent now, it was removed. */
static bool has_reached(const struct evidence *e, enum since since)
{
    static const char *const states[] = { "sealed", "committed", "finished" };
    static const size_t least[] = {
        [FINISHED] = 3, [COMMITTED] = 2, [SEALED] = 1, [LOCKED] = 1
    };
    if (since == ALWAYS)
        return true;
    if (since == LOCKED && e->row->accepted)
        return false;
    for (size_t i = 0; i < COUNT(states) && i < least[since]; i++)
        if (strcmp(states[i], e->row->state) == 0)
            return true;
    return false;
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
    if (e->certificate == NULL || e->row->uid.len != UID_SIZE)
        return FAILS;
    hex_of(span_in(&e->row->uid), want);
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

static enum outcome fwinfo_image(const struct evidence *e)
{
    struct span want = evidence_firmware(e);
    uint8_t digest[SHA256_SIZE];
    if (want.len == 0 || e->unit->signed_image.len == 0)
        return ABSENT;
    struct rd info = rd_of(span_of(e->unit->firmware_information.data + FWINFO_REGION, 8));
    struct rd image = rd_of(span_in(&e->unit->signed_image));
    uint32_t base = rd_u32le(&info), size = rd_u32le(&info);
    rd_take(&image, base);
    sha256_of(rd_take(&image, size), digest);
    return outcome_of(image.err == ERR_OK && span_eq(want, SPAN(digest)));
}

static void bn_drop(BIGNUM **number)
{
    BN_free(*number);
}

/* The certificate of a scrapped, failed or released unit should be revoked. */
static enum outcome certificate_valid(const struct evidence *e)
{
    if (e->unit->certificate.len == 0 || !has_reached(e, FINISHED))
        return ABSENT;
    if (e->certificate == NULL)
        return FAILS;
    for (size_t i = 0; i < e->unit->n_revoked; i++) {
        AUTO(bn_drop)
        BIGNUM *serial = BN_bin2bn(e->unit->revoked[i]->serial.data,
                                   (int)e->unit->revoked[i]->serial.len, NULL);
        AUTO(bn_drop)
        BIGNUM *own = ASN1_INTEGER_to_BN(X509_get0_serialNumber(e->certificate), NULL);
        if (serial == NULL || own == NULL || BN_cmp(serial, own) == 0)
            return FAILS;
    }
    return HOLDS;
}

static const struct unit_check checks[] = {
    { "state_known", state_known, ALWAYS },
    { "csr_signed_by_its_key", csr_signature, FINISHED },
    { "certificate_for_that_key", certificate_key, FINISHED },
    { "certificate_names_unit", certificate_uid, FINISHED },
    { "certificate_under_root", certificate_chain, FINISHED },
    { "certificate_not_revoked", certificate_valid, FINISHED },
    { "fwinfo_signed_by_rotpk", fwinfo_signature, FINISHED },
    { "fwinfo_of_that_image", fwinfo_image, FINISHED },
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

/* Adds the names of failed checks to failed. */
static void report_checks(struct report *part, const struct evidence *e,
                          const struct unit_check list[], size_t count, struct buf *failed)
{
    static const char *const words[] = {
        [ABSENT] = "absent", [HOLDS] = "holds", [FAILS] = "FAILS"
    };
    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = list[i].check(e);
        if (outcome == ABSENT && has_reached(e, list[i].since))
            outcome = FAILS;
        report_text(part, list[i].name, words[outcome]);
        if (outcome != FAILS)
            continue;
        if (buf_append(failed, span_of(", ", failed->len == 0 ? 0 : 2)) != ERR_OK ||
            buf_append(failed, span_of(list[i].name, strlen(list[i].name))) != ERR_OK)
            report_free(part); /* no memory: report_print() reports it */
    }
}

static enum err verdict(const struct buf *failed)
{
    return failed->len == 0
               ? ERR_OK
               : fail_quiet(ERR_DATA_LOSS,
                            "the unit's evidence is not whole or contradicts itself: %.*s",
                            (int)failed->len, (const char *)failed->ptr);
}

static void read_keys(struct evidence *e, const Hallmark__V1__ShowUnitResponse *unit)
{
    e->csr = csr_of(span_in(&unit->csr));
    if (credential_certificate_parse(span_in(&unit->certificate), "it", &e->certificate) !=
        ERR_OK)
        return;
    if (p256_point_of(X509_get0_pubkey(e->certificate), e->point) != ERR_OK)
        credential_certificate_drop(&e->certificate);
}

static void evidence_drop(struct evidence *e)
{
    credential_certificate_drop(&e->certificate);
    csr_drop(&e->csr);
}

enum err unit_check(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                    const struct settings *trust)
{
    AUTO(buf_free) struct buf failed = { 0 };
    AUTO(report_free) struct report part = report_new();
    AUTO(evidence_drop)
    struct evidence e = { .unit = unit,
                          .row = unit->unit,
                          .receipt = unit->receipt,
                          .commit = unit->commit,
                          .lock = unit->lock,
                          .trust = trust };
    read_keys(&e, unit);
    if (e.receipt != NULL)
        e.receipt_said = statement_of_receipt(e.receipt);
    if (e.commit != NULL)
        e.commit_said = statement_of_commit(e.commit);
    if (e.lock != NULL)
        e.lock_said = statement_of_lock(e.lock);
    report_checks(&part, &e, checks, COUNT(checks), &failed);
    report_checks(&part, &e, unit_closing_checks, unit_closing_check_count, &failed);
    report_object(report, "checks", &part);
    return verdict(&failed);
}
