/* SPDX-License-Identifier: MIT */
#include "tests/conformance/boot_image.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum {
    NUMBER = 32,
    IMAGE_BYTES = BOOT_IMAGE_WORDS * 4,
    INFO_SIGNED = 128,
    INFO_HASH = 0x60,
    INFO_R = 0x80,
    INFO_S = 0xa0,
    DER_MAX = 80,
    POINT = 1 + 2 * NUMBER,
};
#define MARKER 0x4c42754eu

const uint32_t boot_key_x[8] = { 0x60f29fb6, 0xe669622e, 0x3b61fa6c, 0xc049b892,
                                 0xc6356d68, 0xc961eb74, 0x255a9d31, 0x60fed4ba };
const uint32_t boot_key_y[8] = { 0xd4462299, 0x77a3c294, 0x2d7e9f51, 0xf2f1b20c,
                                 0x5628bc64, 0xa41ae9e9, 0x08b8bc99, 0x7903fe10 };

/* RFC 6979 A.2.5: its key pair; and its nonce, taken for another key. */
static const struct key_pair {
    uint8_t secret[NUMBER];
    uint8_t point[POINT];
} keys[2] = {
    { { 0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21,
        0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8,
        0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21 },
      { 4,    0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74,
        0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6,
        0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8,
        0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2,
        0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99 } },
    { { 0xa6, 0xe3, 0xc5, 0x7d, 0xd0, 0x1a, 0xbe, 0x90, 0x08, 0x65, 0x38,
        0x39, 0x83, 0x55, 0xdd, 0x4c, 0x3b, 0x17, 0xaa, 0x87, 0x33, 0x82,
        0xb0, 0xf2, 0x4d, 0x61, 0x29, 0x49, 0x3d, 0x8a, 0xad, 0x60 },
      { 4,    0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c,
        0xd4, 0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3,
        0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16, 0x34, 0xa7, 0xe7, 0x2c, 0x42, 0x32,
        0x13, 0x44, 0x31, 0x52, 0xc8, 0x2d, 0xf9, 0x4f, 0xe0, 0xf6, 0x85, 0x1b, 0xf8,
        0x94, 0xfd, 0x91, 0xc6, 0x4b, 0x19, 0x55, 0x53, 0x46, 0x09, 0x3f, 0xf4, 0x92 } },
};

static void key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void ctx_drop(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void sig_drop(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

static EVP_PKEY *key_of(const struct key_pair *pair)
{
    char curve[] = "P-256";
    uint8_t secret[NUMBER], point[POINT];
    EVP_PKEY *key = NULL;
    memcpy(point, pair->point, sizeof(point));
    for (size_t i = 0; i < NUMBER; i++) /* the parameter is a number in this machine's order */
        secret[i] = pair->secret[NUMBER - 1 - i];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, secret, sizeof(secret)),
        OSSL_PARAM_construct_end(),
    };
    AUTO(ctx_drop) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
        return NULL;
    return key;
}

/* r and s, big-endian, after the signed part of FwInfo. */
static enum err sign(const struct key_pair *pair, uint8_t *info)
{
    uint8_t digest[SHA256_DIGEST_LENGTH], der[DER_MAX];
    const uint8_t *at = der;
    size_t len = sizeof(der);
    SHA256(info, INFO_SIGNED, digest);
    AUTO(key_drop) EVP_PKEY *key = key_of(pair);
    AUTO(ctx_drop) EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_sign(ctx, der, &len, digest, sizeof(digest)) != 1)
        return fail(ERR_INTERNAL, "boot image: no signature");
    AUTO(sig_drop) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), info + INFO_R, NUMBER) != NUMBER ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), info + INFO_S, NUMBER) != NUMBER)
        return fail(ERR_INTERNAL, "boot image: no signature");
    return ERR_OK;
}

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

/* ldr r0, =mark's place; ldr r1, =mark; str r1, [r0]; b . */
static void fill_image(const struct boot_recipe *recipe, uint32_t *words)
{
    uint32_t marker = or_else(recipe->marker, MARKER);
    uint32_t info = or_else(recipe->info_address, BOOT_INFO_AT);
    memset(words, 0, IMAGE_BYTES);
    words[0] = 0x20004000;
    words[1] = recipe->base + 0x41;
    words[4] = marker;
    words[5] = info;
    words[7] = info - marker + recipe->sum_error;
    words[16] = 0x49024801;
    words[17] = 0xe7fe6001;
    words[18] = WIRE_MARK;
    words[19] = BOOT_MARK;
}

/* Of the region as it will lie in flash, erased between image and FwInfo. A region that reaches
 * into FwInfo, but not to the hash itself, has one, too. */
static enum err hash_region(const struct boot_image *image, uint32_t base, uint32_t size,
                            uint8_t *hash_out)
{
    static uint8_t flash[BOOT_INFO_AT + INFO_HASH];
    if (base > sizeof(flash) || size > sizeof(flash) - base)
        return fail(ERR_RANGE, "boot image: region 0x%x, 0x%x", base, size);
    memset(flash, 0xff, sizeof(flash));
    memcpy(flash, image->words, IMAGE_BYTES);
    memcpy(flash + BOOT_INFO_AT, image->info, INFO_HASH);
    SHA256(flash + base, size, hash_out);
    return ERR_OK;
}

enum err boot_image_make(const struct boot_recipe *recipe, struct boot_image *image)
{
    uint32_t *info = image->info;
    fill_image(recipe, image->words);
    memset(info, 0, sizeof(image->info));
    memset(info, 0xff, 2 * NUMBER); /* the ROM takes the key from OTP */
    info[16] = recipe->auth_none != 0 ? 0 : or_else(recipe->auth, 1);
    info[17] = or_else(recipe->table, 8);
    info[18] = recipe->region_base;
    info[19] = or_else(recipe->region_size, IMAGE_BYTES);
    info[20] = 12;
    info[21] = 0x20191201;
    TRY(hash_region(image, info[18], info[19], (uint8_t *)info + INFO_HASH));
    return sign(&keys[recipe->other_key], (uint8_t *)info);
}
