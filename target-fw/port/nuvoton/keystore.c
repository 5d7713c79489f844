/* SPDX-License-Identifier: MIT */
/*
 * The KeyStore: OTP and SRAM slots, by commands. Called by devauth through port.h, and by each
 * chip's lock.c. An OTP slot must not be written or revoked without the permit for it.
 */

#include "target-fw/port/nuvoton/keystore.h"

#include "target-fw/port/nuvoton/permit.h"
#include "target-fw/port/port.h"

enum {
    CTL_START = 1,
    CTL_WRITE = 1 << 1,
    CTL_ERASE = 2 << 1,
    CTL_ERASE_ALL = 3 << 1,
    CTL_REVOKE = 4 << 1,
    CTL_LOCK = 7 << 1,
    CTL_INIT = 1 << 8,

    STS_DONE = 1 << 0,
    STS_ERROR = 1 << 1,
    STS_BUSY = 1 << 2,
    STS_INITDONE = 1 << 7,

    META_NUMBER = 20,
    NUMBER_MASK = 0x3f,
    OTP_SLOTS = 0xff,
};

#define META_DST_SRAM (0u << 30)
#define META_DST_OTP  (2u << 30)

#define ALWAYS 0xffffffffu

/* A mask of 0 starts nothing. */
static enum err operate(uint32_t control, uint32_t mask)
{
    REG(KS_STS) = STS_DONE | STS_ERROR;
    REG(KS_CTL) = (control | CTL_START) & mask;
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    enum err e = (REG(KS_STS) & STS_ERROR) == 0 ? ERR_OK : ERR_CHIP;
    REG(KS_STS) = STS_DONE | STS_ERROR;
    return e;
}

static enum err init(void)
{
    if ((REG(KS_STS) & STS_INITDONE) == 0) {
        TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
        REG(KS_CTL) = CTL_INIT | CTL_START;
        TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_INITDONE, STS_INITDONE));
    }
    return reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0);
}

/* Keys of earlier starts would fill the SRAM, so it is emptied. */
enum err keystore_open(void)
{
    TRY(init());
    REG(KS_METADATA) = META_DST_SRAM;
    return operate(CTL_ERASE_ALL, ALWAYS);
}

uint32_t keystore_word(const uint8_t number[32], uint32_t index)
{
    const uint8_t *at = number + 28 - 4 * index;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void keystore_number(uint32_t first_register, uint8_t number[32])
{
    for (uint32_t i = 0; i < KEYSTORE_WORDS; i++) {
        uint32_t word = REG(first_register + 4 * i);
        for (uint32_t k = 0; k < 4; k++)
            number[31 - 4 * i - k] = (uint8_t)(word >> (8 * k));
    }
}

enum err port_otp_used(uint32_t *slots_out)
{
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    *slots_out = REG(KS_OTPSTS) & OTP_SLOTS;
    return ERR_OK;
}

/* The one place where a key's words go from the CPU to the KeyStore, for each memory. */
static enum err write_key(uint32_t metadata, const uint8_t value[32], uint32_t mask)
{
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    REG(KS_METADATA) = metadata;
    for (uint32_t i = 0; i < KEYSTORE_WORDS; i++)
        REG(KS_KEY0 + 4 * i) = keystore_word(value, i);
    enum err e = operate(CTL_WRITE, mask);
    for (uint32_t i = 0; i < KEYSTORE_WORDS; i++)
        REG(KS_KEY0 + 4 * i) = 0; /* the hardware clears them too */
    return e;
}

static enum err check_slot(enum otp_slot slot)
{
    return (unsigned)slot < KEYSTORE_OTP_SLOTS && keystore_otp_metadata[slot] != 0 ? ERR_OK
                                                                                   : ERR_RANGE;
}

enum err port_otp_write(enum otp_slot slot, const uint8_t value[32], uint32_t permit)
{
    if (permit != PORT_PERMIT_OTP(slot))
        return ERR_DENIED;
    TRY(check_slot(slot));
    return write_key(keystore_otp_metadata[slot] | (uint32_t)slot << META_NUMBER | META_DST_OTP,
                     value, permit_mask(permit, PORT_PERMIT_OTP(slot)));
}

enum err keystore_write_sram(uint32_t metadata, const uint8_t value[32], uint8_t *slot_out)
{
    TRY(write_key(metadata | META_DST_SRAM, value, ALWAYS));
    *slot_out = (uint8_t)(REG(KS_METADATA) >> META_NUMBER & NUMBER_MASK);
    return ERR_OK;
}

enum err port_otp_revoke(enum otp_slot slot, uint32_t permit)
{
    if (permit != PORT_PERMIT_REVOKE(slot))
        return ERR_DENIED;
    TRY(check_slot(slot));
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    REG(KS_METADATA) = (uint32_t)slot << META_NUMBER | META_DST_OTP;
    return operate(CTL_REVOKE, permit_mask(permit, PORT_PERMIT_REVOKE(slot)));
}

enum err keystore_erase(uint8_t sram_slot)
{
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    REG(KS_METADATA) = META_DST_SRAM | (uint32_t)sram_slot << META_NUMBER;
    return operate(CTL_ERASE, ALWAYS);
}

enum err keystore_otp_lock(enum otp_slot slot, uint32_t mask)
{
    TRY(reg_wait(WAIT_KEYSTORE, KS_STS, STS_BUSY, 0));
    REG(KS_METADATA) = META_DST_OTP | (uint32_t)slot << META_NUMBER;
    return operate(CTL_LOCK, mask);
}

enum err port_key_erase(const struct port_key *key)
{
    return key->memory == PORT_KEY_SRAM ? keystore_erase(key->slot) : ERR_INVALID;
}
