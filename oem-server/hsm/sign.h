/* SPDX-License-Identifier: MIT */
/* sign: C_Sign with a handle; the mechanism says what data is. Used inside the folder. */
#pragma once

#include "common/core/rd.h"
#include "oem-server/hsm/session.h"

/* name: of the key, for the count of its signatures (uses.h). Exactly signature_len bytes, else
 * ERR_HSM. CKM_ECDSA (data is the digest), CKM_EDDSA, CMAC.
 */
enum err sign_with(struct session *s, CK_OBJECT_HANDLE key, const char *name,
                   CK_MECHANISM_TYPE type, struct span data, uint8_t *signature_out,
                   size_t signature_len);
