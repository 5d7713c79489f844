/*
 * A probe on USB: CMSIS-DAP v2, two bulk endpoints, by libusb-1.0. The only file that includes
 * it. Each probe has a context of its own, so that none waits for another. Nothing here
 * detaches a kernel driver: none binds a vendor interface, and the probe's other interfaces are
 * not ours.
 */
#include <libusb-1.0/libusb.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/probe.h"
#include "station-agent/probe/usb_pick.h"

#define SYSFS "/sys/bus/usb/devices"

enum { SEND_MS = 5000, PORT_DEPTH = 7 };

struct usb {
    struct probe probe; /* first: a struct probe * is a struct usb * */
    libusb_context *context;
    libusb_device_handle *handle;
    struct usb_seen seen;
    bool claimed;
    uint8_t reply[PROBE_PACKET_MAX];
};

/* A device list and what is known of its devices. */
struct usb_scan {
    libusb_device **devices;
    struct usb_list list;
};

static struct usb *usb_of(struct probe *probe)
{
    return (struct usb *)probe;
}

static enum err transfer_error(const struct usb *usb, int code, const char *what)
{
    const char *name = usb->probe.name;
    switch (code) {
    case LIBUSB_ERROR_TIMEOUT:
        return fail_quiet(ERR_DEADLINE, "probe: %s: %s: no reply in time", name, what);
    case LIBUSB_ERROR_NO_DEVICE:
        return fail_quiet(ERR_CLOSED, "probe: %s: unplugged", name);
    default:
        return fail_quiet(ERR_IO, "probe: %s: %s: %s", name, what, libusb_strerror(code));
    }
}

static enum err usb_send(struct probe *probe, struct span packet)
{
    struct usb *usb = usb_of(probe);
    uint8_t bytes[PROBE_PACKET_MAX];
    int sent = 0;
    if (packet.len > sizeof(bytes))
        return fail_quiet(ERR_LIMIT, "probe: %s: packet of %zu bytes", probe->name, packet.len);
    for (size_t i = 0; i < packet.len; i++) /* libusb wants them writable */
        bytes[i] = packet.ptr[i];
    int code = libusb_bulk_transfer(usb->handle, usb->seen.out, bytes, (int)packet.len, &sent,
                                    SEND_MS);
    if (code != 0)
        return transfer_error(usb, code, "send");
    if ((size_t)sent != packet.len)
        return fail_quiet(ERR_IO, "probe: %s: %d of %zu bytes sent", probe->name, sent,
                          packet.len);
    return ERR_OK;
}

/* A transfer of no bytes only ends the one before: it is no reply. */
static enum err usb_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
{
    struct usb *usb = usb_of(probe);
    for (int tries = 0; tries < 8; tries++) {
        int got = 0;
        int code = libusb_bulk_transfer(usb->handle, usb->seen.in, usb->reply,
                                        (int)sizeof(usb->reply), &got, timeout_ms);
        if (code != 0)
            return transfer_error(usb, code, "receive");
        if (got > 0) {
            *reply_out = span_of(usb->reply, (size_t)got);
            return ERR_OK;
        }
    }
    return fail_quiet(ERR_PROTO, "probe: %s: sends nothing but empty transfers", probe->name);
}

static void usb_close(struct probe *probe)
{
    struct usb *usb = usb_of(probe);
    if (usb->claimed)
        libusb_release_interface(usb->handle, usb->seen.interface);
    if (usb->handle != NULL)
        libusb_close(usb->handle);
    if (usb->context != NULL)
        libusb_exit(usb->context);
    free(usb);
}

static void usb_drop(struct usb **usb)
{
    if (*usb != NULL)
        usb_close(&(*usb)->probe);
}

static void scan_drop(struct usb_scan **scan)
{
    if (*scan != NULL && (*scan)->devices != NULL)
        libusb_free_device_list((*scan)->devices, 1);
    free(*scan);
}

/* As the kernel names it: "1-2.3". False for a root hub. */
static bool name_port(libusb_device *device, char out[static USB_PORT_MAX])
{
    uint8_t ports[PORT_DEPTH];
    int depth = libusb_get_port_numbers(device, ports, PORT_DEPTH);
    if (depth <= 0)
        return false;
    int len = snprintf(out, USB_PORT_MAX, "%u-%u", libusb_get_bus_number(device), ports[0]);
    for (int i = 1; i < depth && len < USB_PORT_MAX; i++)
        len += snprintf(out + len, USB_PORT_MAX - (size_t)len, ".%u", ports[i]);
    return true;
}

static bool is_bulk(const struct libusb_endpoint_descriptor *e, uint8_t direction)
{
    return (e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) == LIBUSB_TRANSFER_TYPE_BULK &&
           (e->bEndpointAddress & LIBUSB_ENDPOINT_DIR_MASK) == direction;
}

static struct usb_interface interface_of(const struct libusb_interface_descriptor *d)
{
    struct usb_interface i = {
        .number = d->bInterfaceNumber,
        .class = d->bInterfaceClass,
        .subclass = d->bInterfaceSubClass,
        .protocol = d->bInterfaceProtocol,
        .endpoints = d->bNumEndpoints,
    };
    if (d->bNumEndpoints < 2)
        return i;
    i.out_then_in = is_bulk(&d->endpoint[0], LIBUSB_ENDPOINT_OUT) &&
                    is_bulk(&d->endpoint[1], LIBUSB_ENDPOINT_IN);
    i.out = d->endpoint[0].bEndpointAddress;
    i.in = d->endpoint[1].bEndpointAddress;
    return i;
}

