/* SPDX-License-Identifier: MIT */
/*
 * agreement: the server's ephemeral ECDH key and what is derived with it (arrows 28 to 33).
 * Called by the key agreement service, on a worker. The key is a session object; AES_NuLink3
 * must leave the HSM only wrapped.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/point.h"
#include "oem-server/hsm/sign.h"
#include "oem-server/hsm/wrap.h"

struct hsm_agreement {
    struct doomed object; /* first: the token frees the whole when it destroys the object */
    struct token *token;
    uint8_t point[P256_POINT_SIZE];
};

static enum err make(struct session *s, void *context)
{
    struct hsm_agreement *a = context;
    const struct key_template template = { .kind = HSM_P256, .derives = true };
    AUTO(key_pair_drop) struct key_pair pair = { 0 };
    TRY(key_pair_make(s, &template, &pair));
    TRY(key_point(s, pair.public_key.handle, a->point, P256_POINT_SIZE));
    a->object = (struct doomed){ NULL, s, s->generation, pair.private_key.handle };
    pair.private_key.handle = 0; /* kept; the public object is destroyed */
    return ERR_OK;
}

enum err hsm_agreement_make(struct hsm *hsm, struct hsm_agreement **agreement_out)
{
    struct token *t;
    TRY(hsm_token_of(hsm, HSM_BOOT, &t));
    AUTO(free_drop) struct hsm_agreement *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return fail(ERR_MEMORY, "hsm: agreement");
    a->token = t;
    TRY(session_run(t, make, a));
    *agreement_out = TAKE(a);
    return ERR_OK;
}

enum err hsm_agreement_public(struct hsm_agreement *agreement,
                              uint8_t point_out[static P256_POINT_SIZE])
{
    memcpy(point_out, agreement->point, P256_POINT_SIZE);
    return ERR_OK;
}

/* AES-256 from the x coordinate, all 32 bytes of it; extractable so that KWP can wrap it. */
static enum err derive(struct session *s, CK_OBJECT_HANDLE key, const uint8_t *peer,
                       struct object *shared_out)
{
    uint8_t point[P256_POINT_SIZE];
    memcpy(point, peer, sizeof(point));
    CK_ECDH1_DERIVE_PARAMS parameters = { CKD_NULL, 0, NULL, sizeof(point), point };
    CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameters, sizeof(parameters) };
    const CK_ULONG len = 32;
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_CLASS, key_class_secret), ATTRIBUTE(CKA_KEY_TYPE, key_type_aes),
        ATTRIBUTE(CKA_VALUE_LEN, len),          ATTRIBUTE(CKA_TOKEN, key_false),
        ATTRIBUTE(CKA_PRIVATE, key_true),       ATTRIBUTE(CKA_SENSITIVE, key_true),
        ATTRIBUTE(CKA_EXTRACTABLE, key_true),   ATTRIBUTE(CKA_SIGN, key_true),
        ATTRIBUTE(CKA_ENCRYPT, key_false),      ATTRIBUTE(CKA_DECRYPT, key_false),
        ATTRIBUTE(CKA_WRAP, key_false),         ATTRIBUTE(CKA_UNWRAP, key_false),
    };
    CK_OBJECT_HANDLE handle = 0;
    count_operation(s->token, COUNT_DERIVE);
    TRY(session_rv(
        s, P11(s)->C_DeriveKey(s->handle, &mechanism, key, template, COUNT(template), &handle),
        "C_DeriveKey", "CKM_ECDH1_DERIVE"));
    *shared_out = (struct object){ s, handle };
    return ERR_OK;
}

enum err hsm_agreement_derive(struct hsm_agreement *agreement,
                              const uint8_t peer[static P256_POINT_SIZE],
                              const struct span messages[], uint8_t (*tags_out)[16],
                              size_t count, struct buf *wrapped_out)
{
    TRY(point_check(peer));
    AUTO(session_return) struct session *s = NULL;
    TRY(session_borrow(agreement->token, &s));
    if (!session_is_alive(&agreement->object))
        return fail(ERR_HSM, "hsm: token \"%s\": agreement key went with its lost session",
                    agreement->token->label);
    CK_OBJECT_HANDLE kek;
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    AUTO(object_drop) struct object shared = { 0 };
    TRY(derive(s, agreement->object.object, peer, &shared));
    for (size_t i = 0; i < count; i++)
        TRY(sign_with(s, shared.handle, "run", CKM_AES_CMAC, messages[i], tags_out[i], 16));
    return wrap_key(s, kek, shared.handle, wrapped_out);
}

struct tagging {
    struct span wrapped;
    const struct span *messages;
    uint8_t (*tags)[16];
    size_t count;
};

static enum err make_tags(struct session *s, void *context)
{
    const struct tagging *t = context;
    CK_OBJECT_HANDLE kek;
    AUTO(object_drop) struct object shared = { 0 };
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    TRY(wrap_open_aes(s, kek, t->wrapped, &shared));
    for (size_t i = 0; i < t->count; i++)
        TRY(sign_with(s, shared.handle, "derive", CKM_AES_CMAC, t->messages[i], t->tags[i],
                      16));
    return ERR_OK;
}

enum err hsm_shared_tags(struct hsm *hsm, struct span wrapped, const struct span messages[],
                         uint8_t (*tags_out)[16], size_t count)
{
    struct token *t;
    struct tagging tagging = { wrapped, messages, tags_out, count };
    TRY(hsm_token_of(hsm, HSM_BOOT, &t));
    return session_run(t, make_tags, &tagging);
}

void hsm_agreement_free(struct hsm_agreement *agreement)
{
    if (agreement != NULL)
        session_doom(agreement->token, &agreement->object);
}
