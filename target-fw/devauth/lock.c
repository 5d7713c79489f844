#include "target-fw/devauth/handlers.h"

static_assert((int)LOCK_LEVEL_DEV == (int)PORT_LOCK_DEV &&
                  (int)LOCK_LEVEL_PASSWORD == (int)PORT_LOCK_PASSWORD &&
                  (int)LOCK_LEVEL_PRODUCTION == (int)PORT_LOCK_PRODUCTION,
              "the port's levels are the protocol's");

/* A board that could not boot after the lock would be lost. */
static enum err ready(const struct run *r)
{
    TRY(rotpk_verify(r));
    return firmware_verify(r);
}

/* Arrow 25: armed now, in force from the next chip reset. There is no way down. */
enum err lock_enable(struct devauth *d)
{
    LockLevel level = d->in.lock.level;
    enum port_lock armed;
    if (level < LOCK_LEVEL_DEV || level > LOCK_LEVEL_PRODUCTION)
        return ERR_INVALID;
    TRY(ready(&d->run));
    TRY(port_lock_armed(&armed));
    if ((int)armed > (int)level)
        return ERR_MISMATCH;
    TRY(ready(&d->run)); /* again, so that one skipped instruction does not lock */
    TRY(port_lock((enum port_lock)level));
    TRY(port_lock_armed(&armed));
    return (int)armed == (int)level ? ERR_OK : ERR_VERIFY;
}
