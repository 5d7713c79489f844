/* SPDX-License-Identifier: MIT */
/* ecc: P-256 on the ECC engine. The operations are port.h's; this is what the PRNG needs. */
#pragma once

void ecc_load_order(void); /* ECC_N = n */
