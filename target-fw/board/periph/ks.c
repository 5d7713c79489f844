/* SPDX-License-Identifier: MIT */
/*
 * The KeyStore's registers and operations. Called by the bus; keys are kept by ks_mem.c. A key
 * that is not readable must never get into the KEY window.
 */
#include "target-fw/board/chip/ks.h"

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/ks_mem.h"

enum {
    CTL = 0x00,
    METADATA = 0x04,
    STS = 0x08,
    REMAIN = 0x0c,
    SCMBKEY = 0x10,
    KEY = 0x20,
    OTPSTS = 0x40,
    REMKCNT = 0x44,
    CTL_START = 1 << 0,
    CTL_CONT = 1 << 7,
    CTL_INIT = 1 << 8,
    CTL_IEN = 1 << 15,
    CTL_KEPT = 0x8c00, /* SILENT, SCMB, IEN */
    STS_IF = 1 << 0,
    STS_EIF = 1 << 1,
    STS_BUSY = 1 << 2,
    STS_SRAMFULL = 1 << 3,
    STS_FLASHFULL = 1 << 4,
    STS_INITDONE = 1 << 7,
    STS_RAMINV = 1 << 8,
    SRAMPC1_WORD = 0xe0 / 4,
    STAGE_RMA = 7
};

enum op { OP_READ, OP_CREATE, OP_ERASE, OP_ERASE_ALL, OP_REVOKE, OP_INVERT };

static enum ks_mem meta_mem(uint32_t meta)
{
    return (enum ks_mem)(meta >> 30);
}

static unsigned meta_slot(uint32_t meta)
{
    return meta >> 20 & 63;
}

/* Stored metadata: without destination and number. */
static uint32_t meta_kept(uint32_t meta)
{
    return meta & 0x00071f1fU;
}

static bool refuse(struct chip *chip, const char *why)
{
    chip_note(chip, "KS: error: memory %d slot %u: %s", (int)meta_mem(chip->ks.meta),
              meta_slot(chip->ks.meta), why);
    return false;
}

static bool op_read(struct chip *chip, bool more)
{
    struct ks *ks = &chip->ks;
    struct ks_slot slot;
    bool found = ks_mem_load(chip, meta_mem(ks->meta), meta_slot(ks->meta), &slot);
    unsigned words = ks_size_words(slot.meta >> 8 & 31);
    size_t from = more ? ks->done : 0;
    memset(ks->result, 0, sizeof(ks->result));
    const char *why = NULL;
    if (!found)
        why = "slot is empty";
    else if (slot.revoked || (slot.meta & KS_META_RVK))
        why = "key is revoked";
    else if (slot.meta & KS_META_BS)
        why = "key is for the boot state only";
    else if ((slot.meta & KS_META_READABLE) == 0)
        why = "key is not readable";
    else if (from >= words)
        why = "read past the key";
    if (why == NULL)
        for (size_t i = 0; i < 8 && from + i < words; i++)
            ks->result[i] = slot.words[from + i];
    ks->done = from + 8;
    wipe(&slot, sizeof(slot));
    return why == NULL || refuse(chip, why);
}

static bool op_create(struct chip *chip, bool more)
{
    struct ks *ks = &chip->ks;
    unsigned words = ks_size_words(ks->meta >> 8 & 31);
    enum ks_mem mem = meta_mem(ks->meta);
    if (words == 0 || mem > KS_OTP || (ks->meta & KS_META_RVK) != 0)
        return refuse(chip, "reserved size, memory or flag");
    if (mem == KS_OTP && words > STORE_OTP_WORDS)
        return refuse(chip, "an OTP slot holds 256 bits");
    size_t from = more ? ks->done : 0;
    if (from >= words)
        return refuse(chip, "more words than the key has");
    size_t count = words - from < 8 ? words - from : 8;
    memcpy(ks->block + from, ks->key, count * sizeof(*ks->key));
    ks->done = from + count;
    if (ks->done < words)
        return true;
    unsigned slot;
    bool ok = ks_engine_write(chip, mem, meta_slot(ks->meta), meta_kept(ks->meta), KS_BY_CPU,
                              ks->block, &slot);
    wipe(ks->block, sizeof(ks->block));
    if (ok)
        ks->result_meta = (ks->meta & ~(63U << 20)) | slot << 20;
    return ok || refuse(chip, "not stored");
}

