/* SPDX-License-Identifier: MIT */
/*
 * settings: oemctl's configuration: the server's address and the operator's files, from the
 * command line or else from a file.
 *
 * The file is ini text with the keys server, ca, cert, key and proxy; an unknown key is an
 * error with its line (test_ctl_value). Paths in it are relative to its folder, so that what
 * init writes can be moved as one folder. Without --config it is oemctl.ini in
 * $XDG_CONFIG_HOME/hallmark, or in ~/.config/hallmark, and may be missing.
 */
#pragma once

#include <limits.h>

#include "common/host/own.h"

/* Empty text: not given. */
struct settings {
    char server[512]; /* as server_url_parse() takes it */
    char ca[PATH_MAX];
    char cert[PATH_MAX];
    char key[PATH_MAX];
    char proxy[512]; /* as proxy_parse() takes it; "none": none, whatever the environment has */
};

/* Parsers for option rows. */
enum err settings_server(const char *text, void *server_out);
enum err settings_proxy(const char *text, void *proxy_out);
enum err settings_path(const char *text, void *path_out);

/* Fills empty values from the file; ERR_CONFIG if a value is still missing. */
enum err settings_complete(struct settings *settings, const char *config);

/* ERR_CONFIG with a message that names the line; ERR_NOT_FOUND, ERR_IO. */
enum err settings_load(const char *path, struct settings *settings_out);