static void consider_interfaces(struct usb_seen *seen, const char *sysfs, libusb_device *device)
{
    struct libusb_config_descriptor *config = NULL;
    if (libusb_get_active_config_descriptor(device, &config) != 0)
        return;
    for (uint8_t i = 0; i < config->bNumInterfaces; i++) {
        if (config->interface[i].num_altsetting < 1)
            continue;
        struct usb_interface one = interface_of(&config->interface[i].altsetting[0]);
        usb_seen_consider(seen, sysfs, config->bConfigurationValue, &one);
    }
    libusb_free_config_descriptor(config);
}

static void look_at(struct usb_scan *scan, const char *sysfs, size_t index)
{
    struct libusb_device_descriptor d;
    libusb_device *device = scan->devices[index];
    struct usb_seen seen = { .index = index };
    if (scan->list.count == USB_SEEN_MAX || !name_port(device, seen.port) ||
        libusb_get_device_descriptor(device, &d) != 0)
        return;
    seen.vendor_id = d.idVendor;
    seen.product_id = d.idProduct;
    usb_seen_read(&seen, sysfs);
    consider_interfaces(&seen, sysfs, device);
    if (seen.mode != USB_OTHER)
        scan->list.seen[scan->list.count++] = seen;
}

static enum err scan_all(struct usb *usb, const char *sysfs, struct usb_scan *scan)
{
    int code = libusb_init(&usb->context);
    if (code != 0) {
        usb->context = NULL;
        return fail(ERR_IO, "probe: libusb: %s", libusb_strerror(code));
    }
    ssize_t count = libusb_get_device_list(usb->context, &scan->devices);
    if (count < 0)
        return fail(ERR_IO, "probe: libusb: %s", libusb_strerror((int)count));
    for (size_t i = 0; i < (size_t)count; i++)
        look_at(scan, sysfs, i);
    return ERR_OK;
}

static enum err open_error(const struct usb *usb, libusb_device *device, int code)
{
    const char *name = usb->probe.name;
    if (code == LIBUSB_ERROR_ACCESS)
        return fail(ERR_DENIED,
                    "probe: %s: found, but no permission for /dev/bus/usb/%03u/%03u; install "
                    "Hallmark's udev rule and add this user to its group",
                    name, libusb_get_bus_number(device), libusb_get_device_address(device));
    if (code == LIBUSB_ERROR_BUSY)
        return fail(ERR_BUSY, "probe: %s: in use by another program; one program per probe",
                    name);
    if (code == LIBUSB_ERROR_NO_DEVICE)
        return fail(ERR_CLOSED, "probe: %s: unplugged while it was opened", name);
    return fail(ERR_IO, "probe: %s: %s", name, libusb_strerror(code));
}

static enum err claim(struct usb *usb, libusb_device *device)
{
    int code = libusb_open(device, &usb->handle);
    if (code != 0) {
        usb->handle = NULL;
        return open_error(usb, device, code);
    }
    code = libusb_claim_interface(usb->handle, usb->seen.interface);
    if (code != 0)
        return open_error(usb, device, code);
    usb->claimed = true;
    return probe_drain(&usb->probe); /* answers that a crashed program never took */
}

enum err probe_usb_open_at(const char *sysfs, const char *uri, struct probe **probe_out)
{
    const struct usb_seen *seen = NULL;
    AUTO(usb_drop) struct usb *usb = calloc(1, sizeof(*usb));
    AUTO(scan_drop) struct usb_scan *scan = calloc(1, sizeof(*scan));
    if (usb == NULL || scan == NULL)
        return fail(ERR_MEMORY, "probe: %s: out of memory", uri);
    usb->probe = (struct probe){
        .send = usb_send, .receive = usb_receive, .close = usb_close, .spare = 1
    };
    snprintf(usb->probe.name, sizeof(usb->probe.name), "%s", uri);
    TRY(scan_all(usb, sysfs, scan));
    TRY(usb_pick(&scan->list, uri, &seen));
    usb->seen = *seen;
    snprintf(usb->probe.name, sizeof(usb->probe.name), "usb:port=%s", seen->port);
    TRY(claim(usb, scan->devices[seen->index]));
    *probe_out = &TAKE(usb)->probe;
    return ERR_OK;
}

enum err probe_list_at(const char *sysfs, struct buf *text_out)
{
    AUTO(usb_drop) struct usb *usb = calloc(1, sizeof(*usb));
    AUTO(scan_drop) struct usb_scan *scan = calloc(1, sizeof(*scan));
    if (usb == NULL || scan == NULL)
        return fail(ERR_MEMORY, "probe: out of memory");
    TRY(scan_all(usb, sysfs, scan));
    return usb_list_words(&scan->list, text_out);
}

enum err probe_list(struct buf *text_out)
{
    return probe_list_at(SYSFS, text_out);
}

enum err probe_usb_open(const char *uri, struct probe **probe_out)
{
    return probe_usb_open_at(SYSFS, uri, probe_out);
}
