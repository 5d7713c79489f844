/* SPDX-License-Identifier: MIT */
/* found: keys that another program made on a token, by CKA_ID. For unit.c only. Not cached:
 * there may be one for each unit. */
#pragma once

#include "oem-server/hsm/session.h"

/* The one private key; ERR_NOT_FOUND; ERR_HSM if there are several; ERR_MISMATCH if it could
 * leave the token, or is no EC key. */
enum err found_private(struct session *s, const char *name, CK_OBJECT_HANDLE *key_out);
/* Its point, from the public key object or the certificate object of that CKA_ID. */
enum err found_point(struct session *s, const char *name, uint8_t *point_out);
