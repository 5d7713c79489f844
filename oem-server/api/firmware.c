/* SPDX-License-Identifier: MIT */
/*
 * Firmware: releases, lists and withdraws images. Called by operators. An image that the boot
 * ROM (or the SRAM loader) would refuse must not be released.
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/services.h"
#include "oem-server/call/message.h"
#include "oem-server/image/image.h"

enum { VERSION_MAX = 64 };

static enum err check_image(Hallmark__V1__ImageKind kind, struct span image)
{
    struct image_marks marks;
    if (kind == HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE)
        return image_check(image, &marks);
    if (kind == HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH)
        return image_devauth_check(image);
    return fail_quiet(ERR_INVALID, "release: the image's kind is missing");
}

/* The image in pieces; its description is that of the first piece. */
struct upload {
    struct call *call;
    struct image image;
    Hallmark__V1__ReleaseResponse *out;
};

static void upload_drop(struct upload *upload)
{
    image_free(&upload->image);
}

static enum err take_first(struct upload *upload, const Hallmark__V1__ReleaseRequest *piece)
{
    struct image *image = &upload->image;
    TRY(message_text("release: version", piece->version, 1, VERSION_MAX));
    TRY(message_reason_if_any(upload->call, piece->reason));
    if (piece->sbom_sha256.len != 0 && piece->sbom_sha256.len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "release: the SBOM's digest must be %d bytes",
                          SHA256_SIZE);
    image->kind = (uint32_t)piece->kind;
    image->version_number = piece->version_number;
    image->security_counter = piece->security_counter;
    snprintf(image->version, sizeof(image->version), "%s", piece->version);
    return buf_copy(&image->sbom_sha256, span_in(&piece->sbom_sha256));
}

static enum err take_piece(struct upload *upload, const Hallmark__V1__ReleaseRequest *piece)
{
    struct buf *bytes = &upload->image.bytes;
    if (bytes->len == 0)
        TRY(take_first(upload, piece));
    if (piece->chunk.len == 0 || piece->chunk.len > IMAGE_MAX - bytes->len)
        return fail_quiet(
            ERR_INVALID, "release: the image is over %d bytes, or a piece is empty", IMAGE_MAX);
    return buf_append(bytes, span_in(&piece->chunk));
}

static enum err receive_image(struct rpc_call *rpc, struct upload *upload)
{
    for (;;) {
        AUTO(rpc_drop) ProtobufCMessage *piece = NULL;
        TRY(rpc_receive(rpc, &hallmark__v1__release_request__descriptor, &piece));
        if (piece == NULL)
            return check_image((Hallmark__V1__ImageKind)upload->image.kind,
                               buf_span(&upload->image.bytes));
        TRY(take_piece(upload, (const Hallmark__V1__ReleaseRequest *)piece));
    }
}

static enum err release(struct store_tx *tx, void *context)
{
    struct upload *upload = context;
    enum err e = image_release(tx, &upload->image);
    if (e == ERR_EXISTS)
        return fail_quiet(e, "release: these bytes are released already");
    TRY(e);
    return rpc_bytes(&upload->call->rpc, &upload->out->sha256, SPAN(upload->image.sha256));
}

static enum err firmware_release(struct rpc_call *rpc, const Hallmark__V1__ReleaseRequest *in,
                                 Hallmark__V1__ReleaseResponse *out)
{
    (void)in; /* the messages follow */
    AUTO(upload_drop) struct upload upload = { .call = call_of(rpc), .out = out };
    TRY(receive_image(rpc, &upload));
    upload.image.size = (uint32_t)upload.image.bytes.len;
    sha256_of(buf_span(&upload.image.bytes), upload.image.sha256);
    event_digest_is(&upload.call->event, "image", upload.image.sha256);
    return call_change(upload.call, release, &upload, &out->base);
}

struct listing {
    struct call *call;
    const Hallmark__V1__ListImagesRequest *in;
    Hallmark__V1__ListImagesResponse *out;
};

static enum err fill_image(struct rpc_call *rpc, const struct image *image,
                           Hallmark__V1__ImageRow **out)
{
    Hallmark__V1__ImageRow *row = rpc_alloc(rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "firmware: no memory");
    hallmark__v1__image_row__init(row);
    row->kind = (Hallmark__V1__ImageKind)image->kind;
    row->version_number = image->version_number;
    row->security_counter = image->security_counter;
    row->size = image->size;
    row->released_us = (uint64_t)image->released_us;
    row->withdrawn = image->withdrawn;
    *out = row;
    TRY(rpc_bytes(rpc, &row->sha256, SPAN(image->sha256)));
    TRY(rpc_bytes(rpc, &row->sbom_sha256, buf_span(&image->sbom_sha256)));
    TRY(rpc_text(rpc, &row->version, image->version));
    return rpc_text(rpc, &row->withdrawn_reason, image->withdrawn_reason);
}

