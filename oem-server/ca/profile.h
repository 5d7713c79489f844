/* SPDX-License-Identifier: MIT */
/*
 * profile: the table of the extensions and the validity of each kind of certificate (RFC 5280,
 * IEEE 802.1AR for the device). The text of an extension is in the syntax of OpenSSL's
 * x509v3_config.
 */
#pragma once

#include "oem-server/ca/ca.h"

struct profile {
    const char *name; /* for errors; of a principal: its role in the SPIFFE URI */
    const char *basic_constraints;
    const char *key_usage;
    const char *extended_key_usage; /* NULL: none */
    int days; /* 0: no well-defined expiry, 99991231235959Z (RFC 5280 4.1.2.5) */
    bool is_principal;
};

extern const struct profile profile_root, profile_issuing, profile_web_server;

const struct profile *profile_of(enum ca_profile profile); /* NULL: no such */
