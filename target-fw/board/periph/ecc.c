/* SPDX-License-Identifier: MIT */
/*
 * The elliptic curve engine's registers and its key paths, for prime fields. Called by crpt.c.
 * An ECDH product that goes to the KeyStore must not show in X1 or Y1.
 */

#include <string.h>

#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/ecc_math.h"

enum {
    CTL = 0x800,
    STS = 0x804,
    KSCTL = 0xf40,
    KSSTS = 0xf44,
    KSXY = 0xf48,
    CTL_START = 1 << 0,
    CTL_STOP = 1 << 1,
    CTL_ECDSAS = 1 << 4,
    CTL_ECDSAR = 1 << 5,
    CTL_DMAEN = 1 << 7,
    CTL_FSEL = 1 << 8,
    CTL_SCAP = 1 << 14,
    CTL_SBM = 1 << 15,
    KSCTL_RSRCK = 1 << 5,
    KSCTL_ECDH = 1 << 14,
    KSCTL_TRUST = 1 << 16,
    KSCTL_PRIV = 1 << 18,
    KSCTL_XY = 1 << 20,
    KSCTL_WDST = 1 << 21,
    KSXY_RSRCXY = 1 << 5,
    STS_BUSY = 1 << 0,
    STS_BUSERR = 1 << 16,
    STS_KSERR = 1 << 17,
    SIZE_256 = 6
};

static const uint32_t bases[ECC_OPERANDS] = { 0x808, 0x850, 0x898, 0x8e0,
                                              0x928, 0x970, 0x9b8, 0xa00 };

static uint32_t *operand_at(struct ecc *ecc, uint32_t offset, unsigned *which)
{
    for (unsigned i = 0; i < ECC_OPERANDS; i++)
        if (offset >= bases[i] && offset < bases[i] + ECC_WORDS * 4) {
            *which = i;
            return &ecc->operand[i][(offset - bases[i]) / 4];
        }
    return NULL;
}

static bool failed(struct chip *chip, const char *why)
{
    chip_note(chip, "ECC: error: %s", why);
    return false;
}

static bool from_ks(struct chip *chip, const struct ks_ask *ask, uint32_t *out)
{
    uint32_t words[STORE_KEY_WORDS];
    unsigned bits;
    bool ok = ks_engine_read(chip, ask, words, &bits);
    memcpy(out, words, ECC_WORDS * sizeof(*out));
    wipe(words, sizeof(words));
    chip->crpt.ecc.ks_error = chip->crpt.ecc.ks_error || !ok;
    return ok;
}

/* k: of the register, or of the KeyStore. */
static bool scalar(struct chip *chip, uint32_t *k)
{
    struct ecc *ecc = &chip->crpt.ecc;
    uint32_t ksctl = ecc->ksctl;
    if ((ksctl & KSCTL_RSRCK) == 0) {
        memcpy(k, ecc->operand[ECC_K], ECC_WORDS * sizeof(*k));
        return true;
    }
    bool nonce = (ecc->ctl & CTL_ECDSAR) != 0;
    struct ks_ask ask = { .mem = (enum ks_mem)(ksctl >> 6 & 3),
                          .slot = ksctl & 31,
                          .owner = KS_OWNER_ECC,
                          .ecdh = (ksctl & KSCTL_ECDH) != 0,
                          .nonce = nonce,
                          .who = "ECC" };
    if (!from_ks(chip, &ask, k))
        return false;
    if (nonce && chip->faults.k1)
        memset(k, 0, ECC_WORDS * sizeof(*k)), k[0] = 1;
    return true;
}

