/* SPDX-License-Identifier: MIT */
/*
 * The AES engine: ECB, CBC, CFB, OFB and CTR with 128, 192 and 256 bit, by DMA or word by word.
 * Called by crpt.c. A key from the KeyStore must not become readable through a register.
 */

#include <openssl/evp.h>
#include <string.h>

#include "target-fw/board/chip/chip.h"

enum {
    CTL = 0x100,
    STS = 0x104,
    DATIN = 0x108,
    DATOUT = 0x10c,
    KEY = 0x110,
    IV = 0x130,
    SADDR = 0x140,
    DADDR = 0x144,
    CNT = 0x148,
    KSCTL = 0xf10,
    CTL_START = 1 << 0,
    CTL_STOP = 1 << 1,
    CTL_DMACSCAD = 1 << 6,
    CTL_DMAEN = 1 << 7,
    CTL_ENC = 1 << 16,
    CTL_SM4EN = 1 << 17,
    CTL_OUTSWAP = 1 << 22,
    CTL_INSWAP = 1 << 23,
    CTL_KINSWAP = 1 << 25,
    KSCTL_RSRC = 1 << 5,
    STS_BUSY = 1 << 0,
    STS_INEMPTY = 1 << 8,
    STS_INFULL = 1 << 9,
    STS_OUTEMPTY = 1 << 16,
    STS_OUTFULL = 1 << 17,
    STS_BUSERR = 1 << 20,
    STS_KSERR = 1 << 21,
    BLOCK = 16
};

enum mode { MODE_ECB, MODE_CBC, MODE_CFB, MODE_OFB, MODE_CTR, MODES };

static bool failed(struct chip *chip, const char *why)
{
    chip_note(chip, "AES: error: %s", why);
    chip->crpt.aes.failed = true;
    return false;
}

static const EVP_CIPHER *cipher_of(uint32_t ctl)
{
    typedef const EVP_CIPHER *make(void);
    static make *const table[MODES][3] = {
        [MODE_ECB] = { EVP_aes_128_ecb, EVP_aes_192_ecb, EVP_aes_256_ecb },
        [MODE_CBC] = { EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc },
        [MODE_CFB] = { EVP_aes_128_cfb128, EVP_aes_192_cfb128, EVP_aes_256_cfb128 },
        [MODE_OFB] = { EVP_aes_128_ofb, EVP_aes_192_ofb, EVP_aes_256_ofb },
        [MODE_CTR] = { EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr },
    };
    unsigned mode = ctl >> 8 & 0xff, size = ctl >> 2 & 3;
    return mode < MODES && size < 3 && (ctl & CTL_SM4EN) == 0 ? table[mode][size]() : NULL;
}

/* Key words of a register are big-endian numbers, KEY0 first, unless KINSWAP is set. */
static void key_of_registers(const struct aes *aes, uint8_t *key)
{
    bool swap = (aes->ctl & CTL_KINSWAP) == 0;
    for (size_t i = 0; i < COUNT(aes->key); i++) {
        uint32_t word = swap ? __builtin_bswap32(aes->key[i]) : aes->key[i];
        memcpy(key + 4 * i, &word, 4);
    }
}

/* A KeyStore key is a number, word 0 least significant; its bytes are that number, big-endian.
 * No public text proves this order. */
static bool key_of_ks(struct chip *chip, size_t key_len, uint8_t *key)
{
    struct aes *aes = &chip->crpt.aes;
    uint32_t words[STORE_KEY_WORDS];
    unsigned bits;
    struct ks_ask ask = { .mem = (enum ks_mem)(aes->ksctl >> 6 & 3),
                          .slot = aes->ksctl & 31,
                          .owner = KS_OWNER_AES,
                          .who = "AES" };
    bool ok = ks_engine_read(chip, &ask, words, &bits);
    if (ok && bits / 8 != key_len) {
        chip_note(chip, "AES: KSERR: key of %u bits for a mode of %zu", bits, key_len * 8);
        ok = false;
    }
    for (size_t i = 0; i < key_len; i++)
        key[i] = ((const uint8_t *)words)[key_len - 1 - i];
    wipe(words, sizeof(words));
    aes->ks_error = !ok;
    return ok;
}

