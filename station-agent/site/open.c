/* SPDX-License-Identifier: MIT */
/*
 * Runs.Open, and what its answer makes of the site: a run, or a committed unit that has only to
 * be locked; and the images that the server names. Called by engine.c and the steps. Nothing
 * that an answer says is used before its length was checked.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"

enum { CHUNK_MAX = 256 << 10 };

static struct rpc_stub runs_of(struct site *site)
{
    return rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
}

static enum err check_chunk(const Hallmark__V1__FetchImageResponse *out, size_t at,
                            uint32_t size)
{
    if (out->size == 0 || out->size > IMAGE_SIZE_MAX)
        return fail_quiet(ERR_LIMIT, "image of %u bytes; 1 to %d", out->size, IMAGE_SIZE_MAX);
    if (size != 0 && out->size != size)
        return fail_quiet(ERR_PROTO, "image's size changes from %u to %u", size, out->size);
    if (out->chunk.len == 0 || out->chunk.len > CHUNK_MAX || out->chunk.len > out->size - at)
        return fail_quiet(ERR_LIMIT, "chunk of %zu bytes at %zu of an image of %u",
                          out->chunk.len, at, out->size);
    return ERR_OK;
}

/* The next piece of an image, checked against what is there and was promised. Without a run it
 * is the unit that says which images may be had. */
static enum err fetch_chunk(struct site *site, const uint8_t *sha256, struct buf *bytes,
                            uint32_t *size)
{
    uint8_t named[SHA256_SIZE];
    Hallmark__V1__FetchImageRequest in = HALLMARK__V1__FETCH_IMAGE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__FetchImageResponse *out = NULL;
    struct rpc_stub runs = runs_of(site);
    memcpy(named, sha256, SHA256_SIZE);
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, named };
    in.offset = (uint32_t)bytes->len;
    if (!unit_has_run(&site->unit))
        in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    TRY(RPC_CALL(&runs, hallmark__v1__runs__fetch_image, &in, &out));
    TRY(check_chunk(out, bytes->len, *size));
    *size = out->size;
    return buf_append(bytes, span_of(out->chunk.data, out->chunk.len));
}

/* The firmware's first piece is on its way while the board makes its keys. One site asks for
 * all: the others find the image, or fetch it themselves if this site's board is slower. */
void site_firmware_ahead(struct site *site)
{
    Hallmark__V1__FetchImageRequest in = HALLMARK__V1__FETCH_IMAGE_REQUEST__INIT;
    AUTO(buf_free) struct buf payload = { 0 };
    if (site->ahead != NULL || !channel_has_spare(site->channel) ||
        !images_may_ask_ahead(site->images, site->unit.firmware_sha256))
        return;
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, site->unit.firmware_sha256 };
    if (rpc_pack(&in.base, &payload) != ERR_OK)
        return;
    const struct channel_call call = { .method = "hallmark.v1.Runs/FetchImage",
                                       .payload = buf_span(&payload),
                                       .timeout_ms = CHANNEL_CALL_MS };
    site->ahead = channel_begin(site->channel, &call);
}

void site_firmware_drop(struct site *site)
{
    AUTO(buf_free) struct buf response = { 0 };
    if (site->ahead != NULL)
        (void)channel_end(&site->ahead, &response);
}

/* What did not come, or is not a piece of an image, is asked for again. */
static void take_ahead(struct site *site, struct buf *bytes, uint32_t *size)
{
    AUTO(buf_free) struct buf response = { 0 };
    AUTO(rpc_drop) Hallmark__V1__FetchImageResponse *out = NULL;
    if (site->ahead == NULL || channel_end(&site->ahead, &response) != ERR_OK)
        return;
    out = hallmark__v1__fetch_image_response__unpack(NULL, response.len, response.ptr);
    if (out == NULL || check_chunk(out, 0, 0) != ERR_OK ||
        buf_append(bytes, span_of(out->chunk.data, out->chunk.len)) != ERR_OK)
        return;
    *size = out->size;
}

