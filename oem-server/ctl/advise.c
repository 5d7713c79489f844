/* SPDX-License-Identifier: MIT */
/*
 * The table of refusals and what to do next. Called by the commands that change or show a unit,
 * an order, a run, a principal or an image. It must never change the error itself.
 */
#include "oem-server/ctl/advise.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

static const struct {
    enum advise_about about;
    enum err err;
    const char *text;
} rows[] = {
    { ADVISE_UNIT, ERR_NOT_FOUND, "'oemctl unit list' shows the known units" },
    { ADVISE_UNIT, ERR_PRECONDITION, "'oemctl unit show UID' shows its state" },
    { ADVISE_UNIT, ERR_MISMATCH, "'oemctl unit show UID' shows what the unit has" },
    { ADVISE_UNIT, ERR_HELD,
      "'oemctl unit show UID' lists the holds, and 'oemctl unit allow UID --cause CAUSE "
      "--reason TEXT' lifts those with one cause" },
    { ADVISE_UNIT, ERR_BUSY, "'oemctl run end UID --reason TEXT' ends its run" },
    { ADVISE_UNIT, ERR_NOT_LOCKED,
      "open the unit again at its station, or 'oemctl unit accept UID --reason TEXT'" },
    { ADVISE_ORDER, ERR_NOT_FOUND,
      "'oemctl order list' and 'oemctl station list' show what there is" },
    { ADVISE_ORDER, ERR_EXISTS, "'oemctl order show NAME' shows the order of that name" },
    { ADVISE_ORDER, ERR_PRECONDITION,
      "'oemctl firmware list', 'oemctl station list' and 'oemctl order list' show what there "
      "is" },
    { ADVISE_RUN, ERR_NOT_FOUND, "'oemctl run list' shows the open runs" },
    { ADVISE_PRINCIPAL, ERR_NOT_FOUND,
      "'oemctl station list', 'operator list' and 'auditor list' show the names" },
    { ADVISE_APPROVAL, ERR_NOT_FOUND, "'oemctl pending list --all' shows the requests" },
    { ADVISE_APPROVAL, ERR_PRECONDITION, "'oemctl pending show NUMBER' shows it" },
    { ADVISE_IMAGE, ERR_NOT_FOUND, "'oemctl firmware list' shows the images" },
};

/* Advice that does not depend on the object of the call. */
static const char *common(enum err e)
{
    if (e == ERR_DENIED)
        return "an operator's certificate (--cert) may do this, an auditor's may only read";
    if (e == ERR_UNIMPLEMENTED)
        return "the server is of another version than this oemctl, see 'oemctl health'";
    return NULL;
}

static const char *find(enum err e, enum advise_about about)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].about == about && rows[i].err == e)
            return rows[i].text;
    return common(e);
}

enum err advise(enum err e, enum advise_about about)
{
    char said[FAIL_WORDS_MAX];
    const char *text = e == ERR_OK ? NULL : find(e, about);
    snprintf(said, sizeof(said), "%s", fail_words());
    if (text == NULL || strstr(said, "oemctl ") != NULL)
        return e;
    return fail_quiet(e, "%.250s; next: %s", said, text);
}
