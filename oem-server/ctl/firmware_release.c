/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/core/layout.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

enum { PIECE = 64 << 10 }; /* bytes a message */

struct release_args {
    const char *file;
    uint32_t kind;
    char *version;
};

static const struct option_choice kinds[] = {
    { "firmware", HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE },
    { "devauth", HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH },
    { NULL, 0 },
};

static enum err choose_kind(const char *text, void *u32_out)
{
    return option_choose(kinds, text, u32_out);
}

static enum err check_answer(const Hallmark__V1__ReleaseResponse *out, struct span image)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(image, digest);
    return span_eq(span_of(out->sha256.data, out->sha256.len), SPAN(digest))
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "the server released another image than was sent");
}

static void stream_drop(struct wss_stream **stream)
{
    wss_stream_free(*stream);
}

static enum err send_piece(struct wss_stream *stream, const struct release_args *a,
                           uint32_t kind, struct span piece, bool last)
{
    Hallmark__V1__ReleaseRequest in = HALLMARK__V1__RELEASE_REQUEST__INIT;
    AUTO(buf_free) struct buf packed = { 0 };
    in.kind = (Hallmark__V1__ImageKind)kind;
    in.version = a->version;
    in.chunk = (ProtobufCBinaryData){ piece.len, (uint8_t *)(uintptr_t)piece.ptr };
    TRY(rpc_pack(&in.base, &packed));
    return wss_stream_send(stream, buf_span(&packed), last);
}

/* The server may refuse in mid-stream: then its answer says why, not the failed send. */
static enum err upload(struct remote *remote, const struct release_args *a, uint32_t kind,
                       struct span image, struct buf *answer)
{
    AUTO(stream_drop) struct wss_stream *stream = NULL;
    TRY(remote_stream(remote, "hallmark.v1.Firmware/Release", span_of("", 0), 0, &stream));
    enum err e = ERR_OK;
    for (size_t at = 0; at < image.len && e == ERR_OK; at += PIECE) {
        size_t len = image.len - at < PIECE ? image.len - at : PIECE;
        e = send_piece(stream, a, kind, span_of(image.ptr + at, len), at + len == image.len);
    }
    return e == ERR_OK || e == ERR_CLOSED ? wss_stream_finish(stream, answer) : e;
}

static enum err release(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct release_args *a = args;
    AUTO(buf_free) struct buf image = { 0 };
    AUTO(buf_free) struct buf answer = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    AUTO(report_free) struct report report = report_new();
    uint32_t kind = a->kind == 0 ? kinds[0].value : a->kind;
    TRY(file_read(a->file, FLASH_FIRMWARE_MAX, &image));
    if (image.len == 0)
        return fail_quiet(ERR_INVALID, "%s is empty", a->file);
    TRY(remote_open(ctl, &remote));
    TRY(upload(remote, a, kind, buf_span(&image), &answer));
    TRY(rpc_unpack(&hallmark__v1__release_response__descriptor, buf_span(&answer), &out));
    const Hallmark__V1__ReleaseResponse *released = (const Hallmark__V1__ReleaseResponse *)out;
    TRY(check_answer(released, buf_span(&image)));
    report_hex(&report, "sha256", span_of(released->sha256.data, released->sha256.len));
    report_text(&report, "kind", option_word(kinds, kind));
    report_text(&report, "version", a->version);
    report_number(&report, "size", image.len);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "kind", "KIND", "firmware (unless given) or devauth", choose_kind,
      offsetof(struct release_args, kind), false, false },
    { "version", "TEXT", "what people call it", option_text,
      offsetof(struct release_args, version), true, false },
};

static const struct option_row operands[] = {
    { "FILE", NULL, "the image", option_text, offsetof(struct release_args, file), true,
      false },
};

const struct command firmware_release_command = {
    .words = "firmware release",
    .synopsis = "FILE --version TEXT [OPTION]...",
    .text = "Release an image, so that orders may name it",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct release_args),
    .run = release,
};
