/* SPDX-License-Identifier: MIT */
/*
 * The two certificate areas in flash, and signatures of the WebServer key. Called by the
 * handlers of arrows 16, 20 and 30, and by hello and lock. A length read from flash must not be
 * trusted before it is compared with the area.
 */

#include "target-fw/devauth/certificate.h"

#include "common/core/der.h"
#include "target-fw/devauth/flash.h"
#include "target-fw/devauth/p256.h"

#include <assert.h>

enum { HEADER_SIZE = 8 };

static_assert(HEADER_SIZE + 2 * CERTIFICATE_MAX <= FLASH_PAGE_SIZE, "an area is one page");

enum err certificate_find(uint32_t area, struct span *certificate_out)
{
    struct rd r = rd_of(port_flash(area, FLASH_CERTIFICATE_AREA_SIZE));
    uint32_t len = rd_u32le(&r);
    uint32_t issuer_len = rd_u32le(&r);
    if (len == 0 || len > CERTIFICATE_MAX || issuer_len > CERTIFICATE_MAX)
        return ERR_NOT_FOUND;
    *certificate_out = rd_take(&r, len);
    return r.err;
}

enum err certificate_sha256(uint32_t area, uint8_t sha256[SHA256_SIZE])
{
    struct span certificate;
    TRY(certificate_find(area, &certificate));
    return port_sha256(certificate, sha256);
}

enum err certificate_write(uint32_t area, struct span certificate, struct span issuer,
                           uint32_t blank_board)
{
    if (certificate.len == 0 || certificate.len > CERTIFICATE_MAX ||
        issuer.len > CERTIFICATE_MAX)
        return ERR_LIMIT;
    uint8_t header[HEADER_SIZE];
    struct wr w = wr_of(header, sizeof(header));
    wr_u32le(&w, (uint32_t)certificate.len);
    wr_u32le(&w, (uint32_t)issuer.len);
    bool burnt;
    const struct flash_page page = { area, { wr_done(&w), certificate, issuer } };
    return flash_put_on(blank_board, &page, &burnt);
}

enum err certificate_server_signed(const struct wr *statement,
                                   const uint8_t signature[P256_SIGNATURE_SIZE],
                                   struct proof *proof)
{
    struct span certificate, point;
    TRY(certificate_find(FLASH_WEB_SERVER_CERTIFICATE, &certificate));
    TRY(der_certificate_key(certificate, &point));
    return p256_verify_statement(point.ptr, statement, signature, proof);
}
