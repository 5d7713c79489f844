/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for libusb-1.0, to be loaded by LD_PRELOAD into a debugger that others built: one
 * device with one CMSIS-DAP v2 interface (vendor class, bulk OUT, then bulk IN, 512 bytes),
 * whose packets go to virtual-board's TCP port and back. What OpenOCD's bulk back end calls;
 * transfers that do not block are in libusb-standin-async.c.
 */
#include <libusb.h>
#include <string.h>
#include <unistd.h>

#include "tests/interop/board/standin.h"
#include "tests/interop/board/wire.h"

enum {
    VENDOR = 0x1209, /* pid.codes' test product */
    PRODUCT = 0x0002,
    PACKET = 512,
    TEXT_MAKER = 1,
    TEXT_PRODUCT,
    TEXT_SERIAL,
    TEXT_INTERFACE,
    BUS = 1,
    PORT = 1
};

struct libusb_context {
    int unused;
};

struct libusb_device {
    int unused;
};

static struct libusb_context the_context;
static struct libusb_device the_device;
static struct libusb_device_handle the_handle = { -1 };

static const struct libusb_endpoint_descriptor endpoints[] = {
    { .bEndpointAddress = STANDIN_OUT,
      .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK,
      .wMaxPacketSize = PACKET },
    { .bEndpointAddress = STANDIN_IN,
      .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK,
      .wMaxPacketSize = PACKET },
};

static const struct libusb_interface_descriptor setting = {
    .bNumEndpoints = 2,
    .bInterfaceClass = LIBUSB_CLASS_VENDOR_SPEC,
    .iInterface = TEXT_INTERFACE,
    .endpoint = endpoints,
};

static const struct libusb_interface the_interface = { .altsetting = &setting,
                                                       .num_altsetting = 1 };

static struct libusb_config_descriptor the_config = { .bNumInterfaces = 1,
                                                      .bConfigurationValue = 1,
                                                      .interface = &the_interface };

int libusb_init(libusb_context **context)
{
    if (context != NULL)
        *context = &the_context;
    return 0;
}

void libusb_exit(libusb_context *context)
{
    (void)context;
}

ssize_t libusb_get_device_list(libusb_context *context, libusb_device ***list)
{
    static libusb_device *devices[] = { &the_device, NULL };
    (void)context;
    *list = devices;
    return 1;
}

void libusb_free_device_list(libusb_device **list, int unref)
{
    (void)list, (void)unref;
}

int libusb_get_device_descriptor(libusb_device *device,
                                 struct libusb_device_descriptor *descriptor)
{
    (void)device;
    *descriptor = (struct libusb_device_descriptor){ .bcdUSB = 0x0200,
                                                     .idVendor = VENDOR,
                                                     .idProduct = PRODUCT,
                                                     .iManufacturer = TEXT_MAKER,
                                                     .iProduct = TEXT_PRODUCT,
                                                     .iSerialNumber = TEXT_SERIAL,
                                                     .bNumConfigurations = 1 };
    return 0;
}

uint8_t libusb_get_bus_number(libusb_device *device)
{
    (void)device;
    return BUS;
}

int libusb_get_port_numbers(libusb_device *device, uint8_t *ports, int room)
{
    (void)device;
    if (room < 1)
        return LIBUSB_ERROR_OVERFLOW;
    ports[0] = PORT;
    return 1;
}

int libusb_open(libusb_device *device, libusb_device_handle **handle)
{
    (void)device;
    the_handle.fd = wire_open();
    *handle = &the_handle;
    return the_handle.fd < 0 ? LIBUSB_ERROR_NO_DEVICE : 0;
}

void libusb_close(libusb_device_handle *handle)
{
    if (handle->fd >= 0)
        close(handle->fd);
    handle->fd = -1;
}

libusb_device *libusb_get_device(libusb_device_handle *handle)
{
    (void)handle;
    return &the_device;
}

int libusb_get_string_descriptor_ascii(libusb_device_handle *handle, uint8_t index,
                                       unsigned char *data, int room)
{
    static const char *const texts[] = {
        [TEXT_MAKER] = "Hallmark",
        [TEXT_PRODUCT] = "Stand-in CMSIS-DAP v2",
        [TEXT_SERIAL] = "stand-in",
        [TEXT_INTERFACE] = "CMSIS-DAP v2",
    };
    (void)handle;
    if (index == 0 || index > TEXT_INTERFACE || room <= 0)
        return LIBUSB_ERROR_NOT_FOUND;
    size_t len = strnlen(texts[index], (size_t)room - 1);
    memcpy(data, texts[index], len);
    data[len] = '\0';
    return (int)len;
}

int libusb_get_config_descriptor(libusb_device *device, uint8_t index,
                                 struct libusb_config_descriptor **config)
{
    (void)device;
    *config = &the_config;
    return index == 0 ? 0 : LIBUSB_ERROR_NOT_FOUND;
}

void libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
    (void)config;
}

int libusb_get_configuration(libusb_device_handle *handle, int *value)
{
    (void)handle;
    *value = the_config.bConfigurationValue;
    return 0;
}

int libusb_set_configuration(libusb_device_handle *handle, int value)
{
    (void)handle;
    return value == the_config.bConfigurationValue ? 0 : LIBUSB_ERROR_NOT_FOUND;
}

int libusb_claim_interface(libusb_device_handle *handle, int number)
{
    (void)handle;
    return number == 0 ? 0 : LIBUSB_ERROR_NOT_FOUND;
}

int libusb_release_interface(libusb_device_handle *handle, int number)
{
    return libusb_claim_interface(handle, number);
}

int libusb_set_interface_alt_setting(libusb_device_handle *handle, int number, int alternate)
{
    (void)handle;
    return number == 0 && alternate == 0 ? 0 : LIBUSB_ERROR_NOT_FOUND;
}

int libusb_set_auto_detach_kernel_driver(libusb_device_handle *handle, int enable)
{
    (void)handle, (void)enable;
    return LIBUSB_ERROR_NOT_SUPPORTED;
}

int libusb_detach_kernel_driver(libusb_device_handle *handle, int number)
{
    (void)handle, (void)number;
    return LIBUSB_ERROR_NOT_FOUND;
}

int libusb_clear_halt(libusb_device_handle *handle, unsigned char endpoint)
{
    (void)handle, (void)endpoint;
    return 0;
}

int libusb_reset_device(libusb_device_handle *handle)
{
    (void)handle;
    return 0;
}

int libusb_bulk_transfer(libusb_device_handle *handle, unsigned char endpoint,
                         unsigned char *data, int len, int *transferred, unsigned timeout_ms)
{
    if (len < 0)
        return LIBUSB_ERROR_INVALID_PARAM;
    int n = endpoint == STANDIN_OUT ? (wire_send(handle->fd, data, (size_t)len) == 0 ? len : -1)
                                    : wire_receive(handle->fd, data, (size_t)len,
                                                   timeout_ms == 0 ? -1 : (int)timeout_ms);
    if (transferred != NULL)
        *transferred = n > 0 ? n : 0;
    return n > 0 ? 0 : n == 0 ? LIBUSB_ERROR_TIMEOUT : LIBUSB_ERROR_NO_DEVICE;
}

const char *libusb_error_name(int code)
{
    return code == LIBUSB_ERROR_TIMEOUT ? "LIBUSB_ERROR_TIMEOUT" : "LIBUSB_ERROR_OTHER";
}

const char *libusb_strerror(int code)
{
    return libusb_error_name(code);
}