static bool op_erase(struct chip *chip)
{
    struct ks *ks = &chip->ks;
    unsigned slot = meta_slot(ks->meta);
    if (meta_mem(ks->meta) != KS_SRAM || slot >= STORE_KEY_SLOTS || !ks->sram[slot].used)
        return refuse(chip, "one key can be erased in SRAM only, if it is there");
    wipe(&ks->sram[slot], sizeof(ks->sram[slot]));
    return true;
}

static bool op_erase_all(struct chip *chip)
{
    switch (meta_mem(chip->ks.meta)) {
    case KS_SRAM:
        ks_power_lost(chip);
        return true;
    case KS_FLASH:
        for (size_t i = 0; i < STORE_KEY_SLOTS; i++)
            chip->store.image->head.keys[i].used = 0;
        return true;
    default:
        return refuse(chip, "OTP cannot be erased");
    }
}

static bool op_revoke(struct chip *chip)
{
    struct store_head *head = &chip->store.image->head;
    unsigned slot = meta_slot(chip->ks.meta);
    struct ks_slot found;
    enum ks_mem mem = meta_mem(chip->ks.meta);
    bool used = ks_mem_load(chip, mem, slot, &found);
    wipe(&found, sizeof(found));
    if (!used)
        return refuse(chip, "slot is empty");
    if (mem == KS_SRAM) {
        chip->ks.sram[slot].revoked = true;
    } else if (mem == KS_FLASH) {
        head->keys[slot].revoked = STORE_REVOKED;
    } else if (oneway_begin(chip, ONEWAY_OTP_REVOKE) != ONEWAY_NOT) {
        head->otp[slot].revoked = STORE_REVOKED;
        store_sync_head(&chip->store);
        oneway_end(chip, ONEWAY_OTP_REVOKE, slot, 0);
    }
    return true;
}

static bool op_invert(struct chip *chip)
{
    if (meta_mem(chip->ks.meta) != KS_SRAM)
        return refuse(chip, "remanence is for SRAM");
    chip->ks.inverted = !chip->ks.inverted;
    return true;
}

static bool op_run(struct chip *chip, unsigned op, bool more)
{
    switch (op) {
    case OP_READ:
        return op_read(chip, more);
    case OP_CREATE:
        return op_create(chip, more);
    case OP_ERASE:
        return op_erase(chip);
    case OP_ERASE_ALL:
        return op_erase_all(chip);
    case OP_REVOKE:
        return op_revoke(chip);
    case OP_INVERT:
        return op_invert(chip);
    default:
        return refuse(chip, "no such operation on this part");
    }
}

/* In RMA the boot keys and all others in OTP are revoked at the next INIT. */
static void init_start(struct chip *chip)
{
    struct ks *ks = &chip->ks;
    if ((chip->sys.regs[SRAMPC1_WORD] >> 28 & 3) != 0) {
        ks->result_status = STS_EIF;
        refuse(chip, "INIT with the key memory powered down");
        return;
    }
    if (chip->plm.stage == STAGE_RMA)
        for (size_t i = 0; i < STORE_OTP_SLOTS; i++)
            chip->store.image->head.otp[i].revoked = STORE_REVOKED;
    ks->result_ready = true;
    ks->result_status = STS_IF;
}

static void start(struct chip *chip, uint32_t value)
{
    struct ks *ks = &chip->ks;
    if (ks->busy.active) {
        ks->status |= STS_EIF;
        refuse(chip, "started while BUSY");
        return;
    }
    memset(ks->result, 0, sizeof(ks->result));
    ks->result_meta = ks->meta;
    ks->result_ready = ks->ready;
    if (value & CTL_INIT)
        init_start(chip);
    else if (!ks->ready)
        ks->result_status = STS_IF | STS_EIF * (uint32_t)!refuse(chip, "used before INIT");
    else
        ks->result_status =
            op_run(chip, value >> 1 & 7, (value & CTL_CONT) != 0) ? STS_IF : STS_IF | STS_EIF;
    wipe(ks->key, sizeof(ks->key));
    busy_start(&ks->busy);
}

