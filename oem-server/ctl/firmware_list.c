/* SPDX-License-Identifier: MIT */
/*
 * firmware list: the images that were released, withdrawn ones included, oldest first, page
 * after page. Called through the table of commands. It only reads. The server is not trusted to
 * end the list: each image must be newer than the one before (test_ctl_commands).
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/image_kind.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/remote.h"

struct list_args {
    struct option_sha256 after;
    uint32_t limit;
};

struct listing {
    struct ctl *ctl;
    bool begun; /* after: the last image of the page before */
    uint8_t after[SHA256_SIZE];
    uint64_t released_us; /* its time, once a row was had */
    uint64_t had;
};

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

/* By time, and by digest where two have one time. */
static bool is_next(const struct listing *l, const Hallmark__V1__ImageRow *row)
{
    if (row->sha256.len != SHA256_SIZE)
        return false;
    return l->had == 0 || row->released_us > l->released_us ||
           (row->released_us == l->released_us &&
            memcmp(row->sha256.data, l->after, SHA256_SIZE) > 0);
}

static enum err print_row(struct listing *l, const Hallmark__V1__ImageRow *row)
{
    AUTO(report_free) struct report report = report_new();
    if (!is_next(l, row))
        return fail_quiet(ERR_PROTO, "the server's images are not in the order of their age");
    memcpy(l->after, row->sha256.data, SHA256_SIZE);
    l->begun = true;
    l->released_us = row->released_us;
    l->had++;
    report_image(&report, row);
    return list_row(l->ctl, columns, COUNT(columns), &report,
                    row->withdrawn ? row->withdrawn_reason : "");
}

static enum err read_page(struct rpc_stub *stub, struct listing *l, uint32_t count,
                          bool *more_out)
{
    AUTO(rpc_drop) Hallmark__V1__ListImagesResponse *page = NULL;
    Hallmark__V1__ListImagesRequest in = HALLMARK__V1__LIST_IMAGES_REQUEST__INIT;
    if (l->begun)
        in.after = (ProtobufCBinaryData){ sizeof(l->after), l->after };
    in.limit = count;
    TRY(RPC_CALL(stub, hallmark__v1__firmware__list, &in, &page));
    if (page->n_images > count || (page->n_images == 0 && page->more))
        return fail_quiet(ERR_PROTO, "the server gave %zu images, %u were asked for",
                          page->n_images, count);
    for (size_t i = 0; i < page->n_images; i++)
        TRY(print_row(l, page->images[i]));
    *more_out = page->more;
    return ERR_OK;
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct list_args *a = args;
    struct listing listing = { .ctl = ctl, .begun = a->after.given };
    char hex[2 * SHA256_SIZE + 1];
    AUTO(remote_close) struct remote *remote = NULL;
    bool more = true;
    uint32_t count;
    memcpy(listing.after, a->after.bytes, SHA256_SIZE);
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__firmware__descriptor, remote_send, remote);
    list_header(ctl, columns, COUNT(columns));
    while (more && (count = list_page(a->limit, listing.had)) != 0)
        TRY(read_page(&stub, &listing, count, &more));
    if (more)
        fprintf(stderr, "oemctl: there are more; continue with --after %s\n",
                hex_of(SPAN(listing.after), hex));
    return ERR_OK;
}

static const struct option_row options[] = {
    { "limit", "N", "images at most, all unless given", option_u32,
      offsetof(struct list_args, limit), false, false },
    { "after", "SHA256", "begin after this image", option_sha256,
      offsetof(struct list_args, after), false, false },
};

const struct command firmware_list_command = {
    .words = "firmware list",
    .synopsis = "[OPTION]...",
    .text = "List released images, a line each; with --json, JSON Lines",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct list_args),
    .run = list,
};
