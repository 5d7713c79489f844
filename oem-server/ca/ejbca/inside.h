/* SPDX-License-Identifier: MIT */
/* inside: what the files of this folder share. */
#pragma once

#include <stdatomic.h>

#include "oem-server/ca/backend.h"
#include "oem-server/ca/ejbca/breaker.h"
#include "oem-server/ca/ejbca/doubt.h"
#include "oem-server/ca/ejbca/ejbca.h"
#include "oem-server/ca/ejbca/turn.h"

enum { USER_SIZE = 120 };

/* As GET /v1/certificate/status tells it. Other names are taken for what they do not exclude.
 */
enum edition { EDITION_NOT_ASKED, EDITION_COMMUNITY, EDITION_ENTERPRISE, EDITION_OTHER };

struct ejbca {
    const struct ejbca_config *config;
    atomic_int edition; /* enum edition */
    X509 *issuer;       /* borrowed from chain */
    STACK_OF(X509) * chain;
    char *issuer_path; /* its DN, escaped for a path */
    /* A search that succeeds says nothing of an HSM that is slow: each has its own. */
    struct breaker issuing, asking;
    struct doubts doubts;
    struct turns turns;
};
