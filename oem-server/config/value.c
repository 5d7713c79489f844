/* SPDX-License-Identifier: MIT */
/* value: sets a field from a value's text. Called by config.c and config_ejbca.c. A bad value
 * must leave the field alone or empty, and is told by false (test_config). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oem-server/config/inside.h"

bool config_set(char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
    return *field != NULL;
}

bool config_set_number(unsigned *field, const char *value, unsigned min, unsigned max)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < min || number > max)
        return false;
    *field = (unsigned)number;
    return true;
}

bool config_set_choice(bool *field, const char *value, const char *if_false,
                       const char *if_true)
{
    *field = strcmp(value, if_true) == 0;
    return *field || strcmp(value, if_false) == 0;
}
