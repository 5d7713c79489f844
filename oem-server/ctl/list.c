/* SPDX-License-Identifier: MIT */
/*
 * Prints the rows of "... list". Called by the list commands. Values come from the server, so
 * each cell is cleaned and never longer than its text.
 */
#include "oem-server/ctl/list.h"

#include <ctype.h>

#include "common/host/clean.h"
#include "common/host/log.h"

/* Columns of a terminal that UTF-8 text takes, near enough: its characters. */
static int columns_of(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* The last cell of a line is not padded. */
static void print_cell(FILE *out, const char *text, int width, bool last)
{
    int pad = width - columns_of(text);
    fprintf(out, "%s%*s", text, last || pad < 0 ? 0 : pad, "");
    fputs(last ? "\n" : "  ", out);
}

void list_header(const struct ctl *ctl, const struct list_column columns[], size_t count)
{
    if (ctl->json)
        return;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        size_t len = 0;
        for (const char *c = columns[i].name; *c != '\0' && len < sizeof(name) - 1; c++)
            name[len++] = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
        name[len] = '\0';
        print_cell(ctl->out, name, columns[i].width, i + 1 == count);
    }
}

/* A value as a person reads it; NULL: no memory. */
static char *cell_of(const json_t *value)
{
    char *text = NULL;
    if (value == NULL)
        return clean_copy("-");
    if (json_is_string(value))
        return clean_copy(*json_string_value(value) == '\0' ? "-" : json_string_value(value));
    if (json_is_boolean(value))
        return clean_copy(json_is_true(value) ? "yes" : "no");
    if (asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0)
        return NULL;
    return text;
}

enum err list_row(const struct ctl *ctl, const struct list_column columns[], size_t count,
                  const struct report *row, const char *notes)
{
    if (ctl->json)
        return report_print_line(row, ctl);
    AUTO(free_drop) char *clean = clean_copy(notes);
    if (row->json == NULL || clean == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for a row");
    bool noted = *clean != '\0';
    for (size_t i = 0; i < count; i++) {
        AUTO(free_drop) char *cell = cell_of(json_object_get(row->json, columns[i].name));
        if (cell == NULL)
            return fail_quiet(ERR_MEMORY, "no memory for a row");
        print_cell(ctl->out, cell, columns[i].width, i + 1 == count && !noted);
    }
    if (noted)
        print_cell(ctl->out, clean, 0, true);
    return ERR_OK;
}

uint32_t list_page(uint32_t limit, uint64_t had)
{
    uint64_t left = limit == 0 ? LIST_PAGE_MAX : limit <= had ? 0 : limit - had;
    return left < LIST_PAGE_MAX ? (uint32_t)left : LIST_PAGE_MAX;
}
