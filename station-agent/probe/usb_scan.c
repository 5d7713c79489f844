/* SPDX-License-Identifier: MIT */
/*
 * Reads sysfs for debug probes. Called by usb.c and usb_list.c. Descriptors and strings come
 * from the device: a length in them must not be trusted, and a string must not be printed as it
 * is.
 */

#include "station-agent/probe/usb_scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

enum {
    CLASS_HID = 0x03,
    CLASS_VENDOR = 0xFF,
    SUBCLASS_BOOT = 1, /* a keyboard or a mouse */
    DESCRIPTOR_DEVICE = 1,
    DESCRIPTOR_CONFIGURATION = 2,
    DESCRIPTOR_INTERFACE = 4,
    DESCRIPTOR_ENDPOINT = 5,
    DESCRIPTORS_MAX = 8192, /* bytes looked at */
    ENDPOINTS_MAX = 3,
    ENDPOINT_IN = 0x80,
    KIND = 3,
    KIND_BULK = 2,
    KIND_INTERRUPT = 3,
    SIZE_BITS = 0x7FF,
    SIZE_MIN = 64, /* smaller ones carry no CMSIS-DAP packet whole */
    NUVOTON = 0x0416,
};

const struct usb_roots usb_roots = { "/sys/bus/usb/devices", "/dev", "/proc", NULL };

/* USB 2.0, 9.6.6. */
struct endpoint {
    uint8_t address, attributes;
    uint16_t size;
};

/* USB 2.0, 9.6.5. */
struct interface {
    uint8_t number, alternate, class, subclass, protocol;
    size_t endpoints; /* as it says; only the first ENDPOINTS_MAX are kept */
    struct endpoint endpoint[ENDPOINTS_MAX];
    size_t have;
};

/* The walk through one device's descriptors. */
struct walk {
    const struct usb_roots *roots;
    struct usb_seen *seen;
    bool active; /* in the configuration that is in use */
    bool inside; /* of an interface */
    struct interface interface;
};

void usb_read_line(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(out, (int)size, f) == NULL)
        out[0] = '\0';
    fclose(f);
    out[strcspn(out, "\n")] = '\0';
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

