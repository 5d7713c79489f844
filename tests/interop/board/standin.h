/* SPDX-License-Identifier: MIT */
/* standin: what the two files of the libusb stand-in share. */
#pragma once

enum { STANDIN_OUT = 0x01, STANDIN_IN = 0x81 };

struct libusb_device_handle {
    int fd;
};
