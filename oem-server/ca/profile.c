/* SPDX-License-Identifier: MIT */
/*
 * profile: the table of certificate profiles. Read by ca.c, setup.c and cert.c. What a
 * certificate allows its owner to do is decided here and must not be decided anywhere else.
 */
#include "oem-server/ca/profile.h"

enum { TWO_YEARS = 731 };

#define CA_USAGE   "critical,keyCertSign,cRLSign"
#define LEAF_USAGE "critical,digitalSignature"
#define LEAF       "critical,CA:FALSE"

const struct profile profile_root = {
    .name = "root",
    .basic_constraints = "critical,CA:TRUE",
    .key_usage = CA_USAGE,
};

const struct profile profile_issuing = {
    .name = "issuing",
    .basic_constraints = "critical,CA:TRUE,pathlen:0",
    .key_usage = CA_USAGE,
};

const struct profile profile_web_server = {
    .name = "web server",
    .basic_constraints = LEAF,
    .key_usage = LEAF_USAGE,
    .extended_key_usage = "serverAuth",
    .days = TWO_YEARS,
};

static const struct profile profiles[] = {
    [CA_STATION] = { "station", LEAF, LEAF_USAGE, "clientAuth", TWO_YEARS, true },
    [CA_OPERATOR] = { "operator", LEAF, LEAF_USAGE, "clientAuth", TWO_YEARS, true },
    [CA_AUDITOR] = { "auditor", LEAF, LEAF_USAGE, "clientAuth", TWO_YEARS, true },
    [CA_SERVICE] = { "service", LEAF, LEAF_USAGE, "clientAuth", TWO_YEARS, true },
    [CA_DEVICE] = { "device", LEAF, LEAF_USAGE, "clientAuth", 0, false },
    [CA_BOOT] = { "boot", LEAF, LEAF_USAGE, "codeSigning", 0, false },
};

const struct profile *profile_of(enum ca_profile profile)
{
    return (size_t)profile < COUNT(profiles) ? &profiles[profile] : NULL;
}