/* X1,Y1 of the registers, or coordinates out of the KeyStore. */
static bool coordinates(struct chip *chip, struct ecc_point *point)
{
    struct ecc *ecc = &chip->crpt.ecc;
    uint32_t ksxy = ecc->ksxy;
    memcpy(point->x, ecc->operand[ECC_X1], sizeof(point->x));
    memcpy(point->y, ecc->operand[ECC_Y1], sizeof(point->y));
    if ((ksxy & KSXY_RSRCXY) == 0)
        return true;
    bool sign = (ecc->ctl & CTL_ECDSAS) != 0;
    struct ks_ask x = { .mem = (enum ks_mem)(ksxy >> 6 & 3),
                        .slot = ksxy & 31,
                        .owner = KS_OWNER_ECC,
                        .nonce = sign,
                        .who = "ECC" };
    struct ks_ask y = { .mem = (enum ks_mem)(ksxy >> 14 & 3),
                        .slot = ksxy >> 8 & 31,
                        .owner = KS_OWNER_ECC,
                        .who = "ECC" };
    if (!from_ks(chip, &x, point->x) || !from_ks(chip, &y, point->y))
        return false;
    if (sign && chip->faults.k1)
        memset(point->x, 0, sizeof(point->x)), point->x[0] = 1;
    return true;
}

/* ECDH: one coordinate of the product becomes a key and does not show in X1, Y1. */
static bool to_keystore(struct chip *chip, const struct ecc_point *product)
{
    struct ecc *ecc = &chip->crpt.ecc;
    uint32_t ksctl = ecc->ksctl;
    if ((ksctl >> 22 & 3) != KS_SRAM)
        return failed(chip, "no way to name an OTP slot for an ECDH result is known");
    uint32_t words[STORE_KEY_WORDS] = { 0 };
    memcpy(words, ksctl & KSCTL_XY ? product->y : product->x, 8 * sizeof(*words));
    uint32_t meta = (ksctl & KSCTL_TRUST ? KS_META_SEC : 0U) |
                    (ksctl & KSCTL_PRIV ? KS_META_PRIV : 0U) | SIZE_256 << 8 |
                    (ksctl >> 24 & 7) << 16;
    unsigned slot = 0;
    bool ok = ks_engine_write(chip, KS_SRAM, 0, meta, KS_BY_ECDH, words, &slot);
    wipe(words, sizeof(words));
    ecc->ksnum = slot;
    ecc->ks_error = !ok;
    return ok;
}

static bool run_multiply(struct chip *chip)
{
    struct ecc *ecc = &chip->crpt.ecc;
    struct ecc_point point, product;
    uint32_t k[ECC_WORDS];
    bool ok = coordinates(chip, &point) && scalar(chip, k);
    if (ok && !ecc_math_mul(ecc->operand[ECC_N], ecc->operand[ECC_A], &point, k, &product))
        ok = failed(chip, "multiply: no curve, or the point at infinity");
    wipe(k, sizeof(k));
    if (ok && (ecc->ksctl & KSCTL_WDST) != 0)
        ok = to_keystore(chip, &product);
    else if (ok)
        memcpy(ecc->result, &product, sizeof(product));
    wipe(&product, sizeof(product));
    return ok;
}

static bool run_add(struct chip *chip, bool twice)
{
    struct ecc *ecc = &chip->crpt.ecc;
    struct ecc_point left, right, sum;
    memcpy(left.x, ecc->operand[ECC_X1], sizeof(left.x));
    memcpy(left.y, ecc->operand[ECC_Y1], sizeof(left.y));
    memcpy(right.x, ecc->operand[ECC_X2], sizeof(right.x));
    memcpy(right.y, ecc->operand[ECC_Y2], sizeof(right.y));
    if (!ecc_math_add(ecc->operand[ECC_N], ecc->operand[ECC_A], &left, twice ? &left : &right,
                      &sum))
        return failed(chip, "add: points not on one curve, or the sum is infinity");
    memcpy(ecc->result, &sum, sizeof(sum));
    return true;
}

