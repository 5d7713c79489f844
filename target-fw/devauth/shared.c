/* SPDX-License-Identifier: MIT */
/*
 * The slots of AES_NuLink3, for Hello, the receipt, the commit and the lock. Only the commit
 * writes. Nothing may be burnt or revoked before the key that the CPU wrote to SRAM was found
 * to be the engine's own.
 */
#include "target-fw/devauth/shared.h"

#include "common/core/sign.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/cmac.h"

#include <assert.h>

static_assert((int)CMAC_SIZE == (int)KCV_SIZE, "a KCV is one CMAC");

enum { KCV_INPUT_MAX = 64, WRITES_MAX = 2 /* a slot, and one in its place */ };

enum err shared_kcv(const struct port_key *key, const uint8_t uid[UID_SIZE],
                    uint8_t kcv[KCV_SIZE])
{
    uint8_t input[KCV_INPUT_MAX];
    struct wr w = wr_of(input, sizeof(input));
    sign_kcv(&w, span_of(uid, UID_SIZE));
    TRY(wr_end(&w));
    return cmac_of(key, wr_done(&w), kcv);
}

/* ERR_DENIED: free, or no key of the AES engine. */
static enum err slot_kcv(uint8_t slot, const uint8_t *uid, uint8_t kcv[KCV_SIZE])
{
    uint32_t used;
    TRY(port_otp_used(&used));
    if ((used >> slot & 1) == 0)
        return ERR_DENIED;
    return shared_kcv(&(struct port_key){ PORT_KEY_OTP, slot }, uid, kcv);
}

enum err shared_find(const uint8_t uid[UID_SIZE], uint8_t *slot_out, uint8_t kcv[KCV_SIZE])
{
    *slot_out = 0;
    for (uint8_t slot = OTP_AES_FIRST; slot <= OTP_AES_LAST; slot++) {
        enum err e = slot_kcv(slot, uid, kcv);
        if (e == ERR_DENIED)
            continue;
        if (e == ERR_OK)
            *slot_out = slot;
        return e;
    }
    return ERR_OK;
}

static enum err free_slot(uint8_t from, uint8_t *slot_out)
{
    uint32_t used;
    TRY(port_otp_used(&used));
    for (uint8_t slot = from; slot <= OTP_AES_LAST; slot++)
        if ((used >> slot & 1) == 0) {
            *slot_out = slot;
            return ERR_OK;
        }
    return ERR_NO_SLOT;
}

/* The same words by the same code, into a volatile slot: the order of the bytes is tested
 * there, not in OTP. */
static enum err rehearse(const struct shared_agreement *a, const uint8_t kcv[KCV_SIZE],
                         struct proof *proof)
{
    uint8_t tried[KCV_SIZE];
    struct port_key key;
    TRY(port_agree_to_sram(a->own, a->peer, &key));
    enum err e = shared_kcv(&key, a->uid, tried);
    TRY(port_key_erase(&key));
    if (e == ERR_OK)
        e = proof_equal(proof, tried, kcv, KCV_SIZE);
    return e == ERR_OK || e == ERR_FAULT ? e : ERR_CHIP;
}

/* What to do in OTP, and for which key. */
struct permission {
    const struct proof *proof;
    uint32_t expected;
};

static enum err revoke(const uint8_t *uid, uint8_t slot, const struct permission *p)
{
    uint8_t kcv[KCV_SIZE];
    enum err e = slot_kcv(slot, uid, kcv);
    if (e == ERR_DENIED)
        return ERR_OK;
    TRY(e);
    TRY(port_otp_revoke((enum otp_slot)slot,
                        proof_permit(p->proof, p->expected, PORT_PERMIT_REVOKE(slot))));
    e = slot_kcv(slot, uid, kcv);
    if (e == ERR_OK)
        return ERR_VERIFY;
    return e == ERR_DENIED ? ERR_OK : e;
}

static enum err revoke_all(const uint8_t *uid, const struct permission *p)
{
    for (uint8_t slot = OTP_AES_FIRST; slot <= OTP_AES_LAST; slot++)
        TRY(revoke(uid, slot, p));
    return ERR_OK;
}

/* ERR_VERIFY: the slot holds another key, or none; it is revoked. */
static enum err write_slot(const struct shared_agreement *a, uint8_t slot,
                           const uint8_t kcv[KCV_SIZE], const struct permission *p)
{
    uint8_t held[KCV_SIZE];
    uint32_t permit = proof_permit(p->proof, p->expected, PORT_PERMIT_OTP(slot));
    enum err e = port_agree_to_otp(a->own, a->peer, (enum otp_slot)slot, permit);
    if (e != ERR_OK && e != ERR_CHIP)
        return e;
    e = slot_kcv(slot, a->uid, held);
    if (e == ERR_OK && bytes_equal(held, kcv, KCV_SIZE))
        return ERR_OK;
    if (e != ERR_OK && e != ERR_DENIED)
        return e;
    TRY(revoke(a->uid, slot, p));
    return ERR_VERIFY;
}

enum err shared_write(const struct shared_agreement *a, struct proof *proof, uint32_t confirmed)
{
    const struct permission permission = { proof, PROOF_EQUAL(confirmed, KCV_SIZE) };
    uint8_t kcv[KCV_SIZE], held[KCV_SIZE], slot;
    TRY(shared_kcv(a->engine, a->uid, kcv));
    TRY(shared_find(a->uid, &slot, held));
    if (slot != 0 && bytes_equal(held, kcv, KCV_SIZE))
        return ERR_OK; /* a call before this one wrote it */
    slot = OTP_AES_FIRST;
    TRY(rehearse(a, kcv, proof));
    TRY(proof_holds(proof, permission.expected));
    TRY(free_slot(slot, &slot)); /* before the older key is revoked */
    TRY(revoke_all(a->uid, &permission));
    for (int writes = 0; writes < WRITES_MAX; writes++, slot++) {
        TRY(free_slot(slot, &slot));
        enum err e = write_slot(a, slot, kcv, &permission);
        if (e != ERR_VERIFY)
            return e;
    }
    return ERR_VERIFY;
}
