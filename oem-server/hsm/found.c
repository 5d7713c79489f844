/* SPDX-License-Identifier: MIT */
/*
 * found: see found.h. EJBCA leaves no public key object and an empty label, so the CKA_ID finds
 * its keys, and the certificate object beside each tells the public key. It must not take a key
 * that could leave the token (test_hsm_found).
 */
#include "oem-server/hsm/found.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"

enum { CERTIFICATE_SIZE_MAX = 8192 };

static enum err check_protection(struct session *s, CK_OBJECT_HANDLE key, const char *name)
{
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_SENSITIVE, sensitive),
        ATTRIBUTE(CKA_EXTRACTABLE, extractable),
        ATTRIBUTE(CKA_KEY_TYPE, type),
    };
    TRY(session_rv(s,
                   P11(s)->C_GetAttributeValue(s->handle, key, attributes, COUNT(attributes)),
                   "C_GetAttributeValue", name));
    if (type != CKK_EC || !sensitive || extractable)
        return fail(ERR_MISMATCH, "hsm: token \"%s\": key \"%s\": %s: not to be trusted",
                    s->token->label, name,
                    type != CKK_EC ? "no EC key"
                    : extractable  ? "extractable"
                                   : "not sensitive");
    return ERR_OK;
}

enum err found_private(struct session *s, const char *name, CK_OBJECT_HANDLE *key_out)
{
    size_t count = 0;
    TRY(key_search(s, CKO_PRIVATE_KEY, name, key_out, 1, &count));
    if (count == 0)
        return fail_quiet(ERR_NOT_FOUND, "hsm: token \"%s\": no key with ID \"%s\"",
                          s->token->label, name);
    if (count > 1)
        return fail(ERR_HSM, "hsm: token \"%s\": %zu keys with ID \"%s\": remove all but one",
                    s->token->label, count, name);
    return check_protection(s, *key_out, name);
}

static enum err point_of_certificate(struct session *s, CK_OBJECT_HANDLE object,
                                     const char *name, uint8_t *point_out)
{
    uint8_t der[CERTIFICATE_SIZE_MAX];
    CK_ATTRIBUTE a = { CKA_VALUE, der, sizeof(der) };
    TRY(session_rv(s, P11(s)->C_GetAttributeValue(s->handle, object, &a, 1),
                   "C_GetAttributeValue", "CKA_VALUE"));
    const uint8_t *p = der;
    X509 *certificate =
        a.ulValueLen > sizeof(der) ? NULL : d2i_X509(NULL, &p, (long)a.ulValueLen);
    enum err e = certificate == NULL
                     ? fail(ERR_HSM, "hsm: token \"%s\": certificate \"%s\" is damaged",
                            s->token->label, name)
                     : p256_point_of(X509_get0_pubkey(certificate), point_out);
    X509_free(certificate);
    ERR_clear_error();
    return e;
}

enum err found_point(struct session *s, const char *name, uint8_t *point_out)
{
    CK_OBJECT_HANDLE object = 0;
    size_t count = 0;
    TRY(key_search(s, CKO_PUBLIC_KEY, name, &object, 1, &count));
    if (count != 0)
        return key_point(s, object, point_out, P256_POINT_SIZE);
    TRY(key_search(s, CKO_CERTIFICATE, name, &object, 1, &count));
    return count != 0
               ? point_of_certificate(s, object, name, point_out)
               : fail(ERR_NOT_FOUND,
                      "hsm: token \"%s\": key \"%s\" has neither a public key object nor a "
                      "certificate",
                      s->token->label, name);
}
