/* SPDX-License-Identifier: MIT */
/* The facts that a run's arrows add: claim, certificate, ROTPK, FwInfo, agreement. Called by
 * the handlers of arrows 14, 18, 22 and 33. Each is inserted if it is absent, and the answer is
 * the stored row, so a second, different value must not be given out. */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

/* ERR_OK: the key is this UID's; ERR_NOT_FOUND: no UID has it. */
static enum err key_of(struct store_tx *tx, const struct unit *unit,
                       const uint8_t pub[static P256_POINT_SIZE])
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t uid[UID_SIZE];
    char hex[UID_HEX_SIZE];
    TRY(query_open(tx, STATEMENT_AUTH_KEY_GET, VALUES(value_bytes(pub, P256_POINT_SIZE)),
                   &query));
    TRY(query_one(&query));
    query_bytes(&query, uid, sizeof(uid));
    TRY(query_end(&query));
    return memcmp(uid, unit->uid, UID_SIZE) == 0
               ? ERR_OK
               : fail_quiet(ERR_EXISTS, "this AUTHKEY is unit %s's", hex_of(SPAN(uid), hex));
}

static enum err key_take(struct store_tx *tx, const struct unit *unit,
                         const uint8_t pub[static P256_POINT_SIZE], bool recorded)
{
    enum err found = key_of(tx, unit, pub);
    if (found != ERR_NOT_FOUND)
        return found;
    if (!recorded)
        return fail_quiet(ERR_SPOILT,
                          "auth key spoilt: the board has no record of this AUTHKEY, "
                          "and the unit never had it");
    return row_add(tx, ROW_AUTH_KEY,
                   VALUES(value_bytes(pub, P256_POINT_SIZE), value_bytes(unit->uid, UID_SIZE)));
}

static enum err claim_make(struct store_tx *tx, const struct unit *unit,
                           const struct unit_claim *wanted, bool recorded)
{
    AUTO(order_free) struct order order = { 0 };
    struct unit now = *unit;
    TRY(order_get(tx, unit->order, &order));
    TRY(order_window(tx, &order));
    TRY(key_take(tx, unit, wanted->auth_public_key, recorded));
    TRY(unit_transition(tx, UNIT_EVENT_CLAIM, unit, &now));
    TRY(order_issue(tx, unit->order));
    return row_add(tx, ROW_CLAIM,
                   VALUES(UNIT_GEN(unit), value_name(unit->order),
                          value_bytes(wanted->auth_public_key, P256_POINT_SIZE),
                          value_bytes(wanted->serial, sizeof(wanted->serial)),
                          value_number(wanted->not_before), value_number(wanted->not_after)));
}

enum err unit_claim(struct store_tx *tx, const struct unit_run *run,
                    const struct unit_claim *wanted, bool recorded,
                    struct unit_claim *claim_out)
{
    struct unit unit;
    struct unit_claim claim;
    char hex[UID_HEX_SIZE];
    TRY(unit_of_run(tx, run, &unit));
    enum err found = fact_claim_get(tx, &unit, &claim);
    if (found == ERR_NOT_FOUND) {
        TRY(claim_make(tx, &unit, wanted, recorded));
        *claim_out = *wanted;
        return ERR_OK;
    }
    TRY(found);
    if (memcmp(claim.auth_public_key, wanted->auth_public_key, P256_POINT_SIZE) != 0)
        return fail_quiet(ERR_DATA_LOSS, "unit %s has another AUTHKEY",
                          hex_of(SPAN(unit.uid), hex));
    *claim_out = claim;
    return ERR_OK;
}

/* The unit of a run that has its claim, for an event of the table. */
static enum err claimed_unit(struct store_tx *tx, const struct unit_run *run,
                             enum unit_event event, struct unit *unit_out)
{
    struct unit_claim claim;
    TRY(unit_of_run(tx, run, unit_out));
    struct unit now = *unit_out;
    enum err found = fact_claim_get(tx, unit_out, &claim);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_ORDER, "the unit has no claim yet (arrow 14)");
    TRY(found);
    return unit_transition(tx, event, unit_out, &now);
}

enum err unit_certificate(struct store_tx *tx, const struct unit_run *run,
                          struct buf *certificate_out)
{
    struct unit unit;
    TRY(unit_of_run(tx, run, &unit));
    return fact_certificate_get(tx, &unit, certificate_out);
}

static enum err added(enum err e)
{
    return e == ERR_EXISTS ? ERR_OK : e;
}

enum err unit_certify(struct store_tx *tx, const struct unit_run *run, struct span csr,
                      struct span certificate, struct buf *certificate_out)
{
    struct unit unit;
    AUTO(buf_free) struct buf stored_csr = { 0 };
    AUTO(query_close) struct query query = { 0 };
    TRY(claimed_unit(tx, run, UNIT_EVENT_CERTIFY, &unit));
    TRY(added(row_add(tx, ROW_CERTIFICATE,
                      VALUES(UNIT_GEN(&unit), value_span(csr), value_span(certificate)))));
    TRY(query_open(tx, STATEMENT_CERTIFICATE_GET, VALUES(UNIT_GEN(&unit)), &query));
    TRY(query_one(&query));
    query_buf(&query, &stored_csr);
    query_buf(&query, certificate_out);
    return query_end(&query);
}

