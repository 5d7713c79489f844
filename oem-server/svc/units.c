/* SPDX-License-Identifier: MIT */
/* Units: all that is known of one board, for operators and auditors. */
#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/image/image.h"
#include "oem-server/svc/services.h"

static const char *state_name(uint32_t state)
{
    switch (state) {
    case STORE_UNIT_OPEN:
        return "open";
    case STORE_UNIT_CUT:
        return "cut";
    case STORE_UNIT_FINISHED:
        return "finished";
    case STORE_UNIT_SEALED:
        return "sealed";
    case STORE_UNIT_FAILED:
        return "failed";
    default:
        return "unknown";
    }
}

/* The image with its FwInfo in place, as arrow 24 burnt it. */
static enum err fill_image(struct call *call, const struct store_unit *unit,
                           Hallmark__V1__ShowUnitResponse *out)
{
    AUTO(store_order_free) struct store_order order = { 0 };
    AUTO(store_image_free) struct store_image image = { 0 };
    AUTO(buf_free) struct buf burnt = { 0 };
    TRY(store_order_get(call->tx, unit->order, &order));
    TRY(rpc_bytes(&call->rpc, &out->firmware_sha256, SPAN(order.firmware_sha256)));
    if (unit->fwinfo.len != FWINFO_SIZE)
        return ERR_OK;
    TRY(store_image_get(call->tx, order.firmware_sha256, &image));
    TRY(image_signed(buf_span(&image.bytes), unit->fwinfo.ptr, &burnt));
    return rpc_bytes(&call->rpc, &out->signed_image, buf_span(&burnt));
}

static enum err fill_receipt(struct rpc_call *rpc, const struct store_unit *unit,
                             Hallmark__V1__ShowUnitResponse *out)
{
    if (unit->receipt.len == 0)
        return ERR_OK;
    Hallmark__V1__Receipt *receipt =
        hallmark__v1__receipt__unpack(NULL, unit->receipt.len, unit->receipt.ptr);
    if (receipt == NULL)
        return fail(ERR_DATA_LOSS, "units: the stored receipt is damaged");
    Hallmark__V1__Receipt *copy = rpc_alloc(rpc, sizeof(*copy));
    enum err e = copy == NULL ? fail(ERR_MEMORY, "units: no memory") : ERR_OK;
    if (e == ERR_OK) {
        hallmark__v1__receipt__init(copy);
        copy->lock_level = receipt->lock_level;
        out->receipt = copy;
        const struct {
            ProtobufCBinaryData *to;
            const ProtobufCBinaryData *from;
        } fields[] = {
            { &copy->run_id, &receipt->run_id },
            { &copy->uid, &receipt->uid },
            { &copy->auth_public_key, &receipt->auth_public_key },
            { &copy->device_certificate_sha256, &receipt->device_certificate_sha256 },
            { &copy->web_server_certificate_sha256, &receipt->web_server_certificate_sha256 },
            { &copy->rotpk_sha256, &receipt->rotpk_sha256 },
            { &copy->firmware_sha256, &receipt->firmware_sha256 },
            { &copy->transcript_sha256, &receipt->transcript_sha256 },
            { &copy->server_nonce, &receipt->server_nonce },
            { &copy->signature, &receipt->signature },
        };
        for (size_t i = 0; i < COUNT(fields) && e == ERR_OK; i++)
            e = rpc_bytes(rpc, fields[i].to,
                          span_of(fields[i].from->data, fields[i].from->len));
    }
    hallmark__v1__receipt__free_unpacked(receipt, NULL);
    return e;
}

static enum err units_show(struct rpc_call *rpc, const Hallmark__V1__ShowUnitRequest *in,
                           Hallmark__V1__ShowUnitResponse *out)
{
    struct call *call = call_of(rpc);
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    if (in->uid.len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "a UID is %d bytes", UID_SIZE);
    TRY(svc_tx(call));
    enum err e = store_unit_get(call->tx, in->uid.data, &unit);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no such unit");
    TRY(e);
    out->opened_us = (uint64_t)unit.opened_us;
    out->done_us = (uint64_t)unit.done_us;
    TRY(rpc_bytes(rpc, &out->uid, SPAN(unit.uid)));
    TRY(rpc_text(rpc, &out->order, unit.order));
    TRY(rpc_text(rpc, &out->station, unit.station));
    TRY(rpc_text(rpc, &out->state, state_name(unit.state)));
    TRY(rpc_bytes(rpc, &out->csr, buf_span(&unit.csr)));
    TRY(rpc_bytes(rpc, &out->certificate, buf_span(&unit.certificate)));
    TRY(rpc_bytes(rpc, &out->rotpk, buf_span(&unit.rotpk)));
    TRY(rpc_bytes(rpc, &out->firmware_information, buf_span(&unit.fwinfo)));
    TRY(fill_receipt(rpc, &unit, out));
    return fill_image(call, &unit, out);
}

RPC_HANDLER(units, Units, show, Show, ShowUnit)

Hallmark__V1__Units_Service units_service = HALLMARK__V1__UNITS__INIT(units__);
