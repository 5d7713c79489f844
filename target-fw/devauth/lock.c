/* SPDX-License-Identifier: MIT */
/*
 * The lock: arrow 25 says which level is wanted, Closing.Lock sets its bits as the very last
 * step. Closing.Lock needs no run in memory: all that it believes is the board's own signature,
 * the key in the slot, and what stands on the chip. No lock bit is set and CONFIG is not
 * written unless all of it was found right twice.
 */
#include "common/core/der.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/cmac.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/devauth/record.h"
#include "target-fw/devauth/shared.h"
#include "target-fw/devauth/statement.h"

static_assert((int)LOCK_LEVEL_DEV == (int)PORT_LOCK_DEV &&
                  (int)LOCK_LEVEL_PRODUCTION == (int)PORT_LOCK_PRODUCTION,
              "the port's levels are the protocol's");

static bool is_level(LockLevel level)
{
    return level == LOCK_LEVEL_DEV || level == LOCK_LEVEL_PRODUCTION;
}

bool lock_begun(void)
{
    uint8_t config[RECORD_CONFIG_SIZE];
    return record_read(RECORD_CONFIG, config) == ERR_OK;
}

/* ---- arrow 25 ---- */

/* The level stays in SRAM. There is no way down from bits that are set. */
enum err lock_enable(struct devauth *d)
{
    struct run *r = &d->run;
    LockLevel level = d->in.enable_lock.level;
    enum port_lock now;
    struct proof proof = { PROOF_OF_READY };
    if (!is_level(level))
        return ERR_INVALID;
    TRY(rotpk_verify(r->rotpk + 1, &proof));
    TRY(firmware_verify(r->rotpk, r->firmware_sha256, &proof));
    TRY(proof_holds(&proof, PROOF_FIRMWARE(PROOF_ROTPK(PROOF_OF_READY))));
    TRY(port_lock_level(&now));
    if ((int)now > (int)level)
        return ERR_MISMATCH;
    r->lock_level = (uint8_t)level;
    return ERR_OK;
}

/* ---- Closing.Lock: the checks ---- */

/* The chip as it is in this pass. */
struct board {
    struct port_identity identity;
    uint8_t key[P256_POINT_SIZE]; /* AUTHKEY's public half, computed from its slot */
};

/* Of this chip, all of it. */
__attribute__((noinline)) static enum err check_board(const LockRequest *in,
                                                      struct board *board, struct proof *proof)
{
    TRY(port_identify(&board->identity));
    TRY(authkey_public(board->key));
    TRY(proof_equal(proof, board->identity.uid, in->statement.uid, UID_SIZE));
    TRY(proof_equal(proof, in->receipt.uid, board->identity.uid, UID_SIZE));
    TRY(proof_equal(proof, board->key, in->receipt.auth_public_key, P256_POINT_SIZE));
    return proof_equal(proof, in->statement.run_id, in->receipt.run_id, RUN_ID_SIZE);
}
#define PROOF_BOARD(word)                                                                      \
    PROOF_EQUAL(                                                                               \
        PROOF_EQUAL(PROOF_EQUAL(PROOF_EQUAL(word, UID_SIZE), UID_SIZE), P256_POINT_SIZE),      \
        RUN_ID_SIZE)

/* Signed by this board, and the receipt that the statement names. */
__attribute__((noinline)) static enum err
check_receipt(const LockRequest *in, const struct board *board, struct proof *proof)
{
    uint8_t statement[SIGN_STATEMENT_MAX], digest[SHA256_SIZE];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_receipt(&w, &in->receipt);
    TRY(wr_end(&w));
    TRY(port_sha256(wr_done(&w), digest));
    TRY(proof_equal(proof, digest, in->statement.receipt_sha256, SHA256_SIZE));
    return p256_verify(board->key, digest, in->receipt.signature, proof);
}
#define PROOF_RECEIPT(word) PROOF_SIGNATURE(PROOF_EQUAL(word, SHA256_SIZE))

__attribute__((noinline)) static enum err
check_statement(const LockRequest *in, const struct board *board, struct proof *proof)
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_commit(&w, &in->statement);
    return p256_verify_statement(board->key, &w, in->statement.signature, proof);
}

