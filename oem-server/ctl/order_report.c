/* SPDX-License-Identifier: MIT */
/*
 * Reports an order for people and scripts. Called by order create, show and list and by the
 * commands that change an order. A unit must count as good only when it is sealed, so the
 * counts begin with sealed units.
 */
#include "oem-server/ctl/order_report.h"

#include <stdio.h>

#include "common/host/log.h"

const struct option_choice order_locks[] = {
    { "dev", HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV },
    { "production", HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION },
    { NULL, 0 },
};

const struct option_choice order_boot_keys[] = {
    { "unit", HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT },
    { "order", HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER },
    { NULL, 0 },
};

const struct option_choice order_boot_tests[] = {
    { "by-level", HALLMARK__V1__BOOT_TEST__BOOT_TEST_UNSPECIFIED },
    { "always", HALLMARK__V1__BOOT_TEST__BOOT_TEST_ALWAYS },
    { "never", HALLMARK__V1__BOOT_TEST__BOOT_TEST_NEVER },
    { NULL, 0 },
};

static void put_text(struct report *report, const char *name, const char *text)
{
    if (*text != '\0')
        report_text(report, name, text);
}

static void put_pdids(struct report *report, const Hallmark__V1__Order *order)
{
    enum { MOST = 16, TEXT = sizeof("0x12345678") };
    char texts[MOST][TEXT], *pointers[MOST];
    size_t count = order->n_pdids < MOST ? order->n_pdids : MOST;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], TEXT, "0x%08x", order->pdids[i]);
        pointers[i] = texts[i];
    }
    if (count != 0)
        report_texts(report, "pdids", pointers, count);
}

/* The names are an operator's, so they are in an object of their own. */
static void put_attributes(struct report *report, const Hallmark__V1__Order *order)
{
    AUTO(report_free) struct report part = report_new();
    if (order->n_attributes == 0)
        return;
    for (size_t i = 0; i < order->n_attributes; i++)
        report_text(&part, order->attributes[i]->name, order->attributes[i]->value);
    report_object(report, "attributes", &part);
}

void order_report(struct report *report, const Hallmark__V1__Order *order)
{
    const ProtobufCBinaryData *firmware = &order->firmware_sha256;
    const ProtobufCBinaryData *devauth = &order->devauth_sha256;
    report_text(report, "order", order->name);
    report_number(report, "quantity", order->quantity);
    report_number(report, "spares", order->spares);
    report_hex(report, "firmware_sha256", span_of(firmware->data, firmware->len));
    report_hex(report, "devauth_sha256", span_of(devauth->data, devauth->len));
    report_text(report, "lock_level", option_word(order_locks, order->lock_level));
    report_text(report, "boot_key", option_word(order_boot_keys, order->boot_key_scope));
    report_text(report, "boot_test", option_word(order_boot_tests, order->boot_test));
    report_texts(report, "stations", order->stations, order->n_stations);
    report_time(report, "not_before", order->not_before);
    report_time(report, "not_after", order->not_after);
    put_text(report, "lot", order->lot);
    put_text(report, "line", order->line);
    put_text(report, "part_number", order->part_number);
    put_pdids(report, order);
    put_attributes(report, order);
}

void order_report_counts(struct report *report, const Hallmark__V1__OrderCounts *c)
{
    report_number(report, "sealed", c->sealed);
    report_number(report, "sealed_with_lock_statement",
                  c->sealed < c->accepted ? 0 : c->sealed - c->accepted);
    report_number(report, "accepted_without", c->accepted);
    report_number(report, "good", c->good);
    report_number(report, "under_way", c->under_way);
    report_number(report, "committed", c->committed);
    report_number(report, "finished", c->finished);
    report_number(report, "started", c->started);
    report_number(report, "failed", c->failed);
    report_number(report, "scrapped", c->scrapped);
    report_number(report, "certificates_issued", c->issued);
    report_number(report, "unknown", c->unknown);
    report_number(report, "unlocked", c->unlocked);
}

enum err order_report_check(const Hallmark__V1__Order *order,
                            const Hallmark__V1__OrderCounts *counts)
{
    return order != NULL && counts != NULL
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the server's answer has no order or no counts");
}
