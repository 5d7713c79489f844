/* SPDX-License-Identifier: MIT */
/*
 * softhsm_conf: reads SoftHSM's configuration: lines of a name, "=" and a value; "#" begins a
 * comment. Called by softhsm.c.
 */
#include "oem-server/hsm/softhsm_conf.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/own.h"

/* Of Debian and Ubuntu. */
static const char system_conf[] = "/etc/softhsm/softhsm2.conf";
static const char system_folder[] = "/var/lib/softhsm/tokens";

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

static FILE *open_conf(void)
{
    const char *named = getenv("SOFTHSM2_CONF"), *home = getenv("HOME");
    char path[PATH_MAX];
    if (named != NULL)
        return fopen(named, "re");
    if (home != NULL && home[0] != '\0') {
        snprintf(path, sizeof(path), "%s/.config/softhsm2/softhsm2.conf", home);
        if (access(path, R_OK) == 0)
            return fopen(path, "re");
    }
    return fopen(system_conf, "re");
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

/* false: the line has no name and value. */
static bool split(char *line, char **name_out, char **value_out)
{
    line[strcspn(line, "#\r\n")] = '\0';
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return false;
    *equals = '\0';
    *name_out = trim(line);
    *value_out = trim(equals + 1);
    (*value_out)[strcspn(*value_out, "=")] = '\0';
    return true;
}

char *softhsm_conf_folder(void)
{
    char line[1024], *name, *value, folder[sizeof(line)] = "";
    bool in_files = true;
    AUTO(file_drop) FILE *file = open_conf();
    if (file == NULL)
        return NULL;
    snprintf(folder, sizeof(folder), "%s", system_folder);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (!split(line, &name, &value))
            continue;
        if (strcmp(name, "directories.tokendir") == 0)
            snprintf(folder, sizeof(folder), "%s", value);
        if (strcmp(name, "objectstore.backend") == 0)
            in_files = strcmp(value, "file") == 0;
    }
    return in_files ? strdup(folder) : NULL;
}
