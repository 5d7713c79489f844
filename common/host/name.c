/* SPDX-License-Identifier: MIT */
/*
 * name: checks names. Called wherever a name enters a program: configuration, command lines,
 * requests. A name that passes must need no quoting in a certificate, a SPIFFE id or a shell.
 */
#include "common/host/name.h"

#include <stddef.h>
#include <string.h>

#include "common/host/clean.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_good(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len <= NAME_LENGTH_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len && is_word(name[0]) &&
           is_word(name[len - 1]) && strstr(name, "..") == NULL;
}

bool name_is_organization(const char *text)
{
    size_t len = strlen(text);
    return len >= 1 && len <= NAME_ORGANIZATION_MAX && clean_is(text);
}
