/* SPDX-License-Identifier: MIT */
/*
 * Whether a server may run with what was found in its log's anchor. Called by parts.c when the
 * log is opened. Each refusal must say what was found and name the way out.
 */
#include "oem-server/base/anchor_refuse.h"

#include <stdio.h>

#include "common/host/log.h"

enum { WORDS = 320 };

static void what(const struct config *config, const struct tlog_anchor_found *found,
                 char out[static WORDS])
{
    unsigned long long size = found->size, have = found->log_size;
    const char *path = config->anchor.path;
    switch (found->is) {
    case TLOG_ANCHOR_BEHIND:
        snprintf(out, WORDS,
                 "the store has %llu entries, but %llu were published (anchor %.80s): it was "
                 "restored or set back, and %llu entries or more are missing",
                 have, size, path, size - have);
        break;
    case TLOG_ANCHOR_FORKED:
        snprintf(
            out, WORDS,
            "the first %llu entries of the store are not those that were published (anchor "
            "%.80s): it was restored or set back, and went on from there",
            size, path);
        break;
    case TLOG_ANCHOR_GONE:
        snprintf(
            out, WORDS,
            "the log's anchor %.80s is gone: is its place mounted? If it is lost, how many "
            "entries are missing is not known",
            path);
        break;
    case TLOG_ANCHOR_DAMAGED:
        snprintf(
            out, WORDS,
            "the log's anchor %.80s is no checkpoint of this log (%.60s): how many entries "
            "are missing is not known",
            path, found->words);
        break;
    default:
        snprintf(out, WORDS,
                 "the log has an anchor, and the configuration names none ([log] anchor): it "
                 "would not be noticed that entries are missing");
    }
}

enum err anchor_refuse(const struct config *config, const struct tlog_anchor_found *found)
{
    char words[WORDS];
    if (found->is == TLOG_ANCHOR_NONE || found->is == TLOG_ANCHOR_BEGINS ||
        found->is == TLOG_ANCHOR_AGREES)
        return ERR_OK;
    what(config, found, words);
    return fail(ERR_VERIFY,
                "server: %s; if the store is meant as it is: oemctl store adopt --config %s "
                "--operator NAME --reason TEXT",
                words, config->path);
}
