/* SPDX-License-Identifier: MIT */
/*
 * What differs in the blocks that port/nuvoton drives: the use of each OTP slot, addresses,
 * bits. Read by port/nuvoton. AUTHKEY's and AES_NuLink3's slots must stay unreadable.
 */

#include "common/core/layout.h"
#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/nuvoton/keystore.h"

const uint32_t fmc_config_address = 0x0f300000;

/* No boot flag: no mask ROM that reads the ROTPK is known; the first stage does. */
const uint32_t keystore_otp_metadata[KEYSTORE_OTP_SLOTS] = {
    [OTP_ROTPK_X] = KEYSTORE_META_256 | KEYSTORE_META_ECC,
    [OTP_ROTPK_Y] = KEYSTORE_META_256 | KEYSTORE_META_ECC,
    [OTP_AUTHKEY] = KEYSTORE_META_256 | KEYSTORE_META_ECC,
    [OTP_AES_FIRST... OTP_AES_LAST] = KEYSTORE_META_256 | KEYSTORE_META_AES,
};
