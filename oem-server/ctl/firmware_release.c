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

static enum err release(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct release_args *a = args;
    AUTO(buf_free) struct buf image = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ReleaseResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ReleaseRequest in = HALLMARK__V1__RELEASE_REQUEST__INIT;
    uint32_t kind = a->kind == 0 ? kinds[0].value : a->kind;
    TRY(file_read(a->file, FLASH_FIRMWARE_MAX, &image));
    TRY(remote_open(ctl, &remote));
    in.kind = (Hallmark__V1__ImageKind)kind;
    in.version = a->version;
    in.image = (ProtobufCBinaryData){ image.len, image.ptr };
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__firmware__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__firmware__release, &in, &out));
    TRY(check_answer(out, buf_span(&image)));
    report_hex(&report, "sha256", span_of(out->sha256.data, out->sha256.len));
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