static uint32_t status(struct chip *chip)
{
    struct ks *ks = &chip->ks;
    if (busy_poll(&ks->busy)) {
        ks->status |= ks->result_status;
        ks->ready = ks->result_ready;
        ks->meta = ks->result_meta;
        memcpy(ks->key, ks->result, sizeof(ks->key));
        wipe(ks->result, sizeof(ks->result));
    }
    unsigned keys;
    uint32_t out = ks->status | (ks->busy.active ? STS_BUSY : 0U) |
                   (ks->ready ? STS_INITDONE : 0U) | (ks->inverted ? STS_RAMINV : 0U);
    if (ks_mem_bytes_used(chip, KS_SRAM, &keys) >= KS_SRAM_BYTES || keys == STORE_KEY_SLOTS)
        out |= STS_SRAMFULL;
    if (ks_mem_bytes_used(chip, KS_FLASH, &keys) >= KS_FLASH_BYTES || keys == STORE_KEY_SLOTS)
        out |= STS_FLASHFULL;
    return out;
}

bool ks_interrupt(struct chip *chip)
{
    return (status(chip) & STS_IF) != 0 && (chip->ks.ctl & CTL_IEN) != 0;
}

static uint32_t remaining(struct chip *chip, bool in_keys)
{
    unsigned sram_keys, flash_keys;
    unsigned sram = KS_SRAM_BYTES - ks_mem_bytes_used(chip, KS_SRAM, &sram_keys);
    unsigned flash = KS_FLASH_BYTES - ks_mem_bytes_used(chip, KS_FLASH, &flash_keys);
    if (in_keys)
        return (STORE_KEY_SLOTS - sram_keys) | (STORE_KEY_SLOTS - flash_keys) << 16;
    return sram | (flash < 0xfff ? flash : 0xfff) << 16; /* the Flash field has 12 bits */
}

static uint32_t ks_read(struct chip *chip, uint32_t offset)
{
    struct ks *ks = &chip->ks;
    if (offset >= KEY && offset < KEY + 32) {
        if (ks->busy.active)
            chip_note(chip, "KS: KEY%u read while BUSY", (offset - KEY) / 4);
        return ks->busy.active ? 0 : ks->key[(offset - KEY) / 4];
    }
    switch (offset) {
    case CTL:
        return ks->ctl;
    case METADATA:
        return ks->meta;
    case STS:
        return status(chip);
    case REMAIN:
        return remaining(chip, false);
    case OTPSTS:
        return ks_otp_used(chip);
    case REMKCNT:
        return remaining(chip, true);
    default:
        return 0;
    }
}

static void ks_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct ks *ks = &chip->ks;
    if (offset >= KEY && offset < KEY + 32) {
        ks->key[(offset - KEY) / 4] = value;
    } else if (offset >= SCMBKEY && offset < KEY) {
        ks->scramble[(offset - SCMBKEY) / 4] = value;
    } else if (offset == METADATA) {
        ks->meta = value;
    } else if (offset == STS) {
        ks->status &= ~(value & (STS_IF | STS_EIF));
    } else if (offset == CTL) {
        ks->ctl = value & (CTL_KEPT | 0x0eU);
        if (value & CTL_START)
            start(chip, value);
    }
}

/* The controller; the keys stay. */
static void ks_reset(struct chip *chip)
{
    struct ks *ks = &chip->ks;
    bool stuck = ks->busy.stuck;
    struct ks fresh = { .busy.stuck = stuck };
    memcpy(fresh.sram, ks->sram, sizeof(fresh.sram));
    *ks = fresh;
    wipe(&fresh, sizeof(fresh));
}

const struct periph periph_ks = {
    .name = "KS",
    .base = 0x40035000,
    .size = 0x1000,
    .gate = GATE_KS,
    .read = ks_read,
    .write = ks_write,
    .reset = ks_reset,
};
