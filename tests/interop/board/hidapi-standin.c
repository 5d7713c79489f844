/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for hidapi, to be loaded by LD_PRELOAD into a debugger that others built: one
 * CMSIS-DAP v1 probe, whose reports go to virtual-board's TCP port and back. Only what
 * OpenOCD's HID back end calls. Reports are REPORT bytes and padded, as on USB: the board must
 * have been started with that packet size.
 */
#include <hidapi/hidapi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/interop/board/wire.h"

enum { REPORT = 64, VENDOR = 0x1209, PRODUCT = 0x0001 }; /* pid.codes' test product */

struct hid_device_ {
    int fd;
};

static struct hid_device_ the_device = { -1 };

int hid_init(void)
{
    return 0;
}

int hid_exit(void)
{
    return 0;
}

struct hid_device_info *hid_enumerate(unsigned short vendor, unsigned short product)
{
    static wchar_t serial[] = L"stand-in", maker[] = L"Hallmark",
                   name[] = L"Stand-in CMSIS-DAP v1";
    static char path[] = "stand-in";
    if ((vendor != 0 && vendor != VENDOR) || (product != 0 && product != PRODUCT))
        return NULL;
    struct hid_device_info *info = calloc(1, sizeof(*info));
    if (info == NULL)
        return NULL;
    *info = (struct hid_device_info){ .path = path,
                                      .vendor_id = VENDOR,
                                      .product_id = PRODUCT,
                                      .serial_number = serial,
                                      .manufacturer_string = maker,
                                      .product_string = name };
    return info;
}

void hid_free_enumeration(struct hid_device_info *list)
{
    free(list);
}

hid_device *hid_open_path(const char *path)
{
    (void)path;
    the_device.fd = wire_open();
    return the_device.fd < 0 ? NULL : &the_device;
}

hid_device *hid_open(unsigned short vendor, unsigned short product, const wchar_t *serial)
{
    (void)vendor, (void)product, (void)serial;
    return hid_open_path("stand-in");
}

void hid_close(hid_device *device)
{
    if (device != NULL && device->fd >= 0)
        close(device->fd);
    the_device.fd = -1;
}

/* data: the report's number, always 0, then the report. */
int hid_write(hid_device *device, const unsigned char *data, size_t len)
{
    uint8_t report[REPORT] = { 0 };
    if (len == 0 || len - 1 > REPORT)
        return -1;
    memcpy(report, data + 1, len - 1);
    return wire_send(device->fd, report, REPORT) == 0 ? (int)len : -1;
}

int hid_read_timeout(hid_device *device, unsigned char *data, size_t len, int timeout_ms)
{
    uint8_t report[REPORT] = { 0 };
    int n = wire_receive(device->fd, report, REPORT, timeout_ms);
    if (n <= 0)
        return n;
    size_t kept = len < REPORT ? len : REPORT;
    memcpy(data, report, kept);
    return (int)kept;
}

const wchar_t *hid_error(hid_device *device)
{
    (void)device;
    return L"stand-in: the connection to the board was lost";
}
