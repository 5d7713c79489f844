/* SPDX-License-Identifier: MIT */
/*
 * Arrow 16: the device certificate into its flash area. Called through commands.c. It must not
 * write a certificate of another key than AUTHKEY.
 */

#include "common/core/der.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/handlers.h"

/* Arrow 16: only a certificate for this board's key is taken. */
enum err device_certificate_program(struct devauth *d)
{
    const ProgramDeviceCertificateRequest *in = &d->in.program_certificate;
    struct span point;
    TRY(der_certificate_key(in->certificate, &point));
    if (!span_eq(point, SPAN(d->run.auth_public_key)))
        return ERR_MISMATCH;
    TRY(certificate_write(FLASH_DEVICE_CERTIFICATE, in->certificate, in->issuer,
                          d->run.blank_board));
    return certificate_sha256(FLASH_DEVICE_CERTIFICATE, d->out.program_certificate.sha256);
}
