/* SPDX-License-Identifier: MIT */
/*
 * record: flash pages in which DevAuth keeps what must survive a power loss.
 *
 * u32le magic | u32le version | body | u32le CRC-32 of all before. A damaged record counts as
 * none. The record of the ROTPK is special: OTP is not readable, so its page is not erased
 * while a half of the pair is in use (tests/unit/test_devauth_refuse_keys.c); what has to be
 * added to it then is programmed into units that are blank. Used by authkey, rotpk and lock.
 */
#pragma once

#include "target-fw/port/port.h"

enum record {
    RECORD_ROTPK,   /* SHA-256 of ROTPK (X Y), written before the first half is burnt */
    RECORD_CONFIG,  /* the CONFIG words as the lock writes them, u32le each */
    RECORD_AUTHKEY, /* the public key that OTP_AUTHKEY is to hold, written before the slot */
};

enum {
    RECORD_ROTPK_SIZE = SHA256_SIZE,
    RECORD_CONFIG_SIZE = 4 * PORT_CONFIG_WORDS,
    RECORD_AUTHKEY_SIZE = P256_POINT_SIZE,
    RECORD_BODY_MAX = RECORD_AUTHKEY_SIZE,
};

/* body: as many bytes as the record has. ERR_NOT_FOUND: none, or damaged. */
enum err record_read(enum record which, uint8_t *body);
bool record_is(enum record which, const uint8_t *body); /* there, with this body */

/* Erased if it differs, written and read back: ERR_VERIFY if it is not the record. */
enum err record_write(enum record which, const uint8_t *body);

/* The same without an erase: ERR_MISMATCH if the page's content does not allow it. */
enum err record_add(enum record which, const uint8_t *body);

/* A mark behind the record of the ROTPK: both halves were burnt in one run. It goes with the
 * record when that is written again. */
bool record_marked(void);
enum err record_mark(void);
