/* SPDX-License-Identifier: MIT */
/*
 * module: loads the PKCS#11 module and initialises it. Called by hsm_open() and hsm_close(). It
 * must not initialise the module a second time, nor finalise what other code initialised.
 */
#include "oem-server/hsm/module.h"

#include <dlfcn.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/hsm/watch.h"

enum err module_load(struct module *m, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return fail(ERR_CONFIG, "hsm: module: %s", dlerror());
    void *symbol = dlsym(library, "C_GetFunctionList");
    if (symbol == NULL)
        return fail(ERR_CONFIG, "hsm: module: %s: no C_GetFunctionList: not PKCS#11", path);
    CK_C_GetFunctionList get_list;
    memcpy(&get_list, &symbol, sizeof(get_list));
    CK_RV rv = get_list(&m->p11);
    if (rv != CKR_OK || m->p11 == NULL)
        return fail(ERR_HSM, "hsm: module: %s: C_GetFunctionList: %s", path, rv_name(rv));
    if (m->p11->version.major < 2)
        return fail(ERR_HSM, "hsm: module: %s: cryptoki %u.%u, want 2.40", path,
                    m->p11->version.major, m->p11->version.minor);
    m->p11 = watch_list(m->p11);
    return ERR_OK;
}

enum err module_start(struct module *m)
{
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
    CK_RV rv = m->p11->C_Initialize(&arguments);
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return ERR_OK;
    if (rv != CKR_OK)
        return fail(ERR_HSM, "hsm: module: C_Initialize: %s", rv_name(rv));
    m->started = true;
    return ERR_OK;
}

void module_stop(struct module *m)
{
    if (m->p11 != NULL && m->started)
        m->p11->C_Finalize(NULL);
    m->started = false;
}
