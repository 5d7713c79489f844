/* SPDX-License-Identifier: MIT */
/* usb.c with a libusb of our own, defined here, in front of the probe of test_probe_fake.h. */
#include "tests/unit/check.h"

#include <libusb-1.0/libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/probe/mem.h"
#include "station-agent/probe/usb.h"
#include "station-agent/probe/usb_hub.h"
#include "tests/unit/test_probe_fake.h"
#include "tests/unit/test_probe_usb_tree.h"

enum { CONTEXT = 1, HANDLE = 2, WAITING_MAX = 16, REPORT = 64, REPLY_MS = 200 };

/* What the libusb here is told to do, and what it saw. */
static struct {
    int init_code, wrap_code, detach_code, claim_code, submit_code;
    enum libusb_transfer_status out_status, in_status;
    bool hid, mute_until_reset, mute_until_power, renumbered;
    int reset_code, control_code;
    uint8_t hub_traits;
    bool power_stays, off;
    unsigned offs, ons;
    unsigned empty_reads;
    unsigned wraps, claims, releases, closes, resets, clears, detaches;
    unsigned reports; /* by SET_REPORT */
    size_t waiting, deepest;
    unsigned allocated;
    struct libusb_transfer *list[WAITING_MAX];
} usb;
static struct fake fake;

int libusb_set_option(libusb_context *context, enum libusb_option option, ...)
{
    assert_null(context);
    assert_int_equal(option, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
    return 0;
}

int libusb_init(libusb_context **context)
{
    *context = (libusb_context *)(uintptr_t)CONTEXT;
    return usb.init_code;
}

void libusb_exit(libusb_context *context)
{
    assert_ptr_equal(context, (libusb_context *)(uintptr_t)CONTEXT);
    assert_int_equal(usb.allocated, 0);
}

int libusb_wrap_sys_device(libusb_context *context, intptr_t node, libusb_device_handle **out)
{
    assert_ptr_equal(context, (libusb_context *)(uintptr_t)CONTEXT);
    assert_true(node > 2);
    usb.wraps++;
    *out = (libusb_device_handle *)(uintptr_t)HANDLE;
    return usb.wrap_code;
}

void libusb_close(libusb_device_handle *handle)
{
    assert_ptr_equal(handle, (libusb_device_handle *)(uintptr_t)HANDLE);
    usb.closes++;
}

int libusb_set_auto_detach_kernel_driver(libusb_device_handle *handle, int enable)
{
    assert_non_null(handle);
    assert_int_equal(enable, 1);
    usb.detaches++;
    return usb.detach_code;
}

int libusb_claim_interface(libusb_device_handle *handle, int number)
{
    assert_non_null(handle);
    assert_int_equal(number, usb.hid ? 0 : 1);
    usb.claims++;
    return usb.claim_code;
}

int libusb_release_interface(libusb_device_handle *handle, int number)
{
    assert_non_null(handle);
    assert_int_equal(number, usb.hid ? 0 : 1);
    assert_int_equal(usb.waiting, 0); /* never under a transfer */
    usb.releases++;
    return 0;
}

/* Gone from its port, or there again with another number. */
static void power(bool on);
static void renumber(void);

int libusb_reset_device(libusb_device_handle *handle)
{
    assert_non_null(handle);
    assert_int_equal(usb.waiting, 0); /* they would end badly, later */
    usb.resets++;
    fake.mute = fake.mute && !usb.mute_until_reset;
    if (usb.reset_code == LIBUSB_ERROR_NOT_FOUND)
        renumber();
    return usb.reset_code;
}

/* The probe's own, if it has no OUT endpoint; else the hub's: its descriptor, and the power of
 * port 2. */
int libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request,
                            uint16_t value, uint16_t index, unsigned char *data,
                            uint16_t length, unsigned timeout)
{
    const uint8_t descriptor[] = { 9, 0x29, 4, usb.hub_traits, 0, 50, 0, 0, 0xFF };
    assert_non_null(handle);
    assert_int_not_equal(timeout, 0);
    if (usb.control_code != 0)
        return usb.control_code;
    if (type == 0x21) {
        assert_true(request == 9 && value == 0x0200 && index == 0 && length == REPORT);
        usb.reports++;
        assert_int_equal(fake.probe.send(&fake.probe, span_of(data, length)), ERR_OK);
        return length;
    }
    if (type == 0xA0) {
        assert_int_equal(request, 6);
        assert_int_equal(value, 0x2900);
        assert_true(length >= sizeof(descriptor));
        memcpy(data, descriptor, sizeof(descriptor));
        return sizeof(descriptor);
    }
    assert_int_equal(type, 0x23);
    assert_int_equal(value, 8);
    assert_int_equal(index, 2);
    assert_int_equal(usb.claims, usb.releases); /* the probe is let go before */
    usb.offs += request == 1;
    usb.ons += request == 3;
    if (!usb.power_stays)
        power(request == 3);
    return 0;
}