static void swap_words(uint8_t *bytes, size_t len, bool swap)
{
    for (size_t at = 0; swap && at + 4 <= len; at += 4) {
        uint32_t word;
        memcpy(&word, bytes + at, 4);
        word = __builtin_bswap32(word);
        memcpy(bytes + at, &word, 4);
    }
}

static void words_to_bytes(const uint32_t *words, uint8_t *bytes)
{
    memcpy(bytes, words, BLOCK);
    swap_words(bytes, BLOCK, true);
}

static void bytes_to_words(const uint8_t *bytes, uint32_t *words)
{
    uint8_t copy[BLOCK];
    memcpy(copy, bytes, BLOCK);
    swap_words(copy, BLOCK, true);
    memcpy(words, copy, BLOCK);
}

static void ctx_drop(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

/* One run over natural bytes, in place; len is whole blocks. Leaves the chaining value. */
static bool crypt(struct chip *chip, uint8_t *data, size_t len, bool chained)
{
    struct aes *aes = &chip->crpt.aes;
    const EVP_CIPHER *cipher = cipher_of(aes->ctl);
    uint8_t key[32] = { 0 }, iv[BLOCK];
    int enc = (aes->ctl & CTL_ENC) != 0, out_len = 0;
    if (cipher == NULL)
        return failed(chip, "mode or key size is not modelled");
    words_to_bytes(chained ? aes->feedback : aes->iv, iv);
    if ((aes->ksctl & KSCTL_RSRC) == 0)
        key_of_registers(aes, key);
    else if (!key_of_ks(chip, (size_t)EVP_CIPHER_get_key_length(cipher), key))
        return false;
    AUTO(ctx_drop) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, enc) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              EVP_CipherUpdate(ctx, data, &out_len, data, (int)len) == 1;
    if (ok && EVP_CIPHER_CTX_get_updated_iv(ctx, iv, sizeof(iv)) == 1)
        bytes_to_words(iv, aes->feedback);
    wipe(key, sizeof(key));
    return ok || failed(chip, "cipher");
}

static void run_dma(struct chip *chip, uint32_t value)
{
    struct aes *aes = &chip->crpt.aes;
    if (aes->cnt == 0 || aes->cnt > CRPT_DMA_MAX) {
        failed(chip, "CNT");
        return;
    }
    uint32_t len = (aes->cnt + BLOCK - 1) & ~(BLOCK - 1U);
    uint8_t *from = crpt_dma(chip, "AES", aes->saddr, aes->cnt);
    uint8_t *to = crpt_dma(chip, "AES", aes->daddr, len);
    AUTO(buf_free) struct buf work = { 0 };
    if (from == NULL || to == NULL || buf_resize(&work, len) != ERR_OK) {
        aes->failed = true;
        return;
    }
    memcpy(work.ptr, from, aes->cnt);
    swap_words(work.ptr, len, (aes->ctl & CTL_INSWAP) == 0);
    if (!crypt(chip, work.ptr, len, (value & CTL_DMACSCAD) != 0))
        return;
    swap_words(work.ptr, len, (aes->ctl & CTL_OUTSWAP) == 0);
    memcpy(to, work.ptr, len);
    cpu_code_changed(chip->cpu, CHIP_SRAM_BASE + (uint32_t)(to - chip->sram), len);
}

static void start(struct chip *chip, uint32_t value)
{
    struct aes *aes = &chip->crpt.aes;
    if (aes->busy.active) {
        chip_note(chip, "AES: started while BUSY");
        return;
    }
    aes->failed = aes->ks_error = false;
    aes->in_count = aes->out_count = 0;
    aes->running = (value & CTL_DMAEN) == 0;
    if (aes->running) {
        memcpy(aes->feedback, aes->iv, sizeof(aes->feedback));
        return;
    }
    run_dma(chip, value);
    busy_start(&aes->busy);
}

