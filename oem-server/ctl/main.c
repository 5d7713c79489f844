/* SPDX-License-Identifier: MIT */
/*
 * oemctl's main(). All else is in the library, so that tests can call it (ctl.h). It must not
 * leave a core dump with the operator's key.
 */
#include <sys/resource.h>

#include "oem-server/ctl/ctl.h"

int main(int argc, char **argv)
{
    const struct rlimit none = { 0, 0 }; /* a core dump would hold the operator's key */
    setrlimit(RLIMIT_CORE, &none);
    return ctl_main(argc, argv);
}