int libusb_clear_halt(libusb_device_handle *handle, unsigned char endpoint)
{
    assert_non_null(handle);
    assert_int_not_equal(endpoint, 0);
    usb.clears++;
    return 0;
}

const char *libusb_strerror(int code)
{
    (void)code;
    return "some libusb error";
}

struct libusb_transfer *libusb_alloc_transfer(int packets)
{
    assert_int_equal(packets, 0);
    usb.allocated++;
    return calloc(1, sizeof(struct libusb_transfer));
}

void libusb_free_transfer(struct libusb_transfer *t)
{
    usb.allocated -= t != NULL;
    free(t);
}

int libusb_submit_transfer(struct libusb_transfer *t)
{
    assert_int_equal(t->type,
                     usb.hid ? LIBUSB_TRANSFER_TYPE_INTERRUPT : LIBUSB_TRANSFER_TYPE_BULK);
    if (usb.submit_code != 0)
        return usb.submit_code;
    assert_true(usb.waiting < WAITING_MAX);
    for (size_t i = 0; i < usb.waiting; i++)
        assert_ptr_not_equal(usb.list[i], t);
    t->status = LIBUSB_TRANSFER_COMPLETED;
    usb.list[usb.waiting++] = t;
    return 0;
}

int libusb_cancel_transfer(struct libusb_transfer *t)
{
    t->status = LIBUSB_TRANSFER_CANCELLED;
    return 0;
}

static void finish(size_t index, enum libusb_transfer_status status, int length)
{
    struct libusb_transfer *t = usb.list[index];
    usb.waiting--;
    memmove(&usb.list[index], &usb.list[index + 1],
            (usb.waiting - index) * sizeof(usb.list[0]));
    t->status = status;
    t->actual_length = length;
    t->callback(t);
}

static void finish_out(size_t index)
{
    struct libusb_transfer *t = usb.list[index];
    struct span packet = span_of(t->buffer, (size_t)t->length);
    assert_int_equal(t->endpoint, usb.hid ? 0x04 : 0x02);
    assert_int_not_equal(t->timeout, 0); /* 0 would wait for ever */
    if (usb.hid)
        assert_int_equal(t->length, REPORT);
    if (usb.out_status == LIBUSB_TRANSFER_COMPLETED)
        assert_int_equal(fake.probe.send(&fake.probe, packet), ERR_OK);
    finish(index, usb.out_status, t->length);
}

/* False: the probe has nothing to say yet. */
static bool finish_in(size_t index)
{
    struct libusb_transfer *t = usb.list[index];
    struct span reply = { NULL, 0 };
    assert_int_equal(t->endpoint, usb.hid ? 0x83 : 0x81);
    assert_int_equal(t->length, usb.hid ? REPORT : PROBE_PACKET_MAX);
    bool empty = usb.empty_reads > 0;
    usb.empty_reads -= empty;
    if (!empty && usb.in_status == LIBUSB_TRANSFER_COMPLETED &&
        fake.probe.receive(&fake.probe, &reply, 0) != ERR_OK)
        return false;
    assert_true(reply.len <= (size_t)t->length);
    if (usb.hid)
        memset(t->buffer, 0xA5, REPORT); /* what pads a reply means nothing */
    if (reply.len > 0)
        memcpy(t->buffer, reply.ptr, reply.len);
    finish(index, usb.in_status, usb.hid ? REPORT : (int)reply.len);
    return true;
}

static bool finish_cancelled(void)
{
    for (size_t i = 0; i < usb.waiting; i++) {
        if (usb.list[i]->status != LIBUSB_TRANSFER_CANCELLED)
            continue;
        finish(i, LIBUSB_TRANSFER_CANCELLED, 0);
        return true;
    }
    return false;
}

static unsigned reads_waiting(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < usb.waiting; i++)
        n += (usb.list[i]->endpoint & 0x80) != 0;
    return n;
}

