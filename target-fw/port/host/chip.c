/* SPDX-License-Identifier: MIT */
/*
 * The host port but for P-256: flash, KeyStore slots, locks, SHA and AES in memory. Called by
 * DevAuth's code in unit tests, which set host_chip's faults. It is for tests alone: it keeps
 * keys in plain memory.
 */

#include "target-fw/port/host/host.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { ERASED = 0xff, AES_BLOCK = 16, CONFIG0_LOCK = 2 };

#define BLANK 0xffffffffu

struct host_chip host_chip;

void host_blank(void)
{
    static const struct port_identity identity = {
        { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0xfc }, 0xa1735440
    };
    memset(&host_chip, 0, sizeof(host_chip));
    memset(host_chip.flash, ERASED, sizeof(host_chip.flash));
    memset(host_chip.config, ERASED, sizeof(host_chip.config));
    host_chip.identity = identity;
    host_chip.power_cut_after_writes = -1;
}

void host_reset(void)
{
    memset(host_chip.sram, 0, sizeof(host_chip.sram));
}

static enum err write_power(void)
{
    if (host_chip.power_cut_after_writes == 0)
        return ERR_FAULT;
    if (host_chip.power_cut_after_writes > 0)
        host_chip.power_cut_after_writes--;
    host_chip.writes++;
    return ERR_OK;
}

enum err port_start(void)
{
    return host_chip.start_fails ? ERR_FAULT : ERR_OK;
}

enum err port_identify(struct port_identity *out)
{
    *out = host_chip.identity;
    return ERR_OK;
}

void port_wait(void)
{
    if (host_chip.wait != NULL)
        host_chip.wait(host_chip.wait_context);
}

void port_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

enum err port_random(uint8_t *out, size_t len)
{
    return RAND_bytes(out, (int)len) == 1 ? ERR_OK : ERR_CHIP;
}

enum err port_sha256(struct span message, uint8_t digest[SHA256_SIZE])
{
    return EVP_Digest(message.ptr, message.len, digest, NULL, EVP_sha256(), NULL) == 1
               ? ERR_OK
               : ERR_CHIP;
}

enum err port_aes256_encrypt(const struct port_key *key, const uint8_t in[16], uint8_t out[16])
{
    const struct host_slot *slot =
        key->memory == PORT_KEY_OTP ? &host_chip.otp[key->slot] : &host_chip.sram[key->slot];
    if (!slot->used || slot->revoked)
        return ERR_DENIED;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ok = ctx != NULL &&
              EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, slot->value, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              EVP_EncryptUpdate(ctx, out, &len, in, AES_BLOCK) == 1 && len == AES_BLOCK;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? ERR_OK : ERR_CHIP;
}

enum err port_otp_used(uint32_t *slots_out)
{
    *slots_out = 0;
    for (unsigned i = 0; i < HOST_SLOTS; i++)
        *slots_out |= (uint32_t)host_chip.otp[i].used << i;
    return ERR_OK;
}

enum err port_otp_write(enum otp_slot slot, const uint8_t value[32], uint32_t permit)
{
    if (permit != PORT_PERMIT_OTP(slot))
        return ERR_DENIED;
    TRY(write_power());
    if (host_chip.otp[slot].used)
        return ERR_CHIP;
    if (host_chip.otp_ignores_writes)
        return ERR_OK;
    host_chip.otp[slot].used = true;
    memcpy(host_chip.otp[slot].value, value, HOST_KEY_SIZE);
    if (host_chip.otp_tears > 0) {
        host_chip.otp_tears--;
        host_chip.otp[slot].value[HOST_KEY_SIZE - 1] ^= 1;
    }
    return ERR_OK;
}

enum err port_otp_revoke(enum otp_slot slot, uint32_t permit)
{
    if (permit != PORT_PERMIT_REVOKE(slot))
        return ERR_DENIED;
    TRY(write_power());
    if (!host_chip.otp[slot].used)
        return ERR_CHIP;
    host_chip.otp[slot].revoked = true;
    return ERR_OK;
}

