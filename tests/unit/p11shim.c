/* SPDX-License-Identifier: MIT */
#include "tests/unit/p11shim.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct p11shim p11shim;

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static CK_RV fault(struct p11shim_fault *f)
{
    if (f->passes > 0) {
        f->passes--;
        return CKR_OK;
    }
    if (f->failures == 0)
        return CKR_OK;
    f->failures--;
    if (f->rv == P11SHIM_DIE)
        _exit(0);
    return f->rv;
}

static CK_RV initialize(void *arguments)
{
    p11shim.initialized++;
    return real->C_Initialize(arguments);
}

static CK_RV finalize(void *reserved)
{
    p11shim.finalized++;
    return real->C_Finalize(reserved);
}

static CK_RV get_info(CK_INFO *info)
{
    CK_RV rv = real->C_GetInfo(info);
    if (rv == CKR_OK && p11shim.other_maker != 0)
        memcpy(info->manufacturerID, "Another", 7);
    return rv;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        info->flags |= p11shim.token_flags;
    return rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *session)
{
    CK_RV rv = fault(&p11shim.open);
    if (rv != CKR_OK)
        return rv;
    p11shim.opened++;
    return real->C_OpenSession(slot, flags, application, notify, session);
}

/* --- Session objects, by their handles. --- */

enum { OBJECTS = 1024 };
static pthread_mutex_t objects_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    CK_SESSION_HANDLE session; /* 0: free */
    CK_OBJECT_HANDLE object;
} objects[OBJECTS];

static bool is_token_object(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == CKA_TOKEN)
            return *(const CK_BBOOL *)template[i].pValue == CK_TRUE;
    return false;
}

static void object_made(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        const CK_ATTRIBUTE *template, CK_ULONG count)
{
    if (is_token_object(template, count))
        return;
    pthread_mutex_lock(&objects_lock);
    size_t i = 0;
    while (i < OBJECTS && objects[i].session != 0)
        i++;
    if (i == OBJECTS)
        abort();
    objects[i].session = session;
    objects[i].object = object;
    p11shim.objects_made++;
    pthread_mutex_unlock(&objects_lock);
}

/* object 0: all of the session. */
static unsigned objects_gone(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    unsigned gone = 0;
    pthread_mutex_lock(&objects_lock);
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].session != 0 &&
            (object == 0 ? objects[i].session == session : objects[i].object == object)) {
            objects[i].session = 0;
            gone++;
        }
    pthread_mutex_unlock(&objects_lock);
    return gone;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    p11shim.closed++;
    CK_RV rv = real->C_CloseSession(session);
    if (rv == CKR_OK)
        p11shim.objects_lost += objects_gone(session, 0);
    return rv;
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const struct timespec look = { 0, 1000000 };
    while (p11shim.hang_destroy)
        nanosleep(&look, NULL);
    CK_RV rv = fault(&p11shim.destroy);
    if (rv == CKR_OK)
        rv = real->C_DestroyObject(session, object);
    if (rv == CKR_OK)
        p11shim.objects_destroyed += objects_gone(session, object);
    return rv;
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                        CK_OBJECT_HANDLE base, CK_ATTRIBUTE *template, CK_ULONG count,
                        CK_OBJECT_HANDLE *key)
{
    CK_RV rv = fault(&p11shim.derive);
    if (rv == CKR_OK)
        rv = real->C_DeriveKey(session, mechanism, base, template, count, key);
    if (rv == CKR_OK)
        object_made(session, *key, template, count);
    return rv;
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                        CK_OBJECT_HANDLE kek, unsigned char *wrapped, CK_ULONG len,
                        CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
    CK_RV rv = real->C_UnwrapKey(session, mechanism, kek, wrapped, len, template, count, key);
    if (rv == CKR_OK)
        object_made(session, *key, template, count);
    return rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                          CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
    CK_RV rv = real->C_GenerateKey(session, mechanism, template, count, key);
    if (rv == CKR_OK)
        object_made(session, *key, template, count);
    return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin,
                   CK_ULONG len)
{
    p11shim.logins++;
    return real->C_Login(session, user, pin, len);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template,
                               CK_ULONG count)
{
    p11shim.found++;
    CK_RV rv = fault(&p11shim.find);
    return rv != CKR_OK ? rv : real->C_FindObjectsInit(session, template, count);
}

