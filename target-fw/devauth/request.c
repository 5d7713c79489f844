/* SPDX-License-Identifier: MIT */
/*
 * Arrows 10 to 12: the CertificationRequestInfo that the station made, its signature, and the
 * call that takes it to the station. Called through commands.c. It must not sign a request for
 * another key, UID or run.
 */

#include "common/core/der.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"

/*
 * Arrow 10: only a request for this board's own key, under its own name, made for this run.
 * The nonce travels as challengePassword, so a signature of an older run is of no use.
 */
enum err request_put(struct devauth *d)
{
    struct run *r = &d->run;
    struct span der = d->in.put_cri.certification_request_info;
    struct der_cri cri;
    if (der.len > CRI_MAX)
        return ERR_LIMIT;
    TRY(der_cri(der, &cri));
    if (!span_eq(cri.point, SPAN(r->auth_public_key)) ||
        !bytes_are_hex_of(cri.serial_number, SPAN(r->identity.uid)) ||
        !bytes_are_hex_of(cri.challenge_password, SPAN(r->server_nonce)))
        return ERR_MISMATCH;
    return port_sha256(der, r->cri_sha256);
}

/* Arrow 11. */
enum err request_sign(struct devauth *d)
{
    struct run *r = &d->run;
    return p256_sign(&authkey, r->auth_public_key, r->cri_sha256, r->cri_signature);
}

/* Arrow 12. */
enum err request_signature(struct devauth *d)
{
    bytes_copy(d->out.put_signature.signature, d->run.cri_signature, P256_SIGNATURE_SIZE);
    return ERR_OK;
}
