/* SPDX-License-Identifier: MIT */
/* Command lines of oemctl: what each command accepts, and in which words it refuses. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/commands.h"

#define SHA   "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"
#define ORDER "order", "create", "o-1", "--quantity", "5", "--firmware", SHA, "--devauth", SHA

enum { WORDS_MAX = 24 };

/* Reads as the program does, but runs nothing. */
static enum err read_line(const char *const words[])
{
    char *argv[WORDS_MAX + 1];
    int argc = 0, found = 0, used = 0;
    struct ctl ctl = { 0 };
    while (words[argc] != NULL) {
        argv[argc] = (char *)(uintptr_t)words[argc];
        argc++;
    }
    argv[argc] = NULL;
    const struct command *command = command_find(argc, argv, &found);
    assert_non_null(command);
    void *args = calloc(1, command->args_size + 1);
    const struct option_group options[] = {
        { ctl_options, ctl_option_count, &ctl },
        { command->options, command->option_count, args },
    };
    const struct option_group operands = { command->operands, command->operand_count, args };
    fail_clear();
    enum err e = option_read(options, COUNT(options), &operands, argc - found + 1,
                             argv + found - 1, false, &used);
    free(args);
    return e;
}

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *told; /* NULL: accepted */
} lines[] = {
    { "health", { "health" }, NULL },
    { "an order", { ORDER, "--station", "s-1", "--station", "s-2" }, NULL },
    { "options before the name",
      { "order", "create", "--quantity", "5", "--firmware", SHA, "--devauth", SHA, "--station",
        "s", "o-1" },
      NULL },
    { "every option of an order",
      { ORDER, "--station", "s", "--lock", "dev", "--boot-key", "order", "--not-before",
        "2026-11-22", "--not-after", "2027-11-22T08:00+01:00", "--json" },
      NULL },
    { "help asks for nothing else", { "order", "create", "--help" }, NULL },
    { "short help", { "order", "create", "-h" }, NULL },
    { "no station", { ORDER }, "--station is missing" },
    { "no name", { "order", "show" }, "NAME is missing" },
    { "one name too many", { "order", "show", "a", "b" }, "one argument too many: b" },
    { "name in capitals", { "order", "show", "Acme" }, "a name has 1 to 64" },
    { "name with a slash", { "order", "show", "a/b" }, "a name has 1 to 64" },
    { "empty name", { "order", "show", "" }, "a name has 1 to 64" },
    { "name of 65",
      { "order", "show", "0123456789012345678901234567890123456789012345678901234567890123x" },
      "a name has 1 to 64" },
    { "unknown option", { "health", "--bogus" }, "no such option: --bogus" },
    { "unknown short option", { "health", "-x" }, "no such option: -x" },
    { "flag with a value", { "health", "--json=1" }, "no such option: --json=1" },
    { "option without its value", { "order", "show", "a", "--server" }, "--server needs" },
    { "option given twice",
      { ORDER, "--station", "s", "--lock", "dev", "--lock", "dev" },
      "--lock is given twice" },
    { "station given twice",
      { ORDER, "--station", "s", "--station", "s" },
      "--station: s is given twice" },
    { "unknown lock",
      { ORDER, "--station", "s", "--lock", "off" },
      "--lock: is one of dev, password, production: not off" },
    { "unknown scope",
      { ORDER, "--station", "s", "--boot-key", "all" },
      "--boot-key: is one of unit, order: not all" },
    { "quantity 0", { "order", "create", "o", "--quantity", "0" }, "must be at least 1" },
    { "negative quantity", { "order", "create", "o", "--quantity", "-1" }, "not a number: -1" },
    { "quantity over 32 bits",
      { "order", "create", "o", "--quantity", "4294967296" },
      "too large: 4294967296" },
    { "quantity over 64 bits",
      { "order", "create", "o", "--quantity", "99999999999999999999" },
      "too large" },
    { "quantity in hex", { "order", "create", "o", "--quantity", "0x10" }, "not a number" },
    { "digest cut short",
      { "order", "create", "o", "--firmware", "0123" },
      "--firmware: a SHA-256 is 64 hex digits: 0123" },
    { "UID with other letters",
      { "unit", "show", "0123456789abcdef0123456g" },
      "UID: a UID is 24 hex digits" },
    { "UID of 13 bytes",
      { "unit", "show", "0123456789abcdef0123456789" },
      "a UID is 24 hex digits" },
    { "time without zone",
      { ORDER, "--station", "s", "--not-after", "2027-01-01T00:00" },
      "--not-after: not a time like" },
    { "server of http", { "health", "--server", "https://x:1" }, "not wss://HOST:PORT" },
    { "time-out over the limit", { "health", "--timeout", "601" }, "at most 600 seconds" },
    { "firmware without version", { "firmware", "release", "x.bin" }, "--version is missing" },
    { "firmware's own --version",
      { "firmware", "release", "x.bin", "--version", "1.2" },
      NULL },
    { "unknown kind",
      { "firmware", "release", "x", "--version", "1", "--kind", "boot" },
      "--kind: is one of firmware, devauth: not boot" },
    { "revoke without reason", { "station", "revoke", "s" }, "--reason is missing" },
    { "empty reason", { "station", "revoke", "s", "--reason", "" }, "--reason: is empty" },
    { "add without out", { "station", "add", "s", "--csr", "x" }, "--out is missing" },
    { "verify without key", { "log", "verify" }, "--vkey is missing" },
    { "start over 63 bits", { "log", "show", "--start", "9223372036854775808" }, "too large" },
    { "init without operator",
      { "init", "--out", "x", "--config", "c" },
      "--operator is missing" },
};

