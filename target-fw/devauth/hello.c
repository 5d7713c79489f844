/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/fwinfo.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/record.h"

#include <string.h>

/* Hash of the region that the FwInfo in flash names, be it the one burnt for it or not. */
static enum err firmware_sha256(uint8_t sha256[SHA256_SIZE])
{
    uint32_t address;
    struct fwinfo info;
    TRY(fwinfo_find(&address));
    TRY(fwinfo_read(port_flash(address, FWINFO_SIZE), &info));
    if (info.region_base != 0 || info.region_size == 0 || info.region_size > address)
        return ERR_NOT_FOUND;
    return port_sha256(port_flash(0, info.region_size), sha256);
}

static enum err fill_state(BoardState *state)
{
    uint32_t used;
    enum port_lock armed;
    TRY(port_otp_used(&used));
    TRY(port_lock_armed(&armed));
    state->auth_key = (used >> OTP_AUTHKEY & 1) != 0;
    state->shared_key = (used >> OTP_AES_NULINK3 & 1) != 0;
    state->rotpk_slots = rotpk_slots(used);
    state->lock_armed = (LockLevel)armed;
    if (state->rotpk_slots != 0 && record_read(state->rotpk_sha256.bytes) == ERR_OK)
        state->rotpk_sha256.size = SHA256_SIZE;
    if (certificate_sha256(FLASH_DEVICE_CERTIFICATE, state->device_certificate_sha256.bytes) ==
        ERR_OK)
        state->device_certificate_sha256.size = SHA256_SIZE;
    if (firmware_sha256(state->firmware_sha256.bytes) == ERR_OK)
        state->firmware_sha256.size = SHA256_SIZE;
    return ERR_OK;
}

enum err hello_request(struct devauth *d)
{
    HelloRequest *hello = &d->out.hello;
    static_assert(sizeof(HALLMARK_VERSION) <= sizeof(hello->version), "a version is short");
    memcpy(hello->version, HALLMARK_VERSION, sizeof(HALLMARK_VERSION));
    bytes_copy(hello->uid, d->run.identity.uid, UID_SIZE);
    hello->pdid = d->run.identity.pdid;
    bytes_copy(hello->nonce, d->run.nonce, NONCE_SIZE);
    hello->has_state = true;
    return fill_state(&hello->state);
}

enum err hello_response(struct devauth *d)
{
    bytes_copy(d->run.run_id, d->in.hello.run_id, RUN_ID_SIZE);
    bytes_copy(d->run.server_nonce, d->in.hello.server_nonce, NONCE_SIZE);
    return ERR_OK;
}
