/* SPDX-License-Identifier: MIT */
/*
 * rv: the table of CK_RV names, and the lists of those that mean a lost session or a refused
 * PIN. Called by the whole folder for each failure; it has no state but a buffer per thread.
 */
#include "oem-server/hsm/rv.h"

#include <stddef.h>
#include <stdio.h>

#include "common/host/own.h"

#define ROW(name)                                                                              \
    {                                                                                          \
        CKR_##name, "CKR_" #name                                                               \
    }

/* PKCS#11 v2.40 base, and those of v3.0 that modules in use give. */
static const struct row {
    CK_RV rv;
    const char *name;
} rows[] = {
    ROW(OK),
    ROW(CANCEL),
    ROW(HOST_MEMORY),
    ROW(SLOT_ID_INVALID),
    ROW(GENERAL_ERROR),
    ROW(FUNCTION_FAILED),
    ROW(ARGUMENTS_BAD),
    ROW(NO_EVENT),
    ROW(NEED_TO_CREATE_THREADS),
    ROW(CANT_LOCK),
    ROW(ATTRIBUTE_READ_ONLY),
    ROW(ATTRIBUTE_SENSITIVE),
    ROW(ATTRIBUTE_TYPE_INVALID),
    ROW(ATTRIBUTE_VALUE_INVALID),
    ROW(ACTION_PROHIBITED),
    ROW(DATA_INVALID),
    ROW(DATA_LEN_RANGE),
    ROW(DEVICE_ERROR),
    ROW(DEVICE_MEMORY),
    ROW(DEVICE_REMOVED),
    ROW(ENCRYPTED_DATA_INVALID),
    ROW(ENCRYPTED_DATA_LEN_RANGE),
    ROW(FUNCTION_CANCELED),
    ROW(FUNCTION_NOT_PARALLEL),
    ROW(FUNCTION_NOT_SUPPORTED),
    ROW(KEY_HANDLE_INVALID),
    ROW(KEY_SIZE_RANGE),
    ROW(KEY_TYPE_INCONSISTENT),
    ROW(KEY_NOT_NEEDED),
    ROW(KEY_CHANGED),
    ROW(KEY_NEEDED),
    ROW(KEY_INDIGESTIBLE),
    ROW(KEY_FUNCTION_NOT_PERMITTED),
    ROW(KEY_NOT_WRAPPABLE),
    ROW(KEY_UNEXTRACTABLE),
    ROW(MECHANISM_INVALID),
    ROW(MECHANISM_PARAM_INVALID),
    ROW(OBJECT_HANDLE_INVALID),
    ROW(OPERATION_ACTIVE),
    ROW(OPERATION_NOT_INITIALIZED),
    ROW(PIN_INCORRECT),
    ROW(PIN_INVALID),
    ROW(PIN_LEN_RANGE),
    ROW(PIN_EXPIRED),
    ROW(PIN_LOCKED),
    ROW(SESSION_CLOSED),
    ROW(SESSION_COUNT),
    ROW(SESSION_HANDLE_INVALID),
    ROW(SESSION_PARALLEL_NOT_SUPPORTED),
    ROW(SESSION_READ_ONLY),
    ROW(SESSION_EXISTS),
    ROW(SESSION_READ_ONLY_EXISTS),
    ROW(SESSION_READ_WRITE_SO_EXISTS),
    ROW(SIGNATURE_INVALID),
    ROW(SIGNATURE_LEN_RANGE),
    ROW(TEMPLATE_INCOMPLETE),
    ROW(TEMPLATE_INCONSISTENT),
    ROW(TOKEN_NOT_PRESENT),
    ROW(TOKEN_NOT_RECOGNIZED),
    ROW(TOKEN_WRITE_PROTECTED),
    ROW(UNWRAPPING_KEY_HANDLE_INVALID),
    ROW(UNWRAPPING_KEY_SIZE_RANGE),
    ROW(UNWRAPPING_KEY_TYPE_INCONSISTENT),
    ROW(USER_ALREADY_LOGGED_IN),
    ROW(USER_NOT_LOGGED_IN),
    ROW(USER_PIN_NOT_INITIALIZED),
    ROW(USER_TYPE_INVALID),
    ROW(USER_ANOTHER_ALREADY_LOGGED_IN),
    ROW(USER_TOO_MANY_TYPES),
    ROW(WRAPPED_KEY_INVALID),
    ROW(WRAPPED_KEY_LEN_RANGE),
    ROW(WRAPPING_KEY_HANDLE_INVALID),
    ROW(WRAPPING_KEY_SIZE_RANGE),
    ROW(WRAPPING_KEY_TYPE_INCONSISTENT),
    ROW(RANDOM_SEED_NOT_SUPPORTED),
    ROW(RANDOM_NO_RNG),
    ROW(DOMAIN_PARAMS_INVALID),
    ROW(CURVE_NOT_SUPPORTED),
    ROW(BUFFER_TOO_SMALL),
    ROW(SAVED_STATE_INVALID),
    ROW(INFORMATION_SENSITIVE),
    ROW(STATE_UNSAVEABLE),
    ROW(CRYPTOKI_NOT_INITIALIZED),
    ROW(CRYPTOKI_ALREADY_INITIALIZED),
    ROW(MUTEX_BAD),
    ROW(MUTEX_NOT_LOCKED),
    ROW(NEW_PIN_MODE),
    ROW(NEXT_OTP),
    ROW(EXCEEDED_MAX_ITERATIONS),
    ROW(FIPS_SELF_TEST_FAILED),
    ROW(LIBRARY_LOAD_FAILED),
    ROW(PIN_TOO_WEAK),
    ROW(PUBLIC_KEY_INVALID),
    ROW(FUNCTION_REJECTED),
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
    CKR_CRYPTOKI_NOT_INITIALIZED,

    /* Another operation was left in the session, or ours is no longer there. */
    CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,

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

bool rv_is_full(CK_RV rv)
{
    return rv == CKR_SESSION_COUNT || rv == CKR_DEVICE_MEMORY;
}

bool rv_is_pin(CK_RV rv)
{
    return is_in(pins, COUNT(pins), rv);
}
