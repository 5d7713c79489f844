/* SPDX-License-Identifier: MIT */
/*
 * From the receipt to the seal: which key the board keeps, that it is locked, that its debug
 * port is closed. Called for Runs.Finish, Commit, Booted, Locked and Sealed. Each statement is
 * a fact that is inserted once: the same one again gets the same answer, another one must be
 * refused.
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum err unit_of_station(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *station, struct unit *unit_out)
{
    char hex[UID_HEX_SIZE];
    bool revoked = false;
    TRY(unit_must(tx, uid, unit_out));
    hex_of(span_of(uid, UID_SIZE), hex);
    if (strcmp(unit_out->station, station) != 0)
        return fail_quiet(ERR_DENIED,
                          "unit %s is station %s's: an operator can reassign it "
                          "(oemctl unit reassign)",
                          hex, unit_out->station);
    if (unit_out->held[0] != '\0')
        return fail_quiet(ERR_HELD, "unit %s is held: %s", hex, unit_out->held);
    TRY(fact_revoked(tx, unit_out, &revoked));
    return revoked ? fail_quiet(ERR_PRECONDITION, "unit %s: its certificate is revoked", hex)
                   : ERR_OK;
}

/* --- Finish. --- */

static enum err receipt_check(struct store_tx *tx, const struct unit *unit,
                              const struct unit_receipt *receipt)
{
    AUTO(order_free) struct order order = { 0 };
    TRY(order_get(tx, unit->order, &order));
    if (receipt->lock_level != order.lock_level)
        return fail_quiet(ERR_MISMATCH, "receipt: lock level %u is not order %s's, %u",
                          receipt->lock_level, order.name, order.lock_level);
    return ERR_OK;
}

/* From committed, the slot must hold the key that the unit is committed to. */
static enum err keep_committed(struct store_tx *tx, const struct unit *unit,
                               const struct unit_receipt *receipt, bool *keep_out)
{
    AUTO(fact_commit_free) struct fact_commit commit = { 0 };
    char hex[UID_HEX_SIZE];
    TRY(fact_commit_newest(tx, unit, &commit));
    hex_of(SPAN(unit->uid), hex);
    if (receipt->slot == 0)
        return fail_quiet(ERR_MISMATCH,
                          "unit %s is committed, but its board holds no AES_NuLink3: "
                          "an operator scraps it",
                          hex);
    if (memcmp(receipt->slot_kcv, commit.kcv, KCV_SIZE) != 0)
        return fail_quiet(ERR_MISMATCH,
                          "unit %s is committed, but slot %u of its board holds another "
                          "AES_NuLink3: an operator scraps it",
                          hex, receipt->slot);
    *keep_out = true;
    return ERR_OK;
}

static enum err keep_decide(struct store_tx *tx, const struct unit *unit,
                            const struct unit_receipt *receipt, bool *keep_out)
{
    uint8_t run_id[RUN_ID_SIZE], lock_tag[CONFIRMATION_TAG_SIZE];
    *keep_out = false;
    if (unit->state == UNIT_COMMITTED)
        return keep_committed(tx, unit, receipt, keep_out);
    if (receipt->slot == 0)
        return ERR_OK;
    enum err found = fact_agreement_find(tx, unit, receipt->slot_kcv, run_id, lock_tag);
    *keep_out = found == ERR_OK;
    return found == ERR_NOT_FOUND ? ERR_OK : found;
}

static enum err receipt_add(struct store_tx *tx, const struct unit *unit,
                            const struct unit_receipt *receipt, bool keep)
{
    uint64_t newest = 0;
    enum err found = query_count(tx, STATEMENT_RECEIPT_NEWEST, VALUES(UNIT_GEN(unit)), &newest);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    struct store_value kcv = receipt->slot == 0 ? (struct store_value){ STORE_NULL, 0, { 0 } }
                                                : value_bytes(receipt->slot_kcv, KCV_SIZE);
    return row_add(
        tx, ROW_RECEIPT,
        VALUES(UNIT_GEN(unit), value_bytes(unit->holder.run_id, RUN_ID_SIZE),
               value_u64(newest + 1), value_span(receipt->receipt),
               value_bytes(receipt->sha256, SHA256_SIZE), value_number(receipt->lock_level),
               value_number(receipt->rotpk_unproven), value_number(receipt->slot), kcv,
               value_bytes(receipt->firmware_sha256, SHA256_SIZE), value_number(keep),
               value_name(unit->holder.station), value_number(store_now_us(tx))));
}

