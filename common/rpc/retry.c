/* SPDX-License-Identifier: MIT */
#include "common/rpc/retry.h"

bool again_may(enum err e, bool safe)
{
    return e == ERR_UNSEEN || (e == ERR_CLOSED && safe);
}
