/* SPDX-License-Identifier: MIT */
/* An Ed25519 key of a test's own, that signs like the HSM would. For the tests of tlog. */
#pragma once

#include <openssl/evp.h>
#include <string.h>

#include "oem-server/tlog/note.h"
#include "tests/unit/check.h"

struct test_key {
    EVP_PKEY *pkey;
    uint8_t public_key[NOTE_PUBLIC_KEY_SIZE];
    unsigned signatures; /* made so far */
};

static inline void test_key_make(struct test_key *key, uint8_t seed)
{
    uint8_t private_key[32];
    size_t len = sizeof(key->public_key);
    memset(private_key, seed, sizeof(private_key));
    key->pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, sizeof(private_key));
    assert_non_null(key->pkey);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key->pkey, key->public_key, &len), 1);
    key->signatures = 0;
}

static inline void test_key_free(struct test_key *key)
{
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

static inline enum err test_key_sign(void *context, struct span message,
                                     uint8_t signature_out[static NOTE_ED25519_SIZE])
{
    struct test_key *key = context;
    size_t len = NOTE_ED25519_SIZE;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool done = EVP_DigestSignInit(md, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestSign(md, signature_out, &len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(md);
    key->signatures++;
    return done ? ERR_OK : ERR_HSM;
}
