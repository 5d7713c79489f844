/* SPDX-License-Identifier: MIT */
/*
 * try: does a key do its work? A session can look well while its token signs no more, or signs
 * with another key. Called through the CA at the server's start and about once a minute. What a
 * trial asks of the module is not counted as an operation of the server's.
 */
#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/point.h"
#include "oem-server/hsm/sign.h"

static const uint8_t proof[SHA256_SIZE] = "hallmark: trial of a key in use";

struct trial {
    enum hsm_kind kind;
    const char *name;
};

static enum err try_pair(struct session *s, const struct trial *trial)
{
    bool is_p256 = trial->kind == HSM_P256;
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    CK_OBJECT_HANDLE public_key, private_key;
    TRY(key_find(s, CKO_PUBLIC_KEY, trial->name, &public_key));
    TRY(key_find(s, CKO_PRIVATE_KEY, trial->name, &private_key));
    TRY(key_point(s, public_key, point, is_p256 ? P256_POINT_SIZE : 32));
    TRY(sign_with(s, private_key, trial->name, is_p256 ? CKM_ECDSA : CKM_EDDSA, SPAN(proof),
                  signature, sizeof(signature)));
    return is_p256 ? point_verify_p256(point, proof, signature)
                   : point_verify_ed25519(point, SPAN(proof), signature);
}

static enum err try_one(struct session *s, void *context)
{
    return try_pair(s, context);
}

/* As in a run: a unit's key is made, wrapped, unwrapped and signs. */
static enum err try_unit_key(struct hsm *hsm)
{
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    struct hsm_unit_key *made = NULL, *opened = NULL;
    enum err e = hsm_unit_key_make(hsm, &made, point);
    if (e == ERR_OK)
        e = hsm_unit_key_open(hsm, hsm_unit_key_wrapped(made), &opened);
    if (e == ERR_OK)
        e = hsm_unit_key_sign(opened, proof, signature);
    hsm_unit_key_free(made);
    hsm_unit_key_free(opened);
    return e == ERR_OK ? point_verify_p256(point, proof, signature) : e;
}

/* As in a run: two keys agree, and both sides get the same tag. */
static enum err try_agreement(struct hsm *hsm)
{
    struct hsm_agreement *sides[2] = { NULL, NULL };
    uint8_t points[2][P256_POINT_SIZE], tags[2][1][16];
    const struct span message = SPAN(proof);
    enum err e = ERR_OK;
    for (size_t i = 0; i < 2 && e == ERR_OK; i++) {
        e = hsm_agreement_make(hsm, &sides[i]);
        if (e == ERR_OK)
            e = hsm_agreement_public(sides[i], points[i]);
    }
    for (size_t i = 0; i < 2 && e == ERR_OK; i++) {
        AUTO(buf_free) struct buf wrapped = { 0 };
        e = hsm_agreement_derive(sides[i], points[1 - i], &message, tags[i], 1, &wrapped);
    }
    hsm_agreement_free(sides[0]);
    hsm_agreement_free(sides[1]);
    if (e == ERR_OK && !ct_eq(SPAN(tags[0][0]), SPAN(tags[1][0])))
        e = fail(ERR_HSM, "hsm: the boot token's two sides of an ECDH do not agree");
    return e;
}

static enum err try_kek(struct hsm *hsm)
{
    TRY(try_unit_key(hsm));
    return try_agreement(hsm);
}

/* What tells of the token, and not of how busy it is. */
static bool is_verdict(enum err e)
{
    return e != ERR_BUSY && e != ERR_DEADLINE && e != ERR_CANCELLED && e != ERR_MEMORY;
}

enum err hsm_key_try(struct hsm *hsm, enum hsm_token token, enum hsm_kind kind,
                     const char *name)
{
    struct token *t;
    struct trial trial = { kind, name };
    TRY(hsm_token_of(hsm, token, &t));
    TRY(key_name_check(name));
    atomic_store(&t->suspect, false);
    count_trial(true);
    enum err e = kind == HSM_AES256_KEK ? try_kek(hsm) : session_run(t, try_one, &trial);
    count_trial(false);
    if (e == ERR_OK)
        trouble_end(&t->trouble, TROUBLE_KEY);
    else if (is_verdict(e) && trouble_since(&t->trouble, TROUBLE_GONE) == 0 && e != ERR_PIN)
        trouble_note(&t->trouble, TROUBLE_KEY, fail_words());
    return e;
}
