/* SPDX-License-Identifier: MIT */
/*
 * key: named keys are found by CKA_ID and their handles cached; pairs are made by one template.
 * A key pair must never be extractable unless it is a session object that is to be wrapped.
 */
#include "oem-server/hsm/key.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/point.h"

const CK_BBOOL key_true = CK_TRUE, key_false = CK_FALSE;
const CK_OBJECT_CLASS key_class_secret = CKO_SECRET_KEY;
const CK_KEY_TYPE key_type_aes = CKK_AES;

/* prime256v1, 1.2.840.10045.3.1.7 (RFC 5480) */
static const uint8_t p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };

/* PrintableString "edwards25519", as PKCS#11 v3.0 has it for CKM_EC_EDWARDS_KEY_PAIR_GEN */
static const uint8_t ed25519[] = { 0x13, 0x0C, 'e', 'd', 'w', 'a', 'r',
                                   'd',  's',  '2', '5', '5', '1', '9' };

CK_ATTRIBUTE key_attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    CK_ATTRIBUTE a = { type, NULL, len };
    memcpy(&a.pValue, &value, sizeof(a.pValue)); /* PKCS#11 has no const */
    return a;
}

enum err key_name_check(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t len = strlen(name);
    if (len == 0 || len > KEY_NAME_MAX || strspn(name, allowed) != len)
        return fail(ERR_INVALID, "hsm: key name: want 1 to %d of A-Z a-z 0-9 . _ -",
                    KEY_NAME_MAX);
    return ERR_OK;
}

static enum err find_all(struct session *s, CK_OBJECT_HANDLE *found, size_t max,
                         size_t *count_out)
{
    size_t count = 0;
    for (;;) {
        CK_OBJECT_HANDLE some[8];
        CK_ULONG got = 0;
        TRY(session_rv(s, P11(s)->C_FindObjects(s->handle, some, 8, &got), "C_FindObjects",
                       ""));
        if (got == 0 || got > 8)
            break;
        for (size_t i = 0; i < got; i++, count++)
            if (count < max)
                found[count] = some[i];
    }
    *count_out = count;
    return ERR_OK;
}

/* Without a login private objects are not listed, and no error says so. */
static enum err check_login(struct session *s)
{
    CK_SESSION_INFO info = { 0 };
    CK_RV rv = P11(s)->C_GetSessionInfo(s->handle, &info);
    if (rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return session_rv(s, rv, "C_FindObjects", "login");
}

enum err key_search(struct session *s, CK_OBJECT_CLASS class, const char *id,
                    CK_OBJECT_HANDLE *found, size_t max, size_t *count_out)
{
    CK_ATTRIBUTE wanted[] = {
        ATTRIBUTE(CKA_CLASS, class),
        ATTRIBUTE(CKA_TOKEN, key_true),
        key_attribute(CKA_ID, id, strlen(id)),
    };
    TRY(session_rv(s, P11(s)->C_FindObjectsInit(s->handle, wanted, COUNT(wanted)),
                   "C_FindObjectsInit", id));
    enum err e = find_all(s, found, max, count_out);
    CK_RV rv = P11(s)->C_FindObjectsFinal(s->handle);
    s->dirty = s->dirty || e != ERR_OK || rv != CKR_OK;
    TRY(e);
    return *count_out == 0 ? check_login(s) : ERR_OK;
}

static CK_OBJECT_HANDLE cached(struct token *t, CK_OBJECT_CLASS class, const char *name)
{
    CK_OBJECT_HANDLE handle = 0;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->cached && handle == 0; i++)
        if (t->cache[i].class == class && strcmp(t->cache[i].name, name) == 0)
            handle = t->cache[i].handle;
    pthread_mutex_unlock(&t->lock);
    return handle;
}

static void remember(struct token *t, CK_OBJECT_CLASS class, const char *name,
                     CK_OBJECT_HANDLE handle)
{
    pthread_mutex_lock(&t->lock);
    if (t->cached < KEY_CACHE_MAX) {
        struct key_cached *c = &t->cache[t->cached++];
        *c = (struct key_cached){ .class = class, .handle = handle };
        memcpy(c->name, name, strlen(name));
    }
    pthread_mutex_unlock(&t->lock);
}

bool key_is_known(struct token *t, const char *name)
{
    bool found = false;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < KEY_CACHE_MAX && !found; i++)
        found = strcmp(t->known[i], name) == 0;
    pthread_mutex_unlock(&t->lock);
    return found;
}

