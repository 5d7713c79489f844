/* SPDX-License-Identifier: MIT */
/*
 * firmware release: sends an image with its description, in pieces. Called through the table of
 * commands. It must never report an image as released whose bytes the server did not confirm.
 */
#include <string.h>

#include "common/core/layout.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/image_kind.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

enum { PIECE = 64 << 10 /* bytes a message */, SBOM_MAX = 64 << 20 };

struct release_args {
    const char *file;
    uint32_t kind;
    char *version;
    uint32_t version_number, security_counter;
    const char *sbom;
    char *reason;
};

/* The fields of each message besides its piece of the image; the server uses those of the
 * first. */
struct saying {
    const struct release_args *args;
    uint32_t kind;
    uint8_t sbom_sha256[SHA256_SIZE];
};

const struct option_choice image_kinds[] = {
    { "firmware", HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE },
    { "devauth", HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH },
    { NULL, 0 },
};

static enum err choose_kind(const char *text, void *u32_out)
{
    return option_choose(image_kinds, text, u32_out);
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

static enum err send_piece(struct wss_stream *stream, struct saying *what, struct span piece,
                           bool last)
{
    const struct release_args *a = what->args;
    Hallmark__V1__ReleaseRequest in = HALLMARK__V1__RELEASE_REQUEST__INIT;
    AUTO(buf_free) struct buf packed = { 0 };
    in.kind = (Hallmark__V1__ImageKind)what->kind;
    in.version = a->version;
    in.reason = a->reason != NULL ? a->reason : in.reason;
    in.version_number = a->version_number;
    in.security_counter = a->security_counter;
    if (a->sbom != NULL)
        in.sbom_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, what->sbom_sha256 };
    in.chunk = (ProtobufCBinaryData){ piece.len, (uint8_t *)(uintptr_t)piece.ptr };
    TRY(rpc_pack(&in.base, &packed));
    return wss_stream_send(stream, buf_span(&packed), last);
}

/* The server may refuse in mid-stream: its answer then says why, and not the failed send. */
static enum err upload(struct remote *remote, struct saying *what, struct span image,
                       struct buf *answer)
{
    AUTO(stream_drop) struct wss_stream *stream = NULL;
    TRY(remote_stream(remote, "hallmark.v1.Firmware/Release", span_of("", 0), 0, &stream));
    enum err e = ERR_OK;
    for (size_t at = 0; at < image.len && e == ERR_OK; at += PIECE) {
        size_t len = image.len - at < PIECE ? image.len - at : PIECE;
        e = send_piece(stream, what, span_of(image.ptr + at, len), at + len == image.len);
    }
    return e == ERR_OK || e == ERR_CLOSED ? wss_stream_finish(stream, answer) : e;
}

/* The file is not sent: the server keeps its digest. */
static enum err digest_sbom(struct saying *what)
{
    AUTO(buf_free) struct buf sbom = { 0 };
    if (what->args->sbom == NULL)
        return ERR_OK;
    TRY(file_read(what->args->sbom, SBOM_MAX, &sbom));
    if (sbom.len == 0)
        return fail_quiet(ERR_INVALID, "%s is empty", what->args->sbom);
    sha256_of(buf_span(&sbom), what->sbom_sha256);
    return ERR_OK;
}

static void report_release(struct report *report, const struct saying *what, struct span sha256,
                           size_t size)
{
    report_hex(report, "sha256", sha256);
    report_text(report, "kind", option_word(image_kinds, what->kind));
    report_text(report, "version", what->args->version);
    if (what->args->version_number != 0)
        report_number(report, "version_number", what->args->version_number);
    if (what->args->security_counter != 0)
        report_number(report, "security_counter", what->args->security_counter);
    if (what->args->sbom != NULL)
        report_hex(report, "sbom_sha256", SPAN(what->sbom_sha256));
    report_number(report, "size", size);
}

static enum err release(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct release_args *a = args;
    struct saying what = { .args = a, .kind = a->kind == 0 ? image_kinds[0].value : a->kind };
    AUTO(buf_free) struct buf image = { 0 };
    AUTO(buf_free) struct buf answer = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(file_read(a->file, FLASH_FIRMWARE_MAX, &image));
    if (image.len == 0)
        return fail_quiet(ERR_INVALID, "%s is empty", a->file);
    TRY(digest_sbom(&what));
    TRY(remote_open(ctl, &remote));
    TRY(upload(remote, &what, buf_span(&image), &answer));
    TRY(rpc_unpack(&hallmark__v1__release_response__descriptor, buf_span(&answer), &out));
    const Hallmark__V1__ReleaseResponse *released = (const Hallmark__V1__ReleaseResponse *)out;
    TRY(check_answer(released, buf_span(&image)));
    report_release(&report, &what, span_of(released->sha256.data, released->sha256.len),
                   image.len);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "kind", "KIND", "firmware (unless given) or devauth", choose_kind,
      offsetof(struct release_args, kind), false, false },
    { "version", "TEXT", "what people call it", option_label,
      offsetof(struct release_args, version), true, false },
    { "version-number", "N", "greater means newer", option_u32,
      offsetof(struct release_args, version_number), false, false },
    { "security-counter", "N", "its anti-rollback counter", option_u32,
      offsetof(struct release_args, security_counter), false, false },
    { "sbom", "FILE", "its SBOM, of which the SHA-256 is sent", option_text,
      offsetof(struct release_args, sbom), false, false },
    { "reason", "TEXT", "why, for the log", option_reason,
      offsetof(struct release_args, reason), false, false },
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
