/* SPDX-License-Identifier: MIT */
/*
 * A probe on USB by libusb-1.0: CMSIS-DAP v2 (two bulk endpoints) or v1 (HID, two interrupt
 * endpoints): open, wake, close. Each probe has a context of its own, so that none waits for
 * another, and libusb looks for no devices: the node that sysfs names is opened here.
 *
 * A HID interface is taken from usbhid and given back; no other driver is ever detached, and
 * the probe's other interfaces are not ours.
 */
#include "station-agent/probe/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/probe/usb_hub.h"
#include "station-agent/probe/usb_inside.h"
#include "station-agent/probe/usb_pick.h"
#include "station-agent/probe/usb_user.h"
#include "station-agent/probe/when.h"

enum { BACK_MS = 8000, LOOK_US = 50000 }; /* for a probe that was reset to be there again */

/* ---- close ---- */

/* All but the lock. False: libusb still writes there. */
static bool detach(struct usb *usb)
{
    if (!usb_pump_stop(usb))
        return false;
    if (usb->claimed)
        libusb_release_interface(usb->handle, usb->pipe.number);
    if (usb->handle != NULL)
        libusb_close(usb->handle);
    if (usb->context != NULL)
        libusb_exit(usb->context);
    usb->claimed = false;
    usb->handle = NULL;
    usb->context = NULL;
    fd_drop(&usb->node);
    usb->node = -1;
    return true;
}

static void usb_close(struct probe *probe)
{
    struct usb *usb = (struct usb *)probe;
    if (!detach(usb)) {
        log_line(LOG_LEVEL_ERROR, "probe: %s: its transfers do not end; it stays open",
                 probe->name);
        return;
    }
    usb_lock_release(&usb->lock);
    free(usb);
}

static void usb_drop(struct usb **usb)
{
    if (*usb != NULL)
        usb_close(&(*usb)->probe);
}

/* ---- attach ---- */

static enum err open_node(struct usb *usb, const struct usb_roots *roots,
                          const struct usb_seen *seen)
{
    char path[USB_PATH_MAX];
    const char *name = usb->probe.name;
    usb_node_path(roots, seen, path);
    usb->node = open(path, O_RDWR | O_CLOEXEC);
    if (usb->node >= 0)
        return ERR_OK;
    if (errno == EACCES || errno == EPERM)
        return fail(ERR_DENIED, "probe: %s: found, but no permission for %s: %s", name, path,
                    usb_denied_advice);
    if (errno == ENOENT || errno == ENODEV)
        return fail(ERR_CLOSED, "probe: %s: unplugged while it was opened (%s)", name, path);
    return fail(ERR_IO, "probe: %s: %s: %s", name, path, strerror(errno));
}

static enum err say_busy(const struct usb *usb, const struct usb_holder *holder)
{
    char words[USB_HOLDER_MAX];
    usb_holder_words(holder, words, sizeof(words));
    return fail(ERR_BUSY, "probe: %s: in use by %s; one program per probe", usb->probe.name,
                words);
}

/* Takes the lock for both interfaces, before any access. */
static enum err reserve(struct usb *usb, const struct usb_roots *roots,
                        const struct usb_seen *seen)
{
    struct usb_holder holder;
    TRY(usb_lock_take(roots, seen->port, &usb->lock));
    return usb_user_find(roots, seen, &holder) ? say_busy(usb, &holder) : ERR_OK;
}

static enum err start_libusb(struct usb *usb)
{
    int code = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
    if (code == 0)
        code = libusb_init(&usb->context);
    if (code != 0) {
        usb->context = NULL;
        return fail(ERR_IO, "probe: libusb: %s", libusb_strerror(code));
    }
    code = libusb_wrap_sys_device(usb->context, usb->node, &usb->handle);
    if (code != 0) {
        usb->handle = NULL;
        return fail(ERR_IO, "probe: %s: %s", usb->probe.name, libusb_strerror(code));
    }
    return usb_pump_start(usb);
}

static enum err claim(struct usb *usb)
{
    const char *name = usb->probe.name;
    int code =
        usb->version == USB_V1 ? libusb_set_auto_detach_kernel_driver(usb->handle, 1) : 0;
    if (code == 0)
        code = libusb_claim_interface(usb->handle, usb->pipe.number);
    if (code == LIBUSB_ERROR_BUSY)
        return say_busy(usb, &(struct usb_holder){ 0 });
    if (code == LIBUSB_ERROR_NO_DEVICE)
        return fail(ERR_CLOSED, "probe: %s: unplugged while it was opened", name);
    if (code != 0)
        return fail(ERR_IO, "probe: %s: interface %u cannot be claimed: %s", name,
                    usb->pipe.number, libusb_strerror(code));
    usb->claimed = true;
    return ERR_OK;
}

static enum err attach(struct usb *usb, const struct usb_seen *seen)
{
    TRY(open_node(usb, usb->roots, seen));
    TRY(start_libusb(usb));
    return claim(usb);
}

/* ---- wake ---- */

static const struct usb_seen *find_again(const struct usb *usb, const struct usb_list *list)
{
    char node[USB_PATH_MAX];
    for (size_t i = 0; i < list->count; i++) {
        const struct usb_seen *seen = &list->seen[i];
        usb_node_path(usb->roots, seen, node);
        if (strcmp(seen->port, usb->port) == 0 && seen->pipes[usb->version].found &&
            access(node, R_OK | W_OK) == 0)
            return seen;
    }
    return NULL;
}

