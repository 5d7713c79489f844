/* SPDX-License-Identifier: MIT */
/*
 * module: loads the PKCS#11 module, initialises it, and restarts it when its users have left.
 * Called by hsm.c and session.c. It must not finalise what other code initialised, nor while a
 * session or a handle is in use.
 */
#include "oem-server/hsm/module.h"

#include <dlfcn.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/hsm/watch.h"

static enum err load(struct module *m, const char *path)
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

enum err module_load(struct module *m, const char *path)
{
    m->softhsm = (struct softhsm_files){ .lock = -1 };
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    return load(m, path);
}

static CK_RV initialize(struct module *m)
{
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
    return m->p11->C_Initialize(&arguments);
}

static bool is_softhsm(struct module *m)
{
    static const char maker[] = "SoftHSM";
    CK_INFO info = { 0 };
    return m->p11->C_GetInfo(&info) == CKR_OK &&
           memcmp(info.manufacturerID, maker, strlen(maker)) == 0;
}

/* Only an initialised module says what it is; a token whose file is damaged is found by its
 * next C_Initialize. */
static CK_RV look_after_softhsm(struct module *m)
{
    if (!is_softhsm(m))
        return CKR_OK;
    softhsm_open(&m->softhsm);
    if (softhsm_damage(&m->softhsm) == 0) {
        (void)softhsm_mend(&m->softhsm); /* takes copies */
        return CKR_OK;
    }
    m->p11->C_Finalize(NULL);
    (void)softhsm_mend(&m->softhsm);
    return initialize(m);
}

enum err module_start(struct module *m)
{
    CK_RV rv = initialize(m);
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return ERR_OK;
    if (rv == CKR_OK)
        rv = look_after_softhsm(m);
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
    softhsm_close(&m->softhsm);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
}

bool module_enter(struct module *m, unsigned timeout_ms)
{
    struct timespec until = clock_after_ms(timeout_ms);
    int late = 0;
    pthread_mutex_lock(&m->lock);
    while (m->restarting && late == 0)
        late = pthread_cond_clockwait(&m->changed, &m->lock, CLOCK_MONOTONIC, &until);
    bool entered = !m->restarting;
    if (entered)
        m->users++;
    pthread_mutex_unlock(&m->lock);
    return entered;
}

void module_leave(struct module *m)
{
    pthread_mutex_lock(&m->lock);
    m->users--;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

/* Under m->lock. false: users have not left, or another thread restarts it. */
static bool clear_users(struct module *m, unsigned timeout_ms)
{
    struct timespec until = clock_after_ms(timeout_ms);
    int late = 0;
    if (m->restarting)
        return false;
    m->restarting = true;
    while (m->users != 0 && late == 0)
        late = pthread_cond_clockwait(&m->changed, &m->lock, CLOCK_MONOTONIC, &until);
    m->restarting = m->users == 0;
    return m->restarting;
}

static enum err restart_now(struct module *m)
{
    (void)m->p11->C_Finalize(NULL); /* of a module that is not initialised it fails */
    if (m->softhsm.folder != NULL)
        (void)softhsm_mend(&m->softhsm);
    CK_RV rv = initialize(m);
    return rv == CKR_OK ? ERR_OK : fail(ERR_HSM, "hsm: module: C_Initialize: %s", rv_name(rv));
}

enum err module_restart(struct module *m, unsigned timeout_ms, void (*forget)(void *context),
                        void *context)
{
    if (!m->started)
        return fail_quiet(ERR_PRECONDITION, "hsm: module: other code initialised it");
    pthread_mutex_lock(&m->lock);
    bool clear = clear_users(m, timeout_ms);
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    if (!clear)
        return fail_quiet(ERR_BUSY, "hsm: module: in use for %u ms: not restarted", timeout_ms);
    forget(context);
    enum err e = restart_now(m);
    pthread_mutex_lock(&m->lock);
    m->restarting = false;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    return e;
}
