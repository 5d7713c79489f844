/* SPDX-License-Identifier: MIT */
/*
 * One AES-256 block with a key of the KeyStore, by DMA (M2354BSP crypto.c, sample KS_AESKey).
 * Called by devauth for CMAC and key check values. The key must come from the KeyStore, not
 * from the key registers.
 */

#include "target-fw/port/nuvoton/crpt.h"
#include "target-fw/port/port.h"

#include <string.h>

enum {
    AES_START = 1,
    AES_256 = 2 << 2,
    AES_DMALAST = 1 << 5,
    AES_DMAEN = 1 << 7,
    AES_ENCRYPT = 1 << 16,
    AES_SWAP = 3 << 22, /* bytes in memory order, in and out */
    STS_KSERR = 1 << 21,
    KSCTL_RSRC = 1 << 5,
    KSCTL_MEMORY = 6,
    MEMORY_OTP = 2,
    BLOCK = 16,
};

enum err port_aes256_encrypt(const struct port_key *key, const uint8_t in[16], uint8_t out[16])
{
    static uint32_t block[BLOCK / 4]; /* where the DMA works: aligned, in SRAM */
    uint32_t memory = key->memory == PORT_KEY_OTP ? MEMORY_OTP : 0;
    uint32_t mode = AES_256 | AES_ENCRYPT | AES_SWAP;
    memcpy(block, in, BLOCK);
    REG(CRPT_AES_CTL) = mode;
    REG(CRPT_AES_KSCTL) = KSCTL_RSRC | memory << KSCTL_MEMORY | key->slot;
    REG(CRPT_AES_SADDR) = (uint32_t)(uintptr_t)block;
    REG(CRPT_AES_DADDR) = (uint32_t)(uintptr_t)block;
    REG(CRPT_AES_CNT) = BLOCK;
    port_barrier();
    enum err e = crpt_run(CRPT_AES, CRPT_AES_CTL, mode | AES_START | AES_DMALAST | AES_DMAEN);
    port_barrier();
    if ((REG(CRPT_AES_STS) & STS_KSERR) != 0)
        e = ERR_DENIED; /* the key, not the engine */
    REG(CRPT_AES_KSCTL) = 0;
    if (e == ERR_OK)
        memcpy(out, block, BLOCK);
    memset(block, 0, sizeof(block));
    return e;
}