/* All that was sent goes first: packets pile up at the probe as they would. */
int libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *wait,
                                           int *completed)
{
    assert_ptr_equal(context, (libusb_context *)(uintptr_t)CONTEXT);
    assert_null(completed);
    if (finish_cancelled())
        return 0;
    for (size_t i = 0; i < usb.waiting;) {
        if ((usb.list[i]->endpoint & 0x80) == 0)
            finish_out(i);
        else
            i++;
    }
    if (reads_waiting() > usb.deepest)
        usb.deepest = reads_waiting();
    if (usb.waiting == 0 || !finish_in(0))
        usleep((useconds_t)(wait->tv_sec * 1000000 + wait->tv_usec) / 50);
    return 0;
}

static const struct tree_device probe_device = {
    "1-2", 0x1234, 1, "1301A", "Probe", { { TREE_V1, "CMSIS-DAP" }, { TREE_V2, "CMSIS-DAP" } }
};

static void plug(bool hid)
{
    tree_plug(&probe_device, 1);
    memset(&usb, 0, sizeof(usb));
    usb.hid = hid;
    usb.out_status = usb.in_status = LIBUSB_TRANSFER_COMPLETED;
    fake_init(&fake);
    if (hid)
        fake.packet_size = REPORT;
}

static void plug_hub(void)
{
    tree_text("sys/usb1/busnum", "1\n");
    tree_text("sys/usb1/devnum", "1\n");
    tree_text("sys/usb1/speed", "480\n");
    tree_text("dev/bus/usb/001/001", "");
}

static void power(bool on)
{
    static const struct tree_device other = {
        "1-3", 1, 1, "", "Mouse", { { TREE_MOUSE, "" } }
    };
    const struct tree_device devices[] = { other, probe_device };
    tree_plug(devices, on ? 2 : 1);
    plug_hub();
    fake.mute = fake.mute && !(on && usb.mute_until_power);
}

static void renumber(void)
{
    power(false);
    power(true);
    usb.renumbered = true;
}

static const char *uri(void)
{
    return usb.hid ? "usb:v1" : "usb:";
}

static void open_failures_say_what_to_do(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int wrap_code, detach_code, claim_code;
        bool hid;
        enum err want;
        const char *words;
    } cases[] = {
        { "busy", 0, 0, LIBUSB_ERROR_BUSY, false, ERR_BUSY, "in use by another program" },
        { "gone", 0, 0, LIBUSB_ERROR_NO_DEVICE, false, ERR_CLOSED, "unplugged" },
        { "other", 0, 0, LIBUSB_ERROR_OTHER, false, ERR_IO, "cannot be claimed: some libusb" },
        { "wrap", LIBUSB_ERROR_IO, 0, 0, false, ERR_IO, "some libusb error" },
        { "detach", 0, LIBUSB_ERROR_NOT_SUPPORTED, 0, true, ERR_IO, "cannot be claimed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe *probe = NULL;
        plug(cases[i].hid);
        usb.wrap_code = cases[i].wrap_code;
        usb.detach_code = cases[i].detach_code;
        usb.claim_code = cases[i].claim_code;
        assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe), cases[i].want);
        if (strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_null(probe);
        assert_int_equal(usb.releases, 0);
        usb.wrap_code = usb.detach_code = usb.claim_code = 0;
        assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe),
                         ERR_OK); /* the lock is free again */
        probe_close(probe);
    }
}

static void a_missing_node_is_said(void **state)
{
    (void)state;
    struct probe *probe = NULL;
    char node[USB_PATH_MAX];
    plug(false);
    tree_path("dev/bus/usb/001/010", node);
    assert_int_equal(unlink(node), 0);
    assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "unplugged while it was opened"));
    assert_int_equal(usb.wraps, 0);
}

static void never_both_interfaces(void **state)
{
    (void)state;
    struct probe *probe = NULL, *second = NULL;
    plug(false);
    assert_int_equal(usb_open(&tree, "usb:v2", REPLY_MS, &probe), ERR_OK);
    assert_int_equal(usb.detaches, 0);
    assert_int_equal(usb_open(&tree, "usb:v1", REPLY_MS, &second), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "in use by test_probe_usb (pid "));
    assert_int_equal(usb.wraps, 1);
    probe_close(probe);
    tree_link("sys/1-2:1.1/driver", "../../bus/usb/drivers/usbfs");
    assert_int_equal(usb_open(&tree, "usb:v1", REPLY_MS, &second), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "in use by another program"));
    assert_int_equal(usb.wraps, 1);
}

