/* SPDX-License-Identifier: MIT */
#include "tests/conformance/log_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "tests/conformance/programs/results.h"

enum { LOG_BYTES_MAX = 1 << 20, MARK_MAX = 40 };

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

enum err log_watch_begin(struct log_watch *watch)
{
    if (watch->path == NULL)
        return ERR_OK;
    AUTO(file_drop) FILE *file = fopen(watch->path, "r");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return fail(ERR_IO, "log: cannot read %s", watch->path);
    watch->from = ftell(file);
    return ERR_OK;
}

enum err log_watch_end(struct log_watch *watch)
{
    buf_free(&watch->text);
    if (watch->path == NULL)
        return ERR_OK;
    AUTO(file_drop) FILE *file = fopen(watch->path, "r");
    if (file == NULL || fseek(file, watch->from, SEEK_SET) != 0)
        return fail(ERR_IO, "log: cannot read %s", watch->path);
    TRY(buf_resize(&watch->text, LOG_BYTES_MAX));
    size_t n = fread(watch->text.ptr, 1, LOG_BYTES_MAX - 1, file);
    watch->text.ptr[n] = '\0';
    return ERR_OK;
}

void log_watch_fini(struct log_watch *watch)
{
    buf_free(&watch->text);
}

static char *text_of(const struct log_watch *watch)
{
    return watch->text.ptr == NULL ? NULL : (char *)watch->text.ptr;
}

/* The next line of this board's code, "board 0: pc ~0x20000123: SYS+...", and where its words
 * begin; a taken one has lost its first letter. */
static char *next_line(const struct log_watch *watch, char *at, char **words_out)
{
    char mark[MARK_MAX];
    snprintf(mark, sizeof(mark), "board %u: pc ~", watch->board);
    char *line = at == NULL ? NULL : strstr(at, mark);
    if (line == NULL)
        return NULL;
    *words_out = line + strlen(mark);
    return line;
}

/* "0x20000123: WORDS" */
static bool fits(const struct log_watch *watch, const char *at, const char *words, uint32_t pc)
{
    unsigned long said = strtoul(at, NULL, 16);
    size_t line = strcspn(at, "\n"), len = strlen(words);
    bool own =
        pc != 0 ? said == pc : said >= PROGRAM_BASE && said < PROGRAM_BASE + watch->code_end;
    return own && len <= line && memcmp(at + line - len, words, len) == 0;
}

bool log_watch_told(struct log_watch *watch, const char *words, uint32_t pc)
{
    char *at;
    for (char *line = next_line(watch, text_of(watch), &at); line != NULL;
         line = next_line(watch, at, &at)) {
        if (!fits(watch, at, words, pc))
            continue;
        line[0] = '-';
        return true;
    }
    return false;
}

bool log_watch_rest(const struct log_watch *watch, char words[static LOG_WORDS_MAX])
{
    char *pc;
    if (next_line(watch, text_of(watch), &pc) == NULL)
        return false;
    snprintf(words, LOG_WORDS_MAX, "%.*s", (int)strcspn(pc, "\n"), pc);
    return true;
}
