/*
 * A probe on USB by libusb-1.0: CMSIS-DAP v2 (two bulk endpoints) or v1 (HID, two interrupt
 * endpoints). The only file that includes libusb. Each probe has a context of its own, so that
 * none waits for another, and libusb looks for no devices: the node that sysfs names is opened
 * here. Transfers are asynchronous: as many packets are on their way as were sent, and for each
 * a read waits, so the probe is never kept waiting for the host.
 *
 * A HID interface is taken from usbhid and given back; no other driver is ever detached, and
 * the probe's other interfaces are not ours.
 */
#include "station-agent/probe/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb-1.0/libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/probe/usb_pick.h"
#include "station-agent/probe/usb_user.h"
#include "station-agent/probe/when.h"

enum {
    SLOTS = 8, /* packets on their way, each direction: SWD_IN_FLIGHT_MAX */
    SEND_MS = 5000,
    CLOSE_MS = 1000,
    EMPTY_MAX = 8,
};

/* One transfer and its bytes; busy from submission until libusb is done with it. */
struct slot {
    struct libusb_transfer *transfer;
    bool busy;
    uint8_t bytes[PROBE_PACKET_MAX];
};

/* Transfers of one endpoint end in the order they were submitted. */
struct ring {
    uint8_t endpoint;
    size_t first, count;
    struct slot slots[SLOTS];
};

struct usb {
    struct probe probe; /* first: a struct probe * is a struct usb * */
    libusb_context *context;
    libusb_device_handle *handle;
    int lock, node;
    bool claimed;
    enum usb_version version;
    struct usb_pipe pipe;
    size_t owed; /* replies to what was sent */
    struct ring out, in;
    uint8_t reply[PROBE_PACKET_MAX];
};

static struct usb *usb_of(struct probe *probe)
{
    return (struct usb *)probe;
}

/* ---- transfers ---- */

static void LIBUSB_CALL transfer_done(struct libusb_transfer *transfer)
{
    ((struct slot *)transfer->user_data)->busy = false;
}

static enum err usb_error(const struct usb *usb, int code, const char *what)
{
    if (code == LIBUSB_ERROR_NO_DEVICE)
        return fail_quiet(ERR_CLOSED, "probe: %s: unplugged", usb->probe.name);
    return fail_quiet(ERR_IO, "probe: %s: %s: %s", usb->probe.name, what,
                      libusb_strerror(code));
}

static enum err submit(struct usb *usb, struct ring *ring, size_t len, unsigned timeout_ms)
{
    struct slot *slot = &ring->slots[(ring->first + ring->count) % SLOTS];
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

/* How the oldest transfer ended, which leaves the ring. */
static enum err retire(struct usb *usb, struct ring *ring)
{
    const char *name = usb->probe.name;
    const struct libusb_transfer *t = ring->slots[ring->first].transfer;
    ring->first = (ring->first + 1) % SLOTS;
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
            return fail_quiet(ERR_IO, "probe: %s: stalled for good", name);
        return fail_quiet(ERR_IO, "probe: %s: stalled", name);
    default:
        return fail_quiet(ERR_IO, "probe: %s: transfer failed (%d)", name, (int)t->status);
    }
}

/* A read waits for every reply that is owed, and for a stray one if none is. */
static enum err arm(struct usb *usb)
{
    bool hid = usb->version == USB_V1;
    size_t want = usb->owed == 0 ? 1 : usb->owed;
    while (usb->in.count < want && usb->in.count < SLOTS)
        TRY(submit(usb, &usb->in, hid ? usb->pipe.in_size : PROBE_PACKET_MAX, 0));
    return ERR_OK;
}

/* Wait until a packet may be sent; what ended badly meanwhile is said now. */
static enum err make_room(struct usb *usb)
{
    struct ring *out = &usb->out;
    uint64_t deadline = when_us() + 2 * (uint64_t)SEND_MS * 1000;
    if (out->count == SLOTS)
        TRY(await(usb, &out->slots[out->first], deadline));
    while (out->count > 0 && !out->slots[out->first].busy)
        TRY(retire(usb, out));
    return ERR_OK;
}

/* A HID report always has its full size. */
static enum err usb_send(struct probe *probe, struct span packet)
{
    struct usb *usb = usb_of(probe);
    size_t size = usb->version == USB_V1 ? usb->pipe.out_size : packet.len;
    if (packet.len > size || size > PROBE_PACKET_MAX)
        return fail_quiet(ERR_LIMIT, "probe: %s: packet of %zu bytes", probe->name, packet.len);
    TRY(make_room(usb));
    usb->owed = usb->owed < SLOTS ? usb->owed + 1 : SLOTS;
    TRY(arm(usb));
    uint8_t *bytes = usb->out.slots[(usb->out.first + usb->out.count) % SLOTS].bytes;
    memset(bytes, 0, size);
    memcpy(bytes, packet.ptr, packet.len);
    return submit(usb, &usb->out, size, SEND_MS);
}

