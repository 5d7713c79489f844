/* SPDX-License-Identifier: MIT */
/*
 * unit_evidence: the input of the checks of unit show, and the form of a check.
 *
 * unit_check.c holds those of request, certificate, firmware and state, unit_closing.c those of
 * the board's signed statements. Only they include this.
 */
#pragma once

#include <openssl/x509.h>

#include "common/rpc/rpc.h"
#include "common/rpc/statement.h"
#include "oem-server/ctl/unit.h"

/* Keys and certificates are NULL, spans empty, messages NULL, where there is none. */
struct evidence {
    const Hallmark__V1__ShowUnitResponse *unit;
    const Hallmark__V1__UnitRow *row;
    const Hallmark__V1__Receipt *receipt;
    const Hallmark__V1__CommitStatement *commit;
    const Hallmark__V1__LockStatement *lock;
    const struct settings *trust;
    X509 *certificate;
    X509_REQ *csr;
    uint8_t point[P256_POINT_SIZE]; /* of the certificate's key */
    struct statement receipt_said, commit_said, lock_said;
};

/* FwInfo, P-256 (M2354BSP, SecureBootDemo, NuBL2): the signature covers what lies before it. */
enum { FWINFO_REGION = 0x48, FWINFO_DIGEST = 0x60, FWINFO_SIGNATURE = 0x80 };

enum outcome { ABSENT, HOLDS, FAILS };

/* The state from which on the part that a check needs must exist. LOCKED: sealed, and not
 * accepted by an operator without a lock statement. */
enum since { ALWAYS, FINISHED, COMMITTED, SEALED, LOCKED };

struct unit_check {
    const char *name;
    enum outcome (*check)(const struct evidence *e);
    enum since since;
};

extern const struct unit_check unit_closing_checks[];
extern const size_t unit_closing_check_count;

static inline enum outcome outcome_of(bool holds)
{
    return holds ? HOLDS : FAILS;
}

/* Comparisons over the evidence; no failure. */
bool evidence_is_digest_of(const ProtobufCBinaryData *digest, const ProtobufCBinaryData *bytes);
struct span evidence_firmware(const struct evidence *e); /* the digest that FwInfo names */
