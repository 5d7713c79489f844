/* SPDX-License-Identifier: MIT */
/*
 * Switches a USB port's power through its hub. Called by usb.c for a probe that a reset does
 * not wake. It must not switch more than that one port, nor leave it off.
 */

#include "station-agent/probe/usb_hub.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb-1.0/libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/rd.h"
#include "common/host/log.h"
#include "station-agent/probe/when.h"

/* USB 2.0, tables 11-13, 11-15 to 11-17; USB 3.2, 10.15.2.1. */
enum {
    TYPE_IN_HUB = 0xA0,
    TYPE_OUT_PORT = 0x23,
    GET_DESCRIPTOR = 6,
    CLEAR_FEATURE = 1,
    SET_FEATURE = 3,
    PORT_POWER = 8,
    DESCRIPTOR_HUB = 0x29,
    DESCRIPTOR_HUB_3 = 0x2A,
    DESCRIPTOR_LEAST = 7,
    DESCRIPTOR_MOST = 71,
    SPEED_3 = 5000, /* Mbit/s */
    POWER_BITS = 3,
    POWER_EACH = 1,
    CONTROL_MS = 1000,
    GONE_MS = 2000,
    OFF_MS = 1000, /* for what the probe's capacitors hold */
};

/* A hub in use here. */
struct hub {
    char name[USB_PORT_MAX];
    char node[USB_PATH_MAX];
    bool is_3;
    int fd;
    libusb_context *context;
    libusb_device_handle *handle;
};

bool usb_hub_of(const char *port, char hub_out[static USB_PORT_MAX], uint8_t *number_out)
{
    const char *dash = strchr(port, '-'), *dot = strrchr(port, '.');
    const char *last = dot != NULL ? dot : dash;
    char *end;
    if (last == NULL || last == port || strlen(port) >= USB_PORT_MAX)
        return false;
    unsigned long number = strtoul(last + 1, &end, 10);
    if (end == last + 1 || *end != '\0' || number == 0 || number > UINT8_MAX)
        return false;
    if (dot != NULL)
        snprintf(hub_out, USB_PORT_MAX, "%.*s", (int)(dot - port), port);
    else
        snprintf(hub_out, USB_PORT_MAX, "usb%.*s", (int)(dash - port), port);
    *number_out = (uint8_t)number;
    return true;
}

const char *usb_hub_flaw(struct span descriptor, uint8_t port)
{
    struct rd r = rd_of(descriptor);
    uint8_t len = rd_u8(&r), type = rd_u8(&r), ports = rd_u8(&r);
    uint16_t traits = rd_u16le(&r);
    if (r.err != ERR_OK || len < DESCRIPTOR_LEAST ||
        (type != DESCRIPTOR_HUB && type != DESCRIPTOR_HUB_3))
        return "does not describe itself as a hub";
    if (port > ports)
        return "has no such port";
    if ((traits & POWER_BITS) == 0)
        return "switches all its ports at once, or none";
    return (traits & POWER_BITS) == POWER_EACH ? NULL : "does not switch power";
}

static enum err control_failed(const struct hub *hub, int code)
{
    return fail_quiet(code == LIBUSB_ERROR_ACCESS ? ERR_DENIED : ERR_IO,
                      "hub %s refuses to switch its port: %s", hub->name,
                      libusb_strerror(code));
}

static enum err check_descriptor(const struct hub *hub, uint8_t port)
{
    uint8_t bytes[DESCRIPTOR_MOST];
    int type = hub->is_3 ? DESCRIPTOR_HUB_3 : DESCRIPTOR_HUB;
    int n = libusb_control_transfer(hub->handle, TYPE_IN_HUB, GET_DESCRIPTOR,
                                    (uint16_t)(type << 8), 0, bytes, sizeof(bytes), CONTROL_MS);
    if (n < 0)
        return control_failed(hub, n);
    const char *flaw = usb_hub_flaw(span_of(bytes, (size_t)n), port);
    if (flaw != NULL)
        return fail_quiet(ERR_UNIMPLEMENTED, "its power cannot be switched: hub %s %s",
                          hub->name, flaw);
    return ERR_OK;
}

static enum err set_power(const struct hub *hub, uint8_t port, bool on)
{
    int code =
        libusb_control_transfer(hub->handle, TYPE_OUT_PORT, on ? SET_FEATURE : CLEAR_FEATURE,
                                PORT_POWER, port, NULL, 0, CONTROL_MS);
    return code < 0 ? control_failed(hub, code) : ERR_OK;
}

static bool is_gone(const struct usb_roots *roots, const char *port)
{
    char path[USB_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", roots->sysfs, port);
    uint64_t deadline = when_us() + (uint64_t)GONE_MS * 1000;
    while (access(path, F_OK) == 0) {
        if (when_left_ms(deadline) == 0)
            return false;
        when_sleep_us(10000);
    }
    return true;
}

static enum err switch_it(const struct hub *hub, const struct usb_roots *roots,
                          const char *port, uint8_t number)
{
    TRY(check_descriptor(hub, number));
    TRY(set_power(hub, number, false));
    bool gone = is_gone(roots, port);
    if (gone)
        when_sleep_us(OFF_MS * 1000);
    TRY(set_power(hub, number, true));
    if (!gone)
        return fail_quiet(
            ERR_UNIMPLEMENTED,
            "its power cannot be switched: hub %s says it can, and its port keeps "
            "its power",
            hub->name);
    return ERR_OK;
}

static unsigned attribute(const struct usb_roots *roots, const char *hub, const char *name)
{
    char path[USB_PATH_MAX], text[USB_TEXT_MAX];
    snprintf(path, sizeof(path), "%s/%s/%s", roots->sysfs, hub, name);
    usb_read_line(path, text, sizeof(text));
    return (unsigned)strtoul(text, NULL, 10);
}

static enum err open_hub(struct hub *hub, const struct usb_roots *roots)
{
    snprintf(hub->node, sizeof(hub->node), "%s/bus/usb/%03u/%03u", roots->dev,
             attribute(roots, hub->name, "busnum"), attribute(roots, hub->name, "devnum"));
    hub->is_3 = attribute(roots, hub->name, "speed") >= SPEED_3;
    hub->fd = open(hub->node, O_RDWR | O_CLOEXEC);
    if (hub->fd < 0)
        return fail_quiet(errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO,
                          "its power cannot be switched: hub %s, %s: %s", hub->name, hub->node,
                          strerror(errno));
    int code = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
    if (code == 0)
        code = libusb_init(&hub->context);
    if (code != 0) {
        hub->context = NULL;
        return control_failed(hub, code);
    }
    code = libusb_wrap_sys_device(hub->context, hub->fd, &hub->handle);
    if (code == 0)
        return ERR_OK;
    hub->handle = NULL;
    return control_failed(hub, code);
}

static void close_hub(struct hub *hub)
{
    if (hub->handle != NULL)
        libusb_close(hub->handle);
    if (hub->context != NULL)
        libusb_exit(hub->context);
    fd_drop(&hub->fd);
}

enum err usb_hub_cycle(const struct usb_roots *roots, const char *port)
{
    AUTO(close_hub) struct hub hub = { .fd = -1 };
    uint8_t number = 0;
    if (!usb_hub_of(port, hub.name, &number))
        return fail_quiet(ERR_INVALID, "its power cannot be switched: no hub has port %s",
                          port);
    TRY(open_hub(&hub, roots));
    return switch_it(&hub, roots, port, number);
}
