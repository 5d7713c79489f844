/* SPDX-License-Identifier: MIT */
/*
 * analyzer: what clang's analyzer must be told about ours, included before every file it reads.
 *
 * It sees one file at a time, so it takes it that fail() might answer ERR_OK, and then walks
 * paths that do not exist. fail() and fail_quiet() yield their first argument.
 */
#pragma once

#include "common/host/log.h"

#define fail(e, ...)       ((void)fail((e), __VA_ARGS__), (e))
#define fail_quiet(e, ...) ((void)fail_quiet((e), __VA_ARGS__), (e))