/* Which row the session's next C_Sign counts for. SoftHSM's handles of sessions are small. */
enum { SESSIONS = 4096 };
static pthread_mutex_t uses_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned row_of_session[SESSIONS];

static void trim(char *text, size_t len)
{
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
}

static void key_text(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, char text[static 96])
{
    CK_SESSION_INFO s = { 0 };
    CK_TOKEN_INFO t = { 0 };
    CK_OBJECT_CLASS class = 0;
    char token[33], label[40] = "";
    CK_ATTRIBUTE wanted[] = { { CKA_LABEL, label, sizeof(label) - 1 },
                              { CKA_CLASS, &class, sizeof(class) } };
    (void)real->C_GetSessionInfo(session, &s);
    (void)real->C_GetTokenInfo(s.slotID, &t);
    (void)real->C_GetAttributeValue(session, key, wanted, 2);
    memcpy(token, t.label, 32);
    trim(token, 32);
    snprintf(text, 96, "%.32s/%.39s/%lu", token, label, class);
}

static void will_use(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    char text[96];
    struct p11shim_uses *uses = p11shim.uses;
    if (uses == NULL || session >= SESSIONS)
        return;
    key_text(session, key, text);
    pthread_mutex_lock(&uses_lock);
    unsigned i = 0;
    while (i < uses->count && strcmp(uses->row[i].key, text) != 0)
        i++;
    if (i < P11SHIM_USES && i == uses->count) {
        snprintf(uses->row[i].key, sizeof(uses->row[i].key), "%s", text);
        uses->count++;
    }
    row_of_session[session] = i;
    pthread_mutex_unlock(&uses_lock);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = fault(&p11shim.sign_init);
    if (rv == CKR_OK)
        will_use(session, key);
    return rv != CKR_OK ? rv : real->C_SignInit(session, mechanism, key);
}

/* As an HSM that takes its time: of the test in this process, or P11SHIM_SIGN_MS in another. */
static void hold(void)
{
    const char *text = getenv("P11SHIM_SIGN_MS");
    unsigned ms = p11shim.hold_sign_ms != 0 ? p11shim.hold_sign_ms
                  : text != NULL            ? (unsigned)strtoul(text, NULL, 10)
                                            : 0;
    struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    if (ms != 0)
        nanosleep(&t, NULL);
}

/* As a module whose line to its HSM is dead: for as long as it is told to. */
static void hang(void)
{
    static const struct timespec look = { 0, 1000000 };
    const char *path = getenv("P11SHIM_HANG");
    while (p11shim.hang || (path != NULL && access(path, F_OK) == 0))
        nanosleep(&look, NULL);
}

static CK_RV sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG data_len,
                  unsigned char *signature, CK_ULONG *signature_len)
{
    p11shim.signed_++;
    if (p11shim.uses != NULL && session < SESSIONS)
        p11shim.uses->row[row_of_session[session] % P11SHIM_USES].made++;
    hold();
    hang();
    CK_RV rv = fault(&p11shim.sign);
    return rv != CKR_OK ? rv : real->C_Sign(session, data, data_len, signature, signature_len);
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
                      CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG *len)
{
    CK_RV rv = fault(&p11shim.wrap);
    return rv != CKR_OK ? rv : real->C_WrapKey(session, mechanism, kek, key, wrapped, len);
}

static CK_RV set_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE *template, CK_ULONG count)
{
    CK_RV rv = fault(&p11shim.set_attribute);
    return rv != CKR_OK ? rv : real->C_SetAttributeValue(session, object, template, count);
}

static const CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

