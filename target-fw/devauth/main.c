/* SPDX-License-Identifier: MIT */
/*
 * DevAuth's main(): opens the mailbox and steps for as long as the core runs. Called by
 * image_run() of the port. It must not return.
 */

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