enum err port_key_erase(const struct port_key *key)
{
    if (key->memory != PORT_KEY_SRAM)
        return ERR_INVALID;
    memset(&host_chip.sram[key->slot], 0, sizeof(host_chip.sram[0]));
    return ERR_OK;
}

struct span port_flash(uint32_t address, size_t len)
{
    return span_of(host_chip.flash + address, len);
}

enum err port_flash_erase(uint32_t page)
{
    TRY(write_power());
    host_chip.erased++;
    memset(host_chip.flash + page, ERASED, FLASH_PAGE_SIZE);
    return ERR_OK;
}

static enum err program_unit(uint32_t address, const uint8_t unit[8])
{
    TRY(write_power());
    if (host_chip.flash_fails_at != 0 && address == host_chip.flash_fails_at)
        return ERR_CHIP;
    host_chip.programmed++;
    for (size_t i = 0; i < 8; i++)
        host_chip.flash[address + i] &= unit[i];
    return ERR_OK;
}

enum err port_flash_program(uint32_t address, struct span bytes)
{
    static const uint8_t blank[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (address % 8 != 0 || bytes.len % 8 != 0)
        return ERR_RANGE;
    for (size_t at = 0; at < bytes.len; at += 8)
        if (memcmp(bytes.ptr + at, blank, sizeof(blank)) != 0)
            TRY(program_unit(address + (uint32_t)at, bytes.ptr + at));
    return ERR_OK;
}

/* ---- the locks ---- */

enum err port_config_read(uint32_t words[PORT_CONFIG_WORDS])
{
    memcpy(words, host_chip.config, sizeof(host_chip.config));
    return ERR_OK;
}

void port_config_lock(enum port_lock level, uint32_t words[PORT_CONFIG_WORDS])
{
    if (level >= PORT_LOCK_DEV)
        words[0] &= ~(uint32_t)CONFIG0_LOCK;
}

static enum err config_word(size_t i, uint32_t word)
{
    TRY(write_power());
    host_chip.config[i] &= word;
    return host_chip.config[i] == word ? ERR_OK : ERR_VERIFY;
}

static enum err config_write(const uint32_t words[PORT_CONFIG_WORDS])
{
    const uint32_t *now = host_chip.config;
    if (memcmp(now, words, sizeof(host_chip.config)) == 0)
        return ERR_OK;
    bool word_0_is_left =
        now[0] == BLANK && memcmp(now + 1, words + 1, sizeof(host_chip.config) - 4) == 0;
    if (!word_0_is_left) {
        TRY(write_power());
        memset(host_chip.config, ERASED, sizeof(host_chip.config));
        for (size_t i = PORT_CONFIG_WORDS - 1; i > 0; i--)
            TRY(config_word(i, words[i]));
    }
    return config_word(0, words[0]);
}

static enum err set(bool *bit)
{
    if (*bit)
        return ERR_OK;
    TRY(write_power());
    *bit = true;
    return ERR_OK;
}

enum err port_lock(enum port_lock level, const uint32_t config[PORT_CONFIG_WORDS],
                   uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    if (level == PORT_LOCK_PRODUCTION)
        TRY(set(&host_chip.deployed));
    TRY(config_write(config));
    if (level != PORT_LOCK_PRODUCTION)
        return ERR_OK;
    TRY(set(&host_chip.dpm[0]));
    return set(&host_chip.dpm[1]);
}

enum err port_lock_state(struct port_lock_state *out)
{
    const struct host_chip *c = &host_chip;
    bool shipped = (c->config[0] & c->config[1] & c->config[2] & c->config[3]) == BLANK;
    bool production = c->deployed && c->dpm[0] && c->dpm[1];
    *out = (struct port_lock_state){ PORT_LOCK_NONE,
                                     !shipped || c->deployed || c->dpm[0] || c->dpm[1] };
    if ((c->config[0] & CONFIG0_LOCK) == 0)
        out->level = production ? PORT_LOCK_PRODUCTION : PORT_LOCK_DEV;
    return ERR_OK;
}
