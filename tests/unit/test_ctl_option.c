/* SPDX-License-Identifier: MIT */
/* Command lines of oemctl: what each command accepts, and in which words it refuses. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/commands.h"

#define SHA   "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"
#define ORDER "order", "create", "o-1", "--quantity", "5", "--firmware", SHA, "--devauth", SHA

#define R64  "0123456789 123456789 123456789 123456789 123456789 123456789 123"
#define R256 R64 R64 R64 R64
#define UID  "0123456789abcdef01234567"
#define RUN  "0123456789abcdef0123456789abcdef"
#define WHY  "--reason", "board dead"

enum { WORDS_MAX = 28 };

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
    { "what is new in an order",
      { ORDER, "--station", "s", "--spares", "0", "--boot-test", "always", "--lot", "7",
        "--line", "2", "--part-number", "A 1", "--attribute", "a=", "--attribute", "b=c=d" },
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
      "--lock: is one of dev, production: not off" },
    { "withdrawn lock",
      { ORDER, "--station", "s", "--lock", "password" },
      "--lock: password is withdrawn: Hallmark sets no DPM password" },
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
    { "blank reason", { "station", "revoke", "s", "--reason", "  " }, "--reason: is empty" },
    { "reason with an escape",
      { "unit", "scrap", UID, "--reason", "a\x1b[2J" },
      "--reason: has a character that is not printable" },
    { "reason of two lines",
      { "unit", "scrap", UID, "--reason", "a\nb" },
      "--reason: has a character that is not printable" },
    { "reason turned around",
      { "unit", "scrap", UID, "--reason", "a\xe2\x80\xae" },
      "--reason: has a character that is not printable" },
    { "reason in Latin-1",
      { "unit", "scrap", UID, "--reason", "a\xe4" },
      "--reason: has a character that is not printable, or is not UTF-8" },
    { "reason in UTF-8",
      { "unit", "scrap", UID, "--reason", "kaputt, f\xc3\xbcr immer" },
      NULL },
    { "reason of 256 bytes", { "unit", "scrap", UID, "--reason", R256 }, NULL },
    { "reason of 257 bytes",
      { "unit", "scrap", UID, "--reason", R256 "x" },
      "--reason: 257 bytes, at most 256" },
    { "scrap without reason", { "unit", "scrap", UID }, "--reason is missing" },
    { "release without reason", { "unit", "release", UID }, "--reason is missing" },
    { "accept without reason", { "unit", "accept", UID }, "--reason is missing" },
    { "hold without reason", { "unit", "hold", UID }, "--reason is missing" },
    { "allow without reason", { "unit", "allow", UID }, "--reason is missing" },
    { "scrap of nothing", { "unit", "scrap", WHY }, "UID is missing" },
    { "release", { "unit", "release", UID, WHY, "--board-refuses" }, NULL },
    { "scrap knows no --board-refuses",
      { "unit", "scrap", UID, WHY, "--board-refuses" },
      "no such option: --board-refuses" },
    { "reassign without --to", { "unit", "reassign", UID, WHY }, "--to is missing" },
    { "reassign without reason",
      { "unit", "reassign", UID, "--to", "s" },
      "--reason is missing" },
    { "reassign", { "unit", "reassign", UID, "--to", "s", WHY }, NULL },
    { "reassign all", { "unit", "reassign", "--all", "--from", "a", "--to", "b", WHY }, NULL },
    { "units by state", { "unit", "list", "--state", "unlocked", "--limit", "5" }, NULL },
    { "units by no state",
      { "unit", "list", "--state", "cut" },
      "--state: is one of started, finished, committed, sealed, failed, scrapped, held, "
      "unlocked" },
    { "limit of 0", { "unit", "list", "--limit", "0" }, "--limit: must be at least 1" },
    { "end of a run", { "run", "end", RUN, WHY }, NULL },
    { "end of a unit's run", { "run", "end", UID, WHY }, NULL },
    { "end of neither",
      { "run", "end", "0123", WHY },
      "RUN|UID: a run is 32 hex digits, a unit 24: 0123" },
    { "end without reason", { "run", "end", RUN }, "--reason is missing" },
    { "close without reason", { "order", "close", "o" }, "--reason is missing" },
    { "extend without a time", { "order", "extend", "o", WHY }, "--until is missing" },
    { "extend without reason",
      { "order", "extend", "o", "--until", "2027-01-01" },
      "--reason is missing" },
    { "extend to no time",
      { "order", "extend", "o", "--until", "tomorrow", WHY },
      "--until: not a time like" },
    { "set-quantity", { "order", "set-quantity", "o", "7", WHY, "--spares", "0" }, NULL },
    { "set-quantity to 0",
      { "order", "set-quantity", "o", "0", WHY },
      "N: must be at least 1" },
    { "set-quantity to nothing", { "order", "set-quantity", "o", WHY }, "N is missing" },
    { "spares that are no number",
      { "order", "set-quantity", "o", "7", WHY, "--spares", "2%" },
      "--spares: not a number: 2%" },
    { "add-station without a station",
      { "order", "add-station", "o", WHY },
      "STATION is missing" },
    { "remove-station without reason",
      { "order", "remove-station", "o", "s" },
      "--reason is missing" },
    { "unknown boot test",
      { ORDER, "--boot-test", "sometimes" },
      "--boot-test: is one of by-level, always, never: not sometimes" },
    { "attribute without a value",
      { ORDER, "--attribute", "a" },
      "--attribute: not NAME=VALUE: a" },
    { "attribute without a name", { ORDER, "--attribute", "=x" }, "--attribute: is empty" },
    { "attribute given twice",
      { ORDER, "--attribute", "a=1", "--attribute", "a=2" },
      "--attribute: a is given twice" },
    { "attribute's value too long", { ORDER, "--attribute", "a=" R256 "x" }, "257 bytes" },
    { "attribute's name too long",
      { ORDER, "--attribute", SHA "x=1" },
      "a name of 65 bytes, at most 64" },
    { "attribute with a control", { ORDER, "--attribute", "a=\x07" }, "not printable" },
    { "lot too long", { ORDER, "--lot", SHA "x" }, "--lot: 65 bytes, at most 64" },
    { "withdraw", { "firmware", "withdraw", SHA, WHY }, NULL },
    { "withdraw without reason", { "firmware", "withdraw", SHA }, "--reason is missing" },
    { "withdraw of a version",
      { "firmware", "withdraw", "3.2", WHY },
      "SHA256: a SHA-256 is 64 hex digits" },
    { "what is new in a release",
      { "firmware", "release", "x", "--version", "1", "--version-number", "3",
        "--security-counter", "2", "--sbom", "x.cdx.json" },
      NULL },
    { "version number of 0",
      { "firmware", "release", "x", "--version", "1", "--version-number", "0" },
      "--version-number: must be at least 1" },
    { "stations", { "station", "list", "--json" }, NULL },
    { "stations take no name", { "station", "list", "s" }, "one argument too many: s" },
    { "verify the state", { "log", "verify", "--vkey", "x", "--state" }, NULL },
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
