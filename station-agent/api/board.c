/* SPDX-License-Identifier: MIT */
/*
 * The board's arrows before DevAuth runs (4 to 6), done over SWD. Called through rpc_dispatch()
 * by site/. It must not load an image whose digest is not the one that the server named.
 */

#include "station-agent/api/api.h"

#include <openssl/sha.h>

#include "common/host/log.h"
#include "station-agent/chip/chip.h"
#include "station-agent/link/link.h"

enum { READY_MS = 5000 }; /* for DevAuth to start its engines and open the mailbox */

/* Arrow 4. The chip reads back what it wrote. */
static enum err
board_program_web_server_certificate(struct rpc_call *call,
                                     const Hallmark__V1__ProgramWebServerCertificateRequest *in,
                                     Hallmark__V1__ProgramWebServerCertificateResponse *out)
{
    struct unit *unit = call->user;
    struct span certificate = span_of(in->certificate.data, in->certificate.len);
    uint8_t digest[SHA256_SIZE];
    unsigned written = 0;
    TRY(chip_certificate_write(unit->chip, certificate,
                               span_of(in->issuer.data, in->issuer.len), &written));
    SHA256(certificate.ptr, certificate.len, digest);
    unit_say(unit, "%u page%s written", written, written == 1 ? "" : "s");
    return rpc_bytes(call, &out->sha256, SPAN(digest));
}

/* Arrow 5. The image itself is at hand; the request names it. */
static enum err board_load_dev_auth(struct rpc_call *call,
                                    const Hallmark__V1__LoadDevAuthRequest *in,
                                    Hallmark__V1__LoadDevAuthResponse *out)
{
    struct unit *unit = call->user;
    const struct image *image = unit->devauth;
    if (image == NULL ||
        !span_eq(span_of(in->sha256.data, in->sha256.len), SPAN(image->sha256)))
        return fail_quiet(ERR_PRECONDITION, "DevAuth of this digest is not at hand");
    TRY(chip_image_load(unit->chip, buf_span(&image->bytes), &unit->devauth_header));
    out->address = unit->devauth_header.load_address;
    out->size = unit->devauth_header.image_size;
    unit_say(unit, "%u bytes at %08x", out->size, out->address);
    return rpc_bytes(call, &out->sha256, SPAN(image->sha256));
}

/* Arrow 6. That the mailbox opens proves that it runs. */
static enum err board_run_dev_auth(struct rpc_call *call,
                                   const Hallmark__V1__RunDevAuthRequest *in,
                                   Hallmark__V1__RunDevAuthResponse *out)
{
    (void)in;
    struct unit *unit = call->user;
    const struct devauth_image *header = &unit->devauth_header;
    TRY(chip_image_start(unit->chip, header));
    TRY(link_open(chip_mem(unit->chip), header->mailbox_address, READY_MS, &unit->link));
    out->boot_nonce = link_boot_nonce(unit->link);
    return ERR_OK;
}

RPC_HANDLER(board, Board, program_web_server_certificate, ProgramWebServerCertificate,
            ProgramWebServerCertificate)
RPC_HANDLER(board, Board, load_dev_auth, LoadDevAuth, LoadDevAuth)
RPC_HANDLER(board, Board, run_dev_auth, RunDevAuth, RunDevAuth)

Hallmark__V1__Board_Service board_service = HALLMARK__V1__BOARD__INIT(board__);
