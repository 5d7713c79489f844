/* SPDX-License-Identifier: MIT */
/*
 * The KeyStore's three memories, and which key an engine may take from them. Called by ks.c,
 * the crypto engines and the boot ROM. An OTP slot in use must keep its content.
 */

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/ks_mem.h"

static const uint16_t size_bits[] = { 128, 163, 192, 224, 233, 255,  256,  283,  384,  409, 512,
                                      521, 571, 0,   0,   0,   1024, 1536, 2048, 3072, 4096 };

unsigned ks_size_bits(unsigned size_code)
{
    return size_code < COUNT(size_bits) ? size_bits[size_code] : 0;
}

unsigned ks_size_words(unsigned size_code)
{
    return (ks_size_bits(size_code) + 31) / 32;
}

uint32_t ks_otp_used(const struct chip *chip)
{
    uint32_t used = 0;
    for (unsigned i = 0; i < STORE_OTP_SLOTS; i++)
        if (chip->store.image->head.otp[i].used == STORE_USED)
            used |= 1U << i;
    return used;
}

bool ks_mem_load(struct chip *chip, enum ks_mem mem, unsigned slot, struct ks_slot *out)
{
    struct store_head *head = &chip->store.image->head;
    *out = (struct ks_slot){ .origin = KS_BY_CPU };
    if (mem == KS_SRAM && slot < STORE_KEY_SLOTS) {
        *out = chip->ks.sram[slot];
    } else if (mem == KS_FLASH && slot < STORE_KEY_SLOTS) {
        const struct store_key *key = &head->keys[slot];
        out->used = key->used == STORE_USED;
        out->revoked = key->revoked != 0;
        out->meta = key->meta;
        memcpy(out->words, key->words, sizeof(key->words));
    } else if (mem == KS_OTP && slot < STORE_OTP_SLOTS) {
        const struct store_otp *otp = &head->otp[slot];
        out->used = otp->used == STORE_USED;
        out->revoked = otp->revoked != 0;
        out->meta = otp->meta;
        memcpy(out->words, otp->words, sizeof(otp->words));
    }
    return out->used;
}

static bool peek(const struct chip *chip, enum ks_mem mem, unsigned slot, uint32_t *meta_out)
{
    const struct store_key *key = &chip->store.image->head.keys[slot];
    *meta_out = mem == KS_SRAM ? chip->ks.sram[slot].meta : key->meta;
    return mem == KS_SRAM ? chip->ks.sram[slot].used : key->used == STORE_USED;
}

unsigned ks_mem_bytes_used(const struct chip *chip, enum ks_mem mem, unsigned *keys_out)
{
    unsigned bytes = 0, keys = 0;
    uint32_t meta;
    for (unsigned i = 0; i < STORE_KEY_SLOTS; i++)
        if (peek(chip, mem, i, &meta)) {
            bytes += ks_size_words(meta >> 8 & 31) * 4;
            keys++;
        }
    *keys_out = keys;
    return bytes;
}

static bool mem_place(struct chip *chip, enum ks_mem mem, uint32_t meta, unsigned *slot_out)
{
    unsigned keys, bytes = ks_size_words(meta >> 8 & 31) * 4;
    unsigned room = mem == KS_SRAM ? KS_SRAM_BYTES : KS_FLASH_BYTES;
    if (ks_mem_bytes_used(chip, mem, &keys) + bytes > room)
        return false;
    uint32_t ignored;
    for (unsigned i = 0; i < STORE_KEY_SLOTS; i++)
        if (!peek(chip, mem, i, &ignored)) {
            *slot_out = i;
            return true;
        }
    return false;
}

static bool otp_write(struct chip *chip, unsigned slot, uint32_t meta, const uint32_t *words)
{
    if (slot >= STORE_OTP_SLOTS)
        return false;
    struct store_otp *otp = &chip->store.image->head.otp[slot];
    if (otp->used == STORE_USED) {
        chip_note(chip, "KS: OTP slot %u is in use, its content stays", slot);
        return false;
    }
    if (oneway_begin(chip, ONEWAY_OTP) == ONEWAY_NOT)
        return true;
    struct otp_tear tear;
    if (fault_tears_otp(chip, slot, &tear)) {
        store_otp_tear(otp, meta, words, tear.words, tear.used);
        store_sync_head(&chip->store);
        oneway_end_torn(chip, ONEWAY_OTP, slot, meta);
        fault_cut(chip, "within an OTP slot");
        return true;
    }
    store_otp_burn(otp, meta, words);
    store_sync_head(&chip->store);
    oneway_end(chip, ONEWAY_OTP, slot, meta);
    fault_after_otp(chip, slot);
    return true;
}

bool ks_engine_write(struct chip *chip, enum ks_mem mem, unsigned otp_slot, uint32_t meta,
                     enum ks_origin origin, const uint32_t *words, unsigned *slot_out)
{
    unsigned count = ks_size_words(meta >> 8 & 31);
    if (count == 0 || (meta >> 16 & 7) > KS_OWNER_CPU)
        return false;
    if (mem == KS_OTP) {
        *slot_out = otp_slot;
        return count <= STORE_OTP_WORDS && otp_write(chip, otp_slot, meta, words);
    }
    if (!mem_place(chip, mem, meta, slot_out)) {
        chip_note(chip, "KS: no room for %u words", count);
        return false;
    }
    if (mem == KS_FLASH) {
        store_key_write(&chip->store.image->head.keys[*slot_out], meta, words, count);
        store_sync_head(&chip->store);
        return true;
    }
    struct ks_slot *slot = &chip->ks.sram[*slot_out];
    *slot = (struct ks_slot){ .used = true, .origin = origin, .meta = meta };
    memcpy(slot->words, words, count * sizeof(*words));
    return true;
}

static const char *refusal(const struct ks_slot *slot, const struct ks_ask *ask)
{
    if (!slot->used)
        return "slot is empty";
    if (slot->revoked || (slot->meta & KS_META_RVK) != 0)
        return "key is revoked";
    if ((slot->meta & KS_META_BS) != 0)
        return "key is for the boot state only";
    if ((slot->meta >> 16 & 7) != ask->owner)
        return "owner differs";
    if (ask->nonce && slot->origin != KS_BY_PRNG_ECDSA)
        return "a nonce must come from the PRNG with the ECDSA flag";
    if (ask->owner == KS_OWNER_ECC && ask->ecdh != (slot->origin == KS_BY_PRNG_ECDH))
        return "ECDH flag and origin of the key differ";
    return NULL;
}

bool ks_engine_read(struct chip *chip, const struct ks_ask *ask, uint32_t *words,
                    unsigned *bits_out)
{
    struct ks_slot slot = { 0 };
    const char *why = NULL;
    if (!chip->ks.ready)
        why = "KeyStore is not initialised";
    else if (ask->mem != KS_SRAM && ask->mem != KS_OTP)
        why = "engines of this part take keys from SRAM and OTP only";
    else {
        ks_mem_load(chip, ask->mem, ask->slot, &slot);
        why = refusal(&slot, ask);
    }
    if (why != NULL)
        chip_note(chip, "%s: KSERR: memory %d slot %u: %s", ask->who, (int)ask->mem, ask->slot,
                  why);
    memcpy(words, slot.words, sizeof(slot.words));
    *bits_out = ks_size_bits(slot.meta >> 8 & 31);
    if (why != NULL)
        wipe(words, sizeof(slot.words));
    wipe(&slot, sizeof(slot));
    return why == NULL;
}

void ks_power_lost(struct chip *chip)
{
    wipe(chip->ks.sram, sizeof(chip->ks.sram));
}
