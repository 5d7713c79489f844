/* SPDX-License-Identifier: MIT */
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

/* The server says it for this run and board; the boot key proves that it exists. */
__attribute__((noinline)) static enum err
vouched(const struct devauth *d, const uint8_t point[P256_POINT_SIZE], struct proof *proof)
{
    const BurnRotpkRequest *in = &d->in.burn_rotpk;
    struct sign_run binding = run_binding(&d->run);
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_rotpk(&w, &binding, SPAN(in->rotpk));
    TRY(p256_point(point));
    TRY(certificate_server_signed(&w, in->server_signature, proof));
    return p256_verify_statement(point, &w, in->boot_key_signature, proof);
}

static bool recorded(const uint8_t sha256[SHA256_SIZE])
{
    uint8_t found[SHA256_SIZE];
    return record_read(found) == ERR_OK && bytes_equal(found, sha256, SHA256_SIZE);
}

#define VOUCHED PROOF_SIGNATURE(PROOF_SIGNATURE(PROOF_OF_ROTPK))

static enum err burn_half(enum otp_slot slot, const uint8_t *value, const struct proof *proof)
{
    return port_otp_write(slot, value, proof_permit(proof, VOUCHED, PORT_PERMIT_OTP(slot)));
}

/* Record first: whatever half is burnt when the power goes, the record says of which ROTPK. */
static enum err burn(const uint8_t rotpk[ROTPK_SIZE], const uint8_t sha256[SHA256_SIZE],
                     const struct proof *proof)
{
    uint32_t slots;
    TRY(proof_holds(proof, VOUCHED));
    TRY(slots_now(&slots));
    if (slots == 0 && !recorded(sha256))
        TRY(record_write(sha256));
    if (!recorded(sha256))
        return ERR_MISMATCH;
    if ((slots & 1) == 0)
        TRY(burn_half(OTP_ROTPK_X, rotpk, proof));
    if ((slots & 2) == 0)
        TRY(burn_half(OTP_ROTPK_Y, rotpk + HALF_SIZE, proof));
    TRY(slots_now(&slots));
    return slots == SLOTS_BOTH ? ERR_OK : ERR_VERIFY;
}

/* Arrow 20. A wrong ROTPK bricks the board for good. */
enum err rotpk_burn(struct devauth *d)
{
    const BurnRotpkRequest *in = &d->in.burn_rotpk;
    uint8_t point[P256_POINT_SIZE] = { 4 };
    uint8_t sha256[SHA256_SIZE];
    struct proof proof = { PROOF_OF_ROTPK };
    bytes_copy(point + 1, in->rotpk, ROTPK_SIZE);
    TRY(port_sha256(SPAN(in->rotpk), sha256));
    TRY(vouched(d, point, &proof));
    TRY(burn(point + 1, sha256, &proof));
    bytes_copy(d->run.rotpk, point, sizeof(point));
    d->out.burn_rotpk.rotpk_slots = SLOTS_BOTH;
    return ERR_OK;
}

enum err rotpk_verify(const struct run *r, struct proof *proof)
{
    static const uint8_t both[] = { SLOTS_BOTH, 0, 0, 0 };
    uint32_t slots;
    uint8_t sha256[SHA256_SIZE], found[SHA256_SIZE] = { 0 };
    TRY(slots_now(&slots));
    TRY(port_sha256(span_of(r->rotpk + 1, ROTPK_SIZE), sha256));
    if (record_read(found) != ERR_OK)
        return ERR_MISMATCH;
    TRY(proof_equal(proof, (const uint8_t *)&slots, both, sizeof(both)));
    return proof_equal(proof, found, sha256, SHA256_SIZE);
}
