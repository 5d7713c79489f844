/* SPDX-License-Identifier: MIT */
/*
 * softhsm_quiet: a PKCS#11 module that is SoftHSM, without its leaks in LeakSanitizer's report.
 *
 * SoftHSM 2.6.1 leaks the curve's name (ASN1_PRINTABLESTRING) each time it reads the parameters
 * of an Edwards key: in C_GenerateKeyPair and in each C_SignInit of CKM_EDDSA. A suppression by
 * the library's name needs stacks that reach through OpenSSL to it, and to unwind those at each
 * allocation makes a process eight times slower. So LeakSanitizer does not count what a thread
 * allocates in these two calls; all else of the process it does.
 *
 * Loaded by programs with sanitizers and without (pkcs11-tool), so it is built without. It
 * finds SoftHSM where distributions put it.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

/* Of the sanitizer's runtime, where the program has one. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

static const char *const modules[] = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static void quiet(void)
{
    if (__lsan_disable != NULL)
        __lsan_disable();
}

static void loud(void)
{
    if (__lsan_enable != NULL)
        __lsan_enable();
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    quiet();
    CK_RV rv = real->C_SignInit(session, mechanism, key);
    loud();
    return rv;
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                               CK_ATTRIBUTE *public_key, CK_ULONG public_count,
                               CK_ATTRIBUTE *private_key, CK_ULONG private_count,
                               CK_OBJECT_HANDLE *public_out, CK_OBJECT_HANDLE *private_out)
{
    quiet();
    CK_RV rv = real->C_GenerateKeyPair(session, mechanism, public_key, public_count,
                                       private_key, private_count, public_out, private_out);
    loud();
    return rv;
}

static CK_C_GetFunctionList soft_list(void)
{
    CK_C_GetFunctionList get = NULL;
    void *module = NULL;
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]) && module == NULL; i++)
        module = dlopen(modules[i], RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof(get));
    return get;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list_out)
{
    CK_C_GetFunctionList get = soft_list();
    if (get == NULL)
        return CKR_GENERAL_ERROR;
    CK_RV rv = get(&real);
    if (rv != CKR_OK)
        return rv;
    list = *real;
    list.C_SignInit = sign_init;
    list.C_GenerateKeyPair = generate_key_pair;
    *list_out = &list;
    return CKR_OK;
}
