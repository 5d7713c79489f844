/* SPDX-License-Identifier: MIT */
/*
 * Arrow 20, and the proof that the pair on the chip is the one that the server signed. Called
 * through commands.c and by firmware, closing and lock. A wrong ROTPK makes the board scrap, so
 * nothing may be burnt unless both signatures hold.
 */

#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/devauth/record.h"

enum { SLOTS_BOTH = 3, HALF_SIZE = ROTPK_SIZE / 2 };

uint32_t rotpk_slots(uint32_t otp_used)
{
    return (otp_used >> OTP_ROTPK_X & 1) | (otp_used >> OTP_ROTPK_Y & 1) << 1;
}

static enum err slots_now(uint32_t *slots_out)
{
    uint32_t used;
    TRY(port_otp_used(&used));
    *slots_out = rotpk_slots(used);
    return ERR_OK;
}

/* The server's signature is for this run and board; the boot key's proves that the key exists.
 */
__attribute__((noinline)) static enum err
vouched(const struct devauth *d, const uint8_t point[P256_POINT_SIZE], struct proof *proof)
{
    const BurnRotpkRequest *in = &d->in.burn_rotpk;
    struct sign_run binding = run_binding(&d->run);
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_rotpk(&w, &binding, SPAN(in->rotpk), in->recreate);
    TRY(p256_point(point));
    TRY(certificate_server_signed(&w, in->server_signature, proof));
    return p256_verify_statement(point, &w, in->boot_key_signature, proof);
}

#define VOUCHED PROOF_SIGNATURE(PROOF_SIGNATURE(PROOF_OF_ROTPK))

static enum err burn_half(enum otp_slot slot, const uint8_t *value, const struct proof *proof)
{
    return port_otp_write(slot, value, proof_permit(proof, VOUCHED, PORT_PERMIT_OTP(slot)));
}

/*
 * Record first: after a power loss the record says of which ROTPK a burnt half is.
 * While no half is in use the page may be erased, so that an old mark goes too; while one is,
 * nothing but a blank record of a whole pair may be added, and only if the server says so.
 */
static enum err put_record(uint32_t slots, bool recreate, const uint8_t sha256[SHA256_SIZE])
{
    if (slots == 0 && (record_marked() || !record_is(RECORD_ROTPK, sha256)))
        TRY(record_write(RECORD_ROTPK, sha256));
    else if (slots == SLOTS_BOTH && recreate && !record_is(RECORD_ROTPK, sha256))
        TRY(record_add(RECORD_ROTPK, sha256));
    return record_is(RECORD_ROTPK, sha256) ? ERR_OK : ERR_MISMATCH;
}

/*
 * A pair counts as proven when both halves were burnt in one run and seen in use: only then is
 * the mark made. Where a record stood before, an interrupted run may have left anything in a
 * half, in use or not, and a record that is made again contains the server's assumption: such
 * a pair stays unmarked, and its receipts say so.
 */
static enum err burn(const BurnRotpkRequest *in, const uint8_t sha256[SHA256_SIZE],
                     const struct proof *proof)
{
    uint32_t slots, now;
    uint8_t found[SHA256_SIZE];
    TRY(proof_holds(proof, VOUCHED));
    TRY(slots_now(&slots));
    bool first = slots == 0 && record_read(RECORD_ROTPK, found) == ERR_NOT_FOUND;
    TRY(put_record(slots, in->recreate, sha256));
    if ((slots & 1) == 0)
        TRY(burn_half(OTP_ROTPK_X, in->rotpk, proof));
    if ((slots & 2) == 0)
        TRY(burn_half(OTP_ROTPK_Y, in->rotpk + HALF_SIZE, proof));
    TRY(slots_now(&now));
    if (now != SLOTS_BOTH)
        return ERR_VERIFY;
    return first ? record_mark() : ERR_OK;
}

/* Arrow 20. */
enum err rotpk_burn(struct devauth *d)
{
    const BurnRotpkRequest *in = &d->in.burn_rotpk;
    struct run *r = &d->run;
    uint8_t point[P256_POINT_SIZE] = { 4 };
    uint8_t sha256[SHA256_SIZE];
    struct proof proof = { PROOF_OF_ROTPK };
    bytes_copy(point + 1, in->rotpk, ROTPK_SIZE);
    TRY(port_sha256(SPAN(in->rotpk), sha256));
    TRY(vouched(d, point, &proof));
    TRY(burn(in, sha256, &proof));
    bytes_copy(r->rotpk, point, sizeof(point));
    r->rotpk_unproven = !record_marked();
    d->out.burn_rotpk.rotpk_slots = SLOTS_BOTH;
    return ERR_OK;
}

enum err rotpk_verify(const uint8_t rotpk[ROTPK_SIZE], struct proof *proof)
{
    static const uint8_t both[] = { SLOTS_BOTH, 0, 0, 0 };
    uint32_t slots;
    uint8_t sha256[SHA256_SIZE], found[SHA256_SIZE] = { 0 };
    TRY(slots_now(&slots));
    TRY(port_sha256(span_of(rotpk, ROTPK_SIZE), sha256));
    if (record_read(RECORD_ROTPK, found) != ERR_OK)
        return ERR_MISMATCH;
    TRY(proof_equal(proof, (const uint8_t *)&slots, both, sizeof(both)));
    return proof_equal(proof, found, sha256, SHA256_SIZE);
}
