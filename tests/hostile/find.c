/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/hostile/lie.h"

static const struct lie *find_in(const struct lie *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

const struct lie *lie_find(const char *name)
{
    const struct lie *found = find_in(server_lies, server_lie_count, name);
    if (found == NULL)
        found = find_in(station_lies, station_lie_count, name);
    return found != NULL ? found : find_in(board_lies, board_lie_count, name);
}