__attribute__((noinline)) static enum err check_rotpk(const LockRequest *in,
                                                      struct proof *proof)
{
    uint8_t digest[SHA256_SIZE];
    TRY(port_sha256(SPAN(in->rotpk), digest));
    TRY(proof_equal(proof, digest, in->receipt.rotpk_sha256, SHA256_SIZE));
    return rotpk_verify(in->rotpk, proof);
}
#define PROOF_PAIR(word) PROOF_ROTPK(PROOF_EQUAL(word, SHA256_SIZE))

__attribute__((noinline)) static enum err check_firmware(const LockRequest *in,
                                                         struct proof *proof)
{
    uint8_t point[P256_POINT_SIZE] = { 4 };
    bytes_copy(point + 1, in->rotpk, ROTPK_SIZE);
    return firmware_verify(point, in->receipt.firmware_sha256, proof);
}

__attribute__((noinline)) static enum err check_certificate(uint32_t area,
                                                            const uint8_t *sha256,
                                                            struct span *certificate,
                                                            struct proof *proof)
{
    uint8_t digest[SHA256_SIZE];
    TRY(certificate_find(area, certificate));
    TRY(port_sha256(*certificate, digest));
    return proof_equal(proof, digest, sha256, SHA256_SIZE);
}

/* Both as the receipt names them; the device's is for AUTHKEY. */
__attribute__((noinline)) static enum err
check_certificates(const LockRequest *in, const struct board *board, struct proof *proof)
{
    struct span certificate, point;
    TRY(check_certificate(FLASH_WEB_SERVER_CERTIFICATE,
                          in->receipt.web_server_certificate_sha256, &certificate, proof));
    TRY(check_certificate(FLASH_DEVICE_CERTIFICATE, in->receipt.device_certificate_sha256,
                          &certificate, proof));
    if (der_certificate_key(certificate, &point) != ERR_OK)
        return ERR_VERIFY;
    return proof_equal(proof, point.ptr, board->key, P256_POINT_SIZE);
}
#define PROOF_CERTIFICATES(word)                                                               \
    PROOF_EQUAL(PROOF_EQUAL(PROOF_EQUAL(word, SHA256_SIZE), SHA256_SIZE), P256_POINT_SIZE)

static enum err lock_tag(uint8_t slot, const uint8_t *uid, uint8_t level,
                         uint8_t tag[CMAC_SIZE])
{
    const struct port_key key = { PORT_KEY_OTP, slot };
    uint8_t input[64];
    struct wr w = wr_of(input, sizeof(input));
    sign_lock_tag(&w, span_of(uid, UID_SIZE), level);
    TRY(wr_end(&w));
    return cmac_of(&key, wr_done(&w), tag);
}

/* The slot holds the key of the statement, and whoever has that key wants this level. The level
 * is bound to the proof as it was read for the tag. */
__attribute__((noinline)) static enum err
check_key(const LockRequest *in, const struct board *board, struct proof *proof)
{
    uint8_t kcv[KCV_SIZE] = { 0 }, tag[CMAC_SIZE], slot;
    uint8_t named = (uint8_t)in->statement.slot;
    uint8_t level = (uint8_t)in->statement.lock_level;
    uint8_t received = (uint8_t)in->receipt.lock_level;
    TRY(shared_find(board->identity.uid, &slot, kcv));
    TRY(proof_equal(proof, &slot, &named, sizeof(slot)));
    TRY(proof_equal(proof, kcv, in->statement.kcv, KCV_SIZE));
    TRY(proof_equal(proof, &level, &received, sizeof(level)));
    TRY(lock_tag(slot, board->identity.uid, level, tag));
    enum err e = proof_equal(proof, tag, in->lock_tag, CMAC_SIZE);
    bytes_wipe(tag, sizeof(tag));
    proof_bind(proof, level);
    return e == ERR_OK ? ERR_OK : ERR_SIG;
}
#define PROOF_KEY(word, level)                                                                 \
    PROOF_BIND(                                                                                \
        PROOF_EQUAL(PROOF_EQUAL(PROOF_EQUAL(PROOF_EQUAL(word, 1), KCV_SIZE), 1), CMAC_SIZE),   \
        level)

