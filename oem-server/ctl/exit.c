/* SPDX-License-Identifier: MIT */
/*
 * The tables from errors to exit codes and names. Called by ctl.c for each failure. A failure
 * must not have exit code 0 (test_ctl_output: errors_have_exit_codes).
 */
#include "oem-server/ctl/exit.h"

#include <stddef.h>
#include <sysexits.h>

#include "common/host/own.h"

/* By gRPC status. */
static const struct {
    const char *name;
    int code;
} statuses[] = {
    [ERR_OK] = { "OK", EX_OK },
    [ERR_CANCELLED] = { "CANCELLED", EX_TEMPFAIL },
    [ERR_UNKNOWN] = { "UNKNOWN", EX_SOFTWARE },
    [ERR_INVALID] = { "INVALID_ARGUMENT", EX_DATAERR },
    [ERR_DEADLINE] = { "DEADLINE_EXCEEDED", EX_TEMPFAIL },
    [ERR_NOT_FOUND] = { "NOT_FOUND", EX_NOINPUT },
    [ERR_EXISTS] = { "ALREADY_EXISTS", EX_CANTCREAT },
    [ERR_DENIED] = { "PERMISSION_DENIED", EX_NOPERM },
    [ERR_EXHAUSTED] = { "RESOURCE_EXHAUSTED", EX_TEMPFAIL },
    [ERR_PRECONDITION] = { "FAILED_PRECONDITION", EX_DATAERR },
    [ERR_ABORTED] = { "ABORTED", EX_TEMPFAIL },
    [ERR_RANGE] = { "OUT_OF_RANGE", EX_DATAERR },
    [ERR_UNIMPLEMENTED] = { "UNIMPLEMENTED", EX_PROTOCOL },
    [ERR_INTERNAL] = { "INTERNAL", EX_SOFTWARE },
    [ERR_UNAVAILABLE] = { "UNAVAILABLE", EX_UNAVAILABLE },
    [ERR_DATA_LOSS] = { "DATA_LOSS", EX_DATAERR },
    [ERR_UNAUTHENTICATED] = { "UNAUTHENTICATED", EX_NOPERM },
};

/* Causes with a code of their own; code and word belong together. */
static const struct {
    enum err err;
    const char *name;
    int code;
} causes[] = {
    { ERR_USAGE, "bad usage", EX_USAGE },
    { ERR_CONFIG, "bad configuration", EX_CONFIG },
    { ERR_IO, "input or output failed", EX_IOERR },
    { ERR_PROTO, "protocol broken", EX_PROTOCOL },
    { ERR_SIG, "not verified", EX_DATAERR },
    { ERR_LIMIT, "over a limit", EX_DATAERR },
    { ERR_MEMORY, "out of memory", EX_OSERR },
};

int exit_code(enum err e)
{
    for (size_t i = 0; i < COUNT(causes); i++)
        if (causes[i].err == e)
            return causes[i].code;
    return statuses[err_status(e)].code;
}

const char *exit_word(enum err e)
{
    for (size_t i = 0; i < COUNT(causes); i++)
        if (causes[i].err == e)
            return causes[i].name;
    return exit_status_name(e);
}

const char *exit_status_name(enum err e)
{
    return statuses[err_status(e)].name;
}
