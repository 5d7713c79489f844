/* SPDX-License-Identifier: MIT */
/* Firmware, Orders, Units, Health: what operators and auditors ask. */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/image/image.h"
#include "oem-server/svc/run.h"
#include "oem-server/svc/services.h"

enum { VERSION_MAX = 64, STATIONS_MAX = 256, UNSEALED_MAX = 100 };

static enum err check_image(Hallmark__V1__ImageKind kind, struct span image)
{
    struct image_marks marks;
    if (kind == HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE)
        return image_check(image, &marks);
    if (kind == HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH)
        return image_devauth_check(image);
    return fail_quiet(ERR_INVALID, "release: the image's kind is missing");
}

/* The image in pieces; what the first piece says of kind and version counts. */
struct upload {
    Hallmark__V1__ImageKind kind;
    char version[VERSION_MAX + 1];
    struct buf image;
};

static void upload_drop(struct upload *upload)
{
    buf_free(&upload->image);
}

static enum err take_piece(struct upload *upload, const Hallmark__V1__ReleaseRequest *piece)
{
    if (upload->image.len == 0) {
        if (strlen(piece->version) == 0 || strlen(piece->version) > VERSION_MAX)
            return fail_quiet(ERR_INVALID, "release: version must be 1-%d bytes", VERSION_MAX);
        upload->kind = piece->kind;
        snprintf(upload->version, sizeof(upload->version), "%s", piece->version);
    }
    if (piece->chunk.len == 0 || piece->chunk.len > IMAGE_MAX - upload->image.len)
        return fail_quiet(
            ERR_INVALID, "release: the image is over %d bytes, or a piece is empty", IMAGE_MAX);
    return buf_append(&upload->image, span_of(piece->chunk.data, piece->chunk.len));
}

static enum err receive_image(struct rpc_call *rpc, struct upload *upload)
{
    for (;;) {
        AUTO(rpc_drop) ProtobufCMessage *piece = NULL;
        TRY(rpc_receive(rpc, &hallmark__v1__release_request__descriptor, &piece));
        if (piece == NULL)
            return check_image(upload->kind, buf_span(&upload->image));
        TRY(take_piece(upload, (const Hallmark__V1__ReleaseRequest *)piece));
    }
}

static enum err firmware_release(struct rpc_call *rpc, const Hallmark__V1__ReleaseRequest *in,
                                 Hallmark__V1__ReleaseResponse *out)
{
    (void)in; /* its messages follow */
    struct call *call = call_of(rpc);
    AUTO(upload_drop) struct upload upload = { 0 };
    TRY(receive_image(rpc, &upload));
    TRY(replay_find(call));
    if (call->replayed)
        return ERR_OK;
    struct store_image image = { .kind = (uint32_t)upload.kind,
                                 .version = upload.version,
                                 .bytes = upload.image };
    sha256_of(buf_span(&upload.image), image.sha256);
    TRY(svc_tx(call));
    enum err e = store_image_put(call->tx, &image);
    if (e == ERR_EXISTS)
        return fail_quiet(e, "release: these bytes are released already");
    TRY(e);
    TRY(svc_digest(call, "image", buf_span(&upload.image)));
    return rpc_bytes(rpc, &out->sha256, SPAN(image.sha256));
}

static enum err check_kind(struct call *call, const char *what,
                           const ProtobufCBinaryData *digest, uint32_t kind,
                           uint8_t sha256_out[static SHA256_SIZE])
{
    AUTO(store_image_free) struct store_image image = { 0 };
    if (digest->len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "order: %s digest must be %d bytes", what, SHA256_SIZE);
    enum err e = store_image_get(call->tx, digest->data, &image);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && image.kind != kind))
        return fail_quiet(ERR_PRECONDITION, "order: no %s with this digest was released", what);
    TRY(e);
    memcpy(sha256_out, digest->data, SHA256_SIZE);
    return ERR_OK;
}

static enum err check_order(const Hallmark__V1__Order *o)
{
    TRY(ca_name_check("order", o->name));
    if (o->quantity == 0)
        return fail_quiet(ERR_INVALID, "order: quantity must be at least 1");
    if (o->n_stations == 0 || o->n_stations > STATIONS_MAX)
        return fail_quiet(ERR_INVALID, "order: 1 to %d stations", STATIONS_MAX);
    if (o->not_after <= o->not_before || o->not_after > INT64_MAX)
        return fail_quiet(ERR_INVALID, "order: its window ends before it begins");
    if (o->lock_level < HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV ||
        o->lock_level > HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION)
        return fail_quiet(ERR_INVALID, "order: lock level must be dev, password or production");
    if (o->boot_key_scope != HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT &&
        o->boot_key_scope != HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER)
        return fail_quiet(ERR_INVALID, "order: boot key scope must be unit or order");
    return ERR_OK;
}

