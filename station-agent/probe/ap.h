/* SPDX-License-Identifier: MIT */
/* ap: registers of a memory access port. ARM IHI 0031, "MEM-AP". Used by mem.c and look.c. */
#pragma once

enum ap_register {
    AP_CSW = 0x00,
    AP_TAR = 0x04,
    AP_DRW = 0x0C,
    AP_IDR = 0xFC,
};

enum {
    CSW_WORD = 0x23000002, /* secure, debug master, privileged data access, 32 bits */
    CSW_INCREMENT = 0x10,
};
