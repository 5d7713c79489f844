/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/config/config.h"

#define WITH(listen, organization, domain, names)                                              \
    "[server]\nlisten = " listen "\nstate = /s\n[hsm]\nmodule = /m.so\npins = /p\n"            \
    "[ca]\norganization = " organization "\ntrust_domain = " domain "\nserver_names = " names  \
    "\n"
#define GOOD                WITH("127.0.0.1:0", "Example", "example.test", "a.test, b.test")
#define LISTEN(value)       WITH(value, "Example", "example.test", "a.test")
#define ORGANIZATION(value) WITH(":1", value, "example.test", "a.test")
#define DOMAIN(value)       WITH(":1", "Example", value, "a.test")
#define SERVER_NAMES(value) WITH(":1", "Example", "example.test", value)

static enum err read_text(const char *text, struct config **config_out)
{
    char path[] = "/tmp/test_config.XXXXXX";
    AUTO(fd_drop) int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    enum err e = config_read(path, config_out);
    unlink(path);
    return e;
}

static void configuration_and_defaults(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(read_text(GOOD "[hsm]\nroot =\nlog = audit\n", &c), ERR_OK);
    assert_string_equal(c->listen_address, "127.0.0.1");
    assert_int_equal(c->listen_port, 0);
    assert_string_equal(c->store_path, "/s/hallmark.db");
    assert_string_equal(c->server_names[0], "a.test");
    assert_string_equal(c->server_names[1], "b.test");
    assert_null(c->server_names[2]);
    assert_string_equal(c->origin, "example.test/hallmark-log");
    assert_null(c->hsm.labels[HSM_ROOT]);
    assert_null(c->hsm.pin_files[HSM_ROOT]);
    assert_string_equal(c->hsm.labels[HSM_LOG], "audit");
    assert_string_equal(c->hsm.labels[HSM_TLS], "hallmark-tls");
    assert_string_equal(c->hsm.pin_files[HSM_LOG], "/p/log.pin");
    assert_int_equal(c->policy.run_idle_s, 900);
    assert_int_equal(c->policy.run_longest_s, 3600);
    assert_int_equal(c->policy.unlocked_s, 3600);
    assert_int_equal(c->policy.approval_s, 86400);
    assert_false(c->policy.two_person);
    assert_true(c->name[0] != '\0');
    config_free(c);
}

static void name_may_stand_before_listen(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(read_text("[server]\nname = oven-1\n" GOOD, &c), ERR_OK);
    assert_string_equal(c->name, "oven-1");
    assert_string_equal(c->listen_address, "127.0.0.1");
    config_free(c);
}

static void policy_is_minutes_or_seconds(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(read_text(GOOD "[server]\nname = oven-1\n[policy]\nrun_idle_minutes = 2\n"
                                    "run_longest_s = 3\ntwo_person = yes\n"
                                    "approval_hours = 2\n",
                               &c),
                     ERR_OK);
    assert_int_equal(c->policy.run_idle_s, 120);
    assert_int_equal(c->policy.run_longest_s, 3);
    assert_true(c->policy.two_person);
    assert_int_equal(c->policy.approval_s, 7200);
    assert_string_equal(c->name, "oven-1");
    config_free(c);
}

static void the_anchor_is_read(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(read_text(GOOD, &c), ERR_OK);
    assert_null(c->anchor.path);
    assert_true(c->anchor.every_s == 10 && c->anchor.lag_s == 3600);
    config_free(c);
    assert_int_equal(read_text(GOOD "[log]\nanchor = /mnt/b/a\nanchor_every_s = 2\n"
                                    "anchor_lag_minutes = 3\n",
                               &c),
                     ERR_OK);
    assert_string_equal(c->anchor.path, "/mnt/b/a");
    assert_true(c->anchor.every_s == 2 && c->anchor.lag_s == 180);
    config_free(c);
}

