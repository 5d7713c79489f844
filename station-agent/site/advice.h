/* SPDX-License-Identifier: MIT */
/* advice: what to try after an error, by the error alone. Used by tell.c, where a site has no
 * better advice of its own. */
#pragma once

#include "common/core/err.h"

const char *advice_of(enum err e); /* fixed text; NULL: there is none */