static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    struct image *images = NULL;
    size_t count = 0;
    bool more = false;
    const uint8_t *after = l->in->after.len == 0 ? NULL : l->in->after.data;
    enum err found = image_list(tx, after, message_limit(l->in->limit), &images, &count, &more);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(found, "firmware: there is no image to continue after");
    TRY(found);
    l->out->more = more;
    l->out->n_images = 0;
    l->out->images = rpc_alloc(&l->call->rpc, count * sizeof(*l->out->images));
    enum err e = l->out->images == NULL ? fail(ERR_MEMORY, "firmware: no memory") : ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++, l->out->n_images++)
        e = fill_image(&l->call->rpc, &images[i], &l->out->images[i]);
    image_list_free(images, count);
    return e;
}

static enum err firmware_list(struct rpc_call *rpc, const Hallmark__V1__ListImagesRequest *in,
                              Hallmark__V1__ListImagesResponse *out)
{
    struct listing l = { call_of(rpc), in, out };
    if (in->after.len != 0 && in->after.len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "firmware: an image's digest must be %d bytes",
                          SHA256_SIZE);
    return call_read(l.call, list, &l);
}

struct withdrawal {
    struct call *call;
    const Hallmark__V1__WithdrawImageRequest *in;
    Hallmark__V1__WithdrawImageResponse *out;
};

/* UIDs one after the other, as a repeated field. */
static enum err fill_uids(struct rpc_call *rpc, const struct buf *uids, size_t *count_out,
                          ProtobufCBinaryData **list_out)
{
    size_t count = uids->len / UID_SIZE;
    *list_out = rpc_alloc(rpc, count * sizeof(**list_out));
    if (*list_out == NULL)
        return fail(ERR_MEMORY, "firmware: no memory");
    for (size_t i = 0; i < count; i++)
        TRY(rpc_bytes(rpc, &(*list_out)[i], span_of(uids->ptr + i * UID_SIZE, UID_SIZE)));
    *count_out = count;
    return ERR_OK;
}

static enum err withdraw(struct store_tx *tx, void *context)
{
    struct withdrawal *w = context;
    struct rpc_call *rpc = &w->call->rpc;
    char hex[2 * SHA256_SIZE + 1];
    AUTO(image_units_free) struct image_units units = { 0 };
    hallmark__v1__withdraw_image_response__init(w->out);
    enum err e = image_withdraw(tx, w->in->sha256.data, w->in->reason, &units);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no image %s", hex_of(span_in(&w->in->sha256), hex));
    TRY(e);
    w->out->held_count = units.held_count;
    w->out->started_count = units.started_count;
    w->out->sealed_count = units.sealed_count;
    TRY(fill_uids(rpc, &units.held, &w->out->n_held, &w->out->held));
    return fill_uids(rpc, &units.started, &w->out->n_started, &w->out->started);
}

static enum err firmware_withdraw(struct rpc_call *rpc,
                                  const Hallmark__V1__WithdrawImageRequest *in,
                                  Hallmark__V1__WithdrawImageResponse *out)
{
    struct withdrawal w = { call_of(rpc), in, out };
    char hex[2 * SHA256_SIZE + 1], words[2 * SHA256_SIZE + 16];
    event_text(&w.call->event, EVENT_REASON, in->reason);
    if (in->sha256.len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "withdraw: the image's digest must be %d bytes",
                          SHA256_SIZE);
    TRY(message_reason(w.call, in->reason));
    snprintf(words, sizeof(words), "image %s", hex_of(span_in(&in->sha256), hex));
    event_text(&w.call->event, EVENT_MESSAGE, words);
    event_digest_is(&w.call->event, "image", in->sha256.data);
    return call_change(w.call, withdraw, &w, &out->base);
}

RPC_HANDLER(firmware, Firmware, release, Release, Release)
RPC_HANDLER(firmware, Firmware, list, List, ListImages)
RPC_HANDLER(firmware, Firmware, withdraw, Withdraw, WithdrawImage)

Hallmark__V1__Firmware_Service firmware_service = HALLMARK__V1__FIRMWARE__INIT(firmware__);
