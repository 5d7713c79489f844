/* SPDX-License-Identifier: MIT */
/*
 * station-agent: finds the subcommand and runs it. The process must not leave a core dump,
 * since the station's key is in its memory.
 */

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/host/harden.h"
#include "common/host/own.h"
#include "station-agent/program.h"

static const struct {
    const char *name;
    int (*run)(int argc, char *argv[]);
    const char *what;
} commands[] = {
    { "provision", provision_main, "take the boards at the probes through one run each" },
    { "seal", seal_main,
      "prove a locked board shut whose run was interrupted at its very end" },
    { "probes", probes_main, "list the debug probes on USB, opening none" },
    { "enrol", enrol_main, "make this station's key, and the request for its certificate" },
};

static void usage(FILE *to)
{
    fprintf(to, "Usage: station-agent COMMAND [OPTION...]\n"
                "Provisions boards at a contract manufacturer's station.\n\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].what);
    fprintf(to,
            "\n      --help     give this help (of a command: station-agent COMMAND --help)\n"
            "      --version  print the version\n");
}

int main(int argc, char *argv[])
{
    argp_err_exit_status = EX_USAGE;
    if (!harden_process())
        fprintf(stderr, "station-agent: core dumps could not be turned off\n");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would lose how --on-end's program ended */
    const char *word = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("station-agent " HALLMARK_VERSION);
        return EX_OK;
    }
    bool help = strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0;
    if (!help && argc > 1)
        fprintf(stderr, "station-agent: no command %s\n\n", word);
    usage(help ? stdout : stderr);
    return help ? EX_OK : EX_USAGE;
}