static void read_attribute(const struct usb_roots *roots, const char *port, const char *name,
                           char out[static USB_TEXT_MAX])
{
    char path[USB_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s/%s", roots->sysfs, port, name);
    usb_read_line(path, out, USB_TEXT_MAX);
}

/* A small number in decimal; 0 if it is none or too large. */
static unsigned read_number(const struct usb_roots *roots, const char *port, const char *name)
{
    char text[USB_TEXT_MAX], *end;
    read_attribute(roots, port, name, text);
    unsigned long value = strtoul(text, &end, 10);
    return *end == '\0' && value < 1000 ? (unsigned)value : 0;
}

void usb_node_path(const struct usb_roots *roots, const struct usb_seen *seen,
                   char out[static USB_PATH_MAX])
{
    snprintf(out, USB_PATH_MAX, "%s/bus/usb/%03u/%03u", roots->dev, seen->bus, seen->device);
}

void usb_interface_path(const struct usb_roots *roots, const struct usb_seen *seen,
                        uint8_t number, char out[static USB_PATH_MAX])
{
    snprintf(out, USB_PATH_MAX, "%s/%s:%u.%u", roots->sysfs, seen->port, seen->configuration,
             number);
}

static bool says_dap(const char *text)
{
    return strstr(text, "CMSIS-DAP") != NULL || strstr(text, "CMSIS_DAP") != NULL;
}

static bool is_kind(const struct endpoint *e, uint8_t kind, uint8_t direction)
{
    return (e->attributes & KIND) == kind && (e->address & ENDPOINT_IN) == direction &&
           e->size >= SIZE_MIN;
}

/* OUT and IN of that kind, OUT first; the pipe they make. */
static bool pair(const struct interface *i, size_t out, size_t in, uint8_t kind,
                 struct usb_pipe *pipe_out)
{
    if (i->have < 2 || !is_kind(&i->endpoint[out], kind, 0) ||
        !is_kind(&i->endpoint[in], kind, ENDPOINT_IN))
        return false;
    *pipe_out = (struct usb_pipe){
        .found = true,
        .number = i->number,
        .out = i->endpoint[out].address,
        .in = i->endpoint[in].address,
        .out_size = i->endpoint[out].size,
        .in_size = i->endpoint[in].size,
    };
    return true;
}

/* OUT must come first, then IN, perhaps one more IN for SWO: a Nu-Link's own vendor interface
 * has them the other way round, a serial port has other classes. */
static bool is_v2(const struct interface *i, struct usb_pipe *pipe_out)
{
    return i->class == CLASS_VENDOR && i->subclass == 0 && i->protocol == 0 &&
           (i->endpoints == 2 || i->endpoints == 3) && pair(i, 0, 1, KIND_BULK, pipe_out);
}

/* HID 1.11, 4.4: the interrupt OUT endpoint is optional. */
static bool in_alone(const struct interface *i, struct usb_pipe *pipe_out)
{
    if (i->have != 1 || !is_kind(&i->endpoint[0], KIND_INTERRUPT, ENDPOINT_IN))
        return false;
    *pipe_out = (struct usb_pipe){
        .found = true,
        .number = i->number,
        .in = i->endpoint[0].address,
        .out_size = i->endpoint[0].size,
        .in_size = i->endpoint[0].size,
    };
    return true;
}

static bool is_v1(const struct interface *i, struct usb_pipe *pipe_out)
{
    if (i->class != CLASS_HID || i->subclass == SUBCLASS_BOOT)
        return false;
    if (i->endpoints == 1)
        return in_alone(i, pipe_out);
    return i->endpoints == 2 &&
           (pair(i, 0, 1, KIND_INTERRUPT, pipe_out) || pair(i, 1, 0, KIND_INTERRUPT, pipe_out));
}

/* Why an interface that is called CMSIS-DAP is not usable as one. */
static const char *flaw_of(const struct interface *i)
{
    if (i->class != CLASS_VENDOR && i->class != CLASS_HID)
        return "its interface named CMSIS-DAP is of another class";
    if (i->class == CLASS_HID && i->subclass == SUBCLASS_BOOT)
        return "its interface is a keyboard's or mouse's";
    if (i->class == CLASS_VENDOR && (i->subclass != 0 || i->protocol != 0))
        return "its vendor interface is of another subclass";
    if (i->have == 0)
        return "its interface has no endpoints in its first setting";
    for (size_t k = 0; k < i->have; k++)
        if (i->endpoint[k].size < SIZE_MIN)
            return "its endpoints carry less than 64 bytes a packet";
    if (i->class == CLASS_VENDOR && (i->endpoint[0].address & ENDPOINT_IN) != 0)
        return "its IN endpoint comes before OUT: the vendor's own protocol";
    return "its endpoints are not those of CMSIS-DAP";
}

/* An interface's own name takes precedence over the product's; a vendor interface with another
 * name (WebUSB) is not used. */
static void consider(struct walk *walk)
{
    struct usb_pipe pipe = { .found = false };
    struct usb_seen *seen = walk->seen;
    const struct interface *i = &walk->interface;
    char path[USB_PATH_MAX], file[USB_PATH_MAX + 16], name[USB_TEXT_MAX];
    bool v2 = is_v2(i, &pipe), v1 = !v2 && is_v1(i, &pipe);
    usb_interface_path(walk->roots, seen, i->number, path);
    snprintf(file, sizeof(file), "%s/interface", path);
    usb_read_line(file, name, sizeof(name));
    pipe.named = says_dap(name);
    bool by_product = says_dap(seen->product) && (i->class == CLASS_HID || name[0] == '\0');
    if (!v2 && !v1) {
        if (pipe.named || (by_product && i->class == CLASS_VENDOR))
            seen->flaw = flaw_of(i);
        return;
    }
    struct usb_pipe *best = &seen->pipes[v2 ? USB_V2 : USB_V1];
    if ((pipe.named && !best->named) || (by_product && !best->found))
        *best = pipe;
}

/* Before the next interface or configuration, and at the end. */
static void leave_interface(struct walk *walk)
{
    if (walk->inside && walk->interface.alternate == 0)
        consider(walk);
    walk->inside = false;
}

static void take_configuration(struct walk *walk, struct rd body)
{
    rd_take(&body, 3); /* total length, number of interfaces */
    leave_interface(walk);
    walk->active = rd_u8(&body) == walk->seen->configuration && body.err == ERR_OK;
}

static void take_interface(struct walk *walk, struct rd body)
{
    struct interface *i = &walk->interface;
    leave_interface(walk);
    *i = (struct interface){ .number = rd_u8(&body), .alternate = 0 };
    i->alternate = rd_u8(&body);
    i->endpoints = rd_u8(&body);
    i->class = rd_u8(&body);
    i->subclass = rd_u8(&body);
    i->protocol = rd_u8(&body);
    walk->inside = walk->active && body.err == ERR_OK;
}

static void take_endpoint(struct walk *walk, struct rd body)
{
    struct interface *i = &walk->interface;
    struct endpoint e = { .address = rd_u8(&body), .attributes = 0 };
    e.attributes = rd_u8(&body);
    e.size = rd_u16le(&body) & SIZE_BITS;
    if (walk->inside && body.err == ERR_OK && i->have < ENDPOINTS_MAX)
        i->endpoint[i->have++] = e;
}

static void take_device(struct walk *walk, struct rd body)
{
    rd_take(&body, 6); /* version, class, size of endpoint 0 */
    walk->seen->vendor_id = rd_u16le(&body);
    walk->seen->product_id = rd_u16le(&body);
}

/* Each descriptor begins with its length and type (USB 2.0, 9.5). Ends at the first that is
 * not whole. */
static void walk_descriptors(struct walk *walk, struct span bytes)
{
    static void (*const takers[])(struct walk * walk, struct rd body) = {
        [DESCRIPTOR_DEVICE] = take_device,
        [DESCRIPTOR_CONFIGURATION] = take_configuration,
        [DESCRIPTOR_INTERFACE] = take_interface,
        [DESCRIPTOR_ENDPOINT] = take_endpoint,
    };
    struct rd r = rd_of(bytes);
    while (r.err == ERR_OK && r.rest.len > 0) {
        uint8_t len = rd_u8(&r), type = rd_u8(&r);
        if (r.err != ERR_OK || len < 2)
            break;
        struct rd body = rd_of(rd_take(&r, (size_t)len - 2));
        if (r.err == ERR_OK && type < COUNT(takers) && takers[type] != NULL)
            takers[type](walk, body);
    }
    leave_interface(walk);
}

/* 0416: Nuvoton's Nu-Link, Nu-Link2 and their variants in Nuvoton's own protocol. */
static bool is_nu_link(const struct usb_seen *seen)
{
    static const uint16_t products[] = { 0x511B, 0x511C, 0x511D, 0x5200, 0x5201 };
    for (size_t i = 0; i < COUNT(products); i++)
        if (seen->vendor_id == NUVOTON && seen->product_id == products[i])
            return true;
    return false;
}

static size_t read_descriptors(const struct usb_roots *roots, const char *port,
                               uint8_t out[static DESCRIPTORS_MAX])
{
    char path[USB_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s/descriptors", roots->sysfs, port);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t len = fread(out, 1, DESCRIPTORS_MAX, f);
    fclose(f);
    return len;
}

/* Is it a probe, or could it be? */
static bool look_at(const struct usb_roots *roots, const char *port, struct usb_seen *seen)
{
    uint8_t bytes[DESCRIPTORS_MAX];
    struct walk walk = { .roots = roots, .seen = seen };
    *seen = (struct usb_seen){ .bus = read_number(roots, port, "busnum"),
                               .device = read_number(roots, port, "devnum") };
    snprintf(seen->port, sizeof(seen->port), "%s", port);
    seen->configuration = (uint8_t)read_number(roots, port, "bConfigurationValue");
    read_attribute(roots, port, "serial", seen->serial);
    read_attribute(roots, port, "product", seen->product);
    walk_descriptors(&walk, span_of(bytes, read_descriptors(roots, port, bytes)));
    seen->nu_link = is_nu_link(seen);
    return seen->pipes[USB_V2].found || seen->pipes[USB_V1].found || seen->nu_link ||
           seen->flaw != NULL;
}

/* "1-2.3": a device on a port. Not "usb1", a root hub; not "1-2:1.0", an interface. */
static bool is_port(const char *name)
{
    size_t bus = strspn(name, "0123456789");
    return bus > 0 && name[bus] == '-' && strlen(name) < USB_PORT_MAX &&
           name[bus + 1 + strspn(name + bus + 1, "0123456789.")] == '\0';
}

static int compare_ports(const void *a, const void *b)
{
    return strverscmp(((const struct usb_seen *)a)->port, ((const struct usb_seen *)b)->port);
}

enum err usb_scan(const struct usb_roots *roots, struct usb_list *list)
{
    list->count = list->left_out = 0;
    DIR *folder = opendir(roots->sysfs);
    if (folder == NULL && errno == ENOENT)
        return ERR_OK; /* a machine without USB */
    if (folder == NULL)
        return fail(ERR_IO, "probe: %s: %s", roots->sysfs, strerror(errno));
    struct usb_seen one;
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (!is_port(e->d_name) || !look_at(roots, e->d_name, &one))
            continue;
        if (list->count < USB_SEEN_MAX)
            list->seen[list->count++] = one;
        else
            list->left_out++;
    }
    if (list->left_out != 0)
        log_line(LOG_LEVEL_WARN, "probe: %d probes on USB are listed, %zu more are not",
                 USB_SEEN_MAX, list->left_out);
    closedir(folder);
    qsort(list->seen, list->count, sizeof(list->seen[0]), compare_ports);
    return ERR_OK;
}