/* The receipt states certificate and ROTPK: values that the server did not give out must not be
 * accepted. */
static enum err facts_check(struct store_tx *tx, const struct unit *unit)
{
    struct fact_rotpk rotpk;
    uint64_t certificates = 0;
    TRY(query_count(tx, STATEMENT_CERTIFICATE_COUNT, VALUES(UNIT_GEN(unit)), &certificates));
    enum err found = fact_rotpk_get(tx, unit->uid, &rotpk);
    if (certificates == 0 || found == ERR_NOT_FOUND)
        return fail_quiet(ERR_ORDER, "the unit has no certificate or no ROTPK yet");
    return found;
}

static enum err finish_new(struct store_tx *tx, const struct unit *unit,
                           const struct unit_receipt *receipt, bool *keep_out)
{
    struct unit now = *unit;
    TRY(facts_check(tx, unit));
    TRY(receipt_check(tx, unit, receipt));
    TRY(keep_decide(tx, unit, receipt, keep_out));
    TRY(receipt_add(tx, unit, receipt, *keep_out));
    memcpy(now.station, unit->holder.station, sizeof(now.station));
    if (unit->state ==
        UNIT_COMMITTED) /* its key is that of another run: this one is not needed */
        TRY(wrapped_shared_destroy_one(tx, unit, unit->holder.run_id));
    return unit_transition(tx, UNIT_EVENT_FINISH, unit, &now);
}

enum err unit_finish(struct store_tx *tx, const struct unit_run *run,
                     const struct unit_receipt *receipt, bool *keep_out,
                     uint8_t tag_out[static CONFIRMATION_TAG_SIZE])
{
    AUTO(fact_receipt_free) struct fact_receipt stored = { 0 };
    struct unit unit;
    struct unit_agreement agreement;
    TRY(unit_of_run(tx, run, &unit));
    enum err agreed = fact_agreement_get(tx, &unit, run->run_id, &agreement);
    if (agreed == ERR_NOT_FOUND)
        return fail_quiet(ERR_ORDER, "this run has not agreed on a key yet (arrow 33)");
    TRY(agreed);
    enum err found = fact_receipt_get(tx, &unit, run->run_id, &stored);
    if (found == ERR_NOT_FOUND)
        TRY(finish_new(tx, &unit, receipt, keep_out));
    else if (found != ERR_OK)
        return found;
    else if (memcmp(stored.sha256, receipt->sha256, SHA256_SIZE) != 0)
        return fail_quiet(ERR_MISMATCH, "finish: this run was finished with another receipt");
    else
        *keep_out = stored.keep;
    memcpy(tag_out, *keep_out ? agreement.tag_keep : agreement.tag_write,
           CONFIRMATION_TAG_SIZE);
    return ERR_OK;
}

/* --- Commit. --- */

static enum err commit_found(struct store_tx *tx, const struct unit *unit,
                             const struct unit_commit *commit, bool *same_out)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t sha256[SHA256_SIZE];
    TRY(query_open(tx, STATEMENT_COMMIT_GET,
                   VALUES(UNIT_GEN(unit), value_bytes(commit->run_id, RUN_ID_SIZE)), &query));
    TRY(query_one(&query));
    query.column = 4; /* sha256 */
    query_bytes(&query, sha256, sizeof(sha256));
    *same_out = memcmp(sha256, commit->sha256, SHA256_SIZE) == 0;
    return query_end(&query);
}