static void lines_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        enum err e = read_line(lines[i].words);
        bool good = lines[i].told == NULL
                        ? e == ERR_OK
                        : e == ERR_USAGE && strstr(fail_words(), lines[i].told) != NULL;
        if (!good)
            fail_msg("%s: %d \"%s\"", lines[i].name, (int)e, fail_words());
    }
}

static void commands_are_found(void **state)
{
    (void)state;
    char *none[] = { (char[]){ "order" }, NULL };
    char *cut[] = { (char[]){ "orde" }, (char[]){ "show" }, NULL };
    int words;
    assert_null(command_find(1, none, &words));
    assert_null(command_find(2, cut, &words));
    assert_null(command_find(0, none, &words));
    for (size_t i = 0; commands[i] != NULL; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(commands[i]->words, commands[j]->words);
}

static void parsed_values_land(void **state)
{
    (void)state;
    char *argv[] = { (char[]){ "x" },      (char[]){ "--n" },  (char[]){ "7" },
                     (char[]){ "--flag" }, (char[]){ "name" }, NULL };
    struct {
        uint32_t n;
        bool flag, help;
        const char *name;
    } args = { 0 };
    const struct option_row rows[] = {
        { "help", NULL, "", option_flag, (size_t)((char *)&args.help - (char *)&args), false,
          false },
        { "n", "N", "", option_u32, (size_t)((char *)&args.n - (char *)&args), true, false },
        { "flag", NULL, "", option_flag, (size_t)((char *)&args.flag - (char *)&args), false,
          false },
    };
    const struct option_row operand[] = { { "NAME", NULL, "", option_name,
                                            (size_t)((char *)&args.name - (char *)&args), true,
                                            false } };
    const struct option_group options = { rows, COUNT(rows), &args };
    const struct option_group operands = { operand, 1, &args };
    int used;
    assert_int_equal(option_read(&options, 1, &operands, 5, argv, false, &used), ERR_OK);
    assert_int_equal(args.n, 7);
    assert_true(args.flag);
    assert_false(args.help);
    assert_string_equal(args.name, "name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(commands_are_found),
        cmocka_unit_test(parsed_values_land),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