/* The caller's attributes, and ours behind them. */
static CK_RV give_key(CK_SESSION_HANDLE session, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                      const CK_ATTRIBUTE *ours, CK_ULONG ours_count, CK_OBJECT_HANDLE *key_out)
{
    CK_ATTRIBUTE all[32];
    CK_ULONG n = 0;
    for (CK_ULONG i = 0; i < count; i++)
        if (wanted[i].type != CKA_EC_PARAMS)
            all[n++] = wanted[i];
    for (CK_ULONG i = 0; i < ours_count; i++)
        all[n++] = ours[i];
    return real->C_CreateObject(session, all, n, key_out);
}

static CK_RV give_pair(CK_SESSION_HANDLE session, const CK_ATTRIBUTE *public_key,
                       CK_ULONG public_count, const CK_ATTRIBUTE *private_key,
                       CK_ULONG private_count, CK_OBJECT_HANDLE *public_out,
                       CK_OBJECT_HANDLE *private_out)
{
    CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY, private_class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_BYTE curve[sizeof(p256)], point[2 + sizeof(p11shim.given_point)] = { 4, 65 };
    memcpy(curve, p256, sizeof(curve));
    memcpy(point + 2, p11shim.given_point, sizeof(p11shim.given_point));
    const CK_ATTRIBUTE ours_public[] = {
        { CKA_CLASS, &public_class, sizeof(public_class) },
        { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_EC_PARAMS, curve, sizeof(curve) },
        { CKA_EC_POINT, point, sizeof(point) },
    };
    const CK_ATTRIBUTE ours_private[] = {
        { CKA_CLASS, &private_class, sizeof(private_class) },
        { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_EC_PARAMS, curve, sizeof(curve) },
        { CKA_VALUE, p11shim.given_scalar, sizeof(p11shim.given_scalar) },
    };
    CK_RV rv = give_key(session, public_key, public_count, ours_public, 4, public_out);
    return rv != CKR_OK
               ? rv
               : give_key(session, private_key, private_count, ours_private, 4, private_out);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                               CK_ATTRIBUTE *public_key, CK_ULONG public_count,
                               CK_ATTRIBUTE *private_key, CK_ULONG private_count,
                               CK_OBJECT_HANDLE *public_out, CK_OBJECT_HANDLE *private_out)
{
    CK_RV rv = fault(&p11shim.generate);
    if (rv == CKR_OK && p11shim.gives_pair)
        rv = give_pair(session, public_key, public_count, private_key, private_count,
                       public_out, private_out);
    else if (rv == CKR_OK)
        rv = real->C_GenerateKeyPair(session, mechanism, public_key, public_count, private_key,
                                     private_count, public_out, private_out);
    if (rv != CKR_OK)
        return rv;
    object_made(session, *public_out, public_key, public_count);
    object_made(session, *private_out, private_key, private_count);
    return CKR_OK;
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE *template, CK_ULONG count)
{
    CK_RV rv = fault(&p11shim.get_attribute);
    if (rv == CKR_OK)
        rv = real->C_GetAttributeValue(session, object, template, count);
    if (rv != CKR_OK || !p11shim.bare_points)
        return rv;
    for (CK_ULONG i = 0; i < count; i++) {
        if (template[i].type != CKA_EC_POINT || template[i].pValue == NULL)
            continue;
        template[i].ulValueLen -= 2;
        unsigned char *bytes = template[i].pValue;
        memmove(bytes, bytes + 2, template[i].ulValueLen);
    }
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list_out)
{
    void *module = dlopen(getenv("P11SHIM_MODULE"), RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    CK_C_GetFunctionList get;
    memcpy(&get, &symbol, sizeof(get));
    CK_RV rv = get(&real);
    if (rv != CKR_OK)
        return rv;
    list = *real;
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetInfo = get_info;
    list.C_GetTokenInfo = get_token_info;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_DestroyObject = destroy_object;
    list.C_DeriveKey = derive_key;
    list.C_UnwrapKey = unwrap_key;
    list.C_GenerateKey = generate_key;
    list.C_Login = login;
    list.C_FindObjectsInit = find_objects_init;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    list.C_WrapKey = wrap_key;
    list.C_SetAttributeValue = set_attribute_value;
    list.C_GenerateKeyPair = generate_key_pair;
    list.C_GetAttributeValue = get_attribute_value;
    *list_out = &list;
    return CKR_OK;
}
