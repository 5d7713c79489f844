/* SPDX-License-Identifier: MIT */
/* ecc: P-256 on the ECC engine. Its operations are in port.h; random.c needs this one. */
#pragma once

void ecc_load_order(void); /* ECC_N = n */
