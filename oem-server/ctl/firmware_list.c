/* SPDX-License-Identifier: MIT */
/* firmware list: the images that were released, withdrawn ones included. Called through the
 * table of commands. It only reads. */
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/image_kind.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/remote.h"

static const struct list_column columns[] = {
    { "sha256", 2 * SHA256_SIZE }, { "kind", 8 }, { "version", 12 }, { "version_number", 14 },
    { "security_counter", 16 },    { "size", 7 }, { "state", 9 },    { "released", 27 },
};

static void report_image(struct report *report, const Hallmark__V1__ImageRow *row)
{
    report_hex(report, "sha256", span_of(row->sha256.data, row->sha256.len));
    report_text(report, "kind", option_word(image_kinds, row->kind));
    report_text(report, "version", row->version);
    if (row->version_number != 0)
        report_number(report, "version_number", row->version_number);
    if (row->security_counter != 0)
        report_number(report, "security_counter", row->security_counter);
    if (row->sbom_sha256.len != 0)
        report_hex(report, "sbom_sha256", span_of(row->sbom_sha256.data, row->sbom_sha256.len));
    report_number(report, "size", row->size);
    report_time_us(report, "released", row->released_us);
    report_text(report, "state", row->withdrawn ? "withdrawn" : "released");
    if (row->withdrawn)
        report_text(report, "withdrawn_reason", row->withdrawn_reason);
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command, (void)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ListImagesResponse *out = NULL;
    Hallmark__V1__ListImagesRequest in = HALLMARK__V1__LIST_IMAGES_REQUEST__INIT;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__firmware__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__firmware__list, &in, &out));
    list_header(ctl, columns, COUNT(columns));
    for (size_t i = 0; i < out->n_images; i++) {
        AUTO(report_free) struct report report = report_new();
        const Hallmark__V1__ImageRow *row = out->images[i];
        report_image(&report, row);
        TRY(list_row(ctl, columns, COUNT(columns), &report,
                     row->withdrawn ? row->withdrawn_reason : ""));
    }
    return ERR_OK;
}

const struct command firmware_list_command = {
    .words = "firmware list",
    .synopsis = "[OPTION]...",
    .text = "List released images, a line each; with --json, JSON Lines",
    .run = list,
};
