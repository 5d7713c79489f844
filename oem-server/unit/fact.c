/* SPDX-License-Identifier: MIT */
/*
 * Reads facts. Called by the events of unit.h; a missing fact is ERR_NOT_FOUND, which is an
 * answer. It must not write, except in fact_revoke() and
 * unit_seal_add().
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum err fact_claim_get(struct store_tx *tx, const struct unit *unit,
                        struct unit_claim *claim_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct unit_claim claim = { 0 };
    TRY(query_open(tx, STATEMENT_CLAIM_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_bytes(&query, claim.auth_public_key, P256_POINT_SIZE);
    query_bytes(&query, claim.serial, sizeof(claim.serial));
    claim.not_before = query_i64(&query);
    claim.not_after = query_i64(&query);
    TRY(query_end(&query));
    *claim_out = claim;
    return ERR_OK;
}

enum err unit_auth_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                       uint8_t auth_public_key_out[static P256_POINT_SIZE])
{
    struct unit unit;
    struct unit_claim claim;
    TRY(unit_must(tx, uid, &unit));
    enum err found = fact_claim_get(tx, &unit, &claim);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(found, "the unit has no certificate yet");
    TRY(found);
    memcpy(auth_public_key_out, claim.auth_public_key, P256_POINT_SIZE);
    return ERR_OK;
}

void fact_receipt_free(struct fact_receipt *receipt)
{
    buf_free(&receipt->receipt);
    buf_free(&receipt->slot_kcv);
}

static void receipt_read(struct query *query, struct fact_receipt *receipt)
{
    query_buf(query, &receipt->receipt);
    query_bytes(query, receipt->sha256, SHA256_SIZE);
    receipt->lock_level = query_u32(query);
    receipt->rotpk_unproven = query_bool(query);
    receipt->slot = query_u32(query);
    query_optional(query, &receipt->slot_kcv);
    query_bytes(query, receipt->firmware_sha256, SHA256_SIZE);
    receipt->keep = query_bool(query);
}

enum err fact_receipt_get(struct store_tx *tx, const struct unit *unit,
                          const uint8_t run_id[static RUN_ID_SIZE],
                          struct fact_receipt *receipt_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_RECEIPT_GET,
                   VALUES(UNIT_GEN(unit), value_bytes(run_id, RUN_ID_SIZE)), &query));
    TRY(query_one(&query));
    memcpy(receipt_out->run_id, run_id, RUN_ID_SIZE);
    receipt_read(&query, receipt_out);
    return query_end(&query);
}

enum err fact_agreement_get(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE],
                            struct unit_agreement *agreement_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct unit_agreement agreement = { 0 };
    TRY(query_open(tx, STATEMENT_AGREEMENT_GET,
                   VALUES(UNIT_GEN(unit), value_bytes(run_id, RUN_ID_SIZE)), &query));
    TRY(query_one(&query));
    query_bytes(&query, agreement.kcv, KCV_SIZE);
    query_bytes(&query, agreement.tag_target, CONFIRMATION_TAG_SIZE);
    query_bytes(&query, agreement.tag_write, CONFIRMATION_TAG_SIZE);
    query_bytes(&query, agreement.tag_keep, CONFIRMATION_TAG_SIZE);
    query_bytes(&query, agreement.lock_tag, CONFIRMATION_TAG_SIZE);
    TRY(query_end(&query));
    *agreement_out = agreement;
    return ERR_OK;
}

enum err fact_agreement_find(struct store_tx *tx, const struct unit *unit,
                             const uint8_t kcv[static KCV_SIZE],
                             uint8_t run_id_out[static RUN_ID_SIZE],
                             uint8_t lock_tag_out[static CONFIRMATION_TAG_SIZE])
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_AGREEMENT_BY_KCV,
                   VALUES(UNIT_GEN(unit), value_bytes(kcv, KCV_SIZE)), &query));
    TRY(query_one(&query));
    query_bytes(&query, run_id_out, RUN_ID_SIZE);
    query_bytes(&query, lock_tag_out, CONFIRMATION_TAG_SIZE);
    return query_end(&query);
}

void fact_commit_free(struct fact_commit *commit)
{
    buf_free(&commit->statement);
    buf_free(&commit->receipt);
}

enum err fact_commit_newest(struct store_tx *tx, const struct unit *unit,
                            struct fact_commit *commit_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_COMMIT_NEWEST, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_bytes(&query, commit_out->run_id, RUN_ID_SIZE);
    query_bytes(&query, commit_out->kcv, KCV_SIZE);
    commit_out->lock_level = query_u32(&query);
    query_buf(&query, &commit_out->statement);
    query_buf(&query, &commit_out->receipt);
    return query_end(&query);
}

/* lock NULL: is there one? */
enum err fact_lock_find(struct store_tx *tx, const struct unit *unit,
                        const struct unit_lock *lock, bool *same_out)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t run_id[RUN_ID_SIZE], sha256[SHA256_SIZE];
    TRY(query_open(tx, STATEMENT_LOCK_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_bytes(&query, run_id, sizeof(run_id));
    uint32_t level = query_u32(&query);
    query_bytes(&query, sha256, sizeof(sha256));
    *same_out = lock != NULL && memcmp(run_id, lock->run_id, RUN_ID_SIZE) == 0 &&
                level == lock->lock_level &&
                memcmp(sha256, lock->statement_sha256, SHA256_SIZE) == 0;
    return query_end(&query);
}

enum err fact_seal_station(struct store_tx *tx, const struct unit *unit,
                           char station_out[static 65], bool *accepted_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(free_drop) char *detail = NULL;
    TRY(query_open(tx, STATEMENT_SEAL_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_name(&query, station_out);
    query_text(&query, &detail);
    *accepted_out = query_bool(&query);
    return query_end(&query);
}

enum err fact_certificate_get(struct store_tx *tx, const struct unit *unit,
                              struct buf *certificate_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(buf_free) struct buf csr = { 0 };
    TRY(query_open(tx, STATEMENT_CERTIFICATE_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_buf(&query, &csr);
    query_buf(&query, certificate_out);
    return query_end(&query);
}

/* The certificate's serial, which a CA outside chose; without one the claim's stays. */
static enum err issued_serial(struct store_tx *tx, const struct unit *unit,
                              struct unit_claim *claim)
{
    AUTO(buf_free) struct buf der = { 0 };
    enum err found = fact_certificate_get(tx, unit, &der);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    const uint8_t *p = der.ptr;
    X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
    BIGNUM *number = certificate == NULL
                         ? NULL
                         : ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    if (number != NULL && BN_num_bytes(number) <= (int)sizeof(claim->serial))
        BN_bn2binpad(number, claim->serial, sizeof(claim->serial));
    BN_free(number);
    X509_free(certificate);
    ERR_clear_error();
    return ERR_OK;
}

enum err fact_revoke(struct store_tx *tx, const struct unit *unit, const char *reason)
{
    struct unit_claim claim;
    enum err found = fact_claim_get(tx, unit, &claim);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    TRY(issued_serial(tx, unit, &claim));
    enum err added =
        row_add(tx, ROW_REVOKED,
                VALUES(UNIT_GEN(unit), value_bytes(claim.serial, sizeof(claim.serial)),
                       value_text(reason), value_number(store_now_us(tx))));
    return added == ERR_EXISTS ? ERR_OK : added;
}

enum err unit_revoked_serials(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                              struct buf *serials_out)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t serial[20];
    bool row = false;
    buf_free(serials_out);
    TRY(query_open(tx, STATEMENT_REVOKED_SERIALS,
                   VALUES(value_bytes(uid, UID_SIZE), value_number(UNIT_REVOKED_MAX)), &query));
    TRY(query_next(&query, &row));
    while (row) {
        query_bytes(&query, serial, sizeof(serial));
        TRY(query_end(&query));
        TRY(buf_append(serials_out, SPAN(serial)));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err unit_revoked_next(struct store_tx *tx, const struct unit_revocation *after,
                           struct unit_revocation *revocation_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_REVOKED_NEXT,
                   VALUES(value_number(after->revoked_us), value_bytes(after->uid, UID_SIZE),
                          value_number(after->gen)),
                   &query));
    TRY(query_one(&query));
    revocation_out->revoked_us = query_i64(&query);
    query_bytes(&query, revocation_out->uid, UID_SIZE);
    revocation_out->gen = query_u32(&query);
    query_buf(&query, &revocation_out->certificate);
    query_chars(&query, revocation_out->reason, sizeof(revocation_out->reason));
    return query_end(&query);
}

enum err fact_revoked(struct store_tx *tx, const struct unit *unit, bool *revoked_out)
{
    uint64_t count = 0;
    TRY(query_count(tx, STATEMENT_REVOKED_COUNT, VALUES(UNIT_GEN(unit)), &count));
    *revoked_out = count != 0;
    return ERR_OK;
}

enum err fact_rotpk_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                        struct fact_rotpk *rotpk_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct fact_rotpk rotpk = { 0 };
    TRY(query_open(tx, STATEMENT_ROTPK_GET, VALUES(value_bytes(uid, UID_SIZE)), &query));
    TRY(query_one(&query));
    rotpk.gen = query_u32(&query);
    query_bytes(&query, rotpk.rotpk, ROTPK_SIZE);
    query_chars(&query, rotpk.boot_key, sizeof(rotpk.boot_key));
    TRY(query_end(&query));
    *rotpk_out = rotpk;
    return ERR_OK;
}

enum err fact_released(struct store_tx *tx, const struct unit *unit, uint32_t gen,
                       bool *refuses_out)
{
    uint64_t count = 0;
    TRY(query_count(tx, STATEMENT_RELEASE_REFUSES,
                    VALUES(value_bytes(unit->uid, UID_SIZE), value_number(gen)), &count));
    *refuses_out = count != 0;
    return ERR_OK;
}

enum err unit_seal_add(struct store_tx *tx, const struct unit *unit, const char *detail,
                       bool accepted)
{
    return row_add(tx, ROW_SEAL,
                   VALUES(UNIT_GEN(unit), value_name(unit->station), value_text(detail),
                          value_number(accepted), value_number(store_now_us(tx))));
}
