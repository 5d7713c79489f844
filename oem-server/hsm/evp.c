/* SPDX-License-Identifier: MIT */
/*
 * evp: named keys as EVP_PKEY, so that OpenSSL's X.509 and TLS code signs with the HSM through
 * an EC_KEY_METHOD. Called by ca (on workers) and net (on the I/O thread, with a time-out). It
 * must sign SHA-256 digests only, and must not hold key material.
 */
#include <openssl/ec.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/signer.h"

/* What an EC_KEY of this file carries in its ex_data. */
struct origin {
    struct hsm *hsm;
    enum hsm_token token;
    unsigned timeout_ms; /* for hsm->signer; 0: the caller's own thread signs */
    char name[KEY_NAME_MAX + 1];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EC_KEY_METHOD *method; /* one per process, not freed */
static int origin_index = -1;

static enum err sign_for(const struct origin *o, const uint8_t digest[static SHA256_SIZE],
                         uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    if (o->timeout_ms == 0)
        return hsm_sign_p256(o->hsm, o->token, o->name, digest, signature_out);
    return signer_sign(o->hsm->signer, o->token, o->name, digest, o->timeout_ms, signature_out);
}

static ECDSA_SIG *sign(const unsigned char *digest, int len, const BIGNUM *kinv,
                       const BIGNUM *rp, EC_KEY *key)
{
    (void)kinv;
    (void)rp;
    const struct origin *o = EC_KEY_get_ex_data(key, origin_index);
    uint8_t signature[P256_SIGNATURE_SIZE];
    if (o == NULL || len != SHA256_SIZE)
        (void)fail(ERR_INVALID, "hsm: EVP_PKEY: digest of %d bytes, only SHA-256 is signed",
                   len);
    if (o == NULL || len != SHA256_SIZE || sign_for(o, digest, signature) != ERR_OK)
        return NULL;
    return p256_signature_parts(signature);
}

static void origin_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
                        void *argp)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)argl;
    (void)argp;
    free(ptr);
}

/* A copy would share our pointer and free it twice; nothing here copies keys. */
static int origin_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d, int index,
                      long argl, void *argp)
{
    (void)to;
    (void)from;
    (void)from_d;
    (void)index;
    (void)argl;
    (void)argp;
    return 0;
}

/* OpenSSL's own method, but the signature proper is made by the HSM. */
static void set_up(void)
{
    int (*der_sign)(int, const unsigned char *, int, unsigned char *, unsigned int *,
                    const BIGNUM *, const BIGNUM *, EC_KEY *) = NULL;
    origin_index = EC_KEY_get_ex_new_index(0, NULL, NULL, origin_dup, origin_free);
    method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (method == NULL)
        return;
    EC_KEY_METHOD_get_sign(method, &der_sign, NULL, NULL);
    EC_KEY_METHOD_set_sign(method, der_sign, NULL, sign);
}

static void ec_drop(EC_KEY **key)
{
    EC_KEY_free(*key);
}

static enum err new_ec_key(struct origin **origin, const uint8_t *point, EC_KEY **key_out)
{
    AUTO(ec_drop) EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key == NULL || EC_KEY_oct2key(key, point, P256_POINT_SIZE, NULL) != 1 ||
        EC_KEY_set_method(key, method) != 1 ||
        EC_KEY_set_ex_data(key, origin_index, *origin) != 1)
        return fail(ERR_INTERNAL, "hsm: key \"%s\": OpenSSL refuses it", (*origin)->name);
    *origin = NULL; /* owned by the key now */
    *key_out = TAKE(key);
    return ERR_OK;
}

static enum err make_evp(struct hsm *hsm, enum hsm_token token, const char *name,
                         unsigned timeout_ms, EVP_PKEY **key_out)
{
    uint8_t point[P256_POINT_SIZE];
    TRY(hsm_p256_public(hsm, token, name, point));
    if (pthread_once(&once, set_up) != 0 || method == NULL || origin_index < 0)
        return fail(ERR_MEMORY, "hsm: EC_KEY_METHOD");
    AUTO(free_drop) struct origin *origin = calloc(1, sizeof(*origin));
    if (origin == NULL)
        return fail(ERR_MEMORY, "hsm: key \"%s\"", name);
    origin->hsm = hsm;
    origin->token = token;
    origin->timeout_ms = timeout_ms;
    memcpy(origin->name, name, strlen(name)); /* its length was checked above */
    AUTO(ec_drop) EC_KEY *ec = NULL;
    TRY(new_ec_key(&origin, point, &ec));
    EVP_PKEY *key = EVP_PKEY_new();
    if (key == NULL || EVP_PKEY_assign(key, EVP_PKEY_EC, ec) != 1) {
        EVP_PKEY_free(key);
        return fail(ERR_MEMORY, "hsm: key \"%s\"", name);
    }
    ec = NULL; /* owned by key now */
    *key_out = key;
    return ERR_OK;
}

enum err hsm_key_evp(struct hsm *hsm, enum hsm_token token, const char *name,
                     EVP_PKEY **key_out)
{
    return make_evp(hsm, token, name, 0, key_out);
}

enum err hsm_key_evp_within(struct hsm *hsm, enum hsm_token token, const char *name,
                            unsigned timeout_ms, EVP_PKEY **key_out)
{
    if (hsm->signer == NULL)
        TRY(signer_new(hsm, &hsm->signer));
    return make_evp(hsm, token, name, timeout_ms, key_out);
}
