/* SPDX-License-Identifier: MIT */
/*
 * Whether a server may run with what was found in its log's anchor. Called by parts.c when the
 * log is opened. Each refusal must say what was found and name the way out.
 */
#include "oem-server/base/anchor_refuse.h"

#include "common/host/log.h"

static enum err refused(const struct config *config, const struct tlog_anchor_found *found)
{
    unsigned long long size = found->size, have = found->log_size;
    const char *path = config->anchor.path;
    switch (found->is) {
    case TLOG_ANCHOR_BEHIND:
        return fail(ERR_VERIFY,
                    "server: the store has %llu entries, but %llu were published (anchor %s): "
                    "it was restored or set back, and %llu entries or more are missing",
                    have, size, path, size - have);
    case TLOG_ANCHOR_FORKED:
        return fail(
            ERR_VERIFY,
            "server: the first %llu entries of the store are not those that were "
            "published (anchor %s): it was restored or set back, and went on from there",
            size, path);
    case TLOG_ANCHOR_GONE:
        return fail(ERR_VERIFY,
                    "server: the log's anchor %s is gone: is its place mounted? If it is lost, "
                    "how many entries are missing is not known",
                    path);
    case TLOG_ANCHOR_DAMAGED:
        return fail(ERR_VERIFY,
                    "server: the log's anchor %s is no checkpoint of this log (%s): how many "
                    "entries are missing is not known",
                    path, found->words);
    default:
        return fail(ERR_VERIFY,
                    "server: the log has an anchor, and %s names none ([log] anchor): it would "
                    "not be noticed that entries are missing",
                    config->path);
    }
}

enum err anchor_refuse(const struct config *config, const struct tlog_anchor_found *found)
{
    if (found->is == TLOG_ANCHOR_NONE || found->is == TLOG_ANCHOR_BEGINS ||
        found->is == TLOG_ANCHOR_AGREES)
        return ERR_OK;
    log_line(LOG_LEVEL_ERROR,
             "server: the store is refused, for the reason below; if the store is meant as it "
             "is: oemctl store adopt --config %s --operator NAME --reason TEXT",
             config->path);
    return refused(config, found);
}
