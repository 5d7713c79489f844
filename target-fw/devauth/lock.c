/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/handlers.h"

static_assert((int)LOCK_LEVEL_DEV == (int)PORT_LOCK_DEV &&
                  (int)LOCK_LEVEL_PASSWORD == (int)PORT_LOCK_PASSWORD &&
                  (int)LOCK_LEVEL_PRODUCTION == (int)PORT_LOCK_PRODUCTION,
              "the port's levels are the protocol's");

/* A board that could not boot after the lock would be lost. */
__attribute__((noinline)) static enum err ready(const struct run *r, struct proof *proof)
{
    TRY(rotpk_verify(r, proof));
    return firmware_verify(r, proof);
}

#define READY(word) PROOF_FIRMWARE(PROOF_ROTPK(word))
#define READY_TWICE READY(READY(PROOF_OF_READY))

/* Arrow 25: armed now, in force from the next chip reset. There is no way down. */
enum err lock_enable(struct devauth *d)
{
    LockLevel level = d->in.lock.level;
    enum port_lock armed;
    if (level < LOCK_LEVEL_DEV || level > LOCK_LEVEL_PRODUCTION)
        return ERR_INVALID;
    struct proof proof = { PROOF_OF_READY };
    TRY(ready(&d->run, &proof));
    TRY(port_lock_armed(&armed));
    if ((int)armed > (int)level)
        return ERR_MISMATCH;
    TRY(ready(&d->run, &proof)); /* again, so that one skipped instruction does not lock */
    TRY(proof_holds(&proof, READY_TWICE));
    TRY(port_lock((enum port_lock)level,
                  proof_permit(&proof, READY_TWICE, PORT_PERMIT_LOCK(level))));
    TRY(port_lock_armed(&armed));
    return (int)armed == (int)level ? ERR_OK : ERR_VERIFY;
}
