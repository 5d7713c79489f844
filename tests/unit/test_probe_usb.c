/* usb.c with a libusb of our own, defined here, and a sysfs in a temporary folder. */
#include "tests/unit/check.h"

#include <ftw.h>
#include <libusb-1.0/libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/mem.h"
#include "station-agent/probe/usb_pick.h"
#include "tests/unit/test_probe_fake.h"

enum { DEVICES_MAX = 4, CONTEXT = 1 };

/* What one device shows. */
struct device {
    uint16_t vendor, product;
    uint8_t port; /* "1-PORT" */
    uint8_t class;
    bool in_first;
    const char *serial, *name, *interface;
};

/* libusb's opaque types are ours here. */
struct libusb_device {
    struct device d;
    struct libusb_endpoint_descriptor endpoints[2];
    struct libusb_interface_descriptor alt;
    struct libusb_interface interface;
    struct libusb_config_descriptor config;
};

static struct libusb_device devices[DEVICES_MAX];
static size_t device_count;
static int open_code, claim_code, bulk_code;
static unsigned opens, claims, releases, empty_reads;
static struct fake fake;
static char sysfs[64];

int libusb_init(libusb_context **context)
{
    *context = (libusb_context *)(uintptr_t)CONTEXT;
    return 0;
}

void libusb_exit(libusb_context *context)
{
    assert_ptr_equal(context, (libusb_context *)(uintptr_t)CONTEXT);
}

ssize_t libusb_get_device_list(libusb_context *context, libusb_device ***list)
{
    (void)context;
    *list = calloc(DEVICES_MAX, sizeof(libusb_device *));
    for (size_t i = 0; i < device_count; i++)
        (*list)[i] = &devices[i];
    return (ssize_t)device_count;
}

void libusb_free_device_list(libusb_device **list, int unref)
{
    assert_int_equal(unref, 1);
    free(list);
}

int libusb_get_port_numbers(libusb_device *device, uint8_t *ports, int max)
{
    assert_true(max >= 7);
    ports[0] = device->d.port;
    return device->d.port == 0 ? 0 : 1;
}

uint8_t libusb_get_bus_number(libusb_device *device)
{
    (void)device;
    return 1;
}

uint8_t libusb_get_device_address(libusb_device *device)
{
    return (uint8_t)(device->d.port + 10);
}

int libusb_get_device_descriptor(libusb_device *device, struct libusb_device_descriptor *out)
{
    *out = (struct libusb_device_descriptor){ .idVendor = device->d.vendor,
                                              .idProduct = device->d.product };
    return 0;
}

int libusb_get_active_config_descriptor(libusb_device *device,
                                        struct libusb_config_descriptor **out)
{
    *out = &device->config;
    return 0;
}

void libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
    assert_non_null(config);
}

int libusb_open(libusb_device *device, libusb_device_handle **out)
{
    opens++;
    *out = (libusb_device_handle *)device;
    return open_code;
}

void libusb_close(libusb_device_handle *handle)
{
    assert_non_null(handle);
}

int libusb_claim_interface(libusb_device_handle *handle, int number)
{
    (void)handle;
    claims++;
    assert_int_equal(number, 3);
    return claim_code;
}

int libusb_release_interface(libusb_device_handle *handle, int number)
{
    (void)handle;
    releases++;
    assert_int_equal(number, 3);
    return 0;
}

const char *libusb_strerror(int code)
{
    (void)code;
    return "some libusb error";
}

static int receive(unsigned char *data, int length, int *got)
{
    struct span reply;
    if (empty_reads > 0) {
        empty_reads--;
        *got = 0;
        return 0;
    }
    if (fake.probe.receive(&fake.probe, &reply, 0) != ERR_OK)
        return LIBUSB_ERROR_TIMEOUT;
    assert_true(reply.len <= (size_t)length);
    memcpy(data, reply.ptr, reply.len);
    *got = (int)reply.len;
    return 0;
}

