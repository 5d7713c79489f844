/* SPDX-License-Identifier: MIT */
/* crc32: CRC-32 of IEEE 802.3 (reflected, 0xEDB88320), as zlib's crc32(). Both CPUs. */
#pragma once

#include "common/core/rd.h"

uint32_t crc32_of(struct span bytes); /* "123456789" gives 0xCBF43926 */
