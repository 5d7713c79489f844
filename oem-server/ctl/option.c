/* SPDX-License-Identifier: MIT */
/*
 * Reads command lines by tables of rows, with getopt_long. Called by ctl.c. An option or
 * operand that is not in the tables must be refused.
 */
#include "oem-server/ctl/option.h"

#include <getopt.h>
#include <string.h>

#include "common/host/log.h"

enum { HELP_COLUMN = 26 };

/* Where getopt's index leads. */
struct slot {
    const struct option_row *row;
    void *value;
    bool seen;
};

struct slots {
    struct slot slots[OPTION_MAX];
    struct option options[OPTION_MAX + 1]; /* of getopt_long */
    size_t count;
};

/* The slot of a name, or the first free one. */
static size_t slots_find(const struct slots *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->slots[i].row->name, name) != 0)
        i++;
    return i;
}

static enum err slots_add(struct slots *s, const struct option_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct option_row *row = &group->rows[i];
        size_t at = slots_find(s, row->name);
        if (at == OPTION_MAX)
            return fail_quiet(ERR_INTERNAL, "more than %d options", OPTION_MAX);
        s->slots[at] = (struct slot){ row, (char *)group->base + row->offset, false };
        s->options[at] = (struct option){
            .name = row->name,
            .has_arg = row->value == NULL ? no_argument : required_argument,
        };
        s->count = at == s->count ? at + 1 : s->count;
    }
    return ERR_OK;
}

static enum err take(struct slot *slot, const char *dashes, const char *text)
{
    if (slot->seen && !slot->row->many)
        return fail_quiet(ERR_USAGE, "%s%s is given twice", dashes, slot->row->name);
    slot->seen = true;
    enum err e = slot->row->parse(text, slot->value);
    if (e == ERR_OK)
        return ERR_OK;
    char words[FAIL_WORDS_MAX];
    memcpy(words, fail_words(), sizeof(words));
    return fail_quiet(e, "%s%s: %s", dashes, slot->row->name, words);
}

static enum err read_options(struct slots *s, int argc, char **argv, bool leading)
{
    optind = 0; /* GNU: restarts getopt */
    opterr = 0;
    for (;;) {
        int index = -1;
        int c = getopt_long(argc, argv, leading ? "+:h" : ":h", s->options, &index);
        if (c == -1)
            return ERR_OK;
        if (c == ':')
            return fail_quiet(ERR_USAGE, "%s needs a value", argv[optind - 1]);
        if (c == '?' && optopt != 0)
            return fail_quiet(ERR_USAGE, "no such option: -%c", optopt);
        if (c == '?')
            return fail_quiet(ERR_USAGE, "no such option: %s", argv[optind - 1]);
        if (c == 'h')
            index = (int)slots_find(s, "help");
        if (index < 0 || (size_t)index >= s->count)
            return fail_quiet(ERR_USAGE, "no such option: %s", argv[optind - 1]);
        TRY(take(&s->slots[index], "--", optarg));
    }
}

static enum err read_operands(const struct option_group *operands, int argc, char **argv)
{
    int next = optind;
    for (size_t i = 0; i < operands->count && next < argc; i++) {
        struct slot slot = { &operands->rows[i],
                             (char *)operands->base + operands->rows[i].offset, false };
        TRY(take(&slot, "", argv[next++]));
    }
    return next == argc ? ERR_OK
                        : fail_quiet(ERR_USAGE, "one argument too many: %s", argv[next]);
}

static bool asks_help(const struct slots *s)
{
    size_t at = slots_find(s, "help");
    return at < s->count && s->slots[at].seen;
}

static enum err check_required(const struct slots *s, const struct option_group *operands,
                               int given)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->slots[i].row->required && !s->slots[i].seen)
            return fail_quiet(ERR_USAGE, "--%s is missing", s->slots[i].row->name);
    for (size_t i = 0; i < operands->count; i++)
        if (operands->rows[i].required && (int)i >= given)
            return fail_quiet(ERR_USAGE, "%s is missing", operands->rows[i].name);
    return ERR_OK;
}

enum err option_read(const struct option_group options[], size_t group_count,
                     const struct option_group *operands, int argc, char **argv, bool leading,
                     int *used_out)
{
    struct slots s = { 0 };
    for (size_t i = 0; i < group_count; i++)
        TRY(slots_add(&s, &options[i]));
    TRY(read_options(&s, argc, argv, leading));
    *used_out = optind;
    if (leading || asks_help(&s))
        return ERR_OK;
    TRY(read_operands(operands, argc, argv));
    return check_required(&s, operands, argc - optind);
}

void option_help(FILE *out, const struct option_row *rows, size_t count, bool operands)
{
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%s%s%s", operands ? "" : "--", rows[i].name,
                 rows[i].value == NULL ? "" : " ", rows[i].value == NULL ? "" : rows[i].value);
        fprintf(out, "  %-*s %s%s\n", HELP_COLUMN, left, rows[i].help,
                rows[i].many ? "; may be repeated" : "");
    }
}
