/* SPDX-License-Identifier: MIT */
/*
 * rv: the names of PKCS#11 return values, and what they mean for a session. No state. For the
 * folder only.
 *
 * The names are a table of ours: p11-kit's own is private. What libp11-kit exports (0.24,
 * Debian 12), p11_kit_strerror(), gives sentences in the user's language, and one for all
 * values that it does not know, where a log needs the name that the HSM's manual has.
 */
#pragma once

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

const char *rv_name(CK_RV rv); /* "CKR_..."; unlisted: "CKR 0x..." of this thread's latest */
bool rv_is_loss(CK_RV rv);     /* the session, its login or a handle is gone: reopen */
bool rv_is_full(CK_RV rv);     /* C_OpenSession: the device has no session left to give */
bool rv_is_pin(CK_RV rv);      /* C_Login refused the PIN, or the token's user */
