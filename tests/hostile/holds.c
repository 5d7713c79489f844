/* SPDX-License-Identifier: MIT */
/* holds FILE HEX: exit code 0 if the file has those bytes anywhere, 1 if not. A file is a dump
 * of memory, larger than what a shell's tools search quickly. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/host/hex.h"
#include "common/host/own.h"

enum { NEEDLE_MAX = 64 };

int main(int argc, char *argv[])
{
    uint8_t needle[NEEDLE_MAX];
    struct stat about;
    size_t len = argc == 3 ? strlen(argv[2]) / 2 : 0;
    if (len == 0 || len > sizeof(needle) || hex_read(argv[2], needle, len) != ERR_OK) {
        fprintf(stderr, "usage: holds FILE HEX\n");
        return EX_USAGE;
    }
    FILE *file = fopen(argv[1], "re");
    if (file == NULL || fstat(fileno(file), &about) != 0 || about.st_size == 0)
        return EX_NOINPUT;
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    if (bytes == MAP_FAILED)
        return EX_IOERR;
    bool found = memmem(bytes, (size_t)about.st_size, needle, len) != NULL;
    munmap(bytes, (size_t)about.st_size);
    fclose(file);
    return found ? EXIT_SUCCESS : EXIT_FAILURE;
}
