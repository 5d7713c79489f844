/* SPDX-License-Identifier: MIT */
/*
 * What EJBCA's certificates are for, in words. Called for user names in EJBCA, which must not
 * change: a lost answer is searched for by them.
 */
#include "oem-server/ca/ejbca/ejbca.h"

const char *ejbca_use_name(enum ejbca_use use)
{
    static const char *const names[EJBCA_USES] = { "device", "boot", "station", "people",
                                                   "check" };
    return names[use];
}