static enum err fill_stations(struct call *call, const Hallmark__V1__Order *in,
                              struct store_order *order)
{
    order->stations = rpc_alloc(&call->rpc, in->n_stations * sizeof(*order->stations));
    if (order->stations == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (size_t i = 0; i < in->n_stations; i++) {
        struct store_principal station;
        TRY(ca_name_check("station", in->stations[i]));
        enum err e = store_principal_get(call->tx, auth_role_number(AUTH_STATION),
                                         in->stations[i], &station);
        if (e == ERR_NOT_FOUND)
            return fail_quiet(ERR_PRECONDITION, "order: there is no station %s",
                              in->stations[i]);
        TRY(e);
        if (station.revoked)
            return fail_quiet(ERR_PRECONDITION, "order: station %s was revoked",
                              in->stations[i]);
        snprintf(order->stations[i], sizeof(order->stations[i]), "%s", in->stations[i]);
    }
    order->station_count = in->n_stations;
    return ERR_OK;
}

static enum err orders_create(struct rpc_call *rpc, const Hallmark__V1__CreateOrderRequest *in,
                              Hallmark__V1__CreateOrderResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    const Hallmark__V1__Order *o = in->order;
    if (o == NULL)
        return fail_quiet(ERR_INVALID, "order: it is missing");
    TRY(check_order(o));
    struct store_order order = {
        .quantity = o->quantity,
        .lock_level = (uint32_t)o->lock_level,
        .boot_key_scope = (uint32_t)o->boot_key_scope,
        .not_before = (int64_t)o->not_before,
        .not_after = (int64_t)o->not_after,
    };
    snprintf(order.name, sizeof(order.name), "%s", o->name);
    TRY(rpc_text(&call->rpc, &call->event.order,
                 o->name)); /* the request is freed before the event is written */
    TRY(svc_tx(call));
    TRY(check_kind(call, "firmware", &o->firmware_sha256,
                   HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE, order.firmware_sha256));
    TRY(check_kind(call, "DevAuth", &o->devauth_sha256,
                   HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH, order.devauth_sha256));
    TRY(fill_stations(call, o, &order));
    enum err e = store_order_put(call->tx, &order);
    return e == ERR_EXISTS ? fail_quiet(e, "order %s exists", order.name) : e;
}

static enum err fill_order(struct rpc_call *rpc, const struct store_order *order,
                           Hallmark__V1__Order *m)
{
    hallmark__v1__order__init(m);
    m->quantity = order->quantity;
    m->lock_level = (Hallmark__V1__LockLevel)order->lock_level;
    m->boot_key_scope = (Hallmark__V1__BootKeyScope)order->boot_key_scope;
    m->not_before = (uint64_t)order->not_before;
    m->not_after = (uint64_t)order->not_after;
    TRY(rpc_text(rpc, &m->name, order->name));
    TRY(rpc_bytes(rpc, &m->firmware_sha256, SPAN(order->firmware_sha256)));
    TRY(rpc_bytes(rpc, &m->devauth_sha256, SPAN(order->devauth_sha256)));
    m->stations = rpc_alloc(rpc, order->station_count * sizeof(*m->stations));
    if (m->stations == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (size_t i = 0; i < order->station_count; i++, m->n_stations++)
        TRY(rpc_text(rpc, &m->stations[i], order->stations[i]));
    return ERR_OK;
}

static enum err fill_unsealed(struct call *call, const char *order,
                              Hallmark__V1__ShowOrderResponse *out)
{
    AUTO(buf_free) struct buf uids = { 0 };
    TRY(store_order_units(call->tx, order, STORE_UNIT_FINISHED, UNSEALED_MAX, &uids));
    size_t count = uids.len / UID_SIZE;
    if (count == 0)
        return ERR_OK;
    out->unsealed = rpc_alloc(&call->rpc, count * sizeof(*out->unsealed));
    if (out->unsealed == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (; out->n_unsealed < count; out->n_unsealed++)
        TRY(rpc_bytes(&call->rpc, &out->unsealed[out->n_unsealed],
                      span_of(uids.ptr + out->n_unsealed * UID_SIZE, UID_SIZE)));
    return ERR_OK;
}

static enum err orders_show(struct rpc_call *rpc, const Hallmark__V1__ShowOrderRequest *in,
                            Hallmark__V1__ShowOrderResponse *out)
{
    struct call *call = call_of(rpc);
    AUTO(store_order_free) struct store_order order = { 0 };
    struct store_order_counts counts;
    TRY(svc_tx(call));
    enum err e = store_order_get(call->tx, in->name, &order);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no order %s", in->name);
    TRY(e);
    TRY(store_order_count(call->tx, order.name, &counts));
    out->order = rpc_alloc(rpc, sizeof(*out->order));
    if (out->order == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    out->open = counts.open;
    out->done = counts.done;
    out->sealed = counts.sealed;
    out->failed = counts.failed;
    TRY(fill_unsealed(call, order.name, out));
    return fill_order(rpc, &order, out->order);
}

static enum err health_check(struct rpc_call *rpc, const Hallmark__V1__CheckRequest *in,
                             Hallmark__V1__CheckResponse *out)
{
    (void)in;
    struct server *server = call_of(rpc)->server;
    char words[HSM_HUNG_WORDS];
    if (hsm_hung(SERVER_HUNG_MS, words) != 0) /* and this call is not to hang there, too */
        return fail_quiet(ERR_UNAVAILABLE, "the HSM hangs: %s", words);
    TRY(hsm_check(server->hsm));
    pthread_mutex_lock(&server->lock);
    out->runs = server->run_count;
    out->connections = server->session_count;
    pthread_mutex_unlock(&server->lock);
    return rpc_text(rpc, &out->version, HALLMARK_VERSION);
}

RPC_HANDLER(firmware, Firmware, release, Release, Release)
RPC_HANDLER(orders, Orders, create, Create, CreateOrder)
RPC_HANDLER(orders, Orders, show, Show, ShowOrder)
RPC_HANDLER(health, Health, check, Check, Check)

Hallmark__V1__Firmware_Service firmware_service = HALLMARK__V1__FIRMWARE__INIT(firmware__);
Hallmark__V1__Orders_Service orders_service = HALLMARK__V1__ORDERS__INIT(orders__);
Hallmark__V1__Health_Service health_service = HALLMARK__V1__HEALTH__INIT(health__);
