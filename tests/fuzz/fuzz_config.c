/* SPDX-License-Identifier: MIT */
/* config_read: a settings file as somebody else left it. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oem-server/config/config.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct span input)
{
    char path[64];
    struct config *config = NULL;
    AUTO(fd_drop) int fd = memfd_create("fuzz", 0);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, input.ptr, input.len) == (ssize_t)input.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (config_read(path, &config) != ERR_OK) {
        FUZZ_CHECK(config == NULL);
        return;
    }
    FUZZ_CHECK(config->state != NULL && config->organization != NULL);
    FUZZ_CHECK(config->trust_domain != NULL && config->origin != NULL);
    FUZZ_CHECK(config->server_names[0] != NULL);
    FUZZ_CHECK(config->server_names[CONFIG_SERVER_NAMES_MAX] == NULL);
    FUZZ_CHECK(config->workers >= 1 && config->queue >= 1);
    config_free(config);
}

#define SEED(name, text) put(context, name, span_of(text, sizeof(text) - 1))
#define REST                                                                                   \
    "[hsm]\nmodule = /m.so\npins = /pins\n[ca]\norganization = O\ntrust_domain = a.test\n"

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("whole", "[server]\nlisten = 127.0.0.1:0\nstate = /s\nworkers = 4\nqueue = 64\n" REST
                  "server_names = localhost, 127.0.0.1\n[log]\norigin = a.test/log\n");
    SEED("least", "[server]\nstate = /s\n" REST "server_names = a\n");
    SEED("no-root", "[server]\nstate = /s\n" REST "server_names = a\n[hsm]\nroot =\n");
    SEED("twice", "[server]\nstate = /s\nstate = /t\nlisten = :1\nlisten = :2\n" REST);
    SEED("nine-names", "[ca]\nserver_names = a b c d e f g h i\n");
    SEED("eleven-names", "[ca]\nserver_names = a b c d e f g h i j k\n");
    SEED("no-such-setting", "[server]\ncolour = red\n");
    SEED("number", "[server]\nworkers = 99999999999999999999\n");
    SEED("comment", "; words\n# words\n[server\nstate\n");
}