static void carries_swd(void **state)
{
    (void)state;
    static uint8_t wrote[3000], got[3000];
    for (int hid = 0; hid < 2; hid++) {
        AUTO(probe_drop) struct probe *probe = NULL;
        AUTO(free_drop) struct swd *swd = calloc(1, sizeof(*swd));
        struct mem mem;
        plug(hid != 0);
        assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe), ERR_OK);
        assert_string_equal(probe->name, usb.hid ? "usb:v1,port=1-2" : "usb:port=1-2");
        assert_int_equal(usb.detaches, hid);
        usb.empty_reads = usb.hid ? 0 : 2;
        assert_int_equal(swd_init(swd, probe, 0), ERR_OK);
        assert_int_equal(mem_init(&mem, swd, 0), ERR_OK);
        memset(wrote, 0x5C + hid, sizeof(wrote));
        assert_int_equal(mem_write(&mem, 0x20000000, SPAN(wrote)), ERR_OK);
        assert_int_equal(mem_read(&mem, 0x20000000, got, sizeof(got)), ERR_OK);
        assert_memory_equal(wrote, got, sizeof(got));
        assert_int_equal(usb.deepest, fake.packet_count);
        if (usb.hid)
            assert_int_equal(fake.largest, REPORT);
        else
            assert_in_range(fake.largest, 400, 511); /* never a whole number of USB packets */
    }
    assert_int_equal(usb.releases, 1);
    assert_int_equal(usb.closes, 1);
    assert_int_equal(usb.allocated, 0);
}

/* Also by a probe that is not known to pad: the size is the one it stated. */
static void padding_to_a_packet_is_taken(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    AUTO(free_drop) struct swd *swd = calloc(1, sizeof(*swd));
    plug(true);
    assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe), ERR_OK);
    probe->padded = false;
    assert_int_equal(swd_init(swd, probe, 0), ERR_OK);
}

static void without_an_out_endpoint_reports_are_set(void **state)
{
    (void)state;
    static const struct tree_device in_alone = { "1-2",   0x1234,
                                                 1,       "1301A",
                                                 "Probe", { { TREE_V1_IN, "CMSIS-DAP" } } };
    static uint8_t wrote[300], got[300];
    AUTO(probe_drop) struct probe *probe = NULL;
    AUTO(free_drop) struct swd *swd = calloc(1, sizeof(*swd));
    struct mem mem;
    plug(true);
    tree_plug(&in_alone, 1);
    assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_OK);
    assert_int_equal(swd_init(swd, probe, 0), ERR_OK);
    assert_int_equal(mem_init(&mem, swd, 0), ERR_OK);
    memset(wrote, 0x6D, sizeof(wrote));
    assert_int_equal(mem_write(&mem, 0x20000000, SPAN(wrote)), ERR_OK);
    assert_int_equal(mem_read(&mem, 0x20000000, got, sizeof(got)), ERR_OK);
    assert_memory_equal(wrote, got, sizeof(got));
    assert_true(usb.reports > 20);
    usb.control_code = LIBUSB_ERROR_NO_DEVICE;
    assert_int_equal(probe->send(probe, span_of(wrote, 2)), ERR_CLOSED);
    usb.control_code = 0;
}

static void packets_are_cut_to_the_endpoint(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    AUTO(free_drop) struct swd *swd = calloc(1, sizeof(*swd));
    plug(true);
    fake.packet_size = 1024; /* it speaks of its other interface */
    assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe), ERR_OK);
    assert_int_equal(swd_init(swd, probe, 0), ERR_OK);
    assert_int_equal(swd->packet_size, REPORT);
}

static void transfers_fail_in_words(void **state)
{
    (void)state;
    const struct {
        enum libusb_transfer_status in;
        enum err want;
        const char *words;
        unsigned clears;
    } cases[] = {
        { LIBUSB_TRANSFER_NO_DEVICE, ERR_CLOSED, "unplugged", 0 },
        { LIBUSB_TRANSFER_STALL, ERR_IO, "stalled", 1 },
        { LIBUSB_TRANSFER_OVERFLOW, ERR_LIMIT, "larger than its packets", 0 },
        { LIBUSB_TRANSFER_ERROR, ERR_IO, "transfer failed", 0 },
        { LIBUSB_TRANSFER_TIMED_OUT, ERR_IO, "takes no packet", 0 },
    };
    static const uint8_t info[] = { 0, 0xFE };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(probe_drop) struct probe *probe = NULL;
        struct span reply;
        plug(false);
        assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_OK);
        usb.in_status = cases[i].in;
        assert_int_equal(probe->send(probe, SPAN(info)), ERR_OK);
        assert_int_equal(probe->receive(probe, &reply, 1000), cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_int_equal(usb.clears, cases[i].clears);
    }
}