/* KEEP: the key in the slot that the receipt named; WRITE: this run's. */
static enum err key_check(struct store_tx *tx, const struct unit *unit,
                          const struct fact_receipt *receipt, const struct unit_commit *commit)
{
    struct unit_agreement agreement;
    if (receipt->keep) {
        if (commit->slot == receipt->slot &&
            ct_eq(SPAN(commit->kcv), buf_span(&receipt->slot_kcv)))
            return ERR_OK;
        return fail_quiet(ERR_MISMATCH, "commit: the board was to keep the key in slot %u",
                          receipt->slot);
    }
    TRY(fact_agreement_get(tx, unit, commit->run_id, &agreement));
    return ct_eq(SPAN(commit->kcv), SPAN(agreement.kcv))
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "commit: slot %u holds another key than this run's",
                            commit->slot);
}

static enum err commit_against_receipt(struct store_tx *tx, const struct unit *unit,
                                       const struct unit_commit *commit)
{
    AUTO(fact_receipt_free) struct fact_receipt receipt = { 0 };
    enum err found = fact_receipt_get(tx, unit, commit->run_id, &receipt);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_MISMATCH,
                          "commit: its run has no receipt in generation %u of the unit",
                          unit->gen);
    TRY(found);
    if (memcmp(receipt.sha256, commit->receipt_sha256, SHA256_SIZE) != 0)
        return fail_quiet(ERR_MISMATCH, "commit: the receipt is not that of its run");
    if (commit->lock_level != receipt.lock_level)
        return fail_quiet(ERR_MISMATCH, "commit: lock level %u is not the receipt's, %u",
                          commit->lock_level, receipt.lock_level);
    return key_check(tx, unit, &receipt, commit);
}

/* There may be several commit statements, all with the same KCV. */
static enum err commit_against_others(struct store_tx *tx, const struct unit *unit,
                                      const struct unit_commit *commit)
{
    AUTO(fact_commit_free) struct fact_commit stands = { 0 };
    enum err found = fact_commit_newest(tx, unit, &stands);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    return ct_eq(SPAN(stands.kcv), SPAN(commit->kcv))
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "commit: the unit is committed to another key");
}

static enum err commit_add(struct store_tx *tx, const struct unit *unit,
                           const struct unit_commit *commit)
{
    struct unit now = *unit;
    uint8_t run_id[RUN_ID_SIZE], lock_tag[CONFIRMATION_TAG_SIZE];
    TRY(unit_table_find(UNIT_EVENT_COMMIT, unit->state) == NULL
            ? unit_transition(tx, UNIT_EVENT_COMMIT, unit, &now)
            : ERR_OK); /* a wrong state is reported before a wrong statement */
    TRY(commit_against_receipt(tx, unit, commit));
    TRY(commit_against_others(tx, unit, commit));
    TRY(row_add(tx, ROW_COMMIT,
                VALUES(UNIT_GEN(unit), value_bytes(commit->run_id, RUN_ID_SIZE),
                       value_number(commit->slot), value_bytes(commit->kcv, KCV_SIZE),
                       value_number(commit->lock_level),
                       value_bytes(commit->receipt_sha256, SHA256_SIZE),
                       value_bytes(commit->sha256, SHA256_SIZE), value_span(commit->statement),
                       value_name(unit->station), value_number(store_now_us(tx)))));
    TRY(fact_agreement_find(tx, unit, commit->kcv, run_id, lock_tag));
    TRY(wrapped_shared_destroy(tx, unit, run_id));
    return unit_transition(tx, UNIT_EVENT_COMMIT, unit, &now);
}

enum err unit_commit_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *station, const struct unit_commit *commit,
                         struct unit_committed *committed_out)
{
    struct unit unit;
    bool same = false;
    TRY(unit_of_station(tx, uid, station, &unit));
    enum err found = commit_found(tx, &unit, commit, &same);
    if (found == ERR_NOT_FOUND)
        TRY(commit_add(tx, &unit, commit));
    else if (found != ERR_OK)
        return found;
    else if (!same)
        return fail_quiet(ERR_MISMATCH, "commit: this run has another commit statement");
    return unit_committed_answer(tx, &unit, committed_out);
}

enum err unit_booted(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *station, bool booted)
{
    struct unit was, now;
    TRY(unit_of_station(tx, uid, station, &was));
    now = was;
    now.boot_failed = !booted;
    return unit_transition(tx, UNIT_EVENT_BOOTED, &was, &now);
}

