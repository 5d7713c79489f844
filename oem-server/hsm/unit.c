/* SPDX-License-Identifier: MIT */
/*
 * unit: a unit's signing key (SECURE_BOOT_PRI). The secure boot service makes or opens one for
 * a run and signs with it; only its wrapped form is stored. The key is a session object: it
 * must never become a token object, and it may be extracted only until it has been wrapped, in
 * make() below.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/hsm/found.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/sign.h"
#include "oem-server/hsm/wrap.h"

/* What is kept of a key that stays on the token: this and its name. No wrapped key is as short.
 */
#define NAMED "key-id:"

/* Used by one thread at a time. The object is apart, because the token frees it (session.h). */
struct hsm_unit_key {
    struct token *token;
    char name[KEY_NAME_MAX + 1]; /* of a key that stays on the token; "": wrapped */
    struct doomed *object;       /* NULL: unwrapped when needed */
    struct buf wrapped;
};

/* The object is destroyed as soon as a session is free; does not wait. */
static void let_go(struct hsm_unit_key *key)
{
    struct doomed *object = TAKE(key->object);
    if (object != NULL)
        session_doom(key->token, object);
}

static enum err hold(struct hsm_unit_key *key, struct session *s, struct object *object)
{
    struct doomed *kept = calloc(1, sizeof(*kept));
    if (kept == NULL)
        return fail(ERR_MEMORY, "hsm: unit key");
    *kept = (struct doomed){ NULL, s, s->generation, object->handle };
    object->handle = 0;
    let_go(key);
    key->object = kept;
    return ERR_OK;
}

/* PKCS#11 allows CKA_EXTRACTABLE to change from true to false only. A module that refuses keeps
 * no object: the key is then unwrapped for its first signature, which makes it not extractable.
 */
static bool forbid_extraction(struct session *s, CK_OBJECT_HANDLE key)
{
    CK_ATTRIBUTE never = ATTRIBUTE(CKA_EXTRACTABLE, key_false);
    CK_RV rv = P11(s)->C_SetAttributeValue(s->handle, key, &never, 1);
    if (rv != CKR_OK)
        log_line(LOG_LEVEL_DEBUG, "hsm: token \"%s\": a wrapped key is not kept",
                 s->token->label);
    return rv == CKR_OK;
}

struct making {
    struct hsm_unit_key *key;
    uint8_t *point_out;
};

static enum err make(struct session *s, void *context)
{
    struct making *m = context;
    const struct key_template template = { .kind = HSM_P256, .may_be_wrapped = true };
    CK_OBJECT_HANDLE kek;
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    AUTO(key_pair_drop) struct key_pair pair = { 0 };
    TRY(key_pair_make(s, &template, &pair));
    TRY(key_point(s, pair.public_key.handle, m->point_out, P256_POINT_SIZE));
    buf_free(&m->key->wrapped);
    TRY(wrap_key(s, kek, pair.private_key.handle, &m->key->wrapped));
    return forbid_extraction(s, pair.private_key.handle) ? hold(m->key, s, &pair.private_key)
                                                         : ERR_OK;
}

static enum err unwrap(struct session *s, struct hsm_unit_key *key)
{
    CK_OBJECT_HANDLE kek;
    TRY(key_find(s, CKO_SECRET_KEY, HSM_UNIT_KEK, &kek));
    AUTO(object_drop) struct object object = { 0 };
    TRY(wrap_open_p256(s, kek, buf_span(&key->wrapped), &object));
    return hold(key, s, &object);
}

static void key_drop(struct hsm_unit_key **key)
{
    hsm_unit_key_free(*key);
}

static enum err key_new(struct hsm *hsm, struct hsm_unit_key **key_out)
{
    struct token *t;
    TRY(hsm_token_of(hsm, HSM_BOOT, &t));
    struct hsm_unit_key *key = calloc(1, sizeof(*key));
    if (key == NULL)
        return fail(ERR_MEMORY, "hsm: unit key");
    key->token = t;
    *key_out = key;
    return ERR_OK;
}

