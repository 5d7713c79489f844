/* SPDX-License-Identifier: MIT */
/*
 * order list: orders by name, page after page. Called through the table of commands. The server
 * is not trusted to end the list: each page must continue after the one before
 * (test_ctl_commands).
 */
#include <string.h>

#include "common/host/log.h"
#include "common/host/name.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/remote.h"

struct list_args {
    char *after;
    uint32_t limit;
};

struct listing {
    struct ctl *ctl;
    char after[NAME_LENGTH_MAX + 1];
    uint64_t had;
};

static const struct list_column columns[] = {
    { "order", 20 }, { "sealed", 8 }, { "quantity", 8 },    { "under_way", 9 },
    { "failed", 6 }, { "state", 6 },  { "lock_level", 10 }, { "not_after", 20 },
};

static enum err print_row(struct listing *l, const Hallmark__V1__OrderRow *row)
{
    char notes[64] = "";
    AUTO(report_free) struct report report = report_new();
    TRY(order_report_check(row->order, row->counts));
    if (strcmp(row->order->name, l->after) <= 0 || !name_is_good(row->order->name))
        return fail_quiet(ERR_PROTO, "the server's orders are not in the order of their names");
    snprintf(l->after, sizeof(l->after), "%s", row->order->name);
    l->had++;
    order_report(&report, row->order);
    order_report_counts(&report, row->counts);
    report_bool(&report, "closed", row->closed);
    report_text(&report, "state", row->closed ? "closed" : "open");
    if (row->counts->unlocked > 0)
        snprintf(notes, sizeof(notes), "ALARM: %u units without lock statement",
                 row->counts->unlocked);
    return list_row(l->ctl, columns, COUNT(columns), &report, notes);
}

static enum err read_page(struct rpc_stub *stub, struct listing *l, uint32_t count,
                          bool *more_out)
{
    AUTO(rpc_drop) Hallmark__V1__ListOrdersResponse *page = NULL;
    Hallmark__V1__ListOrdersRequest in = HALLMARK__V1__LIST_ORDERS_REQUEST__INIT;
    in.after = l->after;
    in.limit = count;
    TRY(RPC_CALL(stub, hallmark__v1__orders__list, &in, &page));
    if (page->n_orders > count || (page->n_orders == 0 && page->more))
        return fail_quiet(ERR_PROTO, "the server gave %zu orders, %u were asked for",
                          page->n_orders, count);
    for (size_t i = 0; i < page->n_orders; i++)
        TRY(print_row(l, page->orders[i]));
    *more_out = page->more;
    return ERR_OK;
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct list_args *a = args;
    struct listing listing = { .ctl = ctl };
    AUTO(remote_close) struct remote *remote = NULL;
    bool more = true;
    uint32_t count;
    snprintf(listing.after, sizeof(listing.after), "%s", a->after == NULL ? "" : a->after);
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    list_header(ctl, columns, COUNT(columns));
    while (more && (count = list_page(a->limit, listing.had)) != 0)
        TRY(read_page(&stub, &listing, count, &more));
    if (more)
        fprintf(stderr, "oemctl: there are more; continue with --after %s\n", listing.after);
    return ERR_OK;
}

static const struct option_row options[] = {
    { "limit", "N", "orders at most, all unless given", option_u32,
      offsetof(struct list_args, limit), false, false },
    { "after", "NAME", "begin after this order", option_name, offsetof(struct list_args, after),
      false, false },
};

const struct command order_list_command = {
    .words = "order list",
    .synopsis = "[OPTION]...",
    .text = "List orders, a line each; with --json, JSON Lines",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct list_args),
    .run = list,
};
