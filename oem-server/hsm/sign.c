/* SPDX-License-Identifier: MIT */
/*
 * sign: every C_Sign goes through sign_with(), so that each is counted and a failed one cannot
 * leave an active operation in a session that is lent again.
 */
#include "oem-server/hsm/sign.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"

static const struct mechanism {
    CK_MECHANISM_TYPE type;
    const char *name;
    enum operation operation;
} mechanisms[] = {
    { CKM_ECDSA, "CKM_ECDSA", COUNT_SIGN_ECDSA },
    { CKM_EDDSA, "CKM_EDDSA", COUNT_SIGN_EDDSA },
    { CKM_AES_CMAC, "CKM_AES_CMAC", COUNT_SIGN_CMAC },
};

static const struct mechanism *mechanism_of(CK_MECHANISM_TYPE type)
{
    const struct mechanism *m = mechanisms;
    while (m->type != type)
        m++;
    return m;
}

static void count_use(const struct session *s, const char *name)
{
    static const char *const tokens[HSM_TOKENS] = { "root", "issuing", "tls", "boot", "log" };
    char key[KEY_NAME_MAX + 16];
    snprintf(key, sizeof(key), "%s: %s", tokens[s->token->role], name);
    uses_count(s->token->uses, key);
}

enum err sign_with(struct session *s, CK_OBJECT_HANDLE key, const char *name,
                   CK_MECHANISM_TYPE type, struct span data, uint8_t *signature_out,
                   size_t signature_len)
{
    const struct mechanism *m = mechanism_of(type);
    CK_MECHANISM mechanism = { type, NULL, 0 };
    TRY(session_rv(s, P11(s)->C_SignInit(s->handle, &mechanism, key), "C_SignInit", m->name));
    count_operation(s->token, m->operation);
    count_use(s, name);
    uint8_t signature[128];
    CK_ULONG len = sizeof(signature);
    CK_BYTE_PTR bytes;
    memcpy(&bytes, &data.ptr, sizeof(bytes)); /* PKCS#11 has no const */
    CK_RV rv = P11(s)->C_Sign(s->handle, bytes, data.len, signature, &len);
    s->dirty = s->dirty || rv != CKR_OK;
    TRY(session_rv(s, rv, "C_Sign", m->name));
    if (len != signature_len)
        return fail(ERR_HSM, "hsm: token \"%s\": C_Sign %s: %lu bytes, want %zu",
                    s->token->label, m->name, len, signature_len);
    memcpy(signature_out, signature, signature_len);
    return ERR_OK;
}

struct named {
    const char *name;
    CK_MECHANISM_TYPE type;
    struct span data;
    uint8_t *signature_out;
};

static enum err sign_named(struct session *s, void *context)
{
    struct named *n = context;
    CK_OBJECT_HANDLE key;
    TRY(key_find(s, CKO_PRIVATE_KEY, n->name, &key));
    return sign_with(s, key, n->name, n->type, n->data, n->signature_out, P256_SIGNATURE_SIZE);
}

enum err hsm_sign_p256(struct hsm *hsm, enum hsm_token token, const char *name,
                       const uint8_t digest[static SHA256_SIZE],
                       uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    struct token *t;
    TRY(hsm_token_of(hsm, token, &t));
    struct named n = { name, CKM_ECDSA, span_of(digest, SHA256_SIZE), signature_out };
    return session_run(t, sign_named, &n);
}

enum err hsm_sign_ed25519(struct hsm *hsm, enum hsm_token token, const char *name,
                          struct span message, uint8_t signature_out[static 64])
{
    struct token *t;
    TRY(hsm_token_of(hsm, token, &t));
    struct named n = { name, CKM_EDDSA, message, signature_out };
    return session_run(t, sign_named, &n);
}

struct public_key {
    const char *name;
    uint8_t *point_out;
    size_t len;
};

static enum err read_public(struct session *s, void *context)
{
    struct public_key *p = context;
    CK_OBJECT_HANDLE key;
    TRY(key_find(s, CKO_PUBLIC_KEY, p->name, &key));
    return key_point(s, key, p->point_out, p->len);
}

enum err hsm_ed25519_public(struct hsm *hsm, enum hsm_token token, const char *name,
                            uint8_t public_out[static 32])
{
    struct token *t;
    TRY(hsm_token_of(hsm, token, &t));
    struct public_key p = { name, public_out, 32 };
    return session_run(t, read_public, &p);
}

enum err hsm_p256_public(struct hsm *hsm, enum hsm_token token, const char *name,
                         uint8_t point_out[static P256_POINT_SIZE])
{
    struct token *t;
    TRY(hsm_token_of(hsm, token, &t));
    struct public_key p = { name, point_out, P256_POINT_SIZE };
    return session_run(t, read_public, &p);
}
