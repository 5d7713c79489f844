/* SPDX-License-Identifier: MIT */
/*
 * faults: a PKCS#11 module that forwards to the one that FAULTS_MODULE names, and has the
 * trouble that the file in FAULTS says, as long as it says so. A line is WHAT TOKEN [ARGUMENT];
 * "*" is each token:
 *
 *   gone T        the token is taken away, with its sessions
 *   stuck T       the same, and it is found again only after C_Initialize, as SoftHSM does it
 *   close T       its sessions are closed, once
 *   logout T      its user is logged out, once
 *   full T N      no more sessions than N
 *   fail T CALL=RV  the call fails
 *   hide T NAME   the key of that name is not there
 *   slow T MS     C_Sign takes longer
 *   hang T        C_Sign does not return
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64, SESSIONS = 65536, TEXT = 1024, LABEL = 33, ARGUMENT = 64 };

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects what follows */
static char text[TEXT];                                  /* of FAULTS, as last seen */
static struct slot {
    CK_SLOT_ID id;
    char label[LABEL];
    bool used, done; /* what happens once, of this text */
    bool stuck;
    unsigned open;
} slots[SLOTS];
static struct {
    struct slot *slot;
    bool hides; /* the search under way finds nothing */
} sessions[SESSIONS];

static void sleep_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

/* Under lock. */
static void read_text(void)
{
    char now[TEXT] = "";
    const char *path = getenv("FAULTS");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, now, sizeof(now) - 1) < 0)
        now[0] = '\0';
    if (fd >= 0)
        close(fd);
    if (strcmp(now, text) == 0)
        return;
    memcpy(text, now, sizeof(text));
    for (size_t i = 0; i < SLOTS; i++)
        slots[i].done = false;
}

/* Is there such a line for the slot? Under lock. */
static bool says(const struct slot *slot, const char *what, char argument_out[static ARGUMENT])
{
    char copy[TEXT], *rest = copy, *line;
    memcpy(copy, text, sizeof(copy));
    while ((line = strsep(&rest, "\n")) != NULL) {
        char verb[16] = "", token[LABEL] = "";
        argument_out[0] = '\0';
        if (sscanf(line, "%15s %32s %63s", verb, token, argument_out) < 2)
            continue;
        if (strcmp(verb, what) == 0 &&
            (strcmp(token, "*") == 0 || strcmp(token, slot->label) == 0))
            return true;
    }
    return false;
}

static void learn_label(struct slot *slot)
{
    CK_TOKEN_INFO info = { 0 };
    if (real->C_GetTokenInfo(slot->id, &info) != CKR_OK)
        return;
    memcpy(slot->label, info.label, 32);
    for (size_t len = 32; len > 0 && slot->label[len - 1] == ' '; len--)
        slot->label[len - 1] = '\0';
}

/* Under lock. */
static struct slot *slot_of(CK_SLOT_ID id)
{
    struct slot *slot = slots;
    while (slot->used && slot->id != id && slot < slots + SLOTS - 1)
        slot++;
    slot->used = true;
    slot->id = id;
    if (slot->label[0] == '\0')
        learn_label(slot);
    return slot;
}

/* Under lock: what happens once. */
static void happen(struct slot *slot, CK_SESSION_HANDLE session)
{
    char argument[ARGUMENT];
    bool gone = says(slot, "gone", argument), stuck = says(slot, "stuck", argument);
    slot->stuck = slot->stuck || stuck;
    if (slot->done)
        return;
    slot->done = true;
    if (session != 0 && says(slot, "logout", argument))
        (void)real->C_Logout(session);
    if (!gone && !stuck && !says(slot, "close", argument))
        return;
    (void)real->C_CloseAllSessions(slot->id);
    slot->open = 0;
}

