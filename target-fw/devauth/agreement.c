/* SPDX-License-Identifier: MIT */
/*
 * Arrows 26, 27 and 30 to 32: the board's ECDH key pair, the server's point, the shared key and
 * the confirmation tags. Called through commands.c. The shared secret stays in the KeyStore,
 * and no point is used that is not on the curve or not signed by the server.
 */

#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/cmac.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"

static_assert((int)CMAC_SIZE == (int)CONFIRMATION_TAG_SIZE, "a tag is one CMAC");

/* Arrow 26: volatile by design, made by the KeyStore itself. */
enum err agreement_generate(struct devauth *d)
{
    return port_agreement_key(&d->run.agreement_key);
}

/* Arrow 27. */
enum err agreement_derive(struct devauth *d)
{
    struct run *r = &d->run;
    TRY(port_public_key(&r->agreement_key, r->target_key));
    TRY(p256_point(r->target_key));
    bytes_copy(d->out.agreement_public_key.public_key, r->target_key, P256_POINT_SIZE);
    return ERR_OK;
}

/* Not inlined, so that its statement and the server's are not on the stack together. */
__attribute__((noinline)) static enum err sign_own_key(struct run *r)
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_target_agreement(&w, SPAN(r->run_id), SPAN(r->identity.uid), SPAN(r->server_key),
                          SPAN(r->target_key));
    return authkey_sign(r->auth_public_key, &w, r->target_signature);
}

__attribute__((noinline)) static enum err server_vouched(const struct devauth *d)
{
    const PutServerPublicKeyRequest *in = &d->in.put_server_key;
    struct sign_run binding = run_binding(&d->run);
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_server_agreement(&w, &binding, SPAN(in->public_key));
    struct proof proof = { PROOF_OF_SIGNATURE };
    TRY(certificate_server_signed(&w, in->signature, &proof));
    return proof_holds(&proof, PROOF_SIGNATURE(PROOF_OF_SIGNATURE));
}

/* Arrow 30. Signs arrow 31's statement too, so that a repeated 31 carries the same bytes. */
enum err agreement_put_server(struct devauth *d)
{
    const uint8_t *key = d->in.put_server_key.public_key;
    TRY(p256_point(key));
    TRY(server_vouched(d));
    bytes_copy(d->run.server_key, key, P256_POINT_SIZE);
    return sign_own_key(&d->run);
}

/* Arrow 31. */
enum err agreement_target(struct devauth *d)
{
    bytes_copy(d->out.put_target_key.public_key, d->run.target_key, P256_POINT_SIZE);
    bytes_copy(d->out.put_target_key.signature, d->run.target_signature, P256_SIGNATURE_SIZE);
    return ERR_OK;
}

enum err agreement_tag(const struct run *r, enum sign_confirm whose,
                       uint8_t tag[CONFIRMATION_TAG_SIZE])
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_confirmation(&w, whose, SPAN(r->run_id), SPAN(r->identity.uid), SPAN(r->server_key),
                      SPAN(r->target_key));
    TRY(wr_end(&w));
    return cmac_of(&r->shared_key, wr_done(&w), tag);
}

/* Arrow 32. */
enum err agreement_share(struct devauth *d)
{
    struct run *r = &d->run;
    TRY(p256_point(r->server_key));
    TRY(port_agree(&r->agreement_key, r->server_key, &r->shared_key));
    enum err e = agreement_tag(r, SIGN_CONFIRM_TARGET, d->out.shared_key.confirmation_tag);
    if (e != ERR_OK)
        TRY(port_key_erase(&r->shared_key)); /* a repeated call makes it again */
    return e;
}
