/* SPDX-License-Identifier: MIT */
#include "oem-server/ctl/order_report.h"

const struct option_choice order_locks[] = {
    { "dev", HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV },
    { "password", HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PASSWORD },
    { "production", HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION },
    { NULL, 0 },
};

const struct option_choice order_boot_keys[] = {
    { "unit", HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT },
    { "order", HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER },
    { NULL, 0 },
};

void order_report(struct report *report, const Hallmark__V1__Order *order)
{
    const ProtobufCBinaryData *firmware = &order->firmware_sha256;
    const ProtobufCBinaryData *devauth = &order->devauth_sha256;
    report_text(report, "order", order->name);
    report_number(report, "quantity", order->quantity);
    report_hex(report, "firmware_sha256", span_of(firmware->data, firmware->len));
    report_hex(report, "devauth_sha256", span_of(devauth->data, devauth->len));
    report_text(report, "lock_level", option_word(order_locks, order->lock_level));
    report_text(report, "boot_key", option_word(order_boot_keys, order->boot_key_scope));
    report_texts(report, "stations", order->stations, order->n_stations);
    report_time(report, "not_before", order->not_before);
    report_time(report, "not_after", order->not_after);
}
