/* SPDX-License-Identifier: MIT */
/*
 * oemctl but for main(): finds the command, reads its options, runs it and reports its failure.
 * Called by main.c and by tests. A failure must be reported once, and with an exit code.
 */
#include "oem-server/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "common/rpc/limits.h"
#include "oem-server/ctl/command.h"
#include "oem-server/ctl/exit.h"
#include "oem-server/ctl/report.h"

static enum err option_timeout(const char *text, void *u32_out)
{
    uint32_t seconds;
    TRY(option_u32(text, &seconds));
    if (seconds > RPC_TIMEOUT_MAX_MS / 1000)
        return fail_quiet(ERR_USAGE, "at most %d seconds", RPC_TIMEOUT_MAX_MS / 1000);
    *(uint32_t *)u32_out = seconds;
    return ERR_OK;
}

const struct option_row ctl_options[] = {
    { "help", NULL, "show this", option_flag, offsetof(struct ctl, help), false, false },
    { "json", NULL, "print JSON", option_flag, offsetof(struct ctl, json), false, false },
    { "config", "FILE", "configuration: server, ca, cert, key, proxy", option_text,
      offsetof(struct ctl, config), false, false },
    { "server", "URL", "wss://HOST:PORT", settings_server, offsetof(struct ctl, wanted.server),
      false, false },
    { "ca", "FILE", "root certificate, PEM", settings_path, offsetof(struct ctl, wanted.ca),
      false, false },
    { "cert", "FILE", "own certificate and its issuer's, PEM", settings_path,
      offsetof(struct ctl, wanted.cert), false, false },
    { "key", "FILE", "own private key, PEM", settings_path, offsetof(struct ctl, wanted.key),
      false, false },
    { "proxy", "URL", "over this proxy, http://[USER:PASSWORD@]HOST:PORT, or none",
      settings_proxy, offsetof(struct ctl, wanted.proxy), false, false },
    { "timeout", "SECONDS", "for each call, 30 unless given", option_timeout,
      offsetof(struct ctl, timeout_s), false, false },
};
const size_t ctl_option_count = COUNT(ctl_options);

/* Taken before the command only: a command may have a --version of its own. */
static const struct option_row leading_options[] = {
    { "version", NULL, "show the version", option_flag, offsetof(struct ctl, version), false,
      false },
};

static bool words_match(const char *words, int argc, char **argv, int *count_out)
{
    int count = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (count == argc || strlen(argv[count]) != len || memcmp(argv[count], words, len) != 0)
            return false;
        words += len + (words[len] == ' ');
        count++;
    }
    *count_out = count;
    return true;
}

const struct command *command_find(int argc, char **argv, int *words_out)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (words_match(commands[i]->words, argc, argv, words_out))
            return commands[i];
    return NULL;
}

static enum err help_all(FILE *out)
{
    fputs("Usage: oemctl COMMAND [OPTION]... [ARGUMENT]...\n"
          "Hallmark's command line for operators and auditors.\n\nCommands:\n",
          out);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(out, "  %-21s %s\n", commands[i]->words, commands[i]->text);
    fputs("\nOptions of every command:\n", out);
    option_help(out, ctl_options, ctl_option_count, false);
    option_help(out, leading_options, COUNT(leading_options), false);
    fputs("\n'oemctl COMMAND --help' shows a command's own. See oemctl(1).\n", out);
    return ERR_OK;
}

static enum err help_command(FILE *out, const struct command *command)
{
    fprintf(out, "Usage: oemctl %s %s\n%s.\n", command->words, command->synopsis,
            command->text);
    if (command->operand_count > 0)
        fputs("\nArguments:\n", out);
    option_help(out, command->operands, command->operand_count, true);
    if (command->option_count > 0)
        fputs("\nOptions:\n", out);
    option_help(out, command->options, command->option_count, false);
    fputs("\nOptions of every command: see oemctl --help.\n", out);
    return ERR_OK;
}

static enum err show_version(FILE *out)
{
    fputs("oemctl " HALLMARK_VERSION "\n", out);
    return ERR_OK;
}

static enum err run_command(struct ctl *ctl, const struct command *command, int argc,
                            char **argv)
{
    int used;
    AUTO(free_drop) void *args = calloc(1, command->args_size + 1);
    if (args == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    const struct option_group options[] = {
        { ctl_options, ctl_option_count, ctl },
        { command->options, command->option_count, args },
    };
    const struct option_group operands = { command->operands, command->operand_count, args };
    TRY(option_read(options, COUNT(options), &operands, argc, argv, false, &used));
    if (ctl->help)
        return help_command(ctl->out, command);
    return command->run(ctl, command, args);
}

static enum err run(struct ctl *ctl, int argc, char **argv, const struct command **command_out)
{
    int used, words;
    const struct option_group leading[] = {
        { ctl_options, ctl_option_count, ctl },
        { leading_options, COUNT(leading_options), ctl },
    };
    TRY(option_read(leading, COUNT(leading), NULL, argc, argv, true, &used));
    if (ctl->version)
        return show_version(ctl->out);
    if (used == argc && ctl->help)
        return help_all(ctl->out);
    if (used == argc)
        return fail_quiet(ERR_USAGE, "which command?");
    *command_out = command_find(argc - used, argv + used, &words);
    if (*command_out == NULL)
        return fail_quiet(ERR_USAGE, "no such command: %s%s%s", argv[used],
                          used + 1 < argc ? " " : "", used + 1 < argc ? argv[used + 1] : "");
    int skip = used + words - 1; /* option_read() skips the last word as argv[0] */
    return run_command(ctl, *command_out, argc - skip, argv + skip);
}

static void tell(enum err e, const struct command *command)
{
    AUTO(free_drop) char *words = clean_copy(fail_words());
    const char *said = words == NULL || *words == '\0' ? err_text(e) : words;
    const char *of = command == NULL ? "" : command->words;
    if (e == ERR_USAGE)
        fprintf(stderr, "oemctl: %s\nTry 'oemctl %s%s--help'.\n", said, of,
                *of == '\0' ? "" : " ");
    else
        fprintf(stderr, "oemctl: %s (%s)\n", said, exit_word(e));
}

/* What was asked for waits: for a script that is an outcome, for people the message says it. */
static void tell_pending(const struct ctl *ctl)
{
    AUTO(report_free) struct report report = report_new();
    if (!ctl->json || ctl->pending->number == 0)
        return;
    report_text(&report, "outcome", "pending");
    report_number(&report, "approval", ctl->pending->number);
    report_time_us(&report, "expires", ctl->pending->expires_us);
    if (report_print(&report, ctl) != ERR_OK)
        fprintf(stderr, "oemctl: %s\n", fail_words());
}

int ctl_main(int argc, char **argv)
{
    struct ctl_pending pending = { 0, 0 };
    struct ctl ctl = { .out = stdout, .pending = &pending };
    const struct command *command = NULL;
    log_set_level(LOG_LEVEL_NONE); /* the message of a failure is printed once, below */
    fail_clear();
    enum err e = run(&ctl, argc, argv, &command);
    char said[FAIL_WORDS_MAX];
    snprintf(said, sizeof(said), "%s", fail_words());
    if (e == ERR_PENDING)
        tell_pending(&ctl);
    fail_set(said);
    if (fflush(stdout) != 0 && e == ERR_OK)
        e = fail_quiet(ERR_IO, "standard output: cannot write");
    if (e != ERR_OK)
        tell(e, command);
    return exit_code(e);
}
