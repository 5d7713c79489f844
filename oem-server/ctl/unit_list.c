/* SPDX-License-Identifier: MIT */
/*
 * unit list: units by UID, page after page. Called through the table of commands. The server is
 * not trusted to end the list: each page must continue after the one before
 * (test_ctl_commands).
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit_row.h"

struct list_args {
    char *order, *station, *state;
    struct option_uid after;
    uint32_t limit;
};

static enum err choose_state(const char *text, void *text_out)
{
    static const struct option_choice states[] = {
        { "started", 1 }, { "finished", 1 }, { "committed", 1 },
        { "sealed", 1 },  { "failed", 1 },   { "scrapped", 1 },
        { "held", 1 },    { "unlocked", 1 }, { NULL, 0 },
    };
    uint32_t any;
    TRY(option_choose(states, text, &any));
    *(const char **)text_out = text;
    return ERR_OK;
}

/* Where the next page begins. */
struct listing {
    struct ctl *ctl;
    struct option_uid after;
    uint64_t had;
};

static enum err print_row(struct listing *l, const Hallmark__V1__UnitRow *row)
{
    TRY(unit_row_check(row));
    if (l->after.given && memcmp(row->uid.data, l->after.bytes, UID_SIZE) <= 0)
        return fail_quiet(ERR_PROTO, "the server's units are not in the order of their UIDs");
    memcpy(l->after.bytes, row->uid.data, UID_SIZE);
    l->after.given = true;
    l->had++;
    return unit_row_print(l->ctl, row);
}

static enum err print_page(struct listing *l, const Hallmark__V1__ListUnitsResponse *page,
                           uint32_t asked)
{
    if (page->n_units > asked || (page->n_units == 0 && page->more))
        return fail_quiet(ERR_PROTO, "the server gave %zu units, %u were asked for",
                          page->n_units, asked);
    for (size_t i = 0; i < page->n_units; i++)
        TRY(print_row(l, page->units[i]));
    return ERR_OK;
}

static enum err read_page(struct rpc_stub *stub, const struct list_args *a, struct listing *l,
                          uint32_t count, bool *more_out)
{
    AUTO(rpc_drop) Hallmark__V1__ListUnitsResponse *page = NULL;
    Hallmark__V1__ListUnitsRequest in = HALLMARK__V1__LIST_UNITS_REQUEST__INIT;
    in.order = a->order != NULL ? a->order : in.order;
    in.station = a->station != NULL ? a->station : in.station;
    in.state = a->state != NULL ? a->state : in.state;
    if (l->after.given)
        in.after = (ProtobufCBinaryData){ UID_SIZE, l->after.bytes };
    in.limit = count;
    TRY(advise(RPC_CALL(stub, hallmark__v1__units__list, &in, &page), ADVISE_ORDER));
    TRY(print_page(l, page, count));
    *more_out = page->more;
    return ERR_OK;
}

static void tell_more(const struct listing *l)
{
    char hex[2 * UID_SIZE + 1];
    fprintf(stderr, "oemctl: there are more; continue with --after %s\n",
            hex_of(SPAN(l->after.bytes), hex));
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct list_args *a = args;
    struct listing listing = { .ctl = ctl, .after = a->after };
    AUTO(remote_close) struct remote *remote = NULL;
    bool more = true;
    uint32_t count;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    unit_row_header(ctl);
    while (more && (count = list_page(a->limit, listing.had)) != 0)
        TRY(read_page(&stub, a, &listing, count, &more));
    if (more)
        tell_more(&listing);
    return ERR_OK;
}

static const struct option_row options[] = {
    { "order", "NAME", "only of this order", option_name, offsetof(struct list_args, order),
      false, false },
    { "station", "NAME", "only of this station", option_name,
      offsetof(struct list_args, station), false, false },
    { "state", "STATE", "only in this state; or held, or unlocked", choose_state,
      offsetof(struct list_args, state), false, false },
    { "limit", "N", "units at most, all unless given", option_u32,
      offsetof(struct list_args, limit), false, false },
    { "after", "UID", "begin after this unit", option_uid, offsetof(struct list_args, after),
      false, false },
};

const struct command unit_list_command = {
    .words = "unit list",
    .synopsis = "[OPTION]...",
    .text = "List units, a line each; with --json, JSON Lines",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct list_args),
    .run = list,
};