/* Under lock. */
static CK_RV trouble_of(struct slot *slot, const char *call)
{
    char argument[ARGUMENT];
    size_t len = strlen(call);
    if (slot->stuck || says(slot, "gone", argument))
        return CKR_TOKEN_NOT_PRESENT;
    if (says(slot, "fail", argument) && strncmp(argument, call, len) == 0 &&
        argument[len] == '=')
        return strtoul(argument + len + 1, NULL, 0);
    return CKR_OK;
}

/* Before each call with a session. */
static CK_RV before(CK_SESSION_HANDLE session, const char *call)
{
    pthread_mutex_lock(&lock);
    read_text();
    struct slot *slot = session < SESSIONS ? sessions[session].slot : NULL;
    CK_RV rv = CKR_OK;
    if (slot != NULL) {
        happen(slot, session);
        rv = trouble_of(slot, call);
    }
    pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV initialize(void *arguments)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS; i++) {
        slots[i].stuck = false;
        slots[i].open = 0;
    }
    memset(sessions, 0, sizeof(sessions));
    pthread_mutex_unlock(&lock);
    return real->C_Initialize(arguments);
}

static CK_RV get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
    pthread_mutex_lock(&lock);
    read_text();
    struct slot *slot = slot_of(id);
    happen(slot, 0);
    CK_RV rv = trouble_of(slot, "C_GetTokenInfo");
    pthread_mutex_unlock(&lock);
    return rv != CKR_OK ? rv : real->C_GetTokenInfo(id, info);
}

/* Under lock. */
static CK_RV open_locked(struct slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *session)
{
    char argument[ARGUMENT];
    CK_RV rv = trouble_of(slot, "C_OpenSession");
    if (rv == CKR_OK && says(slot, "full", argument) &&
        slot->open >= strtoul(argument, NULL, 10))
        rv = CKR_SESSION_COUNT;
    if (rv == CKR_OK)
        rv = real->C_OpenSession(slot->id, flags, NULL, NULL, session);
    if (rv == CKR_OK) {
        slot->open++;
        if (*session < SESSIONS)
            sessions[*session].slot = slot;
    }
    return rv;
}

static CK_RV open_session(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *session)
{
    (void)application, (void)notify;
    pthread_mutex_lock(&lock);
    read_text();
    struct slot *slot = slot_of(id);
    happen(slot, 0);
    CK_RV rv = open_locked(slot, flags, session);
    pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = real->C_CloseSession(session);
    pthread_mutex_lock(&lock);
    if (rv == CKR_OK && session < SESSIONS && sessions[session].slot != NULL &&
        sessions[session].slot->open > 0)
        sessions[session].slot->open--;
    pthread_mutex_unlock(&lock);
    return rv;
}

/* --- Keys that are hidden. ---------------------------------------------------------------- */

static bool hides(CK_SESSION_HANDLE session, const void *id, size_t len)
{
    char argument[ARGUMENT];
    bool hidden = false;
    pthread_mutex_lock(&lock);
    struct slot *slot = session < SESSIONS ? sessions[session].slot : NULL;
    if (slot != NULL && says(slot, "hide", argument))
        hidden = strlen(argument) == len && memcmp(argument, id, len) == 0;
    pthread_mutex_unlock(&lock);
    return hidden;
}

static CK_RV check_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    char id[80];
    CK_ATTRIBUTE a = { CKA_ID, id, sizeof(id) };
    if (real->C_GetAttributeValue(session, key, &a, 1) != CKR_OK || a.ulValueLen > sizeof(id))
        return CKR_OK;
    return hides(session, id, a.ulValueLen) ? CKR_KEY_HANDLE_INVALID : CKR_OK;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template,
                               CK_ULONG count)
{
    CK_RV rv = before(session, "C_FindObjectsInit");
    bool hidden = false;
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == CKA_ID)
            hidden = hides(session, template[i].pValue, template[i].ulValueLen);
    if (session < SESSIONS)
        sessions[session].hides = hidden;
    return rv != CKR_OK ? rv : real->C_FindObjectsInit(session, template, count);
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max,
                          CK_ULONG *count)
{
    CK_RV rv = before(session, "C_FindObjects");
    if (rv == CKR_OK)
        rv = real->C_FindObjects(session, found, max, count);
    if (rv == CKR_OK && session < SESSIONS && sessions[session].hides)
        *count = 0;
    return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = before(session, "C_SignInit");
    if (rv == CKR_OK)
        rv = check_key(session, key);
    return rv != CKR_OK ? rv : real->C_SignInit(session, mechanism, key);
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
                      CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG *len)
{
    CK_RV rv = before(session, "C_WrapKey");
    if (rv == CKR_OK)
        rv = check_key(session, kek);
    return rv != CKR_OK ? rv : real->C_WrapKey(session, mechanism, kek, key, wrapped, len);
}

