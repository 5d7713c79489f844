/* SPDX-License-Identifier: MIT */
#include <sys/resource.h>

#include "oem-server/ctl/ctl.h"

int main(int argc, char **argv)
{
    const struct rlimit none = { 0, 0 }; /* a core dump would hold the operator's key */
    setrlimit(RLIMIT_CORE, &none);
    return ctl_main(argc, argv);
}
