/* SPDX-License-Identifier: MIT */
/* SecureBoot: arrows 17, 18, 21 and 22. */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/image/image.h"
#include "oem-server/svc/run.h"
#include "oem-server/svc/services.h"

enum err run_boot_scope(const struct run *run, char scope[static 80])
{
    char uid[2 * UID_SIZE + 1];
    if (run->order.boot_key_scope == HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER)
        snprintf(scope, 80, "order/%s", run->order.name);
    else
        snprintf(scope, 80, "unit/%s", hex_of(SPAN(run->uid), uid));
    return ERR_OK;
}

static enum err get_key(struct call *call, const char *scope, struct store_boot_key *key)
{
    TRY(svc_tx(call));
    enum err e = store_boot_key_get(call->tx, scope, key);
    if (e != ERR_OK)
        store_rollback(&call->tx);
    return e;
}

/* Made outside the transaction; if another run of the order was first, its key is the one. */
static enum err make_key(struct call *call, const char *scope, struct store_boot_key *key,
                         bool *created)
{
    uint8_t point[P256_POINT_SIZE];
    struct store_boot_key fresh = { 0 };
    enum err e = hsm_unit_p256_make(call->server->hsm, &fresh.wrapped, point);
    memcpy(fresh.rotpk, point + 1, ROTPK_SIZE);
    if (e == ERR_OK)
        e = svc_tx(call);
    if (e == ERR_OK)
        e = store_boot_key_put(call->tx, scope, &fresh);
    *created = e == ERR_OK;
    if (e == ERR_OK || e == ERR_EXISTS)
        e = store_boot_key_get(call->tx, scope, key);
    store_boot_key_free(&fresh);
    return e;
}

static enum err secure_boot_request_key(struct rpc_call *rpc,
                                        const Hallmark__V1__RequestKeyRequest *in,
                                        Hallmark__V1__RequestKeyResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    char scope[80];
    bool created = false;
    AUTO(store_boot_key_free) struct store_boot_key key = { 0 };
    TRY(run_boot_scope(run, scope));
    enum err e = get_key(call, scope, &key);
    if (e == ERR_NOT_FOUND)
        e = make_key(call, scope, &key, &created);
    TRY(e);
    memcpy(run->rotpk, key.rotpk, sizeof(run->rotpk));
    TRY(buf_copy(&run->boot_key, buf_span(&key.wrapped)));
    TRY(svc_digest(call, "rotpk", SPAN(run->rotpk)));
    out->created = created;
    return ERR_OK;
}

/* Committed to the unit before it is ever sent; a unit's ROTPK never changes. */
static enum err secure_boot_derive_rotpk(struct rpc_call *rpc,
                                         const Hallmark__V1__DeriveRotpkRequest *in,
                                         Hallmark__V1__DeriveRotpkResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    TRY(svc_tx(call));
    TRY(store_unit_get(call->tx, run->uid, &unit));
    if (unit.rotpk.len != 0 && !span_eq(buf_span(&unit.rotpk), SPAN(run->rotpk)))
        return fail(ERR_DATA_LOSS,
                    "secure boot: the unit's ROTPK and its boot key do not agree");
    TRY(buf_copy(&unit.rotpk, SPAN(run->rotpk)));
    TRY(store_unit_put(call->tx, &unit));
    return rpc_bytes(rpc, &out->rotpk, SPAN(run->rotpk));
}

/* The server is no signing oracle: only what an operator released, and only for its order. */
static enum err secure_boot_put_firmware(struct rpc_call *rpc,
                                         const Hallmark__V1__PutFirmwareRequest *in,
                                         Hallmark__V1__PutFirmwareResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    struct span named = span_of(in->sha256.data, in->sha256.len);
    char hex[2 * SHA256_SIZE + 1];
    if (named.len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "firmware: digest of %zu bytes, not %d", named.len,
                          SHA256_SIZE);
    if (in->image.len != 0) {
        uint8_t digest[SHA256_SIZE];
        sha256_of(span_of(in->image.data, in->image.len), digest);
        if (!span_eq(named, SPAN(digest)))
            return fail_quiet(ERR_INVALID,
                              "firmware: the image's digest is %s, not what was named",
                              hex_of(SPAN(digest), hex));
    }
    if (!span_eq(named, SPAN(run->order.firmware_sha256)))
        return fail_quiet(ERR_DENIED, "firmware: %s was not released for order %s",
                          hex_of(named, hex), run->order.name);
    run->have_image = in->have_image;
    return ERR_OK;
}

static enum err read_firmware(struct call *call, struct store_image *image,
                              struct store_unit *unit)
{
    TRY(svc_tx(call));
    enum err e = store_image_get(call->tx, call->run->order.firmware_sha256, image);
    if (e == ERR_OK)
        e = store_unit_get(call->tx, call->run->uid, unit);
    store_rollback(&call->tx);
    return e;
}

static enum err sign_fwinfo(struct call *call, struct span image)
{
    struct run *run = call->run;
    uint8_t digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    TRY(image_fwinfo_start(image, run->fwinfo, digest));
    TRY(hsm_unit_p256_sign(call->server->hsm, buf_span(&run->boot_key), digest, signature));
    image_fwinfo_finish(run->fwinfo, signature);
    return ERR_OK;
}

static enum err secure_boot_sign_firmware(struct rpc_call *rpc,
                                          const Hallmark__V1__SignFirmwareRequest *in,
                                          Hallmark__V1__SignFirmwareResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    AUTO(store_image_free) struct store_image image = { 0 };
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    struct image_marks marks;
    TRY(read_firmware(call, &image, &unit));
    TRY(image_check(buf_span(&image.bytes), &marks));
    run->fwinfo_address = marks.fwinfo_address;
    if (unit.fwinfo.len == FWINFO_SIZE)
        memcpy(run->fwinfo, unit.fwinfo.ptr, FWINFO_SIZE); /* a repeat: the same answer */
    else
        TRY(sign_fwinfo(call, buf_span(&image.bytes)));
    TRY(buf_copy(&unit.fwinfo, SPAN(run->fwinfo)));
    TRY(svc_tx(call));
    TRY(store_unit_put(call->tx, &unit));
    TRY(svc_digest(call, "firmware", buf_span(&image.bytes)));
    TRY(svc_digest(call, "fwinfo", SPAN(run->fwinfo)));
    return rpc_bytes(rpc, &out->firmware_information, SPAN(run->fwinfo));
}

RPC_HANDLER(secure_boot, SecureBoot, request_key, RequestKey, RequestKey)
RPC_HANDLER(secure_boot, SecureBoot, derive_rotpk, DeriveRotpk, DeriveRotpk)
RPC_HANDLER(secure_boot, SecureBoot, put_firmware, PutFirmware, PutFirmware)
RPC_HANDLER(secure_boot, SecureBoot, sign_firmware, SignFirmware, SignFirmware)

Hallmark__V1__SecureBoot_Service secure_boot_service =
    HALLMARK__V1__SECURE_BOOT__INIT(secure_boot__);