static enum err fetch(struct site *site, const char *what, const uint8_t *sha256,
                      const struct image **image_out)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    uint32_t size = 0;
    if (memcmp(sha256, site->unit.firmware_sha256, SHA256_SIZE) == 0)
        take_ahead(site, &bytes, &size);
    while (bytes.len == 0 || bytes.len < size)
        TRY(fetch_chunk(site, sha256, &bytes, &size));
    return images_put(site->images, what, sha256, &bytes, image_out);
}

enum err site_image(struct site *site, const char *what, const uint8_t *sha256,
                    const struct image **image_out)
{
    const struct image *found = NULL;
    TRY(images_claim(site->images, sha256, &found));
    if (found == NULL) {
        enum err e = fetch(site, what, sha256, &found);
        images_release(site->images, sha256);
        TRY(e);
    }
    *image_out = found;
    return ERR_OK;
}

static enum err take_devauth(struct unit *unit, const Hallmark__V1__OpenResponse *out)
{
    if (out->devauth == NULL)
        return fail_quiet(ERR_PROTO, "Runs.Open names no DevAuth");
    return unit_field(out->devauth->sha256, "devauth", unit->devauth_sha256, SHA256_SIZE);
}

static enum err take_run(struct unit *unit, const Hallmark__V1__OpenResponse *out)
{
    TRY(unit_field(out->run_id, "run_id", unit->run_id, RUN_ID_SIZE));
    if (!unit_has_run(unit))
        return fail_quiet(ERR_PROTO, "Runs.Open gives run id 0, which stands for no run");
    TRY(unit_field(out->server_nonce, "server_nonce", unit->server_nonce, NONCE_SIZE));
    if (out->firmware == NULL)
        return fail_quiet(ERR_PROTO, "Runs.Open names no firmware");
    TRY(take_devauth(unit, out));
    TRY(unit_field(out->firmware->sha256, "firmware", unit->firmware_sha256, SHA256_SIZE));
    unit->lock_level = out->lock_level;
    return buf_copy(&unit->subject, span_of(out->subject.data, out->subject.len));
}

/* No run: the board has what it needs, and is to be locked. */
static enum err take_committed(struct site *site, Hallmark__V1__OpenResponse *out)
{
    if (out->committed == NULL || site->repeat)
        return fail_quiet(ERR_PROTO, "Runs.Open gives no run%s",
                          site->repeat ? ", though its arrows were to be repeated" : "");
    TRY(take_devauth(&site->unit, out));
    TRY(closing_check(out->committed));
    site->committed = TAKE(out->committed);
    site->shortened = true;
    return ERR_OK;
}

static enum err ask(struct site *site, Hallmark__V1__OpenResponse **out)
{
    char order[128], probe[PROBE_NAME_MAX], software[] = "station-agent/" HALLMARK_VERSION;
    Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
    struct rpc_stub runs = runs_of(site);
    snprintf(order, sizeof(order), "%s", site->order);
    snprintf(probe, sizeof(probe), "%s", site->probe_uri);
    in.order = order;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.pdid = site->unit.pdid;
    in.probe = probe;
    in.software = software;
    in.repeat = site->repeat;
    return RPC_CALL(&runs, hallmark__v1__runs__open, &in, out);
}

static enum err take(struct site *site, Hallmark__V1__OpenResponse *out)
{
    return out->run_id.len != 0 ? take_run(&site->unit, out) : take_committed(site, out);
}

static enum err open_to_repeat(struct site *site)
{
    AUTO(rpc_drop) Hallmark__V1__OpenResponse *out = NULL;
    site->repeat = true;
    TRY(ask(site, &out));
    return take(site, out);
}

enum err open_unit(struct site *site)
{
    AUTO(rpc_drop) Hallmark__V1__OpenResponse *out = NULL;
    site_now(site, "Runs.Open");
    TRY(site_note_loss(site, channel_open(site->server, &site->channel)));
    TRY(ask(site, &out));
    if (out->run_id.len == 0 && out->repeat && !site->repeat)
        return open_to_repeat(site);
    return take(site, out);
}
