/* SPDX-License-Identifier: MIT */
/*
 * oemctl's main(). All else is in the library, so that tests can call it (ctl.h). It must not
 * leave a core dump with the operator's key.
 */
#include <stdio.h>

#include "common/host/harden.h"
#include "oem-server/ctl/ctl.h"

int main(int argc, char **argv)
{
    if (!harden_process())
        fprintf(stderr, "oemctl: core dumps could not be turned off\n");
    return ctl_main(argc, argv);
}