/* --- Lock and seal. --- */

static enum err lock_against_commit(struct store_tx *tx, const struct unit *unit,
                                    const struct unit_lock *lock)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t sha256[SHA256_SIZE];
    TRY(query_open(tx, STATEMENT_COMMIT_GET,
                   VALUES(UNIT_GEN(unit), value_bytes(lock->run_id, RUN_ID_SIZE)), &query));
    enum err found = query_one(&query);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_MISMATCH, "lock: its run has no commit statement");
    TRY(found);
    query.column = 2; /* lock_level */
    uint32_t level = query_u32(&query);
    query.column = 4; /* sha256 */
    query_bytes(&query, sha256, sizeof(sha256));
    TRY(query_end(&query));
    if (memcmp(sha256, lock->statement_sha256, SHA256_SIZE) != 0)
        return fail_quiet(ERR_MISMATCH, "lock: the commit statement is not that of its run");
    return level == lock->lock_level
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "lock: level %u was read back, %u was wanted",
                            lock->lock_level, level);
}

enum err unit_locked(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *station, const struct unit_lock *lock)
{
    struct unit was, now;
    bool same = false;
    TRY(unit_of_station(tx, uid, station, &was));
    enum err found = fact_lock_find(tx, &was, lock, &same);
    if (found == ERR_OK)
        return same ? ERR_OK
                    : fail_quiet(ERR_MISMATCH, "lock: the unit has another lock statement");
    if (found != ERR_NOT_FOUND)
        return found;
    now = was;
    TRY(unit_transition(tx, UNIT_EVENT_LOCKED, &was, &now));
    TRY(lock_against_commit(tx, &was, lock));
    return row_add(tx, ROW_LOCK,
                   VALUES(UNIT_GEN(&was), value_bytes(lock->run_id, RUN_ID_SIZE),
                          value_number(lock->lock_level),
                          value_bytes(lock->statement_sha256, SHA256_SIZE),
                          value_span(lock->statement), value_name(station),
                          value_number(store_now_us(tx))));
}

/* ERR_NOT_FOUND: no lock statement. The board at the probe may be another one, since a shut
 * board does not tell its UID; or its lock was interrupted. */
static enum err seal_against_lock(struct store_tx *tx, const struct unit *unit, uint32_t level)
{
    AUTO(query_close) struct query query = { 0 };
    char hex[UID_HEX_SIZE];
    TRY(query_open(tx, STATEMENT_LOCK_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query.column = 1; /* lock_level */
    uint32_t stated = query_u32(&query);
    TRY(query_end(&query));
    return level == stated
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH,
                            "sealed: the board was found shut at level %u, but unit %s stated "
                            "level %u: it is another board, or its lock is not whole",
                            level, hex_of(SPAN(unit->uid), hex), stated);
}

static enum err seal_again(struct store_tx *tx, const struct unit *unit, uint32_t level)
{
    char station[65], hex[UID_HEX_SIZE];
    bool accepted = false;
    TRY(fact_seal_station(tx, unit, station, &accepted));
    return accepted ? fail_quiet(ERR_EXISTS, "unit %s was sealed by an operator (accepted)",
                                 hex_of(SPAN(unit->uid), hex))
                    : seal_against_lock(tx, unit, level);
}

enum err unit_seal(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *station,
                   uint32_t level, const char *detail)
{
    struct unit was, now;
    char hex[UID_HEX_SIZE];
    TRY(unit_of_station(tx, uid, station, &was));
    if (was.state == UNIT_SEALED)
        return seal_again(tx, &was, level);
    now = was;
    TRY(unit_transition(tx, UNIT_EVENT_SEAL, &was, &now));
    enum err locked = seal_against_lock(tx, &was, level);
    if (locked == ERR_NOT_FOUND)
        return fail_quiet(ERR_NOT_LOCKED,
                          "unit %s has no lock statement: if its board is shut, an operator "
                          "can accept it (oemctl unit accept %s --reason ...)",
                          hex_of(SPAN(was.uid), hex), hex);
    TRY(locked);
    return unit_seal_add(tx, &was, detail, false);
}
