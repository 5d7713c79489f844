/* SPDX-License-Identifier: MIT */
/*
 * record: one flash page (FLASH_RECORD) that tells which ROTPK DevAuth burnt, since the OTP
 * slots cannot be read back.
 *
 * u32le magic "HMRC" | u32le version | SHA-256 of ROTPK (X Y) | u32le CRC-32 of all before.
 * Written before the first OTP slot, so a half-burnt pair can be finished with the same value
 * only, and a repeated burn can be told from a different one.
 */
#pragma once

#include "target-fw/port/port.h"

enum err record_read(uint8_t rotpk_sha256[SHA256_SIZE]); /* ERR_NOT_FOUND: none, or damaged */
enum err record_write(const uint8_t rotpk_sha256[SHA256_SIZE]);
