/* SPDX-License-Identifier: MIT */
/*
 * wrap: keys in and out of the boot token under its key-encryption key, by AES-KWP (RFC 5649,
 * CKM_AES_KEY_WRAP_PAD). Used inside the folder.
 */
#pragma once

#include "common/host/own.h"
#include "oem-server/hsm/session.h"

enum { WRAPPED_MAX = 512 };

/* kek: handle of the key-encryption key. wrapped_out is set on success and is the caller's. */
enum err wrap_key(struct session *s, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key,
                  struct buf *wrapped_out);

/* Unwrapped keys are session objects, sensitive, not extractable, for signing (CMAC) only. */
enum err wrap_open_p256(struct session *s, CK_OBJECT_HANDLE kek, struct span wrapped,
                        struct object *key_out);
enum err wrap_open_aes(struct session *s, CK_OBJECT_HANDLE kek, struct span wrapped,
                       struct object *key_out);
