/* SPDX-License-Identifier: MIT */
/*
 * Packets to and from a probe on USB. Transfers are asynchronous: as many packets are on their
 * way as were sent, and for each a read waits, so the probe is never kept waiting for the host.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/probe/usb_inside.h"
#include "station-agent/probe/when.h"

enum {
    SEND_MS = 5000,
    CLOSE_MS = 1000,
    EMPTY_MAX = 8,
    TYPE_OUT_INTERFACE = 0x21, /* class request to an interface */
    SET_REPORT = 9,
    REPORT_OUTPUT = 2 << 8,
};

static struct usb *usb_of(struct probe *probe)
{
    return (struct usb *)probe;
}

static void LIBUSB_CALL transfer_done(struct libusb_transfer *transfer)
{
    ((struct slot *)transfer->user_data)->busy = false;
}

enum err usb_error(const struct usb *usb, int code, const char *what)
{
    if (code == LIBUSB_ERROR_NO_DEVICE)
        return fail_quiet(ERR_CLOSED, "probe: %s: unplugged", usb->probe.name);
    return fail_quiet(ERR_IO, "probe: %s: %s: %s", usb->probe.name, what,
                      libusb_strerror(code));
}

static enum err submit(struct usb *usb, struct ring *ring, size_t len, unsigned timeout_ms)
{
    struct slot *slot = &ring->slots[(ring->first + ring->count) % USB_SLOTS];
    struct libusb_transfer *t = slot->transfer;
    if (usb->version == USB_V2)
        libusb_fill_bulk_transfer(t, usb->handle, ring->endpoint, slot->bytes, (int)len,
                                  transfer_done, slot, timeout_ms);
    else
        libusb_fill_interrupt_transfer(t, usb->handle, ring->endpoint, slot->bytes, (int)len,
                                       transfer_done, slot, timeout_ms);
    int code = libusb_submit_transfer(t);
    if (code != 0)
        return usb_error(usb, code, "submit");
    slot->busy = true;
    ring->count++;
    return ERR_OK;
}

/* Run libusb until it is done with that transfer. */
static enum err await(struct usb *usb, const struct slot *slot, uint64_t deadline_us)
{
    while (slot->busy) {
        unsigned left_ms = when_left_ms(deadline_us);
        struct timeval wait = { left_ms / 1000, (suseconds_t)(left_ms % 1000) * 1000 };
        int code = libusb_handle_events_timeout_completed(usb->context, &wait, NULL);
        if (code != 0 && code != LIBUSB_ERROR_INTERRUPTED)
            return usb_error(usb, code, "wait");
        if (slot->busy && left_ms == 0)
            return fail_quiet(ERR_DEADLINE, "probe: %s: no reply in time", usb->probe.name);
    }
    return ERR_OK;
}

/* The result of the oldest transfer, which leaves the ring. */
static enum err retire(struct usb *usb, struct ring *ring)
{
    const char *name = usb->probe.name;
    const struct libusb_transfer *t = ring->slots[ring->first].transfer;
    ring->first = (ring->first + 1) % USB_SLOTS;
    ring->count--;
    switch (t->status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return ERR_OK;
    case LIBUSB_TRANSFER_NO_DEVICE:
        return fail_quiet(ERR_CLOSED, "probe: %s: unplugged", name);
    case LIBUSB_TRANSFER_TIMED_OUT:
        return fail_quiet(ERR_IO, "probe: %s: takes no packet", name);
    case LIBUSB_TRANSFER_OVERFLOW:
        return fail_quiet(ERR_LIMIT, "probe: %s: a reply larger than its packets", name);
    case LIBUSB_TRANSFER_STALL:
        if (libusb_clear_halt(usb->handle, ring->endpoint) != 0)
            return fail_quiet(ERR_IO, "probe: %s: stays stalled", name);
        return fail_quiet(ERR_IO, "probe: %s: stalled", name);
    default:
        return fail_quiet(ERR_IO, "probe: %s: transfer failed (%d)", name, (int)t->status);
    }
}

/* A read waits for each reply that is owed, and for a stray one if none is. */
static enum err arm(struct usb *usb)
{
    bool hid = usb->version == USB_V1;
    size_t want = usb->owed == 0 ? 1 : usb->owed;
    while (usb->in.count < want && usb->in.count < USB_SLOTS)
        TRY(submit(usb, &usb->in, hid ? usb->pipe.in_size : PROBE_PACKET_MAX, 0));
    return ERR_OK;
}

/* Waits until a packet may be sent; returns the failure of a transfer that ended meanwhile. */
static enum err make_room(struct usb *usb)
{
    struct ring *out = &usb->out;
    uint64_t deadline = when_us() + 2 * (uint64_t)SEND_MS * 1000;
    if (out->count == USB_SLOTS)
        TRY(await(usb, &out->slots[out->first], deadline));
    while (out->count > 0 && !out->slots[out->first].busy)
        TRY(retire(usb, out));
    return ERR_OK;
}

