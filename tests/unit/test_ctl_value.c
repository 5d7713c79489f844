/* SPDX-License-Identifier: MIT */
/* Values of oemctl: times, settings files, and text made safe for a terminal. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/settings.h"
#include "oem-server/ctl/when.h"

#define BAD UINT64_MAX

static const struct {
    const char *text;
    uint64_t seconds;
} times[] = {
    { "1970-01-01", 0 },
    { "2026-11-22", 1795305600 },
    { "2026-11-22T14:05Z", 1795356300 },
    { "2026-11-22T14:05:30Z", 1795356330 },
    { "2026-11-22T15:05:30+01:00", 1795356330 },
    { "2026-11-22T08:35:30-05:30", 1795356330 },
    { "2024-02-29", 1709164800 },
    { "2038-01-19T03:14:07Z", 2147483647 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "2050-01-01", 2524608000 },
    { "2106-02-07T06:28:16Z", 4294967296 },
    { "9999-12-31T23:59:59Z", 253402300799 },
    { "2026-02-29", BAD },
    { "2026-13-01", BAD },
    { "2026-00-01", BAD },
    { "2026-06-31", BAD },
    { "2026-11-22T24:00Z", BAD },
    { "2026-11-22T14:60Z", BAD },
    { "2026-11-22T14:05:60Z", BAD },
    { "2026-11-22T14:05", BAD },
    { "2026-11-22 14:05Z", BAD },
    { "2026-11-22T14:05z", BAD },
    { "2026-11-22T14:05+1:00", BAD },
    { "2026-11-22T14:05+15:00", BAD },
    { "2026-11-22T14:05+01:60", BAD },
    { "2026-11-22T14:05Zx", BAD },
    { "2026-11-22x", BAD },
    { "2026-11-2", BAD },
    { "26-11-22", BAD },
    { "+2026-11-22", BAD },
    { "-026-11-22", BAD },
    { " 026-11-22", BAD },
    { "1969-12-31", BAD },
    { "1970-01-01T00:30+01:00", BAD },
    { "9999-12-31T23:59:59-00:01", BAD },
    { "now", BAD },
    { "", BAD },
};

static void times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        uint64_t seconds = BAD;
        enum err e = when_parse(times[i].text, &seconds);
        if (e != (times[i].seconds == BAD ? ERR_USAGE : ERR_OK) || seconds != times[i].seconds)
            fail_msg("%s: %llu", times[i].text, (unsigned long long)seconds);
    }
}

static void times_are_written(void **state)
{
    (void)state;
    char text[WHEN_TEXT_SIZE];
    when_text(1795356330, text);
    assert_string_equal(text, "2026-11-22T14:05:30Z");
    when_text(2147483648, text);
    assert_string_equal(text, "2038-01-19T03:14:08Z");
    when_text(4294967296, text);
    assert_string_equal(text, "2106-02-07T06:28:16Z");
    when_text_us(2524608000000000, text);
    assert_string_equal(text, "2050-01-01T00:00:00.000000Z");
    when_text(WHEN_END, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    when_text(WHEN_END + 1, text);
    assert_string_equal(text, "out of range");
    when_text_us(1795356330000001, text);
    assert_string_equal(text, "2026-11-22T14:05:30.000001Z");
    when_text_us(UINT64_MAX, text);
    assert_string_equal(text, "out of range");
}

static char folder[] = "/tmp/test_ctl_value.XXXXXX";

static const struct {
    const char *name;
    const char *text;
    const char *told; /* NULL: accepted */
} files[] = {
    { "all", "server = wss://x:1\nca = root.pem\ncert=/a/b.pem\nkey = k\n# done\n", NULL },
    { "unknown key", "server = wss://x:1\npin = 1\n", "oemctl.ini:2: unknown key: pin" },
    { "section", "[a]\nserver = wss://x:1\n", "oemctl.ini:2: no sections here: [a]" },
    { "no value", "ca =\n", "oemctl.ini:1: bad value of ca" },
    { "no equals sign", "ca\n", "oemctl.ini:1: not KEY = VALUE" },
    { "bad server", "\nserver = http://x\n", "oemctl.ini:2: bad value of server: http://x" },
};

