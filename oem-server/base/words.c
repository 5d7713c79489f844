/* SPDX-License-Identifier: MIT */
/*
 * words: what a peer is told of an error. Of failures inside the server it must not be told
 * more than that there was one.
 */
#include <string.h>

#include "oem-server/base/base.h"

static bool begins(const char *words, const char *with)
{
    return strncmp(words, with, strlen(with)) == 0;
}

/* Codes that a peer would take for failures of its own machine, or of its certificate. */
enum err peer_err(enum err e)
{
    return e == ERR_MEMORY || e == ERR_IO || e == ERR_TLS ? ERR_UNAVAILABLE : e;
}

bool peer_is_hidden(enum err e)
{
    static const enum err ours[] = { ERR_INTERNAL, ERR_STORE,     ERR_HSM,    ERR_PIN, ERR_IO,
                                     ERR_CONFIG,   ERR_DATA_LOSS, ERR_MEMORY, ERR_TLS };
    for (size_t i = 0; i < COUNT(ours); i++)
        if (e == ours[i])
            return true;
    return false;
}

const char *peer_words(enum err e, const char *words)
{
    if (peer_is_hidden(e))
        return "the server failed: see its log";
    return begins(words, "store: ") || begins(words, "hsm: ") ? err_text(e) : words;
}