static void submitting_fails_in_words(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    static const uint8_t info[] = { 0, 0xFE }, large[REPORT + 1] = { 0 };
    plug(true);
    assert_int_equal(usb_open(&tree, "usb:v1", REPLY_MS, &probe), ERR_OK);
    assert_int_equal(probe->send(probe, SPAN(large)), ERR_LIMIT);
    usb.submit_code = LIBUSB_ERROR_NO_DEVICE;
    assert_int_equal(probe->send(probe, SPAN(info)), ERR_CLOSED);
    usb.submit_code = LIBUSB_ERROR_IO;
    assert_int_equal(probe->send(probe, SPAN(info)), ERR_IO);
    usb.submit_code = 0;
}

static void stale_replies_are_dropped(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    static const uint8_t info[] = { 0, 0xFE }, clock[] = { 0x11, 0, 0, 0, 1 };
    struct span reply;
    plug(false);
    assert_int_equal(fake.probe.send(&fake.probe, SPAN(clock)), ERR_OK);
    assert_int_equal(fake.probe.send(&fake.probe, SPAN(clock)), ERR_OK);
    assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_OK);
    assert_int_equal(fake.received, 4); /* two stale ones, and two Infos in step */
    assert_int_equal(probe->send(probe, SPAN(info)), ERR_OK);
    assert_int_equal(probe->receive(probe, &reply, 1000), ERR_OK);
    assert_int_equal(reply.ptr[0], 0);
    assert_int_equal(probe->receive(probe, &reply, 10), ERR_DEADLINE);
    /* a reply that comes after its deadline is still read, and not lost */
    assert_int_equal(probe->send(probe, SPAN(clock)), ERR_OK);
    assert_int_equal(probe->receive(probe, &reply, 1000), ERR_OK);
    assert_int_equal(reply.ptr[0], 0x11);
}

static void a_hanging_probe_is_reset_once(void **state)
{
    (void)state;
    struct probe *probe = NULL;
    plug(false);
    fake.mute = usb.mute_until_reset = true;
    assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_OK);
    assert_int_equal(usb.resets, 1);
    assert_int_equal(probe->counts.usb_resets, 1);
    probe_close(probe);
}

static void a_reset_probe_may_be_a_new_device(void **state)
{
    (void)state;
    struct probe *probe = NULL;
    plug(false);
    fake.mute = usb.mute_until_reset = true;
    usb.reset_code = LIBUSB_ERROR_NOT_FOUND;
    assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_OK);
    assert_true(usb.renumbered);
    assert_int_equal(usb.wraps, 2);
    assert_int_equal(usb.claims, 2);
    assert_int_equal(usb.releases, 1);
    assert_int_equal(probe->counts.usb_resets, 1);
    assert_int_equal(probe->counts.power_cycles, 0);
    probe_close(probe);
}

static void its_port_is_switched_off_and_on(void **state)
{
    (void)state;
    struct probe *probe = NULL;
    for (int hid = 0; hid < 2; hid++) {
        plug(hid != 0);
        plug_hub();
        fake.mute = usb.mute_until_power = true;
        usb.hub_traits = 1;
        assert_int_equal(usb_open(&tree, uri(), REPLY_MS, &probe), ERR_OK);
        assert_int_equal(usb.resets, 1);
        assert_int_equal(usb.offs, 1);
        assert_int_equal(usb.ons, 1);
        assert_int_equal(probe->counts.power_cycles, 1);
        probe_close(probe);
        assert_int_equal(usb.claims, usb.releases);
    }
}

