/* SPDX-License-Identifier: MIT */
#include "common/host/log.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/sign.h"
#include "oem-server/hsm/wrap.h"

struct unit_make {
    struct buf *wrapped_out;
    uint8_t *point_out;
};

/* Extractable for as long as it takes to wrap it; the template says so in one place, here. */
static enum err make(struct session *s, void *context)
{
    struct unit_make *u = context;
    const struct key_template template = { .kind = HSM_P256, .may_be_wrapped = true };
    CK_OBJECT_HANDLE kek;
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    AUTO(key_pair_drop) struct key_pair pair = { 0 };
    TRY(key_pair_make(s, &template, &pair));
    TRY(key_point(s, pair.public_key.handle, u->point_out, P256_POINT_SIZE));
    return wrap_key(s, kek, pair.private_key.handle, u->wrapped_out);
}

enum err hsm_unit_p256_make(struct hsm *hsm, struct buf *wrapped_out,
                            uint8_t point_out[static P256_POINT_SIZE])
{
    struct token *t;
    TRY(hsm_token_of(hsm, HSM_BOOT, &t));
    struct unit_make u = { wrapped_out, point_out };
    return session_run(t, make, &u);
}

struct unit_sign {
    struct span wrapped;
    const uint8_t *digest;
    uint8_t *signature_out;
};

static enum err unwrap_and_sign(struct session *s, void *context)
{
    struct unit_sign *u = context;
    CK_OBJECT_HANDLE kek;
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    AUTO(object_drop) struct object key = { 0 };
    TRY(wrap_open_p256(s, kek, u->wrapped, &key));
    return sign_with(s, key.handle, CKM_ECDSA, span_of(u->digest, SHA256_SIZE),
                     u->signature_out, P256_SIGNATURE_SIZE);
}

enum err hsm_unit_p256_sign(struct hsm *hsm, struct span wrapped,
                            const uint8_t digest[static SHA256_SIZE],
                            uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    struct token *t;
    TRY(hsm_token_of(hsm, HSM_BOOT, &t));
    struct unit_sign u = { wrapped, digest, signature_out };
    return session_run(t, unwrap_and_sign, &u);
}
