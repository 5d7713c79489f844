/* SPDX-License-Identifier: MIT */
/*
 * module: the PKCS#11 module, loaded with dlopen and not unloaded before the process ends.
 *
 * C_Initialize asks for the system's locks. If other code of this process initialised the
 * module before, it is used as it is, and C_Finalize is left to that code: then it is not
 * restarted either. A module that was restarted may give old handles to new sessions and keys.
 * So each user of it is between module_enter() and module_leave(), a restart waits until there
 * is none, and forgets all sessions and handles before the next (test_hsm_restart). One per
 * struct hsm.
 */
#pragma once

#include <pthread.h>

#include "common/core/err.h"
#include "oem-server/hsm/rv.h"
#include "oem-server/hsm/softhsm.h"

struct module {
    CK_FUNCTION_LIST *p11;        /* the module's, NULL before module_load */
    bool started;                 /* C_Initialize was ours, so C_Finalize is */
    struct softhsm_files softhsm; /* its files, if it is SoftHSM */

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t changed;
    unsigned users;
    bool restarting;
};

/* In this order, by the thread that opens or closes the hsm. ERR_CONFIG: no such file, or no
 * PKCS#11 module; ERR_HSM: the module refused. module_stop() releases what both hold. */
enum err module_load(struct module *m, const char *path);
enum err module_start(struct module *m);
void module_stop(struct module *m);

/* A user of sessions and handles. false: the module was being restarted for timeout_ms. */
bool module_enter(struct module *m, unsigned timeout_ms);
void module_leave(struct module *m);

/* C_Finalize and C_Initialize, when all users have left, for whom it waits timeout_ms;
 * forget(context) is called in between. ERR_BUSY: they have not left; ERR_PRECONDITION: other
 * code initialised the module; ERR_HSM: the module refused. Any thread that is not a user. */
enum err module_restart(struct module *m, unsigned timeout_ms, void (*forget)(void *context),
                        void *context);