__attribute__((noinline)) static enum err check_all(const LockRequest *in, struct board *board,
                                                    struct proof *proof)
{
    TRY(check_board(in, board, proof));
    TRY(check_receipt(in, board, proof));
    TRY(check_statement(in, board, proof));
    TRY(check_rotpk(in, proof));
    TRY(check_firmware(in, proof));
    TRY(check_certificates(in, board, proof));
    return check_key(in, board, proof);
}
#define PROOF_ALL(word, level)                                                                 \
    PROOF_KEY(PROOF_CERTIFICATES(PROOF_FIRMWARE(                                               \
                  PROOF_PAIR(PROOF_SIGNATURE(PROOF_RECEIPT(PROOF_BOARD(word)))))),             \
              level)
#define PROOF_ALL_TWICE(level) PROOF_ALL(PROOF_ALL(PROOF_OF_LOCK, level), level)

/* ---- Closing.Lock: the bits ---- */

/* What an interrupted call may have left of these words: any of their 0 bits may still be 1. */
static bool may_become(const uint32_t *now, const uint32_t *words)
{
    for (size_t i = 0; i < PORT_CONFIG_WORDS; i++)
        if ((now[i] & words[i]) != words[i])
            return false;
    return true;
}

/* The words as recorded, if CONFIG may be on its way to them; otherwise those of the chip,
 * which nothing has erased then, and their record before anything does. */
static enum err config_words(enum port_lock level, uint32_t words[PORT_CONFIG_WORDS])
{
    uint8_t record[RECORD_CONFIG_SIZE];
    uint32_t now[PORT_CONFIG_WORDS];
    TRY(port_config_read(now));
    bool recorded = record_read(RECORD_CONFIG, record) == ERR_OK;
    struct rd r = rd_of(SPAN(record));
    for (size_t i = 0; recorded && i < PORT_CONFIG_WORDS; i++)
        words[i] = rd_u32le(&r);
    if (recorded && may_become(now, words)) {
        port_config_lock(level, words);
        return ERR_OK;
    }
    struct wr w = wr_of(record, sizeof(record));
    for (size_t i = 0; i < PORT_CONFIG_WORDS; i++)
        words[i] = now[i];
    port_config_lock(level, words);
    for (size_t i = 0; i < PORT_CONFIG_WORDS; i++)
        wr_u32le(&w, words[i]);
    return record_write(RECORD_CONFIG, record);
}

/* Bits that are set already are not set again; nothing is written to a board that is locked. */
static enum err set_bits(enum port_lock level, const struct proof *proof, uint32_t expected)
{
    enum port_lock now;
    uint32_t words[PORT_CONFIG_WORDS];
    TRY(port_lock_level(&now));
    if (now > level)
        return ERR_MISMATCH;
    if (now != level) {
        TRY(proof_holds(proof, expected));
        TRY(config_words(level, words));
        TRY(port_lock(level, words, proof_permit(proof, expected, PORT_PERMIT_LOCK(level))));
    }
    TRY(port_lock_level(&now));
    return now == level ? ERR_OK : ERR_VERIFY;
}

__attribute__((noinline)) static enum err commit_sha256(const CommitStatement *commit,
                                                        uint8_t sha256[SHA256_SIZE])
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_commit(&w, commit);
    TRY(wr_end(&w));
    return port_sha256(wr_done(&w), sha256);
}

__attribute__((noinline)) static enum err
state_lock(const LockRequest *in, const struct board *board, LockStatement *lock)
{
    enum port_lock now;
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    bytes_copy(lock->run_id, in->statement.run_id, RUN_ID_SIZE);
    bytes_copy(lock->uid, board->identity.uid, UID_SIZE);
    TRY(commit_sha256(&in->statement, lock->statement_sha256));
    TRY(port_lock_level(&now));
    lock->lock_level = (LockLevel)now;
    statement_lock(&w, lock);
    return authkey_sign(board->key, &w, lock->signature);
}

enum err closing_lock(struct devauth *d)
{
    const LockRequest *in = &d->in.lock;
    struct board board;
    struct proof proof = { PROOF_OF_LOCK };
    if (!is_level(in->statement.lock_level))
        return ERR_INVALID;
    TRY(check_all(in, &board, &proof));
    TRY(check_all(in, &board,
                  &proof)); /* again, so that one skipped instruction does not lock */
    uint32_t level = (uint32_t)in->statement.lock_level;
    uint32_t expected = PROOF_ALL_TWICE(level);
    TRY(proof_holds(&proof, expected));
    TRY(set_bits((enum port_lock)level, &proof, expected));
    d->out.lock.has_statement = true;
    return state_lock(in, &board, &d->out.lock.statement);
}
