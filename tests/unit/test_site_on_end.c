/* SPDX-License-Identifier: MIT */
/* The operator's program at the end of a board: what it gets, and what its end is taken for. */
#include "tests/unit/check.h"

#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/on_end.h"

enum { TEXT_MAX = 1000 };

static char dir[] = "/tmp/test_site_on_end.XXXXXX";
static char program[64], output[64];

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(program, sizeof(program), "%s/program", dir);
    snprintf(output, sizeof(output), "%s/output", dir);
    return setenv("OUTPUT", output, 1);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(program);
    unlink(output);
    return rmdir(dir);
}

static void write_program(const char *body)
{
    unlink(program);
    unlink(output);
    FILE *file = fopen(program, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    assert_int_equal(chmod(program, 0700), 0);
}

static void read_output(char text[static TEXT_MAX])
{
    FILE *file = fopen(output, "re");
    assert_non_null(file);
    text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
    fclose(file);
}

static struct on_end sealed(void)
{
    return (struct on_end){
        .program = program,
        .timeout_ms = 10000,
        .uid = "0123456789abcdef01234567",
        .order = "order-1",
        .position = "1-1.2",
    };
}

static void it_gets_what_is_known_of_the_board(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    uint8_t *der = NULL;
    X509_NAME *name = X509_NAME_new();
    struct on_end on_end = sealed();
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_ASC,
                                                (const uint8_t *)"SN-42", -1, -1, 0),
                     1);
    int len = i2d_X509_NAME(name, &der);
    on_end.subject = span_of(der, (size_t)len);
    setenv("HALLMARK_UID", "another", 1);
    write_program("echo $HALLMARK_UID,$HALLMARK_SERIAL,$HALLMARK_ORDER,$HALLMARK_RESULT,"
                  "$HALLMARK_ERROR,$HALLMARK_POSITION,$HALLMARK_TIME,$# > $OUTPUT");
    assert_int_equal(on_end_run(&on_end), ERR_OK);
    read_output(text);
    assert_non_null(strstr(text, "0123456789abcdef01234567,SN-42,order-1,sealed,,1-1.2,20"));
    assert_non_null(strstr(text, "Z,0\n")); /* UTC; no argument */
    on_end.result = ERR_BOOT;
    on_end.uid = "";
    on_end.subject = (struct span){ NULL, 0 };
    assert_int_equal(on_end_run(&on_end), ERR_OK);
    read_output(text);
    assert_non_null(strstr(text, ",,order-1,failed,the firmware did not start,"));
    on_end = sealed();
    on_end.certified = true; /* in an earlier run */
    assert_int_equal(on_end_run(&on_end), ERR_OK);
    read_output(text);
    assert_non_null(strstr(text, "0123456789abcdef01234567,0123456789abcdef01234567,order-1,"));
    X509_NAME_free(name);
    OPENSSL_free(der);
}

static void only_0_in_time_is_success(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        unsigned timeout_ms;
        const char *words; /* NULL: success */
    } cases[] = {
        { "exit 0", 10000, NULL },
        { "exit 3", 10000, "ended with 3" },
        { "kill -9 $$", 10000, "killed by signal 9" },
        { "sleep 600 & wait", 1000, "killed after 1 s" },
        { "read line && exit 1; exit 0", 10000, NULL }, /* nothing to read */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct on_end on_end = sealed();
        on_end.timeout_ms = cases[i].timeout_ms;
        write_program(cases[i].body);
        enum err e = on_end_run(&on_end);
        bool fine = cases[i].words == NULL;
        if (e != (fine ? ERR_OK : ERR_ABORTED) ||
            (!fine && strstr(fail_words(), cases[i].words) == NULL))
            fail_msg("%s: %d: %s", cases[i].body, (int)e, fail_words());
    }
}

/* Whoever started the agent may have ignored SIGCHLD, which a process inherits: then the kernel
 * keeps no exit status. */
static void an_exit_status_that_is_lost_is_no_success(void **state)
{
    (void)state;
    struct on_end on_end = sealed();
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    write_program("exit 3");
    assert_int_equal(on_end_run(&on_end), ERR_ABORTED);
    assert_non_null(strstr(fail_words(), "how it ended is not known"));
    signal(SIGCHLD, before);
    assert_int_equal(on_end_run(&on_end), ERR_ABORTED);
    assert_non_null(strstr(fail_words(), "ended with 3"));
}

static void no_shell_reads_it(void **state)
{
    (void)state;
    char words[200];
    struct on_end on_end = sealed();
    write_program("exit 0");
    snprintf(words, sizeof(words), "%s; touch %s", program, output);
    on_end.program = words;
    assert_int_equal(on_end_run(&on_end), ERR_ABORTED);
    assert_int_equal(access(output, F_OK), -1);
    on_end.program = "/nowhere/program";
    assert_int_equal(on_end_run(&on_end), ERR_ABORTED);
    assert_non_null(strstr(fail_words(), "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gets_what_is_known_of_the_board),
        cmocka_unit_test(only_0_in_time_is_success),
        cmocka_unit_test(an_exit_status_that_is_lost_is_no_success),
        cmocka_unit_test(no_shell_reads_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
