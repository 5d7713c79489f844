/* SPDX-License-Identifier: MIT */
/*
 * make: makes named keys. Called by oemctl init, and at the server's start for keys that are
 * missing. A key that has not signed (or wrapped) once must never get its final name.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/point.h"
#include "oem-server/hsm/sign.h"
#include "oem-server/hsm/wrap.h"

/*
 * A new key carries the name "<name>.new" until a signature or a wrap has proven it, then it is
 * renamed, its public half first. So a private or secret key under its final name is a proven
 * one, and what an interrupted creation leaves is recognised by its name and is not in use
 * (test_hsm_faults).
 */
enum { FRESH_NAME_MAX = KEY_NAME_MAX + 5 };

struct make {
    enum hsm_kind kind;
    const char *name;
    char fresh[FRESH_NAME_MAX];
    bool created;
};

static const uint8_t proof[SHA256_SIZE] = "hallmark: proof of a new key";

static CK_OBJECT_CLASS class_of(enum hsm_kind kind)
{
    return kind == HSM_AES256_KEK ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
}

static CK_KEY_TYPE type_of(enum hsm_kind kind)
{
    static const CK_KEY_TYPE types[] = {
        [HSM_P256] = CKK_EC, [HSM_ED25519] = CKK_EC_EDWARDS, [HSM_AES256_KEK] = CKK_AES
    };
    return types[kind];
}

/* A key that was put there under this name by other software must have the same protection. */
static enum err check_policy(struct session *s, CK_OBJECT_HANDLE key, const struct make *m)
{
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE attributes[] = {
        { CKA_SENSITIVE, &sensitive, sizeof(sensitive) },
        { CKA_EXTRACTABLE, &extractable, sizeof(extractable) },
        { CKA_KEY_TYPE, &type, sizeof(type) },
    };
    TRY(session_rv(s,
                   P11(s)->C_GetAttributeValue(s->handle, key, attributes, COUNT(attributes)),
                   "C_GetAttributeValue", m->name));
    if (type != type_of(m->kind))
        return fail(ERR_MISMATCH, "hsm: token \"%s\": key \"%s\": type 0x%lx, want 0x%lx",
                    s->token->label, m->name, type, type_of(m->kind));
    if (!sensitive || extractable)
        return fail(ERR_MISMATCH, "hsm: token \"%s\": key \"%s\": %s: not to be trusted",
                    s->token->label, m->name, extractable ? "extractable" : "not sensitive");
    return ERR_OK;
}

static enum err sweep_class(struct session *s, CK_OBJECT_CLASS class, const char *id)
{
    CK_OBJECT_HANDLE found[8];
    size_t count = 0;
    TRY(key_search(s, class, id, found, COUNT(found), &count));
    for (size_t i = 0; i < count && i < COUNT(found); i++) {
        log_line(LOG_LEVEL_WARN, "hsm: token \"%s\": removing a leftover of key \"%s\"",
                 s->token->label, id);
        TRY(session_rv(s, P11(s)->C_DestroyObject(s->handle, found[i]), "C_DestroyObject", id));
    }
    return ERR_OK;
}

/* Only called when there is no private or secret key of that name. */
static enum err sweep(struct session *s, const struct make *m)
{
    TRY(sweep_class(s, CKO_PRIVATE_KEY, m->fresh));
    TRY(sweep_class(s, CKO_SECRET_KEY, m->fresh));
    TRY(sweep_class(s, CKO_PUBLIC_KEY, m->fresh));
    return sweep_class(s, CKO_PUBLIC_KEY, m->name);
}

static enum err rename_key(struct session *s, const struct object *key, const char *name)
{
    CK_ATTRIBUTE attributes[] = {
        key_attribute(CKA_LABEL, name, strlen(name)),
        key_attribute(CKA_ID, name, strlen(name)),
    };
    return session_rv(
        s, P11(s)->C_SetAttributeValue(s->handle, key->handle, attributes, COUNT(attributes)),
        "C_SetAttributeValue", name);
}

static enum err prove_p256(struct session *s, const char *name, const struct key_pair *pair)
{
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    TRY(key_point(s, pair->public_key.handle, point, sizeof(point)));
    TRY(sign_with(s, pair->private_key.handle, name, CKM_ECDSA, SPAN(proof), signature,
                  sizeof(signature)));
    return point_verify_p256(point, proof, signature);
}

static enum err prove_ed25519(struct session *s, const char *name, const struct key_pair *pair)
{
    uint8_t point[32], signature[64];
    TRY(key_point(s, pair->public_key.handle, point, sizeof(point)));
    TRY(sign_with(s, pair->private_key.handle, name, CKM_EDDSA, SPAN(proof), signature,
                  sizeof(signature)));
    return point_verify_ed25519(point, SPAN(proof), signature);
}