/* SET_REPORT, HID 1.11, 7.2.2: of a v1 probe without OUT endpoint. */
static enum err send_report(struct usb *usb, struct span packet)
{
    uint8_t report[PROBE_PACKET_MAX] = { 0 };
    uint16_t size = usb->pipe.out_size;
    memcpy(report, packet.ptr, packet.len);
    int n = libusb_control_transfer(usb->handle, TYPE_OUT_INTERFACE, SET_REPORT, REPORT_OUTPUT,
                                    usb->pipe.number, report, size, SEND_MS);
    if (n < 0)
        return usb_error(usb, n, "send a report");
    return n == size ? ERR_OK
                     : fail_quiet(ERR_IO, "probe: %s: takes %d bytes of a report of %u",
                                  usb->probe.name, n, size);
}

/* A HID report has its full size. */
enum err usb_send(struct probe *probe, struct span packet)
{
    struct usb *usb = usb_of(probe);
    size_t size = usb->version == USB_V1 ? usb->pipe.out_size : packet.len;
    if (packet.len > size || size > PROBE_PACKET_MAX)
        return fail_quiet(ERR_LIMIT, "probe: %s: packet of %zu bytes", probe->name, packet.len);
    TRY(make_room(usb));
    usb->owed = usb->owed < USB_SLOTS ? usb->owed + 1 : USB_SLOTS;
    TRY(arm(usb));
    if (usb->pipe.out == 0)
        return send_report(usb, packet);
    uint8_t *bytes = usb->out.slots[(usb->out.first + usb->out.count) % USB_SLOTS].bytes;
    memset(bytes, 0, size);
    memcpy(bytes, packet.ptr, packet.len);
    return submit(usb, &usb->out, size, SEND_MS);
}

/* A transfer of no bytes only ends the one before: it is no reply. A read that got nothing in
 * time stays armed, so that nothing is lost between two calls. */
enum err usb_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
{
    struct usb *usb = usb_of(probe);
    uint64_t deadline = when_us() + (uint64_t)timeout_ms * 1000;
    for (int tries = 0; tries < EMPTY_MAX; tries++) {
        TRY(arm(usb));
        const struct slot *slot = &usb->in.slots[usb->in.first];
        enum err e = await(usb, slot, deadline);
        if (e != ERR_OK) {
            usb->owed = 0;
            return e;
        }
        TRY(retire(usb, &usb->in));
        size_t got = (size_t)slot->transfer->actual_length;
        if (got == 0)
            continue;
        memcpy(usb->reply, slot->bytes, got);
        usb->owed -= usb->owed > 0 ? 1 : 0;
        *reply_out = span_of(usb->reply, got);
        return ERR_OK;
    }
    return fail_quiet(ERR_PROTO, "probe: %s: sends nothing but empty transfers", probe->name);
}

static void cancel(struct usb *usb, struct ring *ring)
{
    for (size_t i = 0; i < USB_SLOTS; i++)
        if (ring->slots[i].busy && libusb_cancel_transfer(ring->slots[i].transfer) != 0)
            log_line(LOG_LEVEL_DEBUG, "probe: %s: a transfer ends by itself", usb->probe.name);
}

/* All transfers back from libusb. False: it keeps one, and so its memory. */
static bool settle(struct usb *usb, const struct ring *ring)
{
    uint64_t deadline = when_us() + (uint64_t)CLOSE_MS * 1000;
    for (size_t i = 0; i < USB_SLOTS; i++)
        if (await(usb, &ring->slots[i], deadline) != ERR_OK)
            return false;
    return true;
}

static void free_transfers(struct ring *ring)
{
    for (size_t i = 0; i < USB_SLOTS; i++)
        libusb_free_transfer(ring->slots[i].transfer);
    memset(ring, 0, sizeof(*ring));
}

static enum err alloc_transfers(struct ring *ring, uint8_t endpoint)
{
    ring->endpoint = endpoint;
    for (size_t i = 0; i < USB_SLOTS; i++) {
        ring->slots[i].transfer = libusb_alloc_transfer(0);
        if (ring->slots[i].transfer == NULL)
            return fail(ERR_MEMORY, "probe: out of memory");
    }
    return ERR_OK;
}

enum err usb_pump_start(struct usb *usb)
{
    usb->owed = 0;
    TRY(alloc_transfers(&usb->out, usb->pipe.out));
    return alloc_transfers(&usb->in, usb->pipe.in);
}

bool usb_pump_stop(struct usb *usb)
{
    cancel(usb, &usb->out);
    cancel(usb, &usb->in);
    if (!settle(usb, &usb->out) || !settle(usb, &usb->in))
        return false;
    free_transfers(&usb->out);
    free_transfers(&usb->in);
    return true;
}
