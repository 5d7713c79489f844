/* SPDX-License-Identifier: MIT */
/*
 * Arrow 7: what the board finds on its chip, and which run it is in. Called once per boot, and
 * again if the answer was refused; it writes nothing to the chip.
 */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/fwinfo.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/record.h"
#include "target-fw/devauth/shared.h"

#include <string.h>

/* Hash of the region that the FwInfo in flash names. It is reported, not verified. */
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

/* Which keys and records are there. */
static enum err fill_keys(const struct run *r, BoardState *state)
{
    uint32_t used;
    uint8_t slot, point[P256_POINT_SIZE];
    TRY(port_otp_used(&used));
    TRY(shared_find(r->identity.uid, &slot, state->shared_key_kcv.bytes));
    state->shared_key_slot = slot;
    state->shared_key_kcv.size = slot != 0 ? KCV_SIZE : 0;
    state->auth_key = (used >> OTP_AUTHKEY & 1) != 0;
    state->auth_key_recorded = record_read(RECORD_AUTHKEY, point) == ERR_OK;
    state->rotpk_slots = rotpk_slots(used);
    if (state->rotpk_slots != 0 &&
        record_read(RECORD_ROTPK, state->rotpk_sha256.bytes) == ERR_OK)
        state->rotpk_sha256.size = SHA256_SIZE;
    return ERR_OK;
}

static enum err fill_state(const struct run *r, BoardState *state)
{
    struct port_lock_state lock;
    TRY(fill_keys(r, state));
    TRY(lock_read(&lock));
    state->lock_level = (LockLevel)lock.level;
    state->lock_begun = lock.begun;
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
    return fill_state(&d->run, &hello->state);
}

/* Run id 0 is no run. */
enum err hello_response(struct devauth *d)
{
    static const uint8_t no_run[RUN_ID_SIZE] = { 0 };
    struct run *r = &d->run;
    bytes_copy(r->run_id, d->in.hello.run_id, RUN_ID_SIZE);
    bytes_copy(r->server_nonce, d->in.hello.server_nonce, NONCE_SIZE);
    bytes_copy(r->devauth_sha256, d->in.hello.devauth_sha256, SHA256_SIZE);
    r->none = bytes_equal(r->run_id, no_run, RUN_ID_SIZE);
    return ERR_OK;
}
