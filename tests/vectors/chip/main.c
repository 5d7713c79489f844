/* SPDX-License-Identifier: MIT */
/* DevAuth's P-256 and CMAC over the M2354's port, as a program that answers test_vectors_chip.
 */
#include "target-fw/devauth/cmac.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/port/nuvoton/keystore.h"
#include "tests/vectors/chip/ask.h"

extern uint32_t stack_top[], bss_start[], bss_end[];

_Noreturn void reset_handler(void);

__attribute__((section(".vectors"), used)) const struct {
    const void *initial_sp;
    void (*reset)(void);
} vectors = { stack_top, reset_handler };

static struct span message_of(const struct ask *ask)
{
    return span_of(ask->message, ask->message_len);
}

static enum err verify(struct ask *ask)
{
    struct proof proof = { PROOF_OF_SIGNATURE };
    uint8_t digest[SHA256_SIZE];
    TRY(port_sha256(message_of(ask), digest));
    TRY(p256_verify(ask->point, digest, ask->signature, &proof));
    return proof_holds(&proof, PROOF_SIGNATURE(PROOF_OF_SIGNATURE));
}

static enum err put(struct ask *ask, uint32_t owner)
{
    uint8_t slot = 0;
    TRY(keystore_open());
    TRY(keystore_write_sram(KEYSTORE_META_256 | owner, ask->number, &slot));
    ask->slot = slot;
    return ERR_OK;
}

static enum err agree(struct ask *ask)
{
    const struct port_key own = { PORT_KEY_SRAM, (uint8_t)ask->slot };
    struct port_key secret;
    TRY(p256_point(ask->point));
    TRY((ask->go == ASK_AGREE ? port_agree : port_agree_to_sram)(&own, ask->point, &secret));
    ask->slot = secret.slot;
    return ERR_OK;
}

static enum err cmac(struct ask *ask)
{
    TRY(put(ask, KEYSTORE_META_AES));
    const struct port_key key = { PORT_KEY_SRAM, (uint8_t)ask->slot };
    return cmac_of(&key, message_of(ask), ask->tag);
}

static enum err perform(struct ask *ask)
{
    switch (ask->go) {
    case ASK_VERIFY:
        return verify(ask);
    case ASK_PUT_SCALAR:
        return put(ask, KEYSTORE_META_ECC);
    case ASK_AGREE:
    case ASK_AGREE_TO_SRAM:
        return agree(ask);
    case ASK_CMAC:
        return cmac(ask);
    default:
        return ERR_INVALID;
    }
}

_Noreturn void reset_handler(void)
{
    struct ask *ask = (struct ask *)ASK_BASE;
    __asm__ volatile("cpsid i" ::: "memory");
    for (uint32_t *word = bss_start; word < bss_end; word++)
        *word = 0;
    enum err started = port_start();
    for (;;) {
        while (*(volatile uint32_t *)&ask->go == ASK_NONE)
            port_barrier();
        ask->err = (uint32_t)(started == ERR_OK ? perform(ask) : started);
        port_barrier();
        *(volatile uint32_t *)&ask->go = ASK_NONE;
    }
}