void key_know(struct token *t, const char *name)
{
    if (key_is_known(t, name))
        return;
    pthread_mutex_lock(&t->lock);
    size_t i = 0;
    while (i < KEY_CACHE_MAX && t->known[i][0] != '\0')
        i++;
    if (i < KEY_CACHE_MAX)
        memcpy(t->known[i], name, strlen(name));
    pthread_mutex_unlock(&t->lock);
}

enum err key_fail_missing(struct token *t, const char *name)
{
    return key_is_known(t, name)
               ? fail(ERR_HSM,
                      "hsm: token \"%s\": key \"%s\" has vanished: it was there before",
                      t->label, name)
               : fail(ERR_NOT_FOUND, "hsm: token \"%s\": no key \"%s\"", t->label, name);
}

enum err key_find(struct session *s, CK_OBJECT_CLASS class, const char *name,
                  CK_OBJECT_HANDLE *key_out)
{
    TRY(key_name_check(name));
    *key_out = cached(s->token, class, name);
    if (*key_out != 0)
        return ERR_OK;
    size_t count = 0;
    TRY(key_search(s, class, name, key_out, 1, &count));
    if (count == 0)
        return key_fail_missing(s->token, name);
    if (count > 1)
        return fail(ERR_HSM, "hsm: token \"%s\": %zu keys with ID \"%s\": remove all but one",
                    s->token->label, count, name);
    key_know(s->token, name);
    remember(s->token, class, name, *key_out);
    return ERR_OK;
}

enum err key_point(struct session *s, CK_OBJECT_HANDLE public_key, uint8_t *point_out,
                   size_t len)
{
    uint8_t bytes[P256_POINT_SIZE + 8];
    CK_ATTRIBUTE a = { CKA_EC_POINT, bytes, sizeof(bytes) };
    TRY(session_rv(s, P11(s)->C_GetAttributeValue(s->handle, public_key, &a, 1),
                   "C_GetAttributeValue", "CKA_EC_POINT"));
    if (a.ulValueLen > sizeof(bytes))
        return fail(ERR_HSM, "hsm: token \"%s\": CKA_EC_POINT: no value", s->token->label);
    TRY(point_open(span_of(bytes, a.ulValueLen), point_out, len));
    return len == P256_POINT_SIZE ? point_check(point_out) : ERR_OK;
}

void key_pair_drop(struct key_pair *pair)
{
    object_drop(&pair->public_key);
    object_drop(&pair->private_key);
}

static CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, bool value)
{
    return key_attribute(type, value ? &key_true : &key_false, sizeof(CK_BBOOL));
}

enum err key_pair_make(struct session *s, const struct key_template *template,
                       struct key_pair *pair_out)
{
    bool is_ed25519 = template->kind == HSM_ED25519, stays = template->name != NULL;
    const char *name = stays ? template->name : "";
    CK_MECHANISM mechanism = { is_ed25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN,
                               NULL, 0 };
    CK_ATTRIBUTE public_key[] = {
        is_ed25519 ? ATTRIBUTE(CKA_EC_PARAMS, ed25519) : ATTRIBUTE(CKA_EC_PARAMS, p256),
        flag(CKA_TOKEN, stays),
        flag(CKA_PRIVATE, false),
        flag(CKA_VERIFY, !template->derives),
        key_attribute(CKA_LABEL, name, strlen(name)),
        key_attribute(CKA_ID, name, strlen(name)),
    };
    CK_ATTRIBUTE private_key[] = {
        flag(CKA_TOKEN, stays),
        flag(CKA_PRIVATE, true),
        flag(CKA_SENSITIVE, true),
        flag(CKA_EXTRACTABLE, template->may_be_wrapped && !stays),
        flag(CKA_SIGN, !template->derives),
        flag(CKA_DERIVE, template->derives),
        flag(CKA_DECRYPT, false),
        flag(CKA_UNWRAP, false),
        key_attribute(CKA_LABEL, name, strlen(name)),
        key_attribute(CKA_ID, name, strlen(name)),
    };
    count_operation(s->token, is_ed25519 ? COUNT_MAKE_ED25519 : COUNT_MAKE_P256);
    CK_OBJECT_HANDLE public_handle = 0, private_handle = 0;
    TRY(session_rv(s,
                   P11(s)->C_GenerateKeyPair(s->handle, &mechanism, public_key,
                                             COUNT(public_key), private_key, COUNT(private_key),
                                             &public_handle, &private_handle),
                   "C_GenerateKeyPair",
                   is_ed25519 ? "CKM_EC_EDWARDS_KEY_PAIR_GEN" : "CKM_EC_KEY_PAIR_GEN"));
    *pair_out = (struct key_pair){ { s, public_handle }, { s, private_handle } };
    return ERR_OK;
}
