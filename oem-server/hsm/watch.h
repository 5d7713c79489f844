/* SPDX-License-Identifier: MIT */
/*
 * watch: which calls are in the module, and since when. A call that hangs there cannot be
 * interrupted; it can be told of. For hsm/ only; the rest asks hsm_hung().
 */
#pragma once

#include <p11-kit/pkcs11.h>

/* The same functions, each watched. For the first module of the process; another's list comes
 * back as it is, for PKCS#11 calls carry nothing to tell one from the other. */
CK_FUNCTION_LIST *watch_list(CK_FUNCTION_LIST *list);