static void refusals_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *words;
    } cases[] = {
        { "unknown key", GOOD "[server]\ncolour = blue\n", ":12: [server] colour: no such" },
        { "unknown section", GOOD "[cloud]\nx = 1\n", "[cloud] x: no such" },
        { "listen without port", LISTEN("localhost"), "listen: bad value" },
        { "IPv6 without brackets", LISTEN("::1:8443"), "listen: bad value" },
        { "empty brackets", LISTEN("[]:8443"), "listen: bad value" },
        { "half a bracket", LISTEN("[::1:8443"), "listen: bad value" },
        { "port too large", LISTEN(":65536"), "listen: bad value" },
        { "no workers", GOOD "[server]\nworkers = 0\n", "workers: bad value" },
        { "not a number", GOOD "[server]\nqueue = many\n", "queue: bad value" },
        { "number and more", GOOD "[server]\nqueue = 12x\n", "queue: bad value" },
        { "too many sessions", GOOD "[hsm]\nsessions = 17\n", "sessions: bad value" },
        { "too many names", SERVER_NAMES("a b c d e f g h i"), "server_names: bad" },
        { "no names", SERVER_NAMES(""), "server_names: bad" },
        { "empty organization", ORGANIZATION(""), "[ca] organization: want 1 to 64" },
        { "organization that steers", ORGANIZATION("a\x7f"), "[ca] organization: want" },
        { "empty trust domain", DOMAIN(""), "[ca] trust_domain: : want" },
        { "trust domain in capitals", DOMAIN("Example.test"),
          "[ca] trust_domain: Example.test: want" },
        { "trust domain that is a URI", DOMAIN("spiffe://a"),
          "[ca] trust_domain: spiffe://a: want" },
        { "trust domain ends in a dot", DOMAIN("a."), "both ends" },
        { "not a key", GOOD "nonsense\n", ":11: not a line of the form KEY = VALUE" },
        { "name in capitals", GOOD "[server]\nname = Oven\n", "[server] name: Oven: want" },
        { "no run at all", GOOD "[policy]\nrun_idle_minutes = 0\n", "run_idle_minutes: bad" },
        { "run of a year", GOOD "[policy]\nrun_longest_minutes = 525600\n",
          "longest_minutes: bad" },
        { "an anchor from somewhere", GOOD "[log]\nanchor = a\n", "[log] anchor: bad value" },
        { "an anchor that never moves", GOOD "[log]\nanchor_every_s = 0\n", "every_s: bad" },
        { "no lag at all", GOOD "[log]\nanchor_lag_minutes = 0\n", "lag_minutes: bad" },
        { "unknown key of the log", GOOD "[log]\nanchors = /a\n", "[log] anchors: no such" },
        { "neither yes nor no", GOOD "[policy]\ntwo_person = maybe\n", "two_person: bad" },
        { "two values",
          GOOD "[policy]\ntwo_person = yes\n[log]\norigin = o\n[policy]\n"
               "two_person = no\n",
          ":16: [policy] two_person: a second value" },
        { "two values that are the same", GOOD "[ca]\norganization = Example\n",
          "[ca] organization: a second value" },
        { "a line that goes on", GOOD "[policy]\ntwo_person = yes\n  no\n",
          "[policy] two_person: a second value" },
        { "unknown policy", GOOD "[policy]\nrun_idle_hours = 1\n",
          "[policy] run_idle_hours: no such" },
        { "no state", "[hsm]\nmodule = /m\npins = /p\n", "[server] state is missing" },
        { "empty", "", "[server] state is missing" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *c = NULL;
        if (read_text(cases[i].text, &c) != ERR_CONFIG ||
            strstr(fail_words(), cases[i].words) == NULL)
            fail_msg("%s: '%s'", cases[i].name, fail_words());
        assert_null(c);
    }
}

/* What a newcomer copies from the page. */
static void the_example_is_valid(void **state)
{
    (void)state;
    AUTO(free_drop) char *line = NULL;
    AUTO(free_drop) char *text = NULL;
    struct config *c = NULL;
    size_t size = 0, len = 0;
    bool inside = false;
    FILE *page = fopen(SOURCE_DIR "/oem-server/README.md", "r"),
         *out = open_memstream(&text, &len);
    assert_non_null(page);
    assert_non_null(out);
    while (getline(&line, &size, page) > 0) {
        const char *from = line + strspn(line, " ");
        if (strncmp(from, "```", 3) == 0)
            inside = strcmp(from, "```ini\n") == 0;
        else if (inside)
            fputs(from, out);
    }
    fclose(page);
    fclose(out);
    if (read_text(text, &c) != ERR_OK)
        fail_msg("%s", fail_words());
    assert_string_equal(c->name, "oem-1");
    assert_string_equal(c->organization, "Example Instruments");
    assert_int_equal(c->policy.run_idle_s, 900);
    assert_false(c->policy.two_person);
    config_free(c);
}

static void missing_file_is_named(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(config_read("/nowhere/server.ini", &c), ERR_CONFIG);
    assert_non_null(strstr(fail_words(), "/nowhere/server.ini"));
}

int main(void)
{
    log_set_level(0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_and_defaults),
        cmocka_unit_test(name_may_stand_before_listen),
        cmocka_unit_test(policy_is_minutes_or_seconds),
        cmocka_unit_test(the_anchor_is_read),
        cmocka_unit_test(refusals_name_the_place),
        cmocka_unit_test(the_example_is_valid),
        cmocka_unit_test(missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
