/* SPDX-License-Identifier: MIT */
/*
 * module: the PKCS#11 module, loaded with dlopen and not unloaded before the process ends.
 *
 * C_Initialize asks for the system's locks. If other code of this process initialised the
 * module before, it is used as it is, and C_Finalize is left to that code. If other code
 * finalises the module, it is not initialised again: a module may then give old handles to new
 * sessions and keys, and an operation could use the wrong key (test_hsm_faults). One per struct
 * hsm.
 */
#pragma once

#include "common/core/err.h"
#include "oem-server/hsm/rv.h"

struct module {
    CK_FUNCTION_LIST *p11; /* the module's, NULL before module_load */
    bool started;          /* C_Initialize was ours, so C_Finalize is */
};

/* In this order, by the thread that opens or closes the hsm. ERR_CONFIG: no such file, or no
 * PKCS#11 module; ERR_HSM: the module refused. */
enum err module_load(struct module *m, const char *path);
enum err module_start(struct module *m);
void module_stop(struct module *m);
