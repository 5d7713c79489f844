/* SPDX-License-Identifier: MIT */
/*
 * wrap: keys in and out of the boot token by AES-KWP. Called by unit.c, agreement.c and make.c
 * with a borrowed session. What is unwrapped must be usable for signing only, and not
 * extractable.
 */
#include "oem-server/hsm/wrap.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/hsm/count.h"
#include "oem-server/hsm/key.h"

enum err wrap_key(struct session *s, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key,
                  struct buf *wrapped_out)
{
    CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
    uint8_t bytes[WRAPPED_MAX];
    CK_ULONG len = sizeof(bytes);
    count_operation(s->token, COUNT_WRAP);
    TRY(session_rv(s, P11(s)->C_WrapKey(s->handle, &mechanism, kek, key, bytes, &len),
                   "C_WrapKey", "CKM_AES_KEY_WRAP_PAD"));
    struct buf wrapped = { 0 };
    TRY(buf_copy(&wrapped, span_of(bytes, len)));
    *wrapped_out = wrapped;
    return ERR_OK;
}

static enum err open_as(struct session *s, CK_OBJECT_HANDLE kek, struct span wrapped,
                        CK_OBJECT_CLASS class, CK_KEY_TYPE type, struct object *key_out)
{
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_CLASS, class),        ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, key_false),    ATTRIBUTE(CKA_PRIVATE, key_true),
        ATTRIBUTE(CKA_SENSITIVE, key_true), ATTRIBUTE(CKA_EXTRACTABLE, key_false),
        ATTRIBUTE(CKA_SIGN, key_true),      ATTRIBUTE(CKA_DECRYPT, key_false),
    };
    if (wrapped.len == 0 || wrapped.len > WRAPPED_MAX)
        return fail(ERR_INVALID, "hsm: wrapped key: %zu bytes", wrapped.len);
    CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
    CK_BYTE_PTR bytes;
    memcpy(&bytes, &wrapped.ptr, sizeof(bytes)); /* PKCS#11 has no const */
    CK_OBJECT_HANDLE handle = 0;
    count_operation(s->token, COUNT_UNWRAP);
    TRY(session_rv(s,
                   P11(s)->C_UnwrapKey(s->handle, &mechanism, kek, bytes, wrapped.len, template,
                                       COUNT(template), &handle),
                   "C_UnwrapKey", "CKM_AES_KEY_WRAP_PAD"));
    *key_out = (struct object){ s, handle };
    return ERR_OK;
}

enum err wrap_open_p256(struct session *s, CK_OBJECT_HANDLE kek, struct span wrapped,
                        struct object *key_out)
{
    return open_as(s, kek, wrapped, CKO_PRIVATE_KEY, CKK_EC, key_out);
}

enum err wrap_open_aes(struct session *s, CK_OBJECT_HANDLE kek, struct span wrapped,
                       struct object *key_out)
{
    return open_as(s, kek, wrapped, CKO_SECRET_KEY, CKK_AES, key_out);
}
