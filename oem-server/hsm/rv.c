#include "oem-server/hsm/rv.h"

#include <stddef.h>
#include <stdio.h>

#include "common/host/own.h"

/* PKCS#11 v2.40 base, and the two of v3.0 that modules in the field use. */
#define RV_LIST(X)                                                                                               \
    X(OK)                                                                                                        \
    X(CANCEL)                                                                                                    \
    X(HOST_MEMORY)                                                                                               \
    X(SLOT_ID_INVALID)                                                                                           \
    X(GENERAL_ERROR) X(FUNCTION_FAILED) X(ARGUMENTS_BAD) X(NO_EVENT) X(NEED_TO_CREATE_THREADS) X(                \
        CANT_LOCK) X(ATTRIBUTE_READ_ONLY) X(ATTRIBUTE_SENSITIVE) X(ATTRIBUTE_TYPE_INVALID)                       \
        X(ATTRIBUTE_VALUE_INVALID) X(ACTION_PROHIBITED) X(DATA_INVALID) X(DATA_LEN_RANGE) X(                     \
            DEVICE_ERROR) X(DEVICE_MEMORY) X(DEVICE_REMOVED) X(ENCRYPTED_DATA_INVALID)                           \
            X(ENCRYPTED_DATA_LEN_RANGE) X(FUNCTION_CANCELED) X(FUNCTION_NOT_PARALLEL) X(                         \
                FUNCTION_NOT_SUPPORTED) X(KEY_HANDLE_INVALID) X(KEY_SIZE_RANGE) X(KEY_TYPE_INCONSISTENT)         \
                X(KEY_NOT_NEEDED) X(KEY_CHANGED) X(KEY_NEEDED) X(KEY_INDIGESTIBLE) X(                            \
                    KEY_FUNCTION_NOT_PERMITTED) X(KEY_NOT_WRAPPABLE) X(KEY_UNEXTRACTABLE)                        \
                    X(MECHANISM_INVALID) X(MECHANISM_PARAM_INVALID) X(OBJECT_HANDLE_INVALID) X(                  \
                        OPERATION_ACTIVE) X(OPERATION_NOT_INITIALIZED) X(PIN_INCORRECT) X(PIN_INVALID)           \
                        X(PIN_LEN_RANGE) X(PIN_EXPIRED) X(PIN_LOCKED) X(SESSION_CLOSED) X(                       \
                            SESSION_COUNT) X(SESSION_HANDLE_INVALID) X(SESSION_PARALLEL_NOT_SUPPORTED)           \
                            X(SESSION_READ_ONLY) X(SESSION_EXISTS) X(SESSION_READ_ONLY_EXISTS) X(                \
                                SESSION_READ_WRITE_SO_EXISTS) X(SIGNATURE_INVALID) X(SIGNATURE_LEN_RANGE)        \
                                X(TEMPLATE_INCOMPLETE) X(TEMPLATE_INCONSISTENT) X(                               \
                                    TOKEN_NOT_PRESENT) X(TOKEN_NOT_RECOGNIZED) X(TOKEN_WRITE_PROTECTED)          \
                                    X(UNWRAPPING_KEY_HANDLE_INVALID) X(UNWRAPPING_KEY_SIZE_RANGE) X(             \
                                        UNWRAPPING_KEY_TYPE_INCONSISTENT) X(USER_ALREADY_LOGGED_IN)              \
                                        X(USER_NOT_LOGGED_IN) X(USER_PIN_NOT_INITIALIZED) X(                     \
                                            USER_TYPE_INVALID) X(USER_ANOTHER_ALREADY_LOGGED_IN)                 \
                                            X(USER_TOO_MANY_TYPES) X(WRAPPED_KEY_INVALID) X(                     \
                                                WRAPPED_KEY_LEN_RANGE) X(WRAPPING_KEY_HANDLE_INVALID)            \
                                                X(WRAPPING_KEY_SIZE_RANGE) X(                                    \
                                                    WRAPPING_KEY_TYPE_INCONSISTENT) X(RANDOM_SEED_NOT_SUPPORTED) \
                                                    X(RANDOM_NO_RNG) X(DOMAIN_PARAMS_INVALID) X(                 \
                                                        CURVE_NOT_SUPPORTED) X(BUFFER_TOO_SMALL)                 \
                                                        X(SAVED_STATE_INVALID) X(                                \
                                                            INFORMATION_SENSITIVE) X(STATE_UNSAVEABLE)           \
                                                            X(CRYPTOKI_NOT_INITIALIZED) X(                       \
                                                                CRYPTOKI_ALREADY_INITIALIZED)                    \
                                                                X(MUTEX_BAD) X(MUTEX_NOT_LOCKED) X(              \
                                                                    NEW_PIN_MODE) X(NEXT_OTP)                    \
                                                                    X(EXCEEDED_MAX_ITERATIONS) X(                \
                                                                        FIPS_SELF_TEST_FAILED)                   \
                                                                        X(LIBRARY_LOAD_FAILED)                   \
                                                                            X(PIN_TOO_WEAK) X(                   \
                                                                                PUBLIC_KEY_INVALID)              \
                                                                                X(FUNCTION_REJECTED)

static const struct row {
    CK_RV rv;
    const char *name;
} rows[] = {
#define X(name) { CKR_##name, "CKR_" #name },
    RV_LIST(X)
#undef X
};

static const CK_RV losses[] = {
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_DEVICE_ERROR,
    CKR_DEVICE_REMOVED,
    CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_USER_NOT_LOGGED_IN,
    CKR_SLOT_ID_INVALID,

    CKR_KEY_HANDLE_INVALID,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_WRAPPING_KEY_HANDLE_INVALID,
    CKR_UNWRAPPING_KEY_HANDLE_INVALID,
};

static const CK_RV pins[] = {
    CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
    CKR_PIN_EXPIRED,   CKR_PIN_LOCKED,  CKR_USER_PIN_NOT_INITIALIZED,
};

const char *rv_name(CK_RV rv)
{
    static _Thread_local char unlisted[32];
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].rv == rv)
            return rows[i].name;
    snprintf(unlisted, sizeof(unlisted), "CKR 0x%lx%s", rv,
             rv >= CKR_VENDOR_DEFINED ? " (vendor)" : "");
    return unlisted;
}

static bool is_in(const CK_RV *list, size_t count, CK_RV rv)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == rv)
            return true;
    return false;
}

bool rv_is_loss(CK_RV rv)
{
    return is_in(losses, COUNT(losses), rv);
}

bool rv_is_pin(CK_RV rv)
{
    return is_in(pins, COUNT(pins), rv);
}