static enum err keeps_transfers(const struct usb *usb)
{
    return fail_quiet(ERR_IO, "probe: %s: its transfers do not end", usb->probe.name);
}

/* It was reset or without power: wait until the kernel and udev are done with it, then open it
 * again. */
static enum err come_back(struct usb *usb)
{
    uint64_t deadline = when_us() + (uint64_t)BACK_MS * 1000;
    AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return fail_quiet(ERR_MEMORY, "probe: out of memory");
    do {
        if (!detach(usb))
            return keeps_transfers(usb);
        TRY(usb_scan(usb->roots, list));
        const struct usb_seen *seen = find_again(usb, list);
        if (seen != NULL)
            usb->pipe = seen->pipes[usb->version];
        enum err e = seen != NULL ? attach(usb, seen) : ERR_CLOSED;
        if (e != ERR_CLOSED)
            return e;
        when_sleep_us(LOOK_US);
    } while (when_us() < deadline);
    return fail_quiet(ERR_CLOSED, "probe: %s: did not come back", usb->probe.name);
}

/* Transfers do not outlive it. A device whose descriptors differ after its reset is a new one
 * to the kernel. */
static enum err reset(struct usb *usb)
{
    if (!usb_pump_stop(usb))
        return keeps_transfers(usb);
    int code = libusb_reset_device(usb->handle);
    usb->probe.counts.usb_resets++;
    if (code == LIBUSB_ERROR_NOT_FOUND || code == LIBUSB_ERROR_NO_DEVICE)
        return come_back(usb);
    if (code != 0)
        return usb_error(usb, code, "reset");
    return usb_pump_start(usb);
}

static enum err power_cycle(struct usb *usb)
{
    if (!detach(usb))
        return keeps_transfers(usb);
    TRY(usb_hub_cycle(usb->roots, usb->port));
    usb->probe.counts.power_cycles++;
    return come_back(usb);
}

/* Means to recover an unresponsive probe, the mildest first. */
static const struct {
    const char *name;
    enum err (*run)(struct usb *usb);
} cures[] = { { "it is reset", reset }, { "its port's power is switched", power_cycle } };

static enum err cure(struct usb *usb)
{
    char words[FAIL_WORDS_MAX];
    enum err e = ERR_IO;
    for (size_t i = 0; i < COUNT(cures) && e != ERR_OK && e != ERR_PROTO; i++) {
        snprintf(words, sizeof(words), "%s", fail_words());
        log_line(LOG_LEVEL_WARN, "%s; %s", words, cures[i].name);
        e = cures[i].run(usb);
        if (e == ERR_OK)
            e = probe_drain(&usb->probe);
    }
    if (e == ERR_OK || e == ERR_PROTO)
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(ERR_IO,
                "probe: %s: does not answer, nor after a reset (%.200s): unplug it, plug it in "
                "again",
                usb->probe.name, words);
}

/* In step with the probe. */
static enum err wake(struct usb *usb)
{
    enum err e = probe_drain(&usb->probe);
    return e == ERR_IO ? cure(usb) : e;
}

/* ---- open ---- */

static void set_up(struct usb *usb, const struct usb_roots *roots,
                   const struct usb_choice *choice)
{
    usb->roots = roots;
    snprintf(usb->port, sizeof(usb->port), "%s", choice->seen->port);
    usb->version = choice->version;
    usb->pipe = choice->seen->pipes[choice->version];
    bool hid = usb->version == USB_V1;
    size_t in = usb->pipe.in_size, out = usb->pipe.out_size;
    usb->probe.padded = hid;
    usb->probe.spare = hid ? 0 : 1; /* a full packet would not end a bulk transfer */
    usb->probe.limit = in < out ? in : out;
    snprintf(usb->probe.name, sizeof(usb->probe.name), "usb:%sport=%s", hid ? "v1," : "",
             choice->seen->port);
}

enum err usb_open(const struct usb_roots *roots, const char *uri, unsigned reply_ms,
                  struct probe **probe_out)
{
    struct usb_choice choice;
    AUTO(free_drop) struct usb_list *list = calloc(1, sizeof(*list));
    AUTO(usb_drop) struct usb *usb = calloc(1, sizeof(*usb));
    if (usb != NULL)
        usb->lock = usb->node = -1;
    if (usb == NULL || list == NULL)
        return fail(ERR_MEMORY, "probe: %.80s: out of memory", uri);
    usb->probe = (struct probe){
        .send = usb_send, .receive = usb_receive, .close = usb_close, .reply_ms = reply_ms
    };
    TRY(usb_scan(roots, list));
    TRY(usb_pick(list, uri, &choice));
    set_up(usb, roots, &choice);
    TRY(reserve(usb, roots, choice.seen));
    TRY(attach(usb, choice.seen));
    TRY(wake(usb));
    *probe_out = &TAKE(usb)->probe;
    return ERR_OK;
}

enum err probe_usb_open(const char *uri, unsigned reply_ms, struct probe **probe_out)
{
    return usb_open(&usb_roots, uri, reply_ms, probe_out);
}