static enum err make_pair(struct session *s, const struct make *m)
{
    const struct key_template template = { .kind = m->kind, .name = m->fresh };
    AUTO(key_pair_drop) struct key_pair pair = { 0 };
    TRY(key_pair_make(s, &template, &pair));
    TRY(m->kind == HSM_P256 ? prove_p256(s, m->name, &pair) : prove_ed25519(s, m->name, &pair));
    TRY(rename_key(s, &pair.public_key, m->name));
    TRY(rename_key(s, &pair.private_key, m->name));
    pair = (struct key_pair){ 0 };
    return ERR_OK;
}

/* name: of a token's KEK; NULL: a session key that may be wrapped and makes CMACs. */
static enum err make_aes(struct session *s, const char *name, struct object *key_out)
{
    const CK_BBOOL stays = name != NULL, passes = name == NULL;
    const CK_ULONG len = 32;
    const char *label = name == NULL ? "" : name;
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_VALUE_LEN, len),
        ATTRIBUTE(CKA_TOKEN, stays),
        ATTRIBUTE(CKA_PRIVATE, key_true),
        ATTRIBUTE(CKA_SENSITIVE, key_true),
        ATTRIBUTE(CKA_EXTRACTABLE, passes),
        ATTRIBUTE(CKA_SIGN, passes),
        ATTRIBUTE(CKA_VERIFY, key_false),
        ATTRIBUTE(CKA_WRAP, stays),
        ATTRIBUTE(CKA_UNWRAP, stays),
        ATTRIBUTE(CKA_ENCRYPT, key_false),
        ATTRIBUTE(CKA_DECRYPT, key_false),
        key_attribute(CKA_LABEL, label, strlen(label)),
        key_attribute(CKA_ID, label, strlen(label)),
    };
    CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
    CK_OBJECT_HANDLE handle = 0;
    count_operation(s->token, COUNT_MAKE_AES);
    TRY(session_rv(
        s, P11(s)->C_GenerateKey(s->handle, &mechanism, template, COUNT(template), &handle),
        "C_GenerateKey", "CKM_AES_KEY_GEN"));
    *key_out = (struct object){ s, handle };
    return ERR_OK;
}

/* A key that it wraps must be the same after unwrapping. */
static enum err prove_kek(struct session *s, const struct object *kek)
{
    AUTO(object_drop) struct object sent = { 0 }, came = { 0 };
    AUTO(buf_free) struct buf wrapped = { 0 };
    uint8_t before[16], after[16];
    TRY(make_aes(s, NULL, &sent));
    TRY(wrap_key(s, kek->handle, sent.handle, &wrapped));
    TRY(wrap_open_aes(s, kek->handle, buf_span(&wrapped), &came));
    TRY(sign_with(s, sent.handle, "proof", CKM_AES_CMAC, SPAN(proof), before, sizeof(before)));
    TRY(sign_with(s, came.handle, "proof", CKM_AES_CMAC, SPAN(proof), after, sizeof(after)));
    if (!ct_eq(SPAN(before), SPAN(after)))
        return fail(ERR_HSM, "hsm: token \"%s\": a wrapped key came back another",
                    s->token->label);
    return ERR_OK;
}

static enum err make_kek(struct session *s, const struct make *m)
{
    AUTO(object_drop) struct object kek = { 0 };
    TRY(make_aes(s, m->fresh, &kek));
    TRY(prove_kek(s, &kek));
    TRY(rename_key(s, &kek, m->name));
    kek.handle = 0;
    return ERR_OK;
}

static enum err get_or_make(struct session *s, void *context)
{
    struct make *m = context;
    CK_OBJECT_HANDLE key;
    size_t count = 0;
    TRY(key_search(s, class_of(m->kind), m->name, &key, 1, &count));
    m->created = count == 0;
    if (m->created && key_is_known(s->token, m->name))
        return key_fail_missing(s->token, m->name); /* a second one is not made */
    if (m->created) {
        TRY(sweep(s, m));
        TRY(m->kind == HSM_AES256_KEK ? make_kek(s, m) : make_pair(s, m));
        sync(); /* a token in software writes plain files and syncs none of them */
    }
    TRY(key_find(s, class_of(m->kind), m->name, &key)); /* exactly one must exist now */
    return check_policy(s, key, m);
}

void hsm_key_expect(struct hsm *hsm, enum hsm_token token, const char *name)
{
    if (hsm->tokens[token].label != NULL && key_name_check(name) == ERR_OK)
        key_know(&hsm->tokens[token], name);
}

enum err hsm_key_make(struct hsm *hsm, enum hsm_token token, enum hsm_kind kind,
                      const char *name, bool *created_out)
{
    struct token *t;
    TRY(hsm_token_of(hsm, token, &t));
    TRY(key_name_check(name));
    struct make m = { .kind = kind, .name = name };
    snprintf(m.fresh, sizeof(m.fresh), "%s.new", name);
    pthread_mutex_lock(&t->making);
    enum err e = session_run(t, get_or_make, &m);
    pthread_mutex_unlock(&t->making);
    TRY(e);
    *created_out = m.created;
    return ERR_OK;
}
