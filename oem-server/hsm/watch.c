/* SPDX-License-Identifier: MIT */
/*
 * watch: a list of the calls that are in the module, kept by wrappers around its functions.
 * Called by module.c (to wrap), and by the health check and guard (to read). The lock must not
 * be held while a call is in the module.
 */
#include "oem-server/hsm/watch.h"

#include <pthread.h>
#include <stdio.h>

#include "common/host/clock.h"
#include "oem-server/hsm/hsm.h"

/* A call under way; lives on its caller's stack. */
struct visit {
    struct visit *next;
    const char *name;
    uint64_t since_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct visit *visits;
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST watched;

static void enter(struct visit *visit)
{
    visit->since_ms = clock_ms();
    pthread_mutex_lock(&lock);
    visit->next = visits;
    visits = visit;
    pthread_mutex_unlock(&lock);
}

/* The longest call that has returned of late. */
enum { SLOW_MS = 1000, SLOW_KEPT_MS = 60000 };
static struct {
    const char *name;
    uint64_t took_ms, ended_ms;
} slowest;

/* Under lock. */
static void note_slow(const struct visit *visit)
{
    uint64_t now_ms = clock_ms(), took_ms = now_ms - visit->since_ms;
    if (took_ms < SLOW_MS)
        return;
    if (took_ms < slowest.took_ms && now_ms - slowest.ended_ms < SLOW_KEPT_MS)
        return;
    slowest.name = visit->name;
    slowest.took_ms = took_ms;
    slowest.ended_ms = now_ms;
}

void watch_tell_slow(char *text, size_t size)
{
    text[0] = '\0';
    pthread_mutex_lock(&lock);
    if (slowest.name != NULL && clock_ms() - slowest.ended_ms < SLOW_KEPT_MS)
        snprintf(text, size,
                 "slow: %s took %llu ms within the latest minute; check the HSM's load and its "
                 "network",
                 slowest.name, (unsigned long long)slowest.took_ms);
    pthread_mutex_unlock(&lock);
}

static void leave(const struct visit *visit)
{
    pthread_mutex_lock(&lock);
    struct visit **at = &visits;
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    note_slow(visit);
    pthread_mutex_unlock(&lock);
}

#define WATCHED(call, parameters, arguments)                                                   \
    static CK_RV watched_##call parameters                                                     \
    {                                                                                          \
        struct visit visit = { .name = #call };                                                \
        enter(&visit);                                                                         \
        CK_RV rv = real->call arguments;                                                       \
        leave(&visit);                                                                         \
        return rv;                                                                             \
    }

/* All functions that this folder calls. */
WATCHED(C_Initialize, (void *arguments), (arguments))
WATCHED(C_Finalize, (void *reserved), (reserved))
WATCHED(C_GetInfo, (CK_INFO * info), (info))
WATCHED(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count),
        (present, slots, count))
WATCHED(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info))
WATCHED(C_OpenSession,
        (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
         CK_SESSION_HANDLE *session),
        (slot, flags, application, notify, session))
WATCHED(C_CloseSession, (CK_SESSION_HANDLE session), (session))
WATCHED(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info), (session, info))
WATCHED(C_Login,
        (CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len),
        (session, user, pin, len))
WATCHED(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object),
        (session, object))
WATCHED(C_GetAttributeValue,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
         CK_ULONG count),
        (session, object, attributes, count))
WATCHED(C_SetAttributeValue,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
         CK_ULONG count),
        (session, object, attributes, count))
WATCHED(C_FindObjectsInit,
        (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count),
        (session, attributes, count))
WATCHED(C_FindObjects,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count),
        (session, objects, max, count))
WATCHED(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session))
WATCHED(C_SignInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key),
        (session, mechanism, key))
WATCHED(C_Sign,
        (CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG data_len,
         unsigned char *signature, CK_ULONG *signature_len),
        (session, data, data_len, signature, signature_len))
WATCHED(C_GenerateKey,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes,
         CK_ULONG count, CK_OBJECT_HANDLE *key),
        (session, mechanism, attributes, count, key))
WATCHED(C_GenerateKeyPair,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_key,
         CK_ULONG public_count, CK_ATTRIBUTE *private_key, CK_ULONG private_count,
         CK_OBJECT_HANDLE *public_out, CK_OBJECT_HANDLE *private_out),
        (session, mechanism, public_key, public_count, private_key, private_count, public_out,
         private_out))
WATCHED(C_WrapKey,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
         CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG *len),
        (session, mechanism, kek, key, wrapped, len))
WATCHED(C_UnwrapKey,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
         unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *attributes, CK_ULONG count,
         CK_OBJECT_HANDLE *key),
        (session, mechanism, kek, wrapped, len, attributes, count, key))
WATCHED(C_DeriveKey,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
         CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
        (session, mechanism, base, attributes, count, key))

/* Under lock. */
static void fill(CK_FUNCTION_LIST *list)
{
    real = list;
    watched = *list;
    watched.C_Initialize = watched_C_Initialize;
    watched.C_Finalize = watched_C_Finalize;
    watched.C_GetInfo = watched_C_GetInfo;
    watched.C_GetSlotList = watched_C_GetSlotList;
    watched.C_GetTokenInfo = watched_C_GetTokenInfo;
    watched.C_OpenSession = watched_C_OpenSession;
    watched.C_CloseSession = watched_C_CloseSession;
    watched.C_GetSessionInfo = watched_C_GetSessionInfo;
    watched.C_Login = watched_C_Login;
    watched.C_DestroyObject = watched_C_DestroyObject;
    watched.C_GetAttributeValue = watched_C_GetAttributeValue;
    watched.C_SetAttributeValue = watched_C_SetAttributeValue;
    watched.C_FindObjectsInit = watched_C_FindObjectsInit;
    watched.C_FindObjects = watched_C_FindObjects;
    watched.C_FindObjectsFinal = watched_C_FindObjectsFinal;
    watched.C_SignInit = watched_C_SignInit;
    watched.C_Sign = watched_C_Sign;
    watched.C_GenerateKey = watched_C_GenerateKey;
    watched.C_GenerateKeyPair = watched_C_GenerateKeyPair;
    watched.C_WrapKey = watched_C_WrapKey;
    watched.C_UnwrapKey = watched_C_UnwrapKey;
    watched.C_DeriveKey = watched_C_DeriveKey;
}

CK_FUNCTION_LIST *watch_list(CK_FUNCTION_LIST *list)
{
    pthread_mutex_lock(&lock);
    if (real == NULL)
        fill(list);
    CK_FUNCTION_LIST *found = real == list ? &watched : list;
    pthread_mutex_unlock(&lock);
    return found;
}

unsigned hsm_unresponsive(unsigned over_ms, char words[static HSM_UNRESPONSIVE_SIZE])
{
    unsigned count = 0;
    const struct visit *oldest = NULL;
    uint64_t now = clock_ms();
    pthread_mutex_lock(&lock);
    for (const struct visit *v = visits; v != NULL; v = v->next) {
        if (now < v->since_ms + over_ms)
            continue;
        count++;
        if (oldest == NULL || v->since_ms < oldest->since_ms)
            oldest = v;
    }
    words[0] = '\0';
    if (oldest != NULL)
        snprintf(words, HSM_UNRESPONSIVE_SIZE,
                 "%s has not returned for %llu ms (%u such calls)", oldest->name,
                 (unsigned long long)(now - oldest->since_ms), count);
    pthread_mutex_unlock(&lock);
    return count;
}
