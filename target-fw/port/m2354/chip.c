/* SPDX-License-Identifier: MIT */
/*
 * What differs in the blocks that port/nuvoton drives: the use of each OTP slot, addresses,
 * bits. Read by port/nuvoton. ROTPK's slots must keep the boot flag, AUTHKEY's and
 * AES_NuLink3's must stay unreadable.
 */

#include "common/core/layout.h"
#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/nuvoton/keystore.h"

const uint32_t fmc_config_address = 0x300000;

const uint32_t keystore_otp_metadata[KEYSTORE_OTP_SLOTS] = {
    [OTP_ROTPK_X] = KEYSTORE_META_256 | KEYSTORE_META_ECC | KEYSTORE_META_BOOT,
    [OTP_ROTPK_Y] = KEYSTORE_META_256 | KEYSTORE_META_ECC | KEYSTORE_META_BOOT,
    [OTP_AUTHKEY] = KEYSTORE_META_256 | KEYSTORE_META_ECC,
    [OTP_AES_FIRST... OTP_AES_LAST] = KEYSTORE_META_256 | KEYSTORE_META_AES,
};
