/* SPDX-License-Identifier: MIT */
/* inside: what the files of this folder share. */
#pragma once

#include "oem-server/ca/backend.h"
#include "oem-server/ca/ejbca/breaker.h"
#include "oem-server/ca/ejbca/doubt.h"
#include "oem-server/ca/ejbca/ejbca.h"
#include "oem-server/ca/ejbca/turn.h"

enum { USER_SIZE = 120 };

struct ejbca {
    const struct ejbca_config *config;
    X509 *issuer; /* borrowed from chain */
    STACK_OF(X509) * chain;
    char *issuer_path; /* its DN, escaped for a path */
    /* A search that succeeds says nothing of an HSM that is slow: each has its own. */
    struct breaker issuing, asking;
    struct doubts doubts;
    struct turns turns;
};
