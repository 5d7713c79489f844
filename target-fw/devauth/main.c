/* SPDX-License-Identifier: MIT */
/* devauth: the firmware itself. The loader gives the core to reset_handler (port/m2354). */
#include "target-fw/devauth/devauth.h"

enum { IDLE_POLLS = 2000 }; /* look so often before sleeping between looks */

extern struct mailbox mailbox; /* placed by link.ld; its address is in the vector table */

static struct devauth devauth;

int main(void)
{
    uint32_t idle = 0;
    devauth_start(&devauth, &mailbox);
    for (;;) {
        if (devauth_step(&devauth))
            idle = 0;
        else if (idle < IDLE_POLLS)
            idle++;
        else
            port_wait();
    }
}