/* A transfer of no bytes only ends the one before: it is no reply. A read that got nothing in
 * time stays armed, so that nothing is lost between two calls. */
static enum err usb_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
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

/* ---- close ---- */

static void cancel(struct usb *usb, struct ring *ring)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (ring->slots[i].busy && libusb_cancel_transfer(ring->slots[i].transfer) != 0)
            log_line(LOG_LEVEL_DEBUG, "probe: %s: a transfer ends by itself", usb->probe.name);
}

/* All transfers back from libusb. False: it keeps one, and so its memory. */
static bool settle(struct usb *usb, const struct ring *ring)
{
    uint64_t deadline = when_us() + (uint64_t)CLOSE_MS * 1000;
    for (size_t i = 0; i < SLOTS; i++)
        if (await(usb, &ring->slots[i], deadline) != ERR_OK)
            return false;
    return true;
}

static void free_transfers(struct ring *ring)
{
    for (size_t i = 0; i < SLOTS; i++)
        libusb_free_transfer(ring->slots[i].transfer);
}

static void usb_close(struct probe *probe)
{
    struct usb *usb = usb_of(probe);
    cancel(usb, &usb->out);
    cancel(usb, &usb->in);
    if (!settle(usb, &usb->out) || !settle(usb, &usb->in)) {
        log_line(LOG_LEVEL_ERROR, "probe: %s: its transfers do not end; it stays open",
                 probe->name);
        return; /* libusb still writes there */
    }
    free_transfers(&usb->out);
    free_transfers(&usb->in);
    if (usb->claimed)
        libusb_release_interface(usb->handle, usb->pipe.number);
    if (usb->handle != NULL)
        libusb_close(usb->handle);
    if (usb->context != NULL)
        libusb_exit(usb->context);
    fd_drop(&usb->node);
    usb_lock_release(&usb->lock);
    free(usb);
}

static void usb_drop(struct usb **usb)
{
    if (*usb != NULL)
        usb_close(&(*usb)->probe);
}

/* ---- open ---- */

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
    char words[USB_PROGRAM_MAX + 32];
    usb_holder_words(holder, words, sizeof(words));
    return fail(ERR_BUSY, "probe: %s: in use by %s; one program per probe", usb->probe.name,
                words);
}

/* Ours alone, both its interfaces, before anything is touched. */
static enum err reserve(struct usb *usb, const struct usb_roots *roots,
                        const struct usb_seen *seen)
{
    struct usb_holder holder;
    TRY(usb_lock_take(roots, seen->port, &usb->lock));
    return usb_user_find(roots, seen, &holder) ? say_busy(usb, &holder) : ERR_OK;
}

static enum err alloc_transfers(struct ring *ring, uint8_t endpoint)
{
    ring->endpoint = endpoint;
    for (size_t i = 0; i < SLOTS; i++) {
        ring->slots[i].transfer = libusb_alloc_transfer(0);
        if (ring->slots[i].transfer == NULL)
            return fail(ERR_MEMORY, "probe: out of memory");
    }
    return ERR_OK;
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
    TRY(alloc_transfers(&usb->out, usb->pipe.out));
    return alloc_transfers(&usb->in, usb->pipe.in);
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

/* In step with the probe. One that hangs is reset, once: nothing else brings it back but
 * pulling the plug. */
static enum err wake(struct usb *usb)
{
    char words[FAIL_WORDS_MAX];
    enum err e = probe_drain(&usb->probe);
    if (e != ERR_IO)
        return e;
    log_line(LOG_LEVEL_WARN, "%s; it is reset", fail_words());
    if (libusb_reset_device(usb->handle) == 0)
        e = probe_drain(&usb->probe);
    if (e == ERR_OK)
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e,
                "%.200s, nor after a reset: plug it anew; if that repeats, power its port "
                "off and on",
                words);
}

static void set_up(struct usb *usb, const struct usb_choice *choice)
{
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
    set_up(usb, &choice);
    TRY(reserve(usb, roots, choice.seen));
    TRY(open_node(usb, roots, choice.seen));
    TRY(start_libusb(usb));
    TRY(claim(usb));
    TRY(wake(usb));
    *probe_out = &TAKE(usb)->probe;
    return ERR_OK;
}

enum err probe_usb_open(const char *uri, unsigned reply_ms, struct probe **probe_out)
{
    return usb_open(&usb_roots, uri, reply_ms, probe_out);
}