static enum err rotpk_add(struct store_tx *tx, const struct unit *unit,
                          const uint8_t rotpk[static ROTPK_SIZE], const char *boot_key)
{
    return row_add(
        tx, ROW_ROTPK,
        VALUES(UNIT_GEN(unit), value_bytes(rotpk, ROTPK_SIZE), value_text(boot_key)));
}

enum err unit_rotpk(struct store_tx *tx, const struct unit_run *run,
                    const uint8_t rotpk[static ROTPK_SIZE], const char *boot_key,
                    bool *recreate_out)
{
    struct unit unit;
    struct fact_rotpk stored;
    char hex[UID_HEX_SIZE];
    bool refuses = false;
    *recreate_out = false;
    TRY(claimed_unit(tx, run, UNIT_EVENT_ROTPK, &unit));
    enum err found = fact_rotpk_get(tx, unit.uid, &stored);
    if (found == ERR_NOT_FOUND)
        return rotpk_add(tx, &unit, rotpk, boot_key);
    TRY(found);
    if (memcmp(stored.rotpk, rotpk, ROTPK_SIZE) == 0) {
        *recreate_out = stored.gen < unit.gen;
        return ERR_OK;
    }
    TRY(fact_released(tx, &unit, stored.gen, &refuses));
    if (stored.gen < unit.gen && refuses)
        return rotpk_add(tx, &unit, rotpk, boot_key);
    return fail(ERR_DATA_LOSS, "unit %s has another ROTPK: that of boot key %s",
                hex_of(SPAN(unit.uid), hex), stored.boot_key);
}

enum err unit_fwinfo(struct store_tx *tx, const struct unit_run *run,
                     const uint8_t firmware_sha256[static SHA256_SIZE],
                     const uint8_t fwinfo[static FWINFO_SIZE],
                     uint8_t fwinfo_out[static FWINFO_SIZE])
{
    struct unit unit;
    AUTO(query_close) struct query query = { 0 };
    TRY(claimed_unit(tx, run, UNIT_EVENT_FWINFO, &unit));
    TRY(added(row_add(tx, ROW_FWINFO,
                      VALUES(UNIT_GEN(&unit), value_bytes(firmware_sha256, SHA256_SIZE),
                             value_bytes(fwinfo, FWINFO_SIZE)))));
    TRY(query_open(tx, STATEMENT_FWINFO_GET,
                   VALUES(UNIT_GEN(&unit), value_bytes(firmware_sha256, SHA256_SIZE)), &query));
    TRY(query_one(&query));
    query_bytes(&query, fwinfo_out, FWINFO_SIZE);
    return query_end(&query);
}

static bool same_agreement(const struct unit_agreement *a, const struct unit_agreement *b)
{
    return ct_eq(SPAN(a->kcv), SPAN(b->kcv)) &&
           ct_eq(SPAN(a->tag_target), SPAN(b->tag_target)) &&
           ct_eq(SPAN(a->tag_write), SPAN(b->tag_write)) &&
           ct_eq(SPAN(a->tag_keep), SPAN(b->tag_keep)) &&
           ct_eq(SPAN(a->lock_tag), SPAN(b->lock_tag));
}

enum err unit_agree(struct store_tx *tx, const struct unit_run *run,
                    const struct unit_agreement *agreement)
{
    struct unit unit;
    struct unit_agreement stored;
    TRY(claimed_unit(tx, run, UNIT_EVENT_AGREE, &unit));
    enum err put = row_add(tx, ROW_AGREEMENT,
                           VALUES(UNIT_GEN(&unit), value_bytes(run->run_id, RUN_ID_SIZE),
                                  value_bytes(agreement->kcv, KCV_SIZE),
                                  value_bytes(agreement->tag_target, CONFIRMATION_TAG_SIZE),
                                  value_bytes(agreement->tag_write, CONFIRMATION_TAG_SIZE),
                                  value_bytes(agreement->tag_keep, CONFIRMATION_TAG_SIZE),
                                  value_bytes(agreement->lock_tag, CONFIRMATION_TAG_SIZE)));
    if (put == ERR_OK)
        return wrapped_shared_put(tx, &unit, run->run_id, agreement->kek,
                                  buf_span(&agreement->wrapped));
    if (put != ERR_EXISTS)
        return put;
    TRY(fact_agreement_get(tx, &unit, run->run_id, &stored));
    return same_agreement(agreement, &stored)
               ? ERR_OK
               : fail_quiet(ERR_EXISTS, "this run has agreed on a key already");
}