/* --- Signatures that take their time. ------------------------------------------------------
 */

/* How long this look at it lasts; 0: go on. */
static unsigned delay_of(CK_SESSION_HANDLE session, unsigned waited_ms)
{
    enum { LOOK_MS = 20 };
    char argument[ARGUMENT];
    pthread_mutex_lock(&lock);
    read_text();
    struct slot *slot = session < SESSIONS ? sessions[session].slot : NULL;
    bool waits = slot != NULL &&
                 (says(slot, "hang", argument) ||
                  (says(slot, "slow", argument) && waited_ms < strtoul(argument, NULL, 10)));
    pthread_mutex_unlock(&lock);
    return waits ? LOOK_MS : 0;
}

static CK_RV sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG data_len,
                  unsigned char *signature, CK_ULONG *signature_len)
{
    unsigned waited_ms = 0;
    for (unsigned ms; (ms = delay_of(session, waited_ms)) != 0; waited_ms += ms)
        sleep_ms(ms);
    CK_RV rv = before(session, "C_Sign");
    return rv != CKR_OK ? rv : real->C_Sign(session, data, data_len, signature, signature_len);
}

/* --- The others. -------------------------------------------------------------------------- */

#define CALL(call, parameters, arguments)                                                      \
    static CK_RV my_##call parameters                                                          \
    {                                                                                          \
        CK_RV rv = before(session, #call);                                                     \
        return rv != CKR_OK ? rv : real->call arguments;                                       \
    }

CALL(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info), (session, info))
CALL(C_Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len),
     (session, user, pin, len))
CALL(C_GetAttributeValue,
     (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
      CK_ULONG count),
     (session, object, template, count))
CALL(C_GenerateKeyPair,
     (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_key,
      CK_ULONG public_count, CK_ATTRIBUTE *private_key, CK_ULONG private_count,
      CK_OBJECT_HANDLE *public_out, CK_OBJECT_HANDLE *private_out),
     (session, mechanism, public_key, public_count, private_key, private_count, public_out,
      private_out))
CALL(C_UnwrapKey,
     (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
      unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template, CK_ULONG count,
      CK_OBJECT_HANDLE *key),
     (session, mechanism, kek, wrapped, len, template, count, key))
CALL(C_DeriveKey,
     (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
      CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key),
     (session, mechanism, base, template, count, key))

static CK_RV load_real(void)
{
    const char *path = getenv("FAULTS_MODULE");
    void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    CK_C_GetFunctionList get;
    memcpy(&get, &symbol, sizeof(get));
    return get(&real);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list_out)
{
    CK_RV rv = load_real();
    if (rv != CKR_OK)
        return rv;
    list = *real;
    list.C_Initialize = initialize;
    list.C_GetTokenInfo = get_token_info;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_FindObjectsInit = find_objects_init;
    list.C_FindObjects = find_objects;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    list.C_WrapKey = wrap_key;
    list.C_GetSessionInfo = my_C_GetSessionInfo;
    list.C_Login = my_C_Login;
    list.C_GetAttributeValue = my_C_GetAttributeValue;
    list.C_GenerateKeyPair = my_C_GenerateKeyPair;
    list.C_UnwrapKey = my_C_UnwrapKey;
    list.C_DeriveKey = my_C_DeriveKey;
    *list_out = &list;
    return CKR_OK;
}
