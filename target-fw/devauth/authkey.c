/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"

const struct port_key authkey = { PORT_KEY_OTP, OTP_AUTHKEY };

static enum err has_authkey(bool *has_out)
{
    uint32_t used;
    TRY(port_otp_used(&used));
    *has_out = (used >> OTP_AUTHKEY & 1) != 0;
    return ERR_OK;
}

/* The KeyStore's own generator can only write to volatile slots: so the scalar passes here. */
static enum err create(void)
{
    uint8_t scalar[32];
    enum err e = p256_scalar(scalar);
    if (e == ERR_OK)
        e = port_otp_write(OTP_AUTHKEY, scalar, PORT_PERMIT_OTP(OTP_AUTHKEY));
    bytes_wipe(scalar, sizeof(scalar));
    return e;
}

/* Arrow 8: a board has one AUTHKEY for life. */
enum err authkey_generate(struct devauth *d)
{
    bool has;
    TRY(has_authkey(&has));
    if (!has)
        TRY(create());
    d->out.generate_auth_key.created = !has;
    TRY(has_authkey(&has));
    return has ? ERR_OK : ERR_VERIFY;
}

/* Arrow 9. */
enum err authkey_derive(struct devauth *d)
{
    struct run *r = &d->run;
    TRY(port_public_key(&authkey, r->auth_public_key));
    TRY(p256_point(r->auth_public_key));
    bytes_copy(d->out.auth_public_key.public_key, r->auth_public_key, P256_POINT_SIZE);
    return ERR_OK;
}

enum err authkey_sign(const struct run *r, const struct wr *statement,
                      uint8_t signature[P256_SIGNATURE_SIZE])
{
    return p256_sign_statement(&authkey, r->auth_public_key, statement, signature);
}
