/* SPDX-License-Identifier: MIT */
/*
 * order create: how many units of which firmware, and which stations may make them. Called
 * through the table of commands. Arguments of a wrong form are refused here, before a
 * connection is made.
 */
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/when.h"

struct create_args {
    char *name;
    uint32_t quantity;
    struct option_sha256 firmware;
    struct option_sha256 devauth;
    struct option_names stations;
    uint32_t lock;
    uint32_t boot_key;
    uint64_t not_before;
    uint64_t not_after;
    struct option_count spares;
    uint32_t boot_test;
    char *lot, *line, *part_number;
    struct option_attributes attributes;
    char *reason;
};

/* Certificates beyond the quantity, for boards that fail after arrow 14: 2 %, from 1 to 20. */
static uint32_t default_spares(uint32_t quantity)
{
    uint32_t share = quantity / 50;
    return share < 1 ? 1 : share > 20 ? 20 : share;
}

static enum err choose_lock(const char *text, void *u32_out)
{
    if (strcmp(text, "password") == 0)
        return fail_quiet(ERR_USAGE,
                          "password is withdrawn: Hallmark sets no DPM password on the "
                          "board, and one that was set before would open it; use "
                          "production, or dev");
    return option_choose(order_locks, text, u32_out);
}

static enum err choose_boot_key(const char *text, void *u32_out)
{
    return option_choose(order_boot_keys, text, u32_out);
}

static enum err choose_boot_test(const char *text, void *u32_out)
{
    return option_choose(order_boot_tests, text, u32_out);
}

/* The messages of an order's attributes; they borrow from the arguments. */
struct attributes {
    Hallmark__V1__Attribute rows[OPTION_ATTRIBUTES_MAX];
    Hallmark__V1__Attribute *pointers[OPTION_ATTRIBUTES_MAX];
};

static void fill_labels(Hallmark__V1__Order *order, struct create_args *a,
                        struct attributes *attributes)
{
    order->lot = a->lot != NULL ? a->lot : order->lot;
    order->line = a->line != NULL ? a->line : order->line;
    order->part_number = a->part_number != NULL ? a->part_number : order->part_number;
    for (size_t i = 0; i < a->attributes.count; i++) {
        attributes->pointers[i] = &attributes->rows[i];
        hallmark__v1__attribute__init(&attributes->rows[i]);
        attributes->rows[i].name = a->attributes.list[i].name;
        attributes->rows[i].value = a->attributes.list[i].value;
    }
    order->attributes = attributes->pointers;
    order->n_attributes = a->attributes.count;
}

/* The requested order; it borrows from a copy of args. */
static void fill(Hallmark__V1__Order *order, struct create_args *a)
{
    order->name = a->name;
    order->quantity = a->quantity;
    order->spares = a->spares.given ? a->spares.value : default_spares(a->quantity);
    order->boot_test = (Hallmark__V1__BootTest)a->boot_test;
    order->firmware_sha256 =
        (ProtobufCBinaryData){ sizeof(a->firmware.bytes), a->firmware.bytes };
    order->devauth_sha256 = (ProtobufCBinaryData){ sizeof(a->devauth.bytes), a->devauth.bytes };
    order->lock_level =
        (Hallmark__V1__LockLevel)(a->lock == 0 ? HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION
                                               : a->lock);
    order->boot_key_scope =
        (Hallmark__V1__BootKeyScope)(a->boot_key == 0
                                         ? HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT
                                         : a->boot_key);
    order->stations = a->stations.names;
    order->n_stations = a->stations.count;
    order->not_before = a->not_before;
    order->not_after = a->not_after == 0 ? WHEN_END : a->not_after;
}

/* A warning and not a refusal, because it may be intended for a test. */
static void warn_if_over(const Hallmark__V1__Order *order)
{
    char text[WHEN_TEXT_SIZE];
    if (order->not_after > (uint64_t)time(NULL))
        return;
    when_text(order->not_after, text);
    fprintf(stderr, "oemctl: warning: %s: --not-after is in the past: %s\n", order->name, text);
}

static enum err create(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct create_args a = *(const struct create_args *)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__CreateOrderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    struct attributes attributes;
    fill(&order, &a);
    fill_labels(&order, &a, &attributes);
    in.order = &order;
    in.reason = a.reason != NULL ? a.reason : in.reason;
    if (order.not_before >= order.not_after)
        return fail_quiet(ERR_USAGE, "--not-after is not later than --not-before");
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__orders__create, &in, &out), ADVISE_ORDER));
    warn_if_over(&order);
    order_report(&report, &order);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "quantity", "N", "good units at most", option_u32, offsetof(struct create_args, quantity),
      true, false },
    { "firmware", "SHA256", "the released firmware to burn", option_sha256,
      offsetof(struct create_args, firmware), true, false },
    { "devauth", "SHA256", "the released DevAuth to run", option_sha256,
      offsetof(struct create_args, devauth), true, false },
    { "station", "NAME", "a station that may work on it", option_names,
      offsetof(struct create_args, stations), true, true },
    { "lock", "LEVEL", "dev or production (unless given)", choose_lock,
      offsetof(struct create_args, lock), false, false },
    { "boot-key", "SCOPE", "a key for each unit (unless given) or for the order",
      choose_boot_key, offsetof(struct create_args, boot_key), false, false },
    { "spares", "N", "certificates beyond the quantity; 2 %, from 1 to 20, unless given",
      option_count, offsetof(struct create_args, spares), false, false },
    { "boot-test", "WHEN", "always, never or by-level: at production (unless given)",
      choose_boot_test, offsetof(struct create_args, boot_test), false, false },
    { "lot", "TEXT", "of the material, for your records", option_label,
      offsetof(struct create_args, lot), false, false },
    { "line", "TEXT", "of production", option_label, offsetof(struct create_args, line), false,
      false },
    { "part-number", "TEXT", "of the product", option_label,
      offsetof(struct create_args, part_number), false, false },
    { "attribute", "NAME=VALUE", "free", option_attributes,
      offsetof(struct create_args, attributes), false, true },
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct create_args, reason),
      false, false },
    { "not-before", "TIME", "ISO 8601 with zone, or a date in UTC", option_time,
      offsetof(struct create_args, not_before), false, false },
    { "not-after", "TIME", "the same; no end unless given", option_time,
      offsetof(struct create_args, not_after), false, false },
};

static const struct option_row operands[] = {
    { "NAME", NULL, "of the new order", option_name, offsetof(struct create_args, name), true,
      false },
};

const struct command order_create_command = {
    .words = "order create",
    .synopsis = "NAME --quantity N --firmware SHA256 --devauth SHA256 --station NAME... "
                "[OPTION]...",
    .text = "Allow stations to make a number of units",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct create_args),
    .run = create,
};
