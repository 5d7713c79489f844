/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/hostile/office.h"
#include "tests/hostile/outcome.h"

static const char *entry_words(const struct lie *lie)
{
    return lie->entry != NULL ? lie->entry : lie->words;
}

static bool is_as_wanted(const struct lie *lie, const struct outcome *out)
{
    return out->told && out->err == lie->want &&
           (lie->words == NULL || strcasestr(out->words, lie->words) != NULL) &&
           strcmp(out->state, lie->state) == 0 && out->counts.good == lie->counts.good &&
           out->counts.under_way == lie->counts.under_way &&
           out->counts.issued == lie->counts.issued && out->shut == lie->shut;
}

static void show(const struct lie *lie, const struct outcome *out)
{
    print_message("    %s: %s%s, \"%s\"; unit %s; good %u, under way %u, issued %u%s\n",
                  lie->name, out->told ? "" : "not told, ", err_text(out->err), out->words,
                  out->state, out->counts.good, out->counts.under_way, out->counts.issued,
                  out->shut ? "; board shut" : "");
    office_show_entries(out->start);
}

void outcome_check(const struct lie *lie, const struct outcome *out)
{
    bool shows = getenv("HOSTILE_SHOW") != NULL;
    bool good = is_as_wanted(lie, out);
    bool entered =
        lie->kind == NULL ||
        office_has_entry(out->start, lie->kind,
                         lie->entered != ERR_OK ? lie->entered : lie->want, entry_words(lie));
    if (shows || !good || !entered)
        show(lie, out);
    office_check();
    if (!good && !shows)
        fail_msg("not what the row says");
    if (!entered && !shows)
        fail_msg("no entry %s \"%s\"", lie->kind, entry_words(lie));
}
