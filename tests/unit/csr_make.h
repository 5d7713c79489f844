/* SPDX-License-Identifier: MIT */
/* csr_make: CSRs with a fresh key, good or wrong in a chosen way, for tests of oem-server/ca.
 */
#pragma once

#include "common/host/own.h"

/* What a CSR is made of. */
struct csr_spec {
    const char *curve;         /* NULL: RSA */
    struct span subject;       /* DER of a Name; empty: CN=anybody */
    const char *challenges[2]; /* values of one attribute */
    int challenge_type;        /* 0: UTF8String */
    int extra_nid;             /* another attribute; 0: none */
    bool sha384;
    bool explicit_curve;
    bool compressed;
};

struct buf make_csr(const struct csr_spec *spec); /* DER; the caller's */
