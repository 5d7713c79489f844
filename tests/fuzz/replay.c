/* SPDX-License-Identifier: MIT */
/*
 * replay: a target without a fuzzer: every file of a corpus, once. For ctest, and to look into
 * a finding with a debugger.
 *
 *     fuzz_NAME FILE|FOLDER...    runs them
 *     fuzz_NAME --seeds FOLDER    writes the target's own seeds there
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 8 << 20 };

static unsigned inputs;

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

/* Exactly as many bytes as there are, so that a read beyond them is seen. */
static bool run_file(const char *path)
{
    struct stat info;
    AUTO(file_drop) FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &info) != 0 || info.st_size > INPUT_MAX)
        return false;
    AUTO(buf_free) struct buf input = { 0 };
    if (buf_resize(&input, (size_t)info.st_size) != ERR_OK ||
        fread(input.ptr, 1, input.len, file) != input.len)
        return false;
    inputs++;
    fuzz_one(buf_span(&input));
    return true;
}

static bool run_folder(const char *path)
{
    char name[4096];
    bool ok = true;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return run_file(path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        fprintf(stderr, "%s\n", name);
        ok = run_file(name) && ok;
    }
    closedir(folder);
    return ok;
}

static void write_seed(void *context, const char *name, struct span input)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    AUTO(file_drop) FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(input.ptr, 1, input.len, file) != input.len) {
        perror(path);
        exit(EX_CANTCREAT);
    }
}

int main(int argc, char **argv)
{
    fuzz_setup();
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        fuzz_seeds(write_seed, argv[2]);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (!run_folder(argv[i])) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return EX_NOINPUT;
        }
    }
    printf("%u inputs\n", inputs);
    return inputs == 0 ? EX_NOINPUT : 0;
}
