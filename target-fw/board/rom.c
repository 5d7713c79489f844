/* SPDX-License-Identifier: MIT */
/*
 * The mask ROM's secure boot (NuBL1), as the M2354 BSP's SecureBootDemo shows it. Called by
 * chip.c at each reset after which the ROM decides. It must not start an image while one half
 * of ROTPK is burnt.
 *
 * Neither ROTPK half burnt: direct boot. Both: the image names its FwInfo by four words in its
 * vector table; region, SHA-256 and ECDSA P-256 signature must hold. One half: refused.
 */

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/bignum.h"

enum {
    MARKER_OFFSET = 0x10,
    MARKER = 0x4c42754e, /* "NuBL" */
    INFO_BYTES = 192,
    INFO_SIGNED = 128,
    INFO_AUTH = 0x40,
    INFO_HASH = 0x60,
    INFO_SIGNATURE = 0x80, /* r and s */
    AUTH_ECDSA = 1,
    AUTH_BINDING = 0x1c, /* PID, UID, UCID: how they enter the hash is not public */
    VECTORS_MIN = 0x20,
    KEY_WORDS = 8,
    NUMBER_BYTES = 32
};

struct info {
    uint32_t address;
    uint32_t base;
    uint32_t size;
    const uint8_t *bytes;
};

static bool refuse(struct chip *chip, const char *why)
{
    snprintf(chip->refusal, sizeof(chip->refusal), "%s", why);
    return false;
}

static bool in_aprom(uint32_t address, uint32_t len)
{
    return address < STORE_APROM_BYTES && len <= STORE_APROM_BYTES - address;
}

static bool info_find(struct chip *chip, struct info *info)
{
    uint32_t marker = flash_word(chip, MARKER_OFFSET);
    uint32_t zero = flash_word(chip, MARKER_OFFSET + 8);
    info->address = flash_word(chip, MARKER_OFFSET + 4);
    if (marker != MARKER)
        return refuse(chip, "no marker in the vector table");
    if (flash_word(chip, MARKER_OFFSET + 12) != info->address + zero - marker)
        return refuse(chip, "marker words do not add up");
    if ((info->address & 3) != 0 || !in_aprom(info->address, INFO_BYTES))
        return refuse(chip, "FwInfo is not in APROM");
    info->bytes = flash_bytes(chip, info->address, INFO_BYTES);
    return true;
}

static bool info_check(struct chip *chip, struct info *info)
{
    struct rd r = rd_of(span_of(info->bytes + INFO_AUTH, INFO_HASH - INFO_AUTH));
    uint32_t auth = rd_u32le(&r), table = rd_u32le(&r);
    info->base = rd_u32le(&r);
    info->size = rd_u32le(&r);
    uint32_t extended = rd_u32le(&r);
    if ((auth & 3) != AUTH_ECDSA || (auth & AUTH_BINDING) != 0)
        return refuse(chip, "FwInfo: authentication settings");
    if (table != 8 || extended != 12)
        return refuse(chip, "FwInfo: not one region and three words");
    if (info->base != 0 || info->size < VECTORS_MIN || !in_aprom(info->base, info->size))
        return refuse(chip, "FwInfo: region does not cover the vector table, or leaves APROM");
    if (info->address < info->base + info->size && info->address + INFO_BYTES > info->base)
        return refuse(chip, "FwInfo lies in its own region");
    return true;
}

/* ROTPK as SEC 1 has a point: 04, X, Y. false: it is not on the curve. */
static bool rotpk(struct chip *chip, uint8_t point[static P256_POINT_SIZE])
{
    const struct store_otp *otp = chip->store.image->head.otp;
    AUTO(bn_drop) BIGNUM *x = bn_of(otp[0].words, KEY_WORDS);
    AUTO(bn_drop) BIGNUM *y = bn_of(otp[1].words, KEY_WORDS);
    point[0] = 4;
    return BN_bn2binpad(x, point + 1, NUMBER_BYTES) == NUMBER_BYTES &&
           BN_bn2binpad(y, point + 1 + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES &&
           p256_check_point(span_of(point, P256_POINT_SIZE)) == ERR_OK;
}

static bool signature_holds(const struct info *info, struct span point)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(span_of(info->bytes, INFO_SIGNED), digest);
    return p256_verify(point, digest,
                       span_of(info->bytes + INFO_SIGNATURE, P256_SIGNATURE_SIZE)) == ERR_OK;
}

static bool image_holds(struct chip *chip)
{
    struct info info;
    uint8_t digest[SHA256_SIZE], point[P256_POINT_SIZE];
    const struct store_otp *otp = chip->store.image->head.otp;
    if (otp[0].revoked || otp[1].revoked)
        return refuse(chip, "ROTPK is revoked");
    if (!rotpk(chip, point))
        return refuse(chip, "ROTPK is no point of P-256");
    if (!info_find(chip, &info) || !info_check(chip, &info))
        return false;
    const uint8_t *region = flash_bytes(chip, info.base, info.size);
    if (region == NULL)
        return refuse(chip, "FwInfo: region crosses swapped banks");
    sha256_of(span_of(region, info.size), digest);
    if (memcmp(digest, info.bytes + INFO_HASH, sizeof(digest)) != 0)
        return refuse(chip, "image hash differs from FwInfo");
    if (!signature_holds(&info, SPAN(point)))
        return refuse(chip, "FwInfo signature does not verify against ROTPK");
    return true;
}

void rom_judge(struct chip *chip)
{
    uint32_t halves = ks_otp_used(chip) & 3;
    chip->refusal[0] = '\0';
    bool starts = true;
    if (chip->lock.loader)
        starts = refuse(chip, "CONFIG0.MBS: the mask boot loader waits for its host");
    else if (halves == 3)
        starts = image_holds(chip);
    else if (halves != 0)
        starts = refuse(chip, "one half of ROTPK is missing");
    chip->verdict = !starts ? VERDICT_REFUSED : halves == 3 ? VERDICT_VERIFIED : VERDICT_DIRECT;
    if (chip->verdict == VERDICT_REFUSED)
        log_line(LOG_LEVEL_WARN, "board %u: boot refused: %s", chip->number, chip->refusal);
}