int libusb_bulk_transfer(libusb_device_handle *handle, unsigned char endpoint,
                         unsigned char *data, int length, int *got, unsigned timeout)
{
    (void)handle;
    assert_true(timeout > 0); /* 0 would wait for ever */
    if (bulk_code != 0)
        return bulk_code;
    if (endpoint == 0x81)
        return receive(data, length, got);
    assert_int_equal(endpoint, 0x02);
    *got = length;
    return fake.probe.send(&fake.probe, span_of(data, (size_t)length)) == ERR_OK
               ? 0
               : LIBUSB_ERROR_IO;
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    if (text == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%s", sysfs, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/%s/%s", sysfs, folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%s\n", text);
    fclose(f);
}

static void describe(struct libusb_device *u)
{
    char port[16], interface[24];
    snprintf(port, sizeof(port), "1-%u", u->d.port);
    snprintf(interface, sizeof(interface), "1-%u:1.3", u->d.port);
    write_file(port, "serial", u->d.serial);
    write_file(port, "product", u->d.name);
    write_file(interface, "interface", u->d.interface);
    u->endpoints[u->d.in_first] =
        (struct libusb_endpoint_descriptor){ .bEndpointAddress = 0x02,
                                             .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK };
    u->endpoints[!u->d.in_first] =
        (struct libusb_endpoint_descriptor){ .bEndpointAddress = 0x81,
                                             .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK };
    u->alt = (struct libusb_interface_descriptor){ .bInterfaceNumber = 3,
                                                   .bInterfaceClass = u->d.class,
                                                   .bNumEndpoints = 2,
                                                   .endpoint = u->endpoints };
    u->interface = (struct libusb_interface){ .altsetting = &u->alt, .num_altsetting = 1 };
    u->config = (struct libusb_config_descriptor){ .bNumInterfaces = 1,
                                                   .bConfigurationValue = 1,
                                                   .interface = &u->interface };
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    return where->level == 0 ? 0 : remove(path);
}

static void plug(const struct device *list, size_t count)
{
    assert_int_equal(nftw(sysfs, forget, 8, FTW_DEPTH | FTW_PHYS), 0);
    open_code = claim_code = bulk_code = 0;
    opens = claims = releases = empty_reads = 0;
    fake_init(&fake);
    device_count = count;
    for (size_t i = 0; i < count; i++) {
        devices[i].d = list[i];
        describe(&devices[i]);
    }
}

static const struct device good = { 0x0416, 0x2005,  2,          0xFF,
                                    false,  "1301A", "Nu-Link2", "Nu-Link2 CMSIS-DAP" };
static const struct device twin = { 0x0416, 0x2005,  4,          0xFF,
                                    false,  "1301A", "Nu-Link2", "Nu-Link2 CMSIS-DAP" };
static const struct device unnamed = {
    0x1234, 0x0001, 5, 0xFF, false, NULL, "Some CMSIS-DAP probe", NULL
};
static const struct device ice = {
    0x0416, 0x5200, 6, 0xFF, true, "1302", "Nu-Link2 Bulk", "ICE"
};
static const struct device hid = {
    0x0d28, 0x0204, 7, 0x03, false, "99", "Old CMSIS-DAP", NULL
};
static const struct device mouse = { 0x046d, 0xc077, 8, 0x03, false, NULL, "Mouse", NULL };
static const struct device hub = {
    0x1d6b, 0x0002, 0, 0x09, false, NULL, "CMSIS-DAP hub", NULL
};
static const struct device in_first = { 0x1234, 0x0002,          9,   0xFF, true,
                                        NULL,   "Odd CMSIS-DAP", NULL };

static void picks_or_explains(void **state)
{
    (void)state;
    const struct {
        const char *name, *uri;
        struct device list[DEVICES_MAX];
        size_t count;
        enum err want;
        const char *words;
    } cases[] = {
        { "the only one", "usb:", { mouse, good, hub }, 3, ERR_OK, NULL },
        { "only the product is named", "usb:", { unnamed }, 1, ERR_OK, NULL },
        { "by serial", "usb:serial=1301A", { good, unnamed }, 2, ERR_OK, NULL },
        { "by port", "usb:port=1-4", { good, twin }, 2, ERR_OK, NULL },
        { "none", "usb:", { mouse, hub }, 2, ERR_NOT_FOUND, "plugged in" },
        { "two", "usb:", { good, unnamed }, 2, ERR_CONFIG, "usb:port=1-5" },
        { "equal serials", "usb:serial=1301A", { good, twin }, 2, ERR_CONFIG, "by port" },
        { "part of a serial", "usb:serial=1301", { good }, 1, ERR_NOT_FOUND, "usb:port=1-2" },
        { "another port", "usb:port=1-3", { good }, 1, ERR_NOT_FOUND, "1301A" },
        { "Nu-Link's own mode", "usb:", { ice }, 1, ERR_NOT_FOUND, "NU_CFG.TXT" },
        { "v1 only", "usb:", { hid, mouse }, 2, ERR_NOT_FOUND, "v1 only" },
        { "IN before OUT", "usb:", { in_first }, 1, ERR_NOT_FOUND, "plugged in" },
        { "empty port", "usb:port=", { good }, 1, ERR_CONFIG, "want" },
        { "unknown key", "usb:vendor=0416", { good }, 1, ERR_CONFIG, "want" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(probe_drop) struct probe *probe = NULL;
        plug(cases[i].list, cases[i].count);
        enum err got = probe_usb_open_at(sysfs, cases[i].uri, &probe);
        if (got != cases[i].want)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_int_equal(opens, got == ERR_OK); /* nobody else's probe is opened */
        if (cases[i].words != NULL)
            assert_non_null(strstr(fail_words(), cases[i].words));
    }
}

static void open_failures_say_what_to_do(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int open_code, claim_code;
        enum err want;
        const char *words;
    } cases[] = {
        { "no permission", LIBUSB_ERROR_ACCESS, 0, ERR_DENIED, "/dev/bus/usb/001/012" },
        { "udev is named", LIBUSB_ERROR_ACCESS, 0, ERR_DENIED, "udev rule" },
        { "busy", 0, LIBUSB_ERROR_BUSY, ERR_BUSY, "in use" },
        { "gone", LIBUSB_ERROR_NO_DEVICE, 0, ERR_CLOSED, "unplugged" },
        { "other", 0, LIBUSB_ERROR_OTHER, ERR_IO, "some libusb error" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(probe_drop) struct probe *probe = NULL;
        plug(&good, 1);
        open_code = cases[i].open_code;
        claim_code = cases[i].claim_code;
        assert_int_equal(probe_usb_open_at(sysfs, "usb:", &probe), cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_null(probe);
        assert_int_equal(releases, 0);
    }
}

static void carries_swd(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    AUTO(free_drop) struct swd *swd = calloc(1, sizeof(*swd));
    struct mem mem;
    static uint8_t wrote[3000], got[3000];
    plug(&good, 1);
    assert_int_equal(probe_usb_open_at(sysfs, "usb:", &probe), ERR_OK);
    assert_string_equal(probe->name, "usb:port=1-2");
    empty_reads = 2;
    assert_int_equal(swd_init(swd, probe, 0), ERR_OK);
    assert_int_equal(mem_init(&mem, swd, 0), ERR_OK);
    memset(wrote, 0x5C, sizeof(wrote));
    assert_int_equal(mem_write(&mem, 0x20000000, SPAN(wrote)), ERR_OK);
    assert_int_equal(mem_read(&mem, 0x20000000, got, sizeof(got)), ERR_OK);
    assert_memory_equal(wrote, got, sizeof(got));
    assert_in_range(fake.largest, 400, 511); /* never a whole number of USB packets */
    bulk_code = LIBUSB_ERROR_NO_DEVICE;
    assert_int_equal(mem_read(&mem, 0x20000000, got, 4), ERR_CLOSED);
    bulk_code = LIBUSB_ERROR_PIPE;
    assert_int_equal(mem_read(&mem, 0x20000000, got, 4), ERR_IO);
}

static void stale_replies_are_drained(void **state)
{
    (void)state;
    AUTO(probe_drop) struct probe *probe = NULL;
    static const uint8_t info[] = { 0, 0xFE };
    plug(&good, 1);
    assert_int_equal(fake.probe.send(&fake.probe, SPAN(info)), ERR_OK);
    assert_int_equal(fake.probe.send(&fake.probe, SPAN(info)), ERR_OK);
    assert_int_equal(probe_usb_open_at(sysfs, "usb:", &probe), ERR_OK);
    assert_int_equal(fake.received, 2);
}

static void list_is_for_people(void **state)
{
    (void)state;
    static const char want[] =
        "usb:port=1-2 (0416:2005 Nu-Link2, serial 1301A)\n"
        "usb:port=1-6 (0416:5200 Nu-Link2 Bulk, serial 1302): wrong mode: set CMSIS-DAP=1 in "
        "NU_CFG.TXT on its drive\n";
    const struct device list[] = { good, mouse, ice, hub };
    AUTO(buf_free) struct buf text = { 0 };
    plug(list, COUNT(list));
    assert_int_equal(probe_list_at(sysfs, &text), ERR_OK);
    assert_int_equal(text.len, strlen(want));
    assert_memory_equal(text.ptr, want, text.len);
    assert_int_equal(opens, 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(sysfs, sizeof(sysfs), "/tmp/hallmark-sysfs-XXXXXX");
    return mkdtemp(sysfs) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    plug(NULL, 0);
    return rmdir(sysfs);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_or_explains),
        cmocka_unit_test(list_is_for_people),
        cmocka_unit_test(open_failures_say_what_to_do),
        cmocka_unit_test(carries_swd),
        cmocka_unit_test(stale_replies_are_drained),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
