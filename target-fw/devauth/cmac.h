/* SPDX-License-Identifier: MIT */
/*
 * cmac: AES-CMAC (RFC 4493; NIST SP 800-38B) with a 256-bit key that stays in the KeyStore.
 * Used by agreement and shared. Errors are port_aes256_encrypt()'s; the tag is set on success
 * only.
 */
#pragma once

#include "target-fw/port/port.h"

enum { CMAC_SIZE = 16 };

/* message is borrowed for the call. */
enum err cmac_of(const struct port_key *key, struct span message, uint8_t tag[CMAC_SIZE]);
