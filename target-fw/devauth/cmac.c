/* SPDX-License-Identifier: MIT */
/*
 * AES-CMAC over port_aes256_encrypt(). Called by agreement.c and shared.c. The key is named by
 * its slot; no part of it may reach SRAM.
 */

#include "target-fw/devauth/cmac.h"

#include "target-fw/devauth/bytes.h"

/* RFC 4493, 2.3: times x in GF(2^128), without a branch on the secret. */
static void twice(uint8_t block[CMAC_SIZE])
{
    uint8_t carry = 0;
    for (size_t i = CMAC_SIZE; i > 0; i--) {
        uint8_t next = block[i - 1] >> 7;
        block[i - 1] = (uint8_t)(block[i - 1] << 1 | carry);
        carry = next;
    }
    block[CMAC_SIZE - 1] ^= (uint8_t)(0x87 & -carry);
}

static void mix(uint8_t into[CMAC_SIZE], const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        into[i] ^= bytes[i];
}

/* The last block, complete or padded, is masked with a subkey (2.4). */
static enum err subkey(const struct port_key *key, bool complete, uint8_t mask[CMAC_SIZE])
{
    static const uint8_t zero[CMAC_SIZE] = { 0 };
    TRY(port_aes256_encrypt(key, zero, mask));
    twice(mask);
    if (!complete)
        twice(mask);
    return ERR_OK;
}

static enum err absorb(const struct port_key *key, const uint8_t *block, size_t len,
                       uint8_t chain[CMAC_SIZE])
{
    mix(chain, block, len);
    uint8_t in[CMAC_SIZE];
    bytes_copy(in, chain, CMAC_SIZE);
    return port_aes256_encrypt(key, in, chain);
}

enum err cmac_of(const struct port_key *key, struct span message, uint8_t tag[CMAC_SIZE])
{
    uint8_t chain[CMAC_SIZE] = { 0 };
    uint8_t mask[CMAC_SIZE];
    const uint8_t *at = message.ptr;
    size_t left = message.len;
    for (; left > CMAC_SIZE; left -= CMAC_SIZE, at += CMAC_SIZE)
        TRY(absorb(key, at, CMAC_SIZE, chain));
    TRY(subkey(key, left == CMAC_SIZE, mask));
    if (left < CMAC_SIZE)
        mask[left] ^= 0x80;
    mix(chain, mask, CMAC_SIZE);
    enum err e = absorb(key, at, left, chain);
    bytes_wipe(mask, sizeof(mask));
    TRY(e);
    bytes_copy(tag, chain, CMAC_SIZE);
    return ERR_OK;
}
