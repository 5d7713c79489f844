/* SPDX-License-Identifier: MIT */
/*
 * Exit codes and the last message of a subcommand. Called by all of them. Only ERR_OK may end
 * with 0: another error with 0 would pass a board that is not sealed.
 */
#include "station-agent/program.h"

#include <stdio.h>
#include <sysexits.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/site/site.h"

/* Specific causes; an error that is not listed goes by its gRPC status. */
static const struct {
    enum err err;
    int exit_code;
} codes[] = {
    { ERR_OK, EX_OK },
    { ERR_USAGE, EX_USAGE },
    { ERR_CONFIG, EX_CONFIG },
    { ERR_PROTO, EX_PROTOCOL },
    { ERR_ORDER, EX_PROTOCOL },
    { ERR_MISMATCH, EX_DATAERR },
    { ERR_INVALID, EX_DATAERR },
    { ERR_DATA_LOSS, EX_IOERR },
    { ERR_VERIFY, EX_IOERR },
    { ERR_FAULT, EX_IOERR },
    { ERR_IO, EX_IOERR },
    { ERR_LOCKED, EX_NOPERM },
    { ERR_OPEN, EXIT_OPEN },
    { ERR_NOT_KNOWN, EXIT_NOT_KNOWN },
    { ERR_NOT_LOCKED, EXIT_NOT_LOCKED },
    { ERR_BOOT, EXIT_BOOT },
    { ERR_SPOILT, EXIT_SCRAP },
    { ERR_NO_SLOT, EXIT_SCRAP },
    { ERR_HELD, EXIT_HELD },
    { ERR_REVOKED, EX_NOPERM },
    { ERR_DENIED, EX_NOPERM },
    { ERR_SIG, EX_NOPERM },
    { ERR_TLS, EX_NOPERM },
    { ERR_UNAUTHENTICATED, EX_NOPERM },
    { ERR_EXHAUSTED, EX_TEMPFAIL },
    { ERR_DEADLINE, EX_TEMPFAIL },
    { ERR_ABORTED, EX_TEMPFAIL },
    { ERR_NOT_FOUND, EX_NOINPUT },
    { ERR_PRECONDITION, EX_NOPERM },
    { ERR_MEMORY, EX_OSERR },
    { ERR_EXISTS, EX_CANTCREAT },
    { ERR_UNAVAILABLE, EX_UNAVAILABLE },
};

int program_exit_code(enum err e)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].err == e)
            return codes[i].exit_code;
    for (size_t i = 0; i < COUNT(codes); i++)
        if ((uint32_t)codes[i].err == err_status(e))
            return codes[i].exit_code;
    return EX_SOFTWARE;
}

int program_fail(enum err e)
{
    const char *words = fail_words()[0] != '\0' ? fail_words() : err_text(e);
    fprintf(stderr, "station-agent: %s\nstation-agent: try: %s\n", words,
            site_start_advice(e, words));
    return program_exit_code(e);
}
