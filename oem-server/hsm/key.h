/* SPDX-License-Identifier: MIT */
/*
 * key: named keys of a token, and the PKCS#11 attributes of keys. For the folder only.
 *
 * A named key is found by CKA_ID, the name's bytes (keys that others made, EJBCA's among them,
 * carry no label), once: handles are cached per token until a session is lost, because
 * C_FindObjects may be a linear scan.
 */
#pragma once

#include "common/core/layout.h"
#include "oem-server/hsm/hsm.h"
#include "oem-server/hsm/session.h"

/* An attribute that borrows value; PKCS#11 has no const, the module does not write to it. */
CK_ATTRIBUTE key_attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len);

#define ATTRIBUTE(type, variable) key_attribute((type), &(variable), sizeof(variable))

extern const CK_BBOOL key_true, key_false;
extern const CK_OBJECT_CLASS key_class_secret;
extern const CK_KEY_TYPE key_type_aes;

enum err key_name_check(const char *name); /* 1-64 of [A-Za-z0-9._-] */

/* Finds the objects of class with this CKA_ID. Writes at most max handles; *count_out is how
 * many. */
enum err key_search(struct session *s, CK_OBJECT_CLASS class, const char *id,
                    CK_OBJECT_HANDLE *found, size_t max, size_t *count_out);

/* A key that this process has found once is expected from then on: without it the HSM is not
 * what it was, and nothing was asked for that does not exist. */
bool key_is_known(struct token *t, const char *name);
void key_know(struct token *t, const char *name);
enum err key_fail_missing(struct token *t, const char *name); /* ERR_HSM or ERR_NOT_FOUND */

/* The one key of that name. ERR_NOT_FOUND: there was none as long as this process has run;
 * ERR_HSM: it has vanished, or there are several. Cached. */
enum err key_find(struct session *s, CK_OBJECT_CLASS class, const char *name,
                  CK_OBJECT_HANDLE *key_out);

/* CKA_EC_POINT of a public key, len bytes, unwrapped; on P-256 checked to be on the curve. */
enum err key_point(struct session *s, CK_OBJECT_HANDLE public_key, uint8_t *point_out,
                   size_t len);

/* A P-256 or Ed25519 pair; the template adds to the attributes that all pairs have. */
struct key_pair {
    struct object public_key;
    struct object private_key;
};
struct key_template {
    enum hsm_kind kind;
    const char *name;    /* label and ID of both, token objects; NULL: session objects */
    bool may_be_wrapped; /* CKA_EXTRACTABLE, for session objects only */
    bool derives;        /* CKA_DERIVE, else CKA_SIGN */
};
/* *pair_out is the caller's, released with key_pair_drop(). ERR_HSM with the mechanism's name.
 */
enum err key_pair_make(struct session *s, const struct key_template *template,
                       struct key_pair *pair_out);
void key_pair_drop(struct key_pair *pair); /* destroys both objects */
