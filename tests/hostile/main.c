/* SPDX-License-Identifier: MIT */
/*
 * hostile: plays the rows of the table that are named on the command line, a test each, against
 * the server that tests/hostile/lies has started. --list: how each is played (quick, board:
 * with a virtual board, slow), a tab, and its name.
 */
#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "tests/hostile/agent.h"
#include "tests/hostile/scene.h"

enum { ROWS = 512 };

static const struct table {
    const char *liar;
    const struct lie *rows;
    const size_t *count;
} tables[] = {
    { "software", software_lies, &software_lie_count },
    { "server", server_lies, &server_lie_count },
    { "station", station_lies, &station_lie_count },
    { "board", board_lies, &board_lie_count },
};

static void each_row(void (*visit)(const struct table *table, const struct lie *lie, void *),
                     void *context)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        for (size_t j = 0; j < *tables[i].count; j++)
            visit(&tables[i], &tables[i].rows[j], context);
}

static void list(const struct table *table, const struct lie *lie, void *context)
{
    (void)context;
    printf("%s\t%s: %s\n",
           lie->slow             ? "slow"
           : lie->world == AGENT ? "board"
                                 : "quick",
           table->liar, lie->name);
}

static unsigned number;

static void play(void **state)
{
    const struct lie *lie = *state;
    (lie->world == AGENT ? agent_tell : software_tell)(lie, ++number);
}

struct chosen {
    struct CMUnitTest tests[ROWS];
    char names[ROWS][128];
    size_t count;
    char **wanted;
};

static bool is_wanted(const char *name, char **wanted)
{
    for (; *wanted != NULL; wanted++)
        if (strcmp(*wanted, name) == 0)
            return true;
    return false;
}

static void choose(const struct table *table, const struct lie *lie, void *context)
{
    struct chosen *chosen = context;
    char *name = chosen->names[chosen->count];
    snprintf(name, sizeof(chosen->names[0]), "%s: %s", table->liar, lie->name);
    if (!is_wanted(name, chosen->wanted))
        return;
    chosen->tests[chosen->count++] = (struct CMUnitTest){
        .name = name, .test_func = play, .initial_state = (void *)(uintptr_t)lie
    };
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        fprintf(stderr, "hostile: %s is not set\n", name);
    if (value == NULL)
        exit(64);
    return value;
}

static int begin(void **state)
{
    (void)state;
    static char kept[512];
    log_set_level(LOG_LEVEL_NONE);
    server_place = (struct place_of_server){ "localhost", setting("HOSTILE_PORT"),
                                             setting("HOSTILE_DESK") };
    if (hex_read(setting("HOSTILE_FIRMWARE"), bench.firmware, SHA256_SIZE) != ERR_OK ||
        hex_read(setting("HOSTILE_DEVAUTH"), bench.devauth, SHA256_SIZE) != ERR_OK)
        return -1;
    office.verify = setting("HOSTILE_VERIFY");
    office_open(setting("HOSTILE_STORE"));
    snprintf(kept, sizeof(kept), "%s/kept", setting("HOSTILE_DESK"));
    shared_open(kept);
    boards.program = setting("HOSTILE_AGENT");
    boards.control = setting("HOSTILE_CONTROL");
    boards.kept = setting("HOSTILE_KEPT_AGENT");
    boards.log = setting("HOSTILE_LOG");
    agent_open(setting("HOSTILE_BOARDS"));
    return 0;
}

static int end(void **state)
{
    (void)state;
    shared_close();
    office_close();
    return 0;
}

int main(int argc, char **argv)
{
    static struct chosen chosen;
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        each_row(list, NULL);
        return 0;
    }
    chosen.wanted = argv + 1;
    each_row(choose, &chosen);
    return _cmocka_run_group_tests("lies", chosen.tests, chosen.count, begin, end);
}
