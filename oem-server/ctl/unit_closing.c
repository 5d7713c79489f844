/* SPDX-License-Identifier: MIT */
/*
 * The checks of a board's receipt, commit statement and lock statement: each signed with the
 * certificate's key, each about this unit, each naming the one before by its digest. Called by
 * unit_check.c. They must not depend on what the server says about the statements.
 */
#include <string.h>

#include "oem-server/ctl/unit_evidence.h"

static bool is_point(const struct evidence *e, const ProtobufCBinaryData *key)
{
    return e->certificate != NULL && span_eq(span_in(key), SPAN(e->point));
}

static bool is_signed(const struct evidence *e, const struct statement *s,
                      const ProtobufCBinaryData *signature)
{
    return e->certificate != NULL && statement_is_signed(s, SPAN(e->point), signature);
}

static bool same(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    return span_eq(span_in(a), span_in(b));
}

/* A digest that a statement names is that of the statement before it. */
static bool chains(const ProtobufCBinaryData *digest, const struct statement *before)
{
    return before->made && span_eq(span_in(digest), SPAN(before->sha256));
}

static enum outcome receipt_signature(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(is_signed(e, &e->receipt_said, &e->receipt->signature));
}

static enum outcome receipt_key(const struct evidence *e)
{
    return e->receipt == NULL ? ABSENT : outcome_of(is_point(e, &e->receipt->auth_public_key));
}

static enum outcome receipt_uid(const struct evidence *e)
{
    return e->receipt == NULL ? ABSENT : outcome_of(same(&e->receipt->uid, &e->row->uid));
}

static enum outcome receipt_certificate(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(evidence_is_digest_of(&e->receipt->device_certificate_sha256,
                                                  &e->unit->certificate));
}

static enum outcome receipt_rotpk(const struct evidence *e)
{
    return e->receipt == NULL
               ? ABSENT
               : outcome_of(evidence_is_digest_of(&e->receipt->rotpk_sha256, &e->unit->rotpk));
}

static enum outcome receipt_firmware(const struct evidence *e)
{
    struct span want = evidence_firmware(e);
    if (e->receipt == NULL || want.len == 0)
        return ABSENT;
    return outcome_of(span_eq(span_in(&e->receipt->firmware_sha256), want));
}

static enum outcome commit_signature(const struct evidence *e)
{
    return e->commit == NULL ? ABSENT
                             : outcome_of(is_signed(e, &e->commit_said, &e->commit->signature));
}

static enum outcome commit_uid(const struct evidence *e)
{
    return e->commit == NULL ? ABSENT : outcome_of(same(&e->commit->uid, &e->row->uid));
}

/* A committed unit that repeats the arrows has a receipt that no statement names yet: until the
 * unit is sealed the chain is then absent, not broken. */
static bool is_repeated(const struct evidence *e)
{
    return e->commit != NULL && e->receipt != NULL && e->lock == NULL &&
           strcmp(e->row->state, "committed") == 0 &&
           !same(&e->commit->run_id, &e->receipt->run_id);
}

static enum outcome commit_receipt(const struct evidence *e)
{
    if (e->commit == NULL || e->receipt == NULL || is_repeated(e))
        return ABSENT;
    return outcome_of(chains(&e->commit->receipt_sha256, &e->receipt_said) &&
                      same(&e->commit->run_id, &e->receipt->run_id));
}

static enum outcome commit_level(const struct evidence *e)
{
    if (e->commit == NULL || e->receipt == NULL)
        return ABSENT;
    return outcome_of(e->commit->lock_level == e->receipt->lock_level);
}

/* An AES slot, and the value that tells the key in it. If the slot was in use when the receipt
 * was signed, its key is the one that the receipt states. */
static enum outcome commit_slot(const struct evidence *e)
{
    const Hallmark__V1__CommitStatement *c = e->commit;
    if (c == NULL)
        return ABSENT;
    bool kept = e->receipt != NULL && !is_repeated(e) && e->receipt->slot == c->slot;
    return outcome_of(c->slot >= OTP_AES_FIRST && c->slot <= OTP_AES_LAST &&
                      c->kcv.len == KCV_SIZE &&
                      (!kept || same(&c->kcv, &e->receipt->slot_kcv)));
}

static enum outcome lock_signature(const struct evidence *e)
{
    return e->lock == NULL ? ABSENT
                           : outcome_of(is_signed(e, &e->lock_said, &e->lock->signature));
}

static enum outcome lock_uid(const struct evidence *e)
{
    return e->lock == NULL ? ABSENT : outcome_of(same(&e->lock->uid, &e->row->uid));
}

static enum outcome lock_commit(const struct evidence *e)
{
    if (e->lock == NULL)
        return ABSENT;
    return outcome_of(e->commit != NULL &&
                      chains(&e->lock->statement_sha256, &e->commit_said) &&
                      same(&e->lock->run_id, &e->commit->run_id));
}

/* The level that the board read back must be the order's. */
static enum outcome lock_level(const struct evidence *e)
{
    if (e->lock == NULL)
        return ABSENT;
    return outcome_of(e->commit != NULL && e->lock->lock_level == e->commit->lock_level);
}

/* The value that lists and counts use must be what the board stated. */
static enum outcome row_lock(const struct evidence *e)
{
    if (e->lock == NULL)
        return e->row->locked ? FAILS : ABSENT;
    return outcome_of(e->row->locked && e->row->lock_level == e->lock->lock_level);
}

const struct unit_check unit_closing_checks[] = {
    { "receipt_signed_by_authkey", receipt_signature, FINISHED },
    { "receipt_names_that_key", receipt_key, FINISHED },
    { "receipt_names_unit", receipt_uid, FINISHED },
    { "receipt_names_certificate", receipt_certificate, FINISHED },
    { "receipt_names_rotpk", receipt_rotpk, FINISHED },
    { "receipt_names_firmware", receipt_firmware, FINISHED },
    { "commit_signed_by_authkey", commit_signature, COMMITTED },
    { "commit_names_unit", commit_uid, COMMITTED },
    { "commit_names_receipt", commit_receipt, SEALED },
    { "commit_level_of_receipt", commit_level, COMMITTED },
    { "commit_names_slot_and_key", commit_slot, COMMITTED },
    { "lock_signed_by_authkey", lock_signature, LOCKED },
    { "lock_names_unit", lock_uid, LOCKED },
    { "lock_names_commit", lock_commit, LOCKED },
    { "lock_level_as_wanted", lock_level, LOCKED },
    { "lock_in_units_row", row_lock, LOCKED },
};
const size_t unit_closing_check_count = COUNT(unit_closing_checks);
