/* SPDX-License-Identifier: MIT */
/*
 * retry: the rule of retry.h. Called by common/client when a connection is lost. A call that
 * may have taken effect must not be repeated without its idempotency key.
 */
#include "common/rpc/retry.h"

bool again_may(enum err e, bool safe)
{
    return e == ERR_UNSEEN || (e == ERR_CLOSED && safe);
}