enum err hsm_unit_key_make(struct hsm *hsm, struct hsm_unit_key **key_out,
                           uint8_t point_out[static P256_POINT_SIZE])
{
    AUTO(key_drop) struct hsm_unit_key *key = NULL;
    TRY(key_new(hsm, &key));
    struct making m = { key, point_out };
    TRY(session_run(key->token, make, &m));
    *key_out = TAKE(key);
    return ERR_OK;
}

static void take_name(struct hsm_unit_key *key)
{
    size_t mark = strlen(NAMED);
    if (key->wrapped.len > mark && key->wrapped.len <= mark + KEY_NAME_MAX &&
        memcmp(key->wrapped.ptr, NAMED, mark) == 0)
        snprintf(key->name, sizeof(key->name), "%.*s", (int)(key->wrapped.len - mark),
                 (const char *)key->wrapped.ptr + mark);
}

enum err hsm_unit_key_open(struct hsm *hsm, struct span wrapped, struct hsm_unit_key **key_out)
{
    AUTO(key_drop) struct hsm_unit_key *key = NULL;
    TRY(key_new(hsm, &key));
    TRY(buf_copy(&key->wrapped, wrapped));
    take_name(key);
    *key_out = TAKE(key);
    return ERR_OK;
}

static enum err find(struct session *s, void *context)
{
    struct making *m = context;
    CK_OBJECT_HANDLE private_key;
    TRY(found_private(s, m->key->name, &private_key));
    return found_point(s, m->key->name, m->point_out);
}

/* The point may be another key's certificate: only a signature shows it. */
static enum err prove(struct hsm_unit_key *key, const uint8_t point[static P256_POINT_SIZE])
{
    uint8_t digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    sha256_of(span_of(point, P256_POINT_SIZE), digest);
    TRY(hsm_unit_key_sign(key, digest, signature));
    return p256_verify(span_of(point, P256_POINT_SIZE), digest, SPAN(signature)) == ERR_OK
               ? ERR_OK
               : fail(ERR_MISMATCH, "hsm: key \"%s\": its public part belongs to another key",
                      key->name);
}

enum err hsm_unit_key_find(struct hsm *hsm, const char *name, struct hsm_unit_key **key_out,
                           uint8_t point_out[static P256_POINT_SIZE])
{
    AUTO(key_drop) struct hsm_unit_key *key = NULL;
    TRY(key_name_check(name));
    TRY(key_new(hsm, &key));
    snprintf(key->name, sizeof(key->name), "%s", name);
    TRY(buf_append(&key->wrapped, span_of(NAMED, strlen(NAMED))));
    TRY(buf_append(&key->wrapped, span_of(name, strlen(name))));
    struct making m = { key, point_out };
    TRY(session_run(key->token, find, &m));
    TRY(prove(key, point_out));
    *key_out = TAKE(key);
    return ERR_OK;
}

const char *hsm_unit_key_kek(const struct hsm_unit_key *key)
{
    return key->name[0] != '\0' ? "" : HSM_UNIT_KEK;
}

struct span hsm_unit_key_wrapped(const struct hsm_unit_key *key)
{
    return buf_span(&key->wrapped);
}

struct signing {
    struct hsm_unit_key *key;
    const uint8_t *digest;
    uint8_t *signature_out;
};

static enum err sign(struct session *s, void *context)
{
    struct signing *g = context;
    if (g->key->name[0] != '\0') {
        CK_OBJECT_HANDLE handle;
        TRY(found_private(s, g->key->name, &handle));
        return sign_with(s, handle, g->key->name, CKM_ECDSA, span_of(g->digest, SHA256_SIZE),
                         g->signature_out, P256_SIGNATURE_SIZE);
    }
    if (g->key->object == NULL || !session_is_alive(g->key->object))
        TRY(unwrap(s, g->key));
    return sign_with(s, g->key->object->object, "unit", CKM_ECDSA,
                     span_of(g->digest, SHA256_SIZE), g->signature_out, P256_SIGNATURE_SIZE);
}

enum err hsm_unit_key_sign(struct hsm_unit_key *key, const uint8_t digest[static SHA256_SIZE],
                           uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    struct signing g = { key, digest, signature_out };
    return session_run(key->token, sign, &g);
}

void hsm_unit_key_free(struct hsm_unit_key *key)
{
    if (key == NULL)
        return;
    let_go(key);
    buf_free(&key->wrapped);
    free(key);
}
