/* SPDX-License-Identifier: MIT */
/*
 * SecureBoot: arrows 17, 18, 21 and 22. Called on the run's strand. Arrow 17 makes or finds
 * SECURE_BOOT_PRI; it becomes durable with arrow 18, before the ROTPK is sent. The server must
 * sign only firmware that an operator released for the run's order (tests/e2e/refusals/orders).
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/boot_key.h"
#include "oem-server/api/services.h"
#include "oem-server/image/image.h"
#include "oem-server/run/run.h"

static enum err read_key(struct store_tx *tx, void *context)
{
    struct boot_key *key = context;
    buf_free(&key->wrapped);
    return unit_boot_key_get(tx, key->scope, &key->wrapped, key->rotpk);
}

static enum err secure_boot_request_key(struct rpc_call *rpc,
                                        const Hallmark__V1__RequestKeyRequest *in,
                                        Hallmark__V1__RequestKeyResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    AUTO(boot_key_drop) struct boot_key key = { .call = call, .run = call->run };
    run_boot_scope(call->run, key.scope);
    enum err e = call_read(call, read_key, &key);
    out->created = e == ERR_NOT_FOUND;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    TRY(out->created ? boot_key_make(&key) : boot_key_open(&key));
    event_digest(&call->event, "rotpk", SPAN(call->run->rotpk));
    return ERR_OK;
}

static enum err derive_rotpk(struct store_tx *tx, void *context)
{
    struct boot_key *key = context;
    struct unit_run run = run_unit(key->run);
    TRY(boot_key_keep(tx, key));
    TRY(unit_rotpk(tx, &run, key->rotpk, key->scope, &key->recreate));
    TRY(boot_key_certified(tx, key));
    if (key->certificate.len != 0)
        event_digest(&key->call->event, "boot-certificate", buf_span(&key->certificate));
    key->out->rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, key->rotpk };
    return ERR_OK;
}

/* Durable for the unit before it is sent; a unit's ROTPK does not change. */
static enum err secure_boot_derive_rotpk(struct rpc_call *rpc,
                                         const Hallmark__V1__DeriveRotpkRequest *in,
                                         Hallmark__V1__DeriveRotpkResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    run_own(run);
    AUTO(boot_key_drop) struct boot_key key = { .call = call, .run = run, .out = out };
    run_boot_scope(run, key.scope);
    TRY(boot_key_certify(&key));
    if (call->replayed)
        return ERR_OK;
    TRY(call_change(call, derive_rotpk, &key, &out->base));
    run->recreate = key.recreate;
    run->boot_key_fresh = false;
    boot_key_settle(&key);
    if (key.wrapped.len != 0)
        TRY(boot_key_open(&key));
    return rpc_bytes(rpc, &out->rotpk, SPAN(run->rotpk));
}

/* The server must not be a signing oracle: it signs only what an operator released, and only
 * for its order. */
static enum err secure_boot_put_firmware(struct rpc_call *rpc,
                                         const Hallmark__V1__PutFirmwareRequest *in,
                                         Hallmark__V1__PutFirmwareResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    run_own(run);
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

struct signing {
    struct call *call;
    struct image image;
    bool have; /* the unit's FwInfo for this firmware is in the store */
    uint8_t fwinfo[FWINFO_SIZE];
    uint8_t stands[FWINFO_SIZE];
    Hallmark__V1__SignFirmwareResponse *out;
};

static void signing_drop(struct signing *s)
{
    image_free(&s->image);
}

static enum err read_fwinfo(struct store_tx *tx, struct signing *s)
{
    const struct run *run = s->call->run;
    struct unit unit;
    struct unit_facts facts = { 0 };
    TRY(unit_get(tx, run->uid, &unit));
    TRY(unit_facts_get(tx, &unit, &facts));
    s->have = facts.fwinfo.len == FWINFO_SIZE &&
              memcmp(facts.firmware_sha256, run->order.firmware_sha256, SHA256_SIZE) == 0;
    if (s->have)
        memcpy(s->fwinfo, facts.fwinfo.ptr, FWINFO_SIZE);
    unit_facts_free(&facts);
    return ERR_OK;
}

static enum err read_firmware(struct store_tx *tx, void *context)
{
    struct signing *s = context;
    image_free(&s->image);
    TRY(image_get(tx, s->call->run->order.firmware_sha256, &s->image));
    if (s->image.withdrawn)
        return fail_quiet(ERR_HELD, "the firmware was withdrawn: %s",
                          s->image.withdrawn_reason);
    return read_fwinfo(tx, s);
}

static enum err sign_fwinfo(struct signing *s)
{
    uint8_t digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    TRY(image_fwinfo_start(buf_span(&s->image.bytes), s->fwinfo, digest));
    TRY(hsm_unit_key_sign(s->call->run->boot_key, digest, signature));
    image_fwinfo_finish(s->fwinfo, signature);
    return ERR_OK;
}

static enum err keep_fwinfo(struct store_tx *tx, void *context)
{
    struct signing *s = context;
    struct unit_run run = run_unit(s->call->run);
    TRY(unit_fwinfo(tx, &run, s->call->run->order.firmware_sha256, s->fwinfo, s->stands));
    event_digest(&s->call->event, "fwinfo", SPAN(s->stands));
    s->out->firmware_information = (ProtobufCBinaryData){ FWINFO_SIZE, s->stands };
    return ERR_OK;
}

static enum err secure_boot_sign_firmware(struct rpc_call *rpc,
                                          const Hallmark__V1__SignFirmwareRequest *in,
                                          Hallmark__V1__SignFirmwareResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    run_own(run);
    AUTO(signing_drop) struct signing s = { .call = call, .out = out };
    struct image_marks marks;
    TRY(call_read(call, read_firmware, &s));
    TRY(image_check(buf_span(&s.image.bytes), &marks));
    if (!s.have) /* else this is a repetition: the same answer */
        TRY(sign_fwinfo(&s));
    event_digest(&call->event, "firmware", buf_span(&s.image.bytes));
    TRY(call_change(call, keep_fwinfo, &s, &out->base));
    run->fwinfo_address = marks.fwinfo_address;
    memcpy(run->fwinfo, s.stands, FWINFO_SIZE);
    hsm_unit_key_free(TAKE(run->boot_key));
    return rpc_bytes(rpc, &out->firmware_information, SPAN(run->fwinfo));
}

RPC_HANDLER(secure_boot, SecureBoot, request_key, RequestKey, RequestKey)
RPC_HANDLER(secure_boot, SecureBoot, derive_rotpk, DeriveRotpk, DeriveRotpk)
RPC_HANDLER(secure_boot, SecureBoot, put_firmware, PutFirmware, PutFirmware)
RPC_HANDLER(secure_boot, SecureBoot, sign_firmware, SignFirmware, SignFirmware)

Hallmark__V1__SecureBoot_Service secure_boot_service =
    HALLMARK__V1__SECURE_BOOT__INIT(secure_boot__);
