/* SPDX-License-Identifier: MIT */
/*
 * watch: which calls are in the module, and since when. PKCS#11 has no way to interrupt a call
 * that is unresponsive; it can only be reported (test_hsm_hang). For hsm/ only; other folders
 * call hsm_unresponsive().
 */
#pragma once

#include <p11-kit/pkcs11.h>
#include <stddef.h>

/* The same functions, each watched. Only the first module of the process is watched; the list
 * of a second one is returned unchanged, because a PKCS#11 call does not name its module. */
CK_FUNCTION_LIST *watch_list(CK_FUNCTION_LIST *list);

/* The longest call of the latest minute, if it took over a second; else "". */
void watch_tell_slow(char *text, size_t size);
