/* SPDX-License-Identifier: MIT */
/* address: a peer's address as it is shown, logged and counted by. */
#include <string.h>

#include "common/wss/conn.h"

/* An IPv4 peer on a dual-stack socket is "::ffff:a.b.c.d": cut to a.b.c.d. */
void address_unmap(char *address)
{
    static const char mapped[] = "::ffff:";
    size_t len = sizeof(mapped) - 1;
    if (strncmp(address, mapped, len) == 0)
        memmove(address, address + len, strlen(address + len) + 1);
}