/* Word by word: the fourth word of a block runs it. */
static void word_in(struct chip *chip, uint32_t value)
{
    struct aes *aes = &chip->crpt.aes;
    if (!aes->running || aes->in_count == 4) {
        chip_note(chip, "AES: DATIN written while it has no room");
        return;
    }
    aes->in[aes->in_count++] = aes->ctl & CTL_INSWAP ? __builtin_bswap32(value) : value;
    if (aes->in_count < 4 || aes->out_count != 0)
        return;
    uint8_t block[BLOCK];
    words_to_bytes(aes->in, block);
    if (crypt(chip, block, BLOCK, true))
        bytes_to_words(block, aes->out);
    else
        memset(aes->out, 0, sizeof(aes->out));
    aes->in_count = 0;
    aes->out_count = 4;
    busy_start(&aes->busy);
}

static uint32_t word_out(struct chip *chip)
{
    struct aes *aes = &chip->crpt.aes;
    if (aes->busy.active || aes->out_count == 0) {
        chip_note(chip, "AES: DATOUT read while it is empty");
        return 0;
    }
    uint32_t word = aes->out[4 - aes->out_count--];
    return aes->ctl & CTL_OUTSWAP ? __builtin_bswap32(word) : word;
}

void aes_poll(struct chip *chip)
{
    struct aes *aes = &chip->crpt.aes;
    if (busy_poll(&aes->busy))
        crpt_raise(chip, aes->failed || aes->ks_error ? CRPT_INT_AES_ERR : CRPT_INT_AES);
}

static uint32_t status(struct chip *chip)
{
    struct aes *aes = &chip->crpt.aes;
    aes_poll(chip);
    bool out_ready = !aes->busy.active && aes->out_count != 0;
    return (aes->busy.active ? STS_BUSY : 0U) | (aes->in_count == 0 ? STS_INEMPTY : 0U) |
           (aes->in_count == 4 ? STS_INFULL : 0U) | (out_ready ? 0U : STS_OUTEMPTY) |
           (out_ready && aes->out_count == 4 ? STS_OUTFULL : 0U) |
           (aes->failed && !aes->ks_error ? STS_BUSERR : 0U) | (aes->ks_error ? STS_KSERR : 0U);
}

uint32_t aes_read(struct chip *chip, uint32_t offset)
{
    struct aes *aes = &chip->crpt.aes;
    if (offset >= IV && offset < IV + 16)
        return aes->iv[(offset - IV) / 4];
    switch (offset) {
    case CTL:
        return aes->ctl;
    case STS:
        return status(chip);
    case DATOUT:
        return word_out(chip);
    case SADDR:
        return aes->saddr;
    case DADDR:
        return aes->daddr;
    case CNT:
        return aes->cnt;
    case KSCTL:
        return aes->ksctl;
    default:
        return 0; /* keys are write only */
    }
}

static void control(struct chip *chip, uint32_t value)
{
    struct aes *aes = &chip->crpt.aes;
    aes->ctl = value & ~(uint32_t)(CTL_START | CTL_STOP);
    if (value & CTL_STOP)
        aes->running = false;
    if (value & CTL_START)
        start(chip, value);
}

void aes_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct aes *aes = &chip->crpt.aes;
    if (offset >= KEY && offset < KEY + 32)
        aes->key[(offset - KEY) / 4] = value;
    else if (offset >= IV && offset < IV + 16)
        aes->iv[(offset - IV) / 4] = value;
    else if (offset == CTL)
        control(chip, value);
    else if (offset == DATIN)
        word_in(chip, value);
    else if (offset == SADDR)
        aes->saddr = value;
    else if (offset == DADDR)
        aes->daddr = value;
    else if (offset == CNT)
        aes->cnt = value;
    else if (offset == KSCTL)
        aes->ksctl = value;
    else
        chip_note(chip, "AES+0x%03x: not modelled", offset);
}
