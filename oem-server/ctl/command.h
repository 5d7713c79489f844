/* SPDX-License-Identifier: MIT */
/*
 * command: the description of a subcommand, and the arguments of its function.
 *
 * A command is a constant: its words, its rows of options, its function. The function gets its
 * filled struct (args_size bytes, rows' offsets point into it) and prints to ctl->out only.
 * oemctl has one thread but for the I/O thread of its connection. Adding one: a file that
 * defines it, a line in commands.c, a section in oemctl.1.
 */
#pragma once

#include "oem-server/ctl/option.h"
#include "oem-server/ctl/settings.h"

/* One run of oemctl. */
struct ctl {
    FILE *out;
    bool help;
    bool version;
    bool json;
    const char *config;     /* --config, NULL: the default file if there is one */
    struct settings wanted; /* as given; the file fills the rest */
    uint32_t timeout_s;     /* of each call; 0: the default */
};

struct command {
    const char *words;    /* "order create" */
    const char *synopsis; /* what follows the words in a usage line */
    const char *text;     /* one line for people */
    const struct option_row *options;
    size_t option_count;
    const struct option_row *operands;
    size_t operand_count;
    size_t args_size;
    uint32_t role; /* enum Role, of the commands that share a function */
    enum err (*run)(struct ctl *ctl, const struct command *command, const void *args);
};

extern const struct command *const commands[]; /* ended by NULL */

extern const struct option_row ctl_options[]; /* of all commands; into struct ctl */
extern const size_t ctl_option_count;

/* The command whose words argv begins with and how many they are; NULL if none. */
const struct command *command_find(int argc, char **argv, int *words_out);
