/* SPDX-License-Identifier: MIT */
/*
 * module: the PKCS#11 module, loaded with dlopen and never unloaded.
 *
 * C_Initialize asks for the system's locks. If somebody in this process initialised the module
 * before, that is fine, and C_Finalize is left to them. If somebody finalises it under us,
 * nothing here initialises it again: a module may then give old numbers to new sessions and
 * keys, and an operation might run with another's. One per struct hsm.
 */
#pragma once

#include "common/core/err.h"
#include "oem-server/hsm/rv.h"

struct module {
    CK_FUNCTION_LIST *p11; /* the module's, NULL before module_load */
    bool started;          /* C_Initialize was ours, so C_Finalize is */
};

enum err module_load(struct module *m, const char *path);
enum err module_start(struct module *m);
void module_stop(struct module *m);
