/* SPDX-License-Identifier: MIT */
/*
 * certificate: the stored certificates of units and boot keys, as a CA outside has to know
 * them. As unit.h: steps of a change or of a read, on its thread.
 */
#pragma once

#include "oem-server/unit/unit.h"

/* The stored certificate of the run's unit and generation. ERR_NOT_FOUND: none yet. */
enum err unit_certificate(struct store_tx *tx, const struct unit_run *run,
                          struct buf *certificate_out);

/* The serials of that UID's certificates that were revoked here, in all generations, 20 bytes
 * each, the newest UNIT_REVOKED_MAX. serials_out is emptied first. */
enum { UNIT_REVOKED_MAX = 64 };
enum err unit_revoked_serials(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                              struct buf *serials_out);

/* Revoked certificates, in the order in which they were revoked. The cursor is all zero at
 * first. ERR_NOT_FOUND: none after it. The caller frees revocation_out->certificate. */
struct unit_revocation {
    int64_t revoked_us;
    uint8_t uid[UID_SIZE];
    uint32_t gen;
    struct buf certificate;
    char reason[UNIT_REASON_MAX + 1];
};
enum err unit_revoked_next(struct store_tx *tx, const struct unit_revocation *after,
                           struct unit_revocation *revocation_out);

/* The certificate of a boot key, from a CA outside: insert if absent, then the stored row; and
 * the row alone (ERR_NOT_FOUND). */
enum err unit_boot_certify(struct store_tx *tx, const char *scope, struct span certificate,
                           struct buf *certificate_out);
enum err unit_boot_certificate(struct store_tx *tx, const char *scope,
                               struct buf *certificate_out);
