/* SPDX-License-Identifier: MIT */
/*
 * option: command lines as tables.
 *
 * A row names an option, or with is_operand a positional argument, and says how its text
 * becomes a value and where in the command's own struct it goes. One reader serves all
 * commands, and --help prints the same rows (test_ctl_option). A parser gets the text and the
 * address of the value, and refuses with fail_quiet() and a message that quotes the text; a
 * flag's parser gets NULL.
 */
#pragma once

#include <stdio.h>

#include "common/core/layout.h"
#include "common/host/own.h"

typedef enum err option_parse(const char *text, void *value_out);

struct option_row {
    const char *name;  /* long option without dashes; of an operand: its name in help */
    const char *value; /* word for its value in help; NULL: a flag, or an operand */
    const char *help;
    option_parse *parse;
    size_t offset; /* of the value in the group's base */
    bool required;
    bool many; /* may be repeated: the parser adds */
};

/* Rows and the struct they fill. */
struct option_group {
    const struct option_row *rows;
    size_t count;
    void *base;
};

enum { OPTION_MAX = 32 }; /* options of one command, its own and the common ones */

/* argv[0] is skipped. Reads options of all groups, and operands of the last one in order; if
 * leading, stops at the first operand, whose index is *used_out. Values that are not given keep
 * the zeros of the base. A later group's row replaces an earlier one of the same name. One of
 * the rows is "help", a flag: if it is given, required options may be missing. ERR_USAGE with a
 * message. */
enum err option_read(const struct option_group options[], size_t group_count,
                     const struct option_group *operands, int argc, char **argv, bool leading,
                     int *used_out);

/* Prints the rows for --help. */
void option_help(FILE *out, const struct option_row *rows, size_t count, bool operands);

/* Parsers. */
enum err option_flag(const char *text, void *bool_out);
enum err option_text(const char *text, void *text_out); /* const char *, borrowed, not empty */
enum err option_u32(const char *text, void *u32_out);   /* decimal, from 1 */
enum err option_u64(const char *text, void *u64_out);   /* decimal, from 0 */
enum err option_time(const char *text, void *u64_out);  /* see when.h */

enum err option_name(const char *text, void *text_out); /* see common/host/name.h */

struct option_sha256 {
    bool given;
    uint8_t bytes[SHA256_SIZE];
};
/* 64 hex digits. */
enum err option_sha256(const char *text, void *sha256_out);

struct option_uid {
    bool given;
    uint8_t bytes[UID_SIZE];
};
/* 24 hex digits. */
enum err option_uid(const char *text, void *uid_out);

/* const char *, borrowed: the reason of an action, for the log. 1 to OPTION_REASON_MAX bytes of
 * printable UTF-8 that are not all blanks. */
enum { OPTION_REASON_MAX = 256, OPTION_LABEL_MAX = 64, OPTION_ATTRIBUTE_MAX = 256 };
enum err option_reason(const char *text, void *text_out);
enum err option_label(const char *text, void *text_out); /* 1 to 64 bytes, printable */

/* A number that may be 0, and whether it was given. */
struct option_count {
    bool given;
    uint32_t value;
};
enum err option_count(const char *text, void *count_out);

/* NAME=VALUE, each name once; the name as a label, the value at most OPTION_ATTRIBUTE_MAX
 * bytes, printable. */
enum { OPTION_ATTRIBUTES_MAX = 16 };
struct option_attributes {
    struct option_attribute {
        char name[OPTION_LABEL_MAX + 1];
        char *value; /* borrowed */
    } list[OPTION_ATTRIBUTES_MAX];
    size_t count;
};
enum err option_attributes(const char *text, void *attributes_out);

/* A run (32 hex digits), or the unit that it works on (24). */
struct option_run {
    bool is_uid;
    uint8_t bytes[RUN_ID_SIZE]; /* of a UID: the first UID_SIZE */
};
enum err option_run(const char *text, void *run_out);

enum { OPTION_NAMES_MAX = 64 };
struct option_names {
    char *names[OPTION_NAMES_MAX]; /* borrowed */
    size_t count;
};
/* A name of common/host/name.h, added to the list; ERR_USAGE: too many. */
enum err option_names(const char *text, void *names_out);

/* One word of a list, ended by a NULL word. */
struct option_choice {
    const char *word;
    uint32_t value;
};
enum err option_choose(const struct option_choice *choices, const char *text,
                       uint32_t *value_out);
const char *option_word(const struct option_choice *choices, uint32_t value); /* "?" if none */
