/* SPDX-License-Identifier: MIT */
#include "common/rpc/again.h"

bool again_may(enum err e, bool safe)
{
    return e == ERR_UNSEEN || (e == ERR_CLOSED && safe);
}