static bool run_modular(struct chip *chip)
{
    struct ecc *ecc = &chip->crpt.ecc;
    struct ecc_point xy;
    const uint32_t *n = ecc->operand[ECC_N];
    bool ok = coordinates(chip, &xy);
    if (ok && (ecc->ctl & CTL_ECDSAS) != 0)
        ok = ecc_math_sign(n, xy.x, xy.y, ecc->operand[ECC_X2], ecc->operand[ECC_Y2],
                           ecc->result[0]);
    else if (ok)
        ok = ecc_math_mod((enum ecc_mod)(ecc->ctl >> 11 & 3), n, xy.x, xy.y, ecc->result[0]);
    wipe(&xy, sizeof(xy));
    return ok || failed(chip, "modular operation");
}

static bool run(struct chip *chip)
{
    struct ecc *ecc = &chip->crpt.ecc;
    static const uint32_t zero[ECC_WORDS];
    if ((ecc->ctl & CTL_FSEL) == 0)
        return failed(chip, "binary fields are not modelled");
    if (ecc->ctl & CTL_DMAEN)
        return failed(chip, "DMA of operands is not modelled");
    if (ecc->ctl & CTL_SBM)
        return failed(chip, "SBM is for the boot ROM");
    if ((ecc->ctl & CTL_SCAP) && memcmp(ecc->operand[ECC_X2], zero, sizeof(zero)) == 0)
        return failed(chip, "SCAP needs the curve order in X2");
    switch (ecc->ctl >> 9 & 3) {
    case 0:
        return run_multiply(chip);
    case 1:
        return run_modular(chip);
    case 2:
        return run_add(chip, false);
    default:
        return run_add(chip, true);
    }
}

static void start(struct chip *chip)
{
    struct ecc *ecc = &chip->crpt.ecc;
    if (ecc->busy.active) {
        chip_note(chip, "ECC: started while BUSY");
        return;
    }
    ecc->ks_error = false;
    memset(ecc->result, 0, sizeof(ecc->result));
    memcpy(ecc->result[1], ecc->operand[ECC_Y1], sizeof(ecc->result[1]));
    ecc->failed = !run(chip);
    busy_start(&ecc->busy);
}

void ecc_poll(struct chip *chip)
{
    struct ecc *ecc = &chip->crpt.ecc;
    if (!busy_poll(&ecc->busy))
        return;
    memcpy(ecc->operand[ECC_X1], ecc->result[0], sizeof(ecc->result[0]));
    memcpy(ecc->operand[ECC_Y1], ecc->result[1], sizeof(ecc->result[1]));
    wipe(ecc->result, sizeof(ecc->result));
    crpt_raise(chip, ecc->failed ? CRPT_INT_ECC_ERR : CRPT_INT_ECC);
}

uint32_t ecc_read(struct chip *chip, uint32_t offset)
{
    struct ecc *ecc = &chip->crpt.ecc;
    unsigned which;
    const uint32_t *word = operand_at(ecc, offset, &which);
    if (word != NULL && ecc->busy.active)
        chip_note(chip, "ECC+0x%03x: read while BUSY", offset);
    if (word != NULL)
        return which == ECC_K || ecc->busy.active ? 0 : *word;
    switch (offset) {
    case CTL:
        return ecc->ctl;
    case STS:
        ecc_poll(chip);
        if (ecc->busy.active)
            return STS_BUSY;
        return ecc->ks_error ? STS_KSERR : ecc->failed ? STS_BUSERR : 0;
    case KSCTL:
        return ecc->ksctl;
    case KSSTS:
        return ecc->ksnum;
    case KSXY:
        return ecc->ksxy;
    default:
        return 0;
    }
}

void ecc_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct ecc *ecc = &chip->crpt.ecc;
    unsigned which;
    uint32_t *word = operand_at(ecc, offset, &which);
    if (ecc->busy.active) {
        chip_note(chip, "ECC+0x%03x: written while BUSY", offset);
        return;
    }
    if (word != NULL) {
        *word = value;
    } else if (offset == CTL) {
        ecc->ctl = value & ~(uint32_t)(CTL_START | CTL_STOP);
        if (value & CTL_START)
            start(chip);
    } else if (offset == KSCTL) {
        ecc->ksctl = value;
    } else if (offset == KSXY) {
        ecc->ksxy = value;
    }
}
