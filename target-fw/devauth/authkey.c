/* SPDX-License-Identifier: MIT */
/*
 * AUTHKEY: made once, in arrow 8, and used for each signature of the board. Called through
 * commands.c and by the handlers that sign. A key that does not match its record must not be
 * used: the record page says which key the slot is to hold, since an interrupted write may
 * leave another one.
 */

#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/devauth/record.h"

const struct port_key authkey = { PORT_KEY_OTP, OTP_AUTHKEY };

static enum err has_authkey(bool *has_out)
{
    uint32_t used;
    TRY(port_otp_used(&used));
    *has_out = (used >> OTP_AUTHKEY & 1) != 0;
    return ERR_OK;
}

static enum err record(const uint8_t scalar[32])
{
    uint8_t point[P256_POINT_SIZE];
    TRY(port_scalar_public_key(scalar, point));
    TRY(p256_point(point));
    return record_write(RECORD_AUTHKEY, point);
}

/* The KeyStore's generator writes to volatile slots only, so the scalar passes through here. */
static enum err create(void)
{
    uint8_t scalar[32];
    enum err e = p256_scalar(scalar);
    if (e == ERR_OK)
        e = record(scalar);
    if (e == ERR_OK)
        e = port_otp_write(OTP_AUTHKEY, scalar, PORT_PERMIT_OTP(OTP_AUTHKEY));
    bytes_wipe(scalar, sizeof(scalar));
    return e;
}

/* The server decides about a blank record (Hello says that it is blank). */
enum err authkey_public(uint8_t point[P256_POINT_SIZE])
{
    uint8_t recorded[P256_POINT_SIZE];
    bool has;
    TRY(has_authkey(&has));
    if (!has)
        return ERR_PRECONDITION;
    enum err e = port_public_key(&authkey, point);
    if (e == ERR_CHIP)
        e = port_public_key(&authkey, point); /* the engine's fault, or the key's? */
    if (e == ERR_CHIP || e == ERR_DENIED)
        return ERR_SPOILT; /* the slot is in use, and holds no key of the ECC engine */
    TRY(e);
    if (record_read(RECORD_AUTHKEY, recorded) == ERR_OK &&
        !bytes_equal(recorded, point, P256_POINT_SIZE))
        return ERR_SPOILT;
    return p256_point(point);
}

/* Arrow 8: a board has one AUTHKEY for life. */
enum err authkey_generate(struct devauth *d)
{
    bool has;
    uint8_t point[P256_POINT_SIZE];
    TRY(has_authkey(&has));
    if (!has)
        TRY(create());
    d->out.generate_auth_key.created = !has;
    TRY(has_authkey(&has));
    return has ? authkey_public(point) : ERR_VERIFY;
}

/* Arrow 9. */
enum err authkey_derive(struct devauth *d)
{
    struct run *r = &d->run;
    TRY(authkey_public(r->auth_public_key));
    bytes_copy(d->out.auth_public_key.public_key, r->auth_public_key, P256_POINT_SIZE);
    return ERR_OK;
}

enum err authkey_sign(const uint8_t public_key[P256_POINT_SIZE], const struct wr *statement,
                      uint8_t signature[P256_SIGNATURE_SIZE])
{
    return p256_sign_statement(&authkey, public_key, statement, signature);
}