static void what_cannot_be_cured_is_to_be_unplugged(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t traits;
        bool no_hub, power_stays;
        int control_code, reset_code;
        unsigned offs;
        const char *words;
    } cases[] = {
        { "ganged", 0, false, false, 0, 0, 0, "hub usb1 switches all its ports at once" },
        { "no switch", 2, false, false, 0, 0, 0, "hub usb1 does not switch power" },
        { "hub's node is not there", 1, true, false, 0, 0, 0, "No such file" },
        { "refused", 1, false, false, LIBUSB_ERROR_ACCESS, 0, 0, "refuses to switch" },
        { "says it can", 1, false, true, 0, 0, 1, "keeps its power" },
        { "switched, and still mute", 1, false, false, 0, 0, 1, "does not answer" },
        { "reset fails", 0, false, false, 0, LIBUSB_ERROR_IO, 0, "at once" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe *probe = NULL;
        plug(false);
        if (!cases[i].no_hub)
            plug_hub();
        fake.mute = true;
        usb.hub_traits = cases[i].traits;
        usb.power_stays = cases[i].power_stays;
        usb.control_code = cases[i].control_code;
        usb.reset_code = cases[i].reset_code;
        assert_int_equal(usb_open(&tree, "usb:", REPLY_MS, &probe), ERR_IO);
        if (strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_non_null(strstr(fail_words(), "unplug it, plug it in again"));
        assert_int_equal(usb.resets, 1);
        assert_int_equal(usb.offs, cases[i].offs);
        assert_int_equal(usb.ons, cases[i].offs); /* never left without power */
        assert_int_equal(usb.claims, usb.releases);
    }
}

static void hubs_and_their_ports(void **state)
{
    (void)state;
    static const struct {
        const char *port, *hub;
        uint8_t number;
    } good[] = { { "1-2", "usb1", 2 },
                 { "12-3", "usb12", 3 },
                 { "1-2.3", "1-2", 3 },
                 { "1-2.3.14", "1-2.3", 14 } };
    static const char *const bad[] = { "", "1", "-1", "1-", "1-0", "1-2.", "1-2.x", "1-256" };
    char hub[USB_PORT_MAX];
    uint8_t number = 0;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(usb_hub_of(good[i].port, hub, &number));
        assert_string_equal(hub, good[i].hub);
        assert_int_equal(number, good[i].number);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(usb_hub_of(bad[i], hub, &number));
    const struct {
        const char *name;
        uint8_t bytes[9], len, port;
        const char *flaw;
    } hubs[] = {
        { "per port", { 9, 0x29, 4, 1, 0, 50, 0, 0, 0xFF }, 9, 4, NULL },
        { "USB 3", { 12, 0x2A, 4, 9, 0, 50, 0, 0, 0 }, 9, 1, NULL },
        { "no such port", { 9, 0x29, 4, 1, 0, 50, 0, 0, 0xFF }, 9, 5, "no such port" },
        { "ganged", { 9, 0x29, 4, 0, 0, 50, 0, 0, 0xFF }, 9, 1, "at once" },
        { "none", { 9, 0x29, 4, 3, 0, 50, 0, 0, 0xFF }, 9, 1, "does not switch" },
        { "another descriptor", { 9, 2, 4, 1, 0, 50, 0, 0, 0xFF }, 9, 1, "as a hub" },
        { "cut short", { 9, 0x29, 4, 1 }, 4, 1, "as a hub" },
        { "nothing", { 0 }, 0, 1, "as a hub" },
    };
    for (size_t i = 0; i < COUNT(hubs); i++) {
        const char *flaw = usb_hub_flaw(span_of(hubs[i].bytes, hubs[i].len), hubs[i].port);
        if (hubs[i].flaw == NULL)
            assert_null(flaw);
        else
            assert_non_null(strstr(flaw, hubs[i].flaw));
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_failures_say_what_to_do),
        cmocka_unit_test(a_missing_node_is_said),
        cmocka_unit_test(never_both_interfaces),
        cmocka_unit_test(carries_swd),
        cmocka_unit_test(padding_to_a_packet_is_taken),
        cmocka_unit_test(without_an_out_endpoint_reports_are_set),
        cmocka_unit_test(packets_are_cut_to_the_endpoint),
        cmocka_unit_test(transfers_fail_in_words),
        cmocka_unit_test(submitting_fails_in_words),
        cmocka_unit_test(stale_replies_are_dropped),
        cmocka_unit_test(a_hanging_probe_is_reset_once),
        cmocka_unit_test(a_reset_probe_may_be_a_new_device),
        cmocka_unit_test(its_port_is_switched_off_and_on),
        cmocka_unit_test(what_cannot_be_cured_is_to_be_unplugged),
        cmocka_unit_test(hubs_and_their_ports),
    };
    return cmocka_run_group_tests(tests, tree_up, tree_down);
}
