/* SPDX-License-Identifier: MIT */
#include "tests/interop/usb/device.h"

#include <string.h>

#include "common/core/wr.h"
#include "common/host/own.h"

enum {
    GET_STATUS = 0x00,
    CLEAR_FEATURE = 0x01,
    GET_DESCRIPTOR = 0x06,
    SET_CONFIGURATION = 0x09,
    SET_INTERFACE = 0x0B,
    HID_SET_IDLE = 0x0A,
    TYPE_DEVICE = 1,
    TYPE_CONFIGURATION = 2,
    TYPE_STRING = 3,
    TYPE_QUALIFIER = 6,
    TYPE_REPORT = 0x22,
    HID_DESCRIPTOR_AT = 2, /* into hid_interface, type and length of the report descriptor */
    STRING_SERIAL = 3,
    STRINGS = 7,
    REPLY_MAX = 256,
};

/* pid.codes' number for tests. High speed, strings 1 to 3. */
static const uint8_t device_descriptor[] = { 18,   1,    0x00, 0x02, 0, 0, 0, 64, 0x09,
                                             0x12, 0x01, 0x00, 0,    1, 1, 2, 3,  1 };

/* 0416:5200, Nu-Link2 in Nuvoton's own protocol. */
enum { IDS_AT = 8 };
static const uint8_t nu_link_ids[] = { 0x16, 0x04, 0x00, 0x52 };

static const uint8_t qualifier[] = { 10, 6, 0x00, 0x02, 0, 0, 0, 64, 1, 0 };

/* A vendor's page, one report of 64 bytes each way. */
static const uint8_t report_descriptor[] = { 0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01,
                                             0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08,
                                             0x95, 0x40, 0x09, 0x01, 0x81, 0x02, 0x95,
                                             0x40, 0x09, 0x01, 0x91, 0x02, 0xC0 };

static const uint8_t hid_interface[] = {
    9,
    4,
    0,
    0,
    2,
    3,
    0,
    0,
    4, /* named CMSIS-DAP v1 */
    9,
    0x21,
    0x11,
    0x01,
    0,
    1,
    0x22,
    27,
    0, /* HID */
    7,
    5,
    0x83,
    3,
    DEVICE_REPORT,
    0,
    1,
    7,
    5,
    0x04,
    3,
    DEVICE_REPORT,
    0,
    1,
};

static const uint8_t bulk_interface[] = {
    9, 4, 1,    0, 2,    0xFF, 0, 0, 5, /* named CMSIS-DAP v2 */
    7, 5, 0x02, 2, 0x00, 0x02, 0, 7, 5, 0x81, 2, 0x00, 0x02, 0,
};

static const uint8_t ice_interface[] = {
    9, 4, 2,    0, 2,    0xFF, 0, 0, 6, /* named neither */
    7, 5, 0x85, 2, 0x00, 0x02, 0, 7, 5, 0x06, 2, 0x00, 0x02, 0,
};

static const char *const strings[STRINGS] = {
    NULL,
    "Hallmark",
    "Interop probe",
    NULL,
    "Interop CMSIS-DAP v1",
    "Interop CMSIS-DAP v2",
    "Interop bulk",
};

static uint8_t reply[REPLY_MAX];

static struct span configuration(const struct device *device)
{
    struct wr w = wr_of(reply, sizeof(reply));
    uint8_t count = (uint8_t)(1 + device->v1 + device->v2);
    size_t len = 9 + sizeof(ice_interface) + (device->v1 ? sizeof(hid_interface) : 0) +
                 (device->v2 ? sizeof(bulk_interface) : 0);
    const uint8_t head[] = { 9, 2, (uint8_t)len, (uint8_t)(len >> 8), count, 1, 0, 0x80, 50 };
    wr_span(&w, SPAN(head));
    if (device->v1)
        wr_span(&w, SPAN(hid_interface));
    if (device->v2)
        wr_span(&w, SPAN(bulk_interface));
    wr_span(&w, SPAN(ice_interface));
    return wr_done(&w);
}

/* String 0 is the list of languages: English. */
static struct span string(const struct device *device, uint8_t index)
{
    struct wr w = wr_of(reply, sizeof(reply));
    const char *text = index == STRING_SERIAL              ? device->serial
                       : index > 0 && index < (int)STRINGS ? strings[index]
                                                           : "";
    size_t len = index == 0 ? 2 : 2 * strlen(text);
    wr_u8(&w, (uint8_t)(2 + len));
    wr_u8(&w, TYPE_STRING);
    if (index == 0)
        wr_u16le(&w, 0x0409);
    for (; index != 0 && *text != '\0'; text++)
        wr_u16le(&w, (uint8_t)*text);
    return wr_done(&w);
}

static bool descriptor(const struct device *device, uint16_t value, struct span *out)
{
    switch (value >> 8) {
    case TYPE_DEVICE:
        memcpy(reply, device_descriptor, sizeof(device_descriptor));
        reply[16] = device->serial[0] == '\0' ? 0 : STRING_SERIAL;
        if (device->nu_link)
            memcpy(reply + IDS_AT, nu_link_ids, sizeof(nu_link_ids));
        *out = span_of(reply, sizeof(device_descriptor));
        return true;
    case TYPE_CONFIGURATION:
        *out = configuration(device);
        return true;
    case TYPE_STRING:
        *out = string(device, (uint8_t)value);
        return true;
    case TYPE_QUALIFIER:
        *out = SPAN(qualifier);
        return true;
    case TYPE_REPORT:
        *out = SPAN(report_descriptor);
        return device->v1;
    default:
        return false;
    }
}

bool device_control(struct device *device, const uint8_t setup[static 8], struct span *out)
{
    static const uint8_t zero[2] = { 0, 0 };
    struct rd r = rd_of(span_of(setup, 8));
    rd_u8(&r); /* whom it is for: the numbers below do not clash */
    uint8_t request = rd_u8(&r);
    uint16_t value = rd_u16le(&r);
    rd_u16le(&r);
    uint16_t most = rd_u16le(&r);
    *out = (struct span){ NULL, 0 };
    bool known = true;
    if (request == GET_DESCRIPTOR)
        known = descriptor(device, value, out);
    else if (request == GET_STATUS)
        *out = SPAN(zero);
    else
        known = request == SET_CONFIGURATION || request == SET_INTERFACE ||
                request == HID_SET_IDLE || request == CLEAR_FEATURE;
    device->configured = device->configured || request == SET_CONFIGURATION;
    if (out->len > most)
        out->len = most;
    return known;
}
