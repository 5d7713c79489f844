/* SPDX-License-Identifier: MIT */
#include "target-fw/port/host/host.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { ERASED = 0xff, AES_BLOCK = 16 };

struct host_chip host_chip;

void host_blank(void)
{
    static const struct port_identity identity = {
        { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0xfc }, 0xa1735440
    };
    memset(&host_chip, 0, sizeof(host_chip));
    memset(host_chip.flash, ERASED, sizeof(host_chip.flash));
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
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ok = slot->used && ctx != NULL &&
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

enum err port_flash_program(uint32_t address, const uint8_t unit[8])
{
    TRY(write_power());
    if (host_chip.flash_fails_at != 0 && address == host_chip.flash_fails_at)
        return ERR_CHIP;
    host_chip.programmed++;
    for (size_t i = 0; i < 8; i++)
        host_chip.flash[address + i] &= unit[i];
    return ERR_OK;
}

enum err port_lock(enum port_lock level, uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    TRY(write_power());
    host_chip.armed = level;
    return ERR_OK;
}

enum err port_lock_armed(enum port_lock *level_out)
{
    *level_out = host_chip.armed;
    return ERR_OK;
}