static void settings_files_are_read(void **state)
{
    (void)state;
    char *path = NULL;
    assert_int_equal(file_join(folder, "oemctl.ini", &path), ERR_OK);
    for (size_t i = 0; i < COUNT(files); i++) {
        struct settings s = { .ca = "kept" };
        assert_int_equal(file_write_text(path, files[i].text), ERR_OK);
        enum err e = settings_load(path, &s);
        if (files[i].told == NULL) {
            char ca[sizeof(folder) + 16];
            snprintf(ca, sizeof(ca), "%s/root.pem", folder);
            assert_int_equal(e, ERR_OK);
            assert_string_equal(s.ca, ca); /* relative to the file */
            assert_string_equal(s.cert, "/a/b.pem");
            continue;
        }
        if (e != ERR_CONFIG || strstr(fail_words(), files[i].told) == NULL)
            fail_msg("%s: %d \"%s\"", files[i].name, (int)e, fail_words());
        assert_string_equal(s.ca, "kept");
    }
    char *large = malloc(65538);
    memset(large, '#', 65537);
    large[65537] = '\0';
    struct settings s = { 0 };
    assert_int_equal(file_write_text(path, large), ERR_OK);
    assert_int_equal(settings_load(path, &s), ERR_CONFIG);
    assert_non_null(strstr(fail_words(), "oemctl.ini: more than 65536 bytes"));
    assert_int_equal(settings_load(folder, &s), ERR_CONFIG);
    free(large);
    free(path);
}

static void command_line_wins(void **state)
{
    (void)state;
    char *path = NULL;
    struct settings s = { .server = "wss://given:1" };
    assert_int_equal(file_join(folder, "oemctl.ini", &path), ERR_OK);
    assert_int_equal(file_write_text(path, files[0].text), ERR_OK);
    assert_int_equal(settings_complete(&s, path), ERR_OK);
    assert_string_equal(s.server, "wss://given:1");
    assert_string_equal(s.cert, "/a/b.pem");

    struct settings none = { 0 };
    assert_int_equal(file_write_text(path, "ca = x\n"), ERR_OK);
    assert_int_equal(settings_complete(&none, path), ERR_CONFIG);
    assert_non_null(strstr(fail_words(), "no --server"));
    assert_int_equal(settings_complete(&none, "/nowhere/oemctl.ini"), ERR_NOT_FOUND);
    free(path);
}

static void default_file_is_found(void **state)
{
    (void)state;
    char *sub = NULL, *path = NULL;
    struct settings s = { 0 };
    setenv("XDG_CONFIG_HOME", folder, 1);
    assert_int_equal(file_join(folder, "hallmark", &sub), ERR_OK);
    assert_int_equal(file_join(sub, "oemctl.ini", &path), ERR_OK);
    assert_int_equal(settings_complete(&s, NULL), ERR_CONFIG);
    assert_int_equal(file_folder(sub), ERR_OK);
    assert_int_equal(file_write_text(path, files[0].text), ERR_OK);
    assert_int_equal(settings_complete(&s, NULL), ERR_OK);
    assert_string_equal(s.server, "wss://x:1");
    unlink(path);
    rmdir(sub);
    free(sub);
    free(path);
}

static const struct {
    const char *text, *clean;
} texts[] = {
    { "plain ~", "plain ~" },
    { "Gerät 設備 😀", "Gerät 設備 😀" },
    { "a\x1b[31mred", "a?[31mred" },
    { "line\nline\ttab\rcr", "line?line?tab?cr" },
    { "del\x7f", "del?" },
    { "csi \xc2\x9b"
      "31m",
      "csi ?31m" },
    { "rtl \xe2\x80\xae!", "rtl ?!" },
    { "isolate \xe2\x81\xa6!", "isolate ?!" },
    { "lone \x80 lead \xc3", "lone ? lead ?" },
    { "overlong \xc0\xaf", "overlong ??" },
    { "surrogate \xed\xa0\x80", "surrogate ???" },
    { "beyond \xf4\x90\x80\x80", "beyond ????" },
    { "cut \xe2\x82", "cut ??" },
    { "", "" },
};

static void text_is_cleaned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *clean = clean_copy(texts[i].text);
        assert_string_equal(clean, texts[i].clean);
        free(clean);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
    (void)state;
    char path[sizeof(folder) + 16];
    snprintf(path, sizeof(path), "%s/oemctl.ini", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),          cmocka_unit_test(times_are_written),
        cmocka_unit_test(settings_files_are_read), cmocka_unit_test(command_line_wins),
        cmocka_unit_test(default_file_is_found),   cmocka_unit_test(text_is_cleaned),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
