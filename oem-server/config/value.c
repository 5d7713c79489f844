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

/* ADDRESS:PORT, [IPV6]:PORT or :PORT. */
bool config_set_listen(struct config *config, const char *value)
{
    const char *colon = strrchr(value, ':');
    unsigned port = 0;
    if (colon == NULL || !config_set_number(&port, colon + 1, 0, 65535))
        return false;
    const char *end = colon;
    if (*value == '[') {
        if (colon < value + 3 || colon[-1] != ']')
            return false;
        value++;
        end--;
    } else if (memchr(value, ':', (size_t)(colon - value)) != NULL) {
        return false; /* an IPv6 address without brackets is ambiguous */
    }
    config->listen_port = (uint16_t)port;
    free(config->listen_address);
    config->listen_address = end == value ? NULL : strndup(value, (size_t)(end - value));
    return end == value || config->listen_address != NULL;
}
